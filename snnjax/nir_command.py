"""``snnjax nir …``: networks of other libraries, in files of NIR."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from snnjax import left_open
from snnjax.progress import word

ABOUT = """Show or run a network that another library wrote (NIR)."""
_TOLD, _NONE = "(default: as the file tells)", "(default: none is written)"
_EXACT, _ZERO = (
    f"(default: as the file tells, or {name})" for name in ("exact", "zero")
)


def _show(command):
    from snnjax.interop.nir.showing import told_of

    given = {name: getattr(command, name) for name in ("dt", "method", "reset")}
    print(told_of(command.path, **given))
    return 0


def _run(command):
    from snnjax.interop.nir.running import run_file

    if command.input is None:
        raise ValueError("say what the network is to hear, --input RASTER.")
    for name, path, end in (
        ("--out", command.out, ".npz"),
        ("--figure", command.figure, ".png"),
    ):
        if path is not None and path.suffix.lower() != end:
            raise ValueError(f"{name} is written as {end}, got {str(path)!r}.")
    word(f"reading {command.path} and compiling ...")
    given = {name: getattr(command, name) for name in ("dt", "method", "reset")}
    ran = run_file(command.path, command.input, **given, **left_open.said(command))
    print(ran.table)
    if command.out is not None:
        _write(command.out, ran)
        print(f"outputs: {command.out}")
    if command.figure is not None:
        _draw(command.figure, ran)
        print(f"figure: {command.figure}")
    return 0


def _write(path, ran):
    import numpy as np

    from snnjax.files import atomic

    with atomic(path) as new, new.open("wb") as file:
        np.savez_compressed(file, **{"dt [s]": ran.dt}, **ran.outputs)


def _draw(path, ran):
    from snnjax import plot
    from snnjax.files import atomic

    page, axes = plot.figure(len(ran.outputs), 1, (8.0, 3.0 * len(ran.outputs)))
    for ax, (name, y) in zip(axes[:, 0], ran.outputs.items(), strict=True):
        first = y.reshape(len(y), -1, y.shape[-1])[:, 0]
        if ((y == 0.0) | (y == 1.0)).all():
            plot.raster(ax, first, dt=ran.dt, title=name)
        else:
            plot.voltages(ax, first, dt=ran.dt, title=name)
    with atomic(path) as new:
        page.savefig(new, format="png")


def actions(conf: Any) -> dict[str, type]:
    """What can be asked for, by name; the docstrings are what --help shows."""
    LeftOpen: Any = left_open.options(conf)

    @dataclass
    class Read:
        dt: Annotated[
            float | None, conf.arg(metavar="SECONDS", help_behavior_hint=_TOLD)
        ] = None
        """Time step of the network."""
        method: Annotated[
            str | None, conf.arg(metavar="exact|euler", help_behavior_hint=_EXACT)
        ] = None
        """Of integration; euler is what most libraries do."""
        reset: Annotated[
            str | None, conf.arg(metavar="zero|subtract", help_behavior_hint=_ZERO)
        ] = None
        """After a spike; subtract is what sinabs and Rockpool mean."""

    @dataclass(kw_only=True)
    class Show(Read):
        """List nodes and edges of a NIR file, and what would be refused of it."""

        path: Annotated[Path, conf.Positional, conf.arg(metavar="FILE")]
        """NIR file."""

        run = _show

    @dataclass(kw_only=True)
    class Run(LeftOpen, Read):
        """Run the network of a NIR file over a raster or events."""

        path: Annotated[Path, conf.Positional, conf.arg(metavar="FILE")]
        """NIR file."""
        input: Annotated[
            Path | None, conf.arg(metavar="RASTER", help_behavior_hint="(required)")
        ] = None
        """Raster [T, n] or [T, batch, n] as .npy, maps with channels last; .npz by
        names of inputs; or a file of events."""
        out: Annotated[
            Path | None, conf.arg(metavar="OUT", help_behavior_hint=_NONE)
        ] = None
        """File for what the network puts out, .npz."""
        figure: Annotated[
            Path | None, conf.arg(metavar="PNG", help_behavior_hint=_NONE)
        ] = None
        """Picture of what the first sample puts out, .png."""

        run = _run

    return {"show": Show, "run": Run}
