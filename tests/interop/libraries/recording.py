"""What another library did in one case: the file it is kept in, and what drove it.

Numpy alone, for this is imported both by the tests and in the libraries' environments.
The format is told in ``tests/interop/recorded/README.md``.
"""

import json
import zlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

FOLDER = Path(__file__).parents[1] / "recorded"
STEPS, LONG = 120, 400  # steps of which all is kept, and of which spikes are
EARLY = 60  # steps whose inputs' gradients are kept; what comes later reaches them too
BATCH, INPUTS, NEURONS = 2, 6, 4
RATE = 0.3  # of input spikes a step
GRID = 2**10  # weights are whole multiples of its inverse: their sums are exact


class Recording(NamedTuple):
    """One neuron of another library under one input."""

    about: dict[str, Any]  # what ran: preset, library, class, options, surrogate …
    x: np.ndarray  # input spikes, [400, 2, 6]
    w: np.ndarray  # input weights, [6, 4]
    spikes: np.ndarray | None  # how many in each step, [400, 2, 4]; None for a readout
    v: np.ndarray  # voltage as the library records it, [120, 2, 4]
    weights: dict[str, np.ndarray]  # others, by the library's names and in its layout
    gradients: dict[str, np.ndarray]  # of `loss` for "x", "w", weights and constants


def write(folder, case, recording):
    """Keeps a recording as ``folder/case.npz``."""
    about, x, w, spikes, v, weights, gradients = recording
    kept = {"about": np.array(json.dumps(about)), "x": packed(x), "w": w, "v": v}
    if spikes is not None:
        kept["spikes"] = packed(spikes) if spikes.max() < 2 else spikes.astype(np.uint8)
    kept |= {f"weights/{name}": value for name, value in weights.items()}
    kept |= {f"gradients/{name}": value for name, value in gradients.items()}
    np.savez_compressed(Path(folder) / f"{case}.npz", **kept)


def read(case, folder=FOLDER):
    """Gives a recording by the name of its case."""
    with np.load(Path(folder) / f"{case}.npz", allow_pickle=False) as file:
        kept = dict(file)

    def within(room):
        return {k[len(room) :]: v for k, v in kept.items() if k.startswith(room)}

    return Recording(
        json.loads(str(kept["about"])),
        bits(kept["x"], (LONG, BATCH, INPUTS)),
        kept["w"],
        bits(kept["spikes"], (LONG, BATCH, NEURONS)) if "spikes" in kept else None,
        kept["v"],
        within("weights/"),
        within("gradients/"),
    )


def cases(preset=None, folder=FOLDER):
    """Names of all recordings, or of those of one preset."""
    names = sorted(path.stem for path in Path(folder).glob("*.npz"))
    known = (name for name in names if preset in (None, name.partition("-")[0]))
    return list(known)


def packed(spikes):
    """Zeros and ones, eight a byte."""
    return np.packbits(spikes.astype(np.uint8).ravel())


def bits(kept, shape):
    """What was packed, or counts as they are, in float64."""
    if kept.ndim == 1:
        kept = np.unpackbits(kept, count=int(np.prod(shape))).reshape(shape)
    return kept.astype(np.float64)


def cotangents():
    """a and b, [120, 2, 4]: the loss of 120 steps is ``sum(a * spikes) + sum(b * v)``.

    Numbers of 16 bits between -1/2 and 1/2, which every machine has exactly.
    """
    k = np.arange(2 * STEPS * BATCH * NEURONS, dtype=np.int64)
    k = (k * k * 40_503 + k * 30_011 + 12_345) % 65_521 % 65_536
    return (k / 65_536 - 0.5).reshape(2, STEPS, BATCH, NEURONS)


def drawn(case):
    """Input spikes and weights of scale one, drawn from the name of the case."""
    rng = np.random.default_rng(zlib.crc32(case.encode()))
    x = (rng.random((LONG, BATCH, INPUTS)) < RATE).astype(np.float64)
    w = rng.normal(0.3, 0.6, (INPUTS, NEURONS))
    return x, w, rng


def on_grid(w):
    """The nearest weights whose sums are exact in any order."""
    return np.round(w * GRID) / GRID


def share(spikes):
    """The part of all steps that have a spike."""
    return float(np.mean(spikes > 0))
