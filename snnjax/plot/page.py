"""Pages to draw on, shown in a notebook and saved by a script."""

import io
import sys
from functools import cache
from typing import Any

from snnjax import check, files


def figure(rows: int = 1, columns: int = 1, size: tuple[float, float] = (7.0, 4.0)):
    """A figure with its axes, ``[rows, columns]``.

    Raises:
        ImportError: without matplotlib, saying how to get it.
        ValueError: for numbers that are not whole, or a size that is not two numbers.

    Example:
        >>> figure, axes = snn.plot.figure(1, 2, size=(8.0, 3.0))
        >>> axes.shape
        (1, 2)
    """
    for name, number in (("rows", rows), ("columns", columns)):
        check.whole(name, number, most=100)
    if not isinstance(size, tuple | list) or len(size) != 2:
        raise ValueError(f"size must be (width, height), got {check.told(size)}.")
    check.positive("size", size)
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError(
            'Figures need matplotlib: pip install "snnjax[plot]".'
        ) from error
    drawn = _shown_in_notebooks(Figure)(figsize=size, layout="constrained")
    FigureCanvasAgg(drawn)
    return drawn, drawn.subplots(rows, columns, squeeze=False)


@cache
def _shown_in_notebooks(kind):
    """Figures that notebooks show without pyplot."""
    return type("Page", (kind,), {"_repr_png_": _png})


def _png(drawn):
    written = io.BytesIO()
    drawn.savefig(written, format="png")
    return written.getvalue()


def show(drawn: Any, name: str) -> None:
    """Shows a figure in a notebook; a script saves it as ``NAME.png`` where it runs.

    Args:
        drawn: of ``figure`` or ``report``.
        name: of the file, without its ending.

    Raises:
        ValueError: for what is no figure, or a name that is empty or leads elsewhere.

    Example:
        >>> figure, axes = snn.plot.figure()
        >>> snn.plot.raster(axes[0, 0], np.eye(9), dt=1e-3)
        >>> snn.plot.show(figure, "spikes")  # in a script: spikes.png
    """
    if not hasattr(drawn, "savefig"):
        raise ValueError(f"drawn must be a figure, got {check.told(drawn)}.")
    if not isinstance(name, str) or not name or {*name} & {*"/\\\0"}:
        raise ValueError(f"name must be that of a file, without folders, got {name!r}.")
    running = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    if getattr(running, "kernel", None) is None:
        with files.atomic(f"{name}.png") as new:
            drawn.savefig(new, format="png")
    else:
        sys.modules["IPython"].display.display(drawn)
