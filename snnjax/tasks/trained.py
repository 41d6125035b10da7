"""What the file of a trained network tells: how to read for it, and how to run it."""

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import jax

from snnjax import check
from snnjax.cell import Cell, Weights, unroll
from snnjax.saving import archive
from snnjax.tasks import own_data
from snnjax.tasks.own_spikes import Measured, as_measured
from snnjax.tasks.readouts import READOUTS
from snnjax.tasks.rules import BPTT

FILE = "network.safetensors"
_AT_ONCE = "mean_voltage", "early_voltage"  # readouts that tell one class of a sample
_MOST = 2**31  # numbers in a sample
_NEEDED = {  # of a file, and an example
    "dt": "0.001",
    "readout": '"mean_voltage"',
    "classes": '["left", "right"]',
    "inputs": "[12]",
    "steps": "100",
}


class Trained(NamedTuple):
    """A network of a file, and what it reads."""

    path: Path
    network: Cell
    weights: Weights
    known: Measured  # of files; its kind is "" where any spikes are read
    inputs: tuple[int, ...]  # of a step, as the network takes them
    hears: bool  # whether sounds become its inputs, through the cochlea
    readout: Callable[[jax.Array], jax.Array]

    def scores(self, weights: Weights, xs: jax.Array) -> jax.Array:
        """How much speaks for each class, ``[T, B, *inputs] -> [B, classes]``."""
        _, ys = unroll(self.network, weights, xs, dt=self.known.dt)
        v = ys["out"] if isinstance(ys, Mapping) else ys
        if v.shape[2:] != (len(self.known.classes),):
            raise ValueError(
                f"{self.path}: the network puts out {list(v.shape[2:])}, for "
                f"{len(self.known.classes)} classes."
            )
        return self.readout(v)


def trained_networks(run: str | Path) -> tuple[Trained, ...]:
    """The networks that a training left, one for each seed, or that of one file.

    Args:
        run: folder of a finished training, or a file of ``snnjax.save`` whose notes
            tell ``dt``, ``readout``, ``classes``, ``inputs`` and ``steps``.

    Raises:
        FileNotFoundError: if there is nothing.
        ValueError: for a folder of something else, a damaged file, or a network that
            tells no class of a whole sample.
        ImportError: without safetensors, ``pip install "snnjax[save]"``.
    """
    run = Path(run)
    if not run.exists():
        raise FileNotFoundError(f"There is no run {run}: no such folder or file.")
    if not run.is_dir():
        return (_opened(run),)
    found = sorted(run.glob(f"seed*/{FILE}"), key=lambda p: (len(str(p)), str(p)))
    if not found:
        raise ValueError(
            f"{run} is not the folder of a finished training, which has seed0/{FILE}. "
            "Train first: snnjax train TASK --out FOLDER."
        )
    return tuple(map(_opened, found))


def _opened(path):
    notes = archive.read_notes(path)
    known = _known(path, notes)
    inputs = _shape(path, notes["inputs"])
    options = notes.get("options")
    source = options.get("source") if isinstance(options, dict) else None
    spoken = notes.get("task") == "spoken-digits" and source == "sound"
    cell = None if archive.has_network(path) else _made_again(path, notes, known)
    saved = archive.load(path, network=cell)
    return Trained(
        path=path,
        network=saved.network,
        weights=saved.weights,
        known=known,
        inputs=inputs,
        hears=known.kind == "sounds" or spoken,
        readout=READOUTS[notes["readout"]](known.dt),
    )


def _made_again(path, notes, known) -> Cell:
    """A network whose parts have no names that a file could keep."""
    options = notes.get("options")
    asked = "network", "hidden", "surrogate", "reset"
    if not known.kind or notes.get("rule") != BPTT or not isinstance(options, dict):
        raise ValueError(
            f"{path} cannot hold its network, some part of which has no public name; "
            "snnjax.tasks.load_run makes it again by its task, with the data."
        )
    if missing := [name for name in asked if name not in options]:
        raise ValueError(f"{path}: its options do not tell {missing[0]!r}.")
    return own_data.own_network(known, **{name: options[name] for name in asked}).cell


def _known(path, notes) -> Measured:
    """What files are read by: as measured, or spikes of the shape of the inputs."""
    if missing := [name for name in _NEEDED if name not in notes]:
        example = ", ".join(f'"{name}": {each}' for name, each in _NEEDED.items())
        raise ValueError(
            f"{path} does not tell its {', '.join(missing)}: save it with "
            f"notes={{{example}}}, or train again into the same folder."
        )
    readout = notes["readout"]
    if readout not in _AT_ONCE:
        raise ValueError(
            f"{path} reads {readout!r:.60}; a class of a whole recording is told by "
            f"networks that read {' or '.join(_AT_ONCE)}. In Python: snnjax.load and "
            "snnjax.models.scores."
        )
    if notes.get("task") == own_data.NAME and "measured" not in notes:
        raise ValueError(f"{path} does not tell what was measured; train it again.")
    classes = notes["classes"]
    texts = isinstance(classes, list) and all(isinstance(c, str) for c in classes)
    if not texts or not classes:
        raise ValueError(f"{path}: classes must be texts, got {classes!r:.60}.")
    if len({*classes}) < len(classes):
        raise ValueError(f"{path}: two classes have one name, in {classes!r:.60}.")
    check.positive(f"{path}: dt", notes["dt"], " [s]")
    check.one(f"{path}: dt", notes["dt"])
    check.whole(f"{path}: steps", notes["steps"])
    shape = _shape(path, notes["inputs"])
    if notes["steps"] * math.prod(shape) > _MOST:
        raise ValueError(
            f"{path}: steps={notes['steps']} of {list(shape)} are too many."
        )
    plain = Measured("", tuple(classes), shape, notes["dt"], notes["steps"], 0.0)
    if "measured" not in notes:
        return plain
    try:
        known = as_measured(notes["measured"])
    except (TypeError, AttributeError) as error:
        raise ValueError(f"{path}: what was measured is damaged ({error}).") from None
    same = known.classes, known.dt, known.steps
    if same != (plain.classes, plain.dt, plain.steps) or not _is_sound(known):
        raise ValueError(
            f"{path}: what was measured is damaged, or not of these notes."
        )
    known = known._replace(shape=_shape(path, notes["measured"]["shape"]))
    if math.prod(known.shape) != math.prod(shape):
        raise ValueError(
            f"{path}: inputs {list(shape)} are not as many as were measured, "
            f"{list(known.shape)}."
        )
    return known


def _is_sound(known):
    """Whether what a file tells of its measures can be."""
    scales = known.mean, known.deviation
    numbers = all(
        isinstance(each, tuple) and all(type(x) is float for x in each)
        for each in scales
    )
    signals = known.kind == "signals"
    fits = numbers and len(known.mean) == len(known.deviation)
    starts = known.start == "first" or type(known.start) is float
    return (
        isinstance(known.kind, str)
        and type(known.rate) is float
        and known.rate > 0.0
        and fits
        and bool(known.mean) == signals
        and all(x > 0.0 for x in known.deviation)
        and starts
    )


def _shape(path, told) -> tuple[int, ...]:
    whole = isinstance(told, list) and all(type(n) is int and n > 0 for n in told)
    if not whole or not told or math.prod(told) > _MOST:
        raise ValueError(
            f"{path}: inputs must be sizes such as [70], got {told!r:.60}."
        )
    return tuple(told)
