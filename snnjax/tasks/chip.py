"""Tasks as large as a chip: what a network of analogue neurons is trained on.

Handwritten digits, each pixel one spike or none, the brighter the sooner; constants and
steps are those of a chip a thousand times as fast as brains (Cramer et al. 2022,
doi:10.1073/pnas.2109194119). MNIST fills the 512 circuits of one chip exactly.
"""

from functools import partial
from pathlib import Path
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np

from snnjax import check
from snnjax.cell import Cell
from snnjax.compose import chain
from snnjax.datasets import digits, mnist
from snnjax.inputs import latency_times
from snnjax.learning import max_over_time
from snnjax.networks import dense, normal
from snnjax.neurons import LIFParams, LIParams, li, lif
from snnjax.tasks.digits import light
from snnjax.tasks.network import HIDDEN_AND_OUT, Network
from snnjax.tasks.task import Part, Schedule, Task, class_names, load_parts

CHIP_TASKS = "digits", "mnist"
STEPS, DT = 20, 1.7e-6  # [s]
_TAU = 6e-6  # of membranes and synapses [s]
_LEAK, _FAINT = 8e-6, 0.2  # of the code: its τ [s], and what is too dark to fire


def chip_task(name: Literal["digits", "mnist"], data: str | Path | None = None) -> Task:
    """Handwritten digits for a chip: a latency code, one hidden layer, 34 µs.

    Nothing is changed at random while training. The scores are the highest voltages of
    the readout.

    Args:
        name: ``"digits"``, those of scikit-learn, 64 pixels, 100 hidden neurons; or
            ``"mnist"`` at 16x16 pixels, with 246.
        data: folder with the files of MNIST; see ``datasets.mnist`` if omitted.

    Raises:
        ValueError: for another name, or data of the digits, which need none.

    Example:
        >>> task = snn.tasks.chip_task("digits")
        >>> task.notes["sizes"]
        [64, 100, 10]
    """
    check.one_of("name", name, CHIP_TASKS)
    if name == "digits" and data is not None:
        raise ValueError(
            f"data: the digits come with scikit-learn and take none, got {data!r}."
        )
    parts = {
        split: Part(partial(_spikes, _bins(light)), labels)
        for split, (light, labels) in _light(name, data).items()
    }
    sizes = (64, 100, 10) if name == "digits" else (256, 246, 10)
    long = Schedule(batch=64, epochs=60, learning_rate=5e-3)
    schedule = {"digits": long, "mnist": Schedule(100, 20, 5e-3)}[name]
    return Task(
        name=f"chip-{name}",
        parts=parts,
        network=Network(chip_cell(*sizes), highest_voltage, DT),
        schedule=schedule,
        notes={"coding": "latency", "steps": STEPS, "dt": DT, "sizes": list(sizes)},
        classes=class_names((), sizes[-1]),
    )


def chip_cell(n_in: int, hidden: int, n_out: int) -> Cell:
    """One hidden layer of neurons and a readout, as a chip has them."""
    neurons, readout = LIFParams(_TAU, _TAU), LIParams(_TAU, _TAU)
    first, last = partial(normal, gain=2.0), partial(normal, gain=0.3)
    return chain(
        hidden=chain(dense(n_in, hidden, init=first), lif(hidden, neurons)),
        out=chain(dense(hidden, n_out, init=last), li(n_out, readout)),
        outputs=HIDDEN_AND_OUT,
    )


def highest_voltage(v: jax.Array) -> jax.Array:
    """A readout: the highest voltage over time, in tenths of the threshold."""
    return 10.0 * max_over_time(v)


def _light(name, data):
    """Pixels ``[N, n]`` of 0 to 1, and labels, by part."""
    load = digits if name == "digits" else partial(mnist, path=data)
    seen = light if name == "digits" else _small
    found = load_parts(load)
    return {split: (seen(part.x), part.labels) for split, part in found.items()}


def _small(images):
    """Images ``[N, 28, 28]`` without their border, at 16x16 pixels ``[N, 256]``."""
    from scipy.ndimage import zoom

    inner = images[:, 2:26, 2:26].astype(np.float32) / 255.0
    to_16 = np.stack([zoom(e, 16 / 24, order=3) for e in np.eye(24, dtype=np.float32)])
    small = np.einsum("nij,ik,jl->nkl", inner, to_16, to_16, optimize=True)
    return np.clip(small, 0.0, 1.0).reshape(len(images), 256)


def _bins(light):
    """The step at which each pixel fires, uint8; beyond the last one if never."""
    times = latency_times(jnp.asarray(light), tau=_LEAK, threshold=_FAINT)
    steps = np.floor(np.asarray(times) / DT + 1e-6)
    return np.minimum(steps, STEPS).astype(np.uint8)


def _spikes(bins, rows, rng):
    del rng  # nothing is changed at random
    return (bins[rows] == np.arange(STEPS)[:, None, None]).astype(np.uint8)
