"""Handwritten digits as a retina tells them."""

from functools import partial

import jax
import numpy as np

from snnjax import check
from snnjax.compose import chain
from snnjax.datasets import digits
from snnjax.inputs import latency
from snnjax.networks import dense, fluctuation_driven, normal
from snnjax.neurons import LIFParams, LIParams, li, lif
from snnjax.neurons.leaky import Reset
from snnjax.surrogate import Shape, SuperSpike
from snnjax.tasks.augment import thinned
from snnjax.tasks.network import HIDDEN_AND_OUT, Network, mean_voltage
from snnjax.tasks.options import firing, steps_of, told
from snnjax.tasks.task import Part, Schedule, Task, class_names


def digits_task(
    *,
    hidden: int = 512,
    surrogate: Shape | str = SuperSpike(),
    reset: Reset = "zero",
    dt: float | None = None,
) -> Task:
    """Handwritten digits as a retina tells them, through one hidden layer.

    Each pixel has an ON cell, which fires the sooner the brighter it is, and an OFF
    cell, which fires the sooner the darker it is. While training, the eye trembles by
    up to 0.3 pixels and a fifth of the spikes is lost.

    Args:
        hidden: how many neurons.
        surrogate: of their spikes, or its name, as ``options.surrogate_of`` takes it.
        reset: of their voltage after a spike.
        dt: step [s], of 50 ms; 1 ms if omitted.

    Raises:
        ValueError: for a value that no network has.
        ImportError: without scikit-learn.

    Example:
        >>> task = snn.tasks.digits_task(hidden=100)
        >>> part = task.parts["train"]
        >>> xs, labels = part.raster(np.arange(8), None), part.labels[:8]
        >>> xs.shape, labels.shape
        ((50, 8, 128), (8,))
    """
    check.whole("hidden", hidden)
    dt = 1e-3 if dt is None else dt
    steps, fires = steps_of(50e-3, dt), firing(surrogate, reset)
    code = partial(
        latency, tau=20e-3, threshold=0.1, steps=steps, dt=dt, outside="drop"
    )
    parts = {}
    for split in ("train", "validation", "test"):
        found = digits(split)
        images = light(found.x)
        parts[split] = Part(partial(_glances, images, jax.jit(code)), found.labels)
    spikes = parts["train"].raster(np.arange(len(parts["train"].labels)), None)
    return Task(
        name="digits",
        parts=parts,
        network=_network(spikes.shape[2], float(spikes.mean()) / dt, dt, hidden, fires),
        schedule=Schedule(batch=64, epochs=60, learning_rate=5e-3),
        notes={"coding": "latency of ON and OFF cells", "steps": steps, "dt": dt},
        options=told(hidden=hidden, **fires, dt=dt),
        classes=class_names((), 10),
    )


def light(images: np.ndarray) -> np.ndarray:
    """Pixels of 0 to 1, one after another: ``[N, 64]``, of those of ``digits``."""
    return images.reshape(len(images), -1).astype(np.float32) / np.float32(16)


def _network(cells, rate, dt, hidden, fires):
    params = LIFParams(tau_mem=20e-3, tau_syn=5e-3)
    draw = partial(fluctuation_driven, rate=rate, xi=1.0, params=params, dt=dt)
    return Network(
        cell=chain(
            hidden=chain(dense(cells, hidden, init=draw), lif(hidden, params, **fires)),
            out=chain(dense(hidden, 10, init=normal), li(10, LIParams(20e-3, 5e-3))),
            outputs=HIDDEN_AND_OUT,
        ),
        readout=mean_voltage,
        dt=dt,
    )


def _glances(images, code, rows, rng):
    light = images[rows] if rng is None else _trembling(images[rows], rng)
    spikes = np.asarray(code(np.concatenate([light, 1.0 - light], axis=1)))
    return spikes if rng is None else thinned(spikes, rng, 0.2)


def _trembling(images, rng, reach=0.3):
    """Moves each image ``[N, 8·8]`` along both axes, at random, between its pixels."""
    check.generator("rng", rng)
    wide = np.pad(images.reshape(-1, 8, 8), ((0, 0), (1, 1), (1, 1)))
    for axis in (1, 2):
        by = rng.uniform(-reach, reach, (len(wide), 1, 1)).astype(images.dtype)
        moved = np.where(by > 0, np.roll(wide, 1, axis), np.roll(wide, -1, axis))
        wide = (1.0 - np.abs(by)) * wide + np.abs(by) * moved
    return wide[:, 1:-1, 1:-1].reshape(images.shape)
