"""Tasks for the eye: images and event cameras."""

from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from snnjax.cell import chain
from snnjax.datasets import digits, mnist, n_mnist
from snnjax.events import Events, late_events, rasterize, select
from snnjax.experiments.task import Part, Task
from snnjax.inputs import latency
from snnjax.learning import mean_over_time
from snnjax.networks import convolution, dense, flatten, fluctuation_driven
from snnjax.neurons import LIFParams, LIParams, li, lif


def digits_task() -> Task:
    """Handwritten digits as a retina tells them, through one hidden layer.

    Each pixel has an ON cell, which fires the sooner the brighter it is, and an OFF
    cell, which fires the sooner the darker it is. While training, the eye trembles by
    up to 0.3 pixels and a fifth of the spikes is lost.
    """
    dt, steps, hidden = 1e-3, 50, 512
    params = LIFParams(tau_mem=20e-3, tau_syn=5e-3)
    code = partial(latency, tau=20e-3, threshold=0.1, steps=steps, dt=dt, late="drop")
    parts = {}
    for split in ("train", "validation", "test"):
        images, labels = digits(split)
        parts[split] = Part(partial(_glances, images, jax.jit(code)), labels)
    spikes = parts["train"].raster(np.arange(len(parts["train"].labels)), None)
    rate, cells = float(spikes.mean()) / dt, spikes.shape[2]
    draw = partial(fluctuation_driven, rate=rate, xi=1.0, params=params, dt=dt)
    return Task(
        name="digits",
        parts=parts,
        hidden=chain(dense(cells, hidden, init=draw), lif(hidden, params)),
        output=chain(dense(hidden, 10), li(10, LIParams(20e-3, 5e-3))),
        readout=lambda v: 10.0 * mean_over_time(v),
        dt=dt,
        batch=64,
        epochs=60,
        learning_rate=5e-3,
        notes={"coding": "latency of ON and OFF cells", "steps": steps, "dt": dt},
    )


def mnist_task(data: str | Path | None = None) -> Task:
    """The 70000 digits of MNIST, each pixel one spike or none, one hidden layer.

    The brighter, the sooner; pixels up to a fifth of full light stay silent. While
    training, images move by up to two pixels and a fifth of the spikes is lost.

    Args:
        data: folder with the files; see ``datasets.mnist`` if omitted.
    """
    dt, steps, hidden = 1e-3, 40, 256
    params = LIFParams(tau_mem=20e-3, tau_syn=5e-3)
    code = partial(latency, tau=20e-3, threshold=0.2, steps=steps, dt=dt, late="drop")
    table = np.asarray(code(jnp.arange(256) / 255.0), np.uint8)
    parts = {}
    for split in ("train", "validation", "test"):
        found = mnist(split, data)
        parts[split] = Part(partial(_images, found.x, table), found.labels)
    spikes = parts["train"].raster(np.arange(1000), None)
    draw = partial(fluctuation_driven, xi=1.0, params=params, dt=dt)
    first = partial(draw, rate=float(spikes.mean()) / dt)
    return Task(
        name="mnist",
        parts=parts,
        hidden=chain(dense(784, hidden, init=first), lif(hidden, params)),
        output=chain(dense(hidden, 10), li(10, LIParams(20e-3, 5e-3))),
        readout=lambda v: 10.0 * mean_over_time(v),
        dt=dt,
        batch=128,
        epochs=12,
        learning_rate=1e-2,
        notes={"coding": "latency", "steps": steps, "dt": dt},
    )


def n_mnist_task(data: str | Path | None = None) -> Task:
    """Digits before a moving event camera, through two convolutional layers.

    While training, recordings move by up to three pixels and a tenth of the events is
    lost.

    Args:
        data: folder with ``Train`` and ``Test``; see ``datasets.n_mnist`` if omitted.
    """
    dt, steps = 10e-3, 32
    params = LIFParams(tau_mem=30e-3, tau_syn=10e-3)
    events = {s: n_mnist(s, data) for s in ("train", "validation", "test")}
    parts, dropped = {}, {}
    for split, found in events.items():
        dropped[split] = late_events(found, steps * dt) / max(len(found.times), 1)
        parts[split] = Part(partial(_recordings, found, steps, dt), found.labels)
    seen = events["train"]
    rate = len(seen.times) / (len(seen.labels) * seen.n_units * steps * dt)
    draw = partial(fluctuation_driven, xi=1.0, params=params, dt=dt)
    return Task(
        name="n-mnist",
        parts=parts,
        hidden=chain(
            convolution(
                *(2, 16),
                kernel=(5, 5),
                stride=2,
                padding="valid",
                init=partial(draw, rate=rate),
            ),
            lif(16, params),
            convolution(
                *(16, 32),
                kernel=(3, 3),
                stride=2,
                padding="valid",
                init=partial(draw, rate=10.0),
            ),
            lif(32, params),
            flatten(),
        ),
        output=chain(dense(7 * 7 * 32, 10), li(10, LIParams(100e-3, 10e-3))),
        readout=lambda v: 10.0 * mean_over_time(v),
        dt=dt,
        batch=32,
        epochs=40,
        learning_rate=1e-2,
        notes={"steps": steps, "dt": dt, "share_of_events_after_the_end": dropped},
    )


def _glances(images, code, rows, rng):
    light = images[rows] if rng is None else _trembling(images[rows], rng)
    spikes = np.asarray(code(np.concatenate([light, 1.0 - light], axis=1)))
    return spikes if rng is None else _thinned(spikes, rng, 0.2)


def _trembling(images, rng, reach=0.3):
    """Moves each image ``[N, 8·8]`` along both axes, at random, between its pixels."""
    wide = np.pad(images.reshape(-1, 8, 8), ((0, 0), (1, 1), (1, 1)))
    for axis in (1, 2):
        by = rng.uniform(-reach, reach, (len(wide), 1, 1)).astype(images.dtype)
        moved = np.where(by > 0, np.roll(wide, 1, axis), np.roll(wide, -1, axis))
        wide = (1.0 - np.abs(by)) * wide + np.abs(by) * moved
    return wide[:, 1:-1, 1:-1].reshape(images.shape)


def _images(images, table, rows, rng):
    """Spikes of uint8 images; ``table [T, 256]`` tells when each grey fires."""
    light = images[rows]
    if rng is not None:
        light = _moved(light, rng, 2)
        light[rng.random(light.shape, np.float32) < 0.2] = 0  # black, which is silent
    return np.take(table, light.reshape(len(light), -1), axis=1)


def _recordings(events: Events, steps, dt, rows, rng):
    raster = rasterize(select(events, rows), steps=steps, dt=dt, late="drop")
    film = np.moveaxis(raster.reshape(steps, len(rows), 34, 34, 2), 1, 0)
    if rng is None:
        return np.moveaxis(film, 0, 1)
    film = np.moveaxis(_moved(np.moveaxis(film, 1, 3), rng, 3), 3, 1)
    return _thinned(np.moveaxis(film, 0, 1), rng, 0.1)


def _moved(images, rng, reach):
    """Moves each of ``[N, height, width, ...]`` by whole pixels; dark comes in."""
    height, width = images.shape[1:3]
    border = ((0, 0), (reach, reach), (reach, reach), *((0, 0),) * (images.ndim - 3))
    wide = np.pad(images, border)
    down, right = rng.integers(0, 2 * reach + 1, (2, len(images)))
    return np.stack(
        [
            image[y : y + height, x : x + width]
            for image, y, x in zip(wide, down, right, strict=True)
        ]
    )


def _thinned(spikes, rng, share):
    """Loses a share of the spikes ``[T, ...]``, at random."""
    kept = rng.random(spikes.shape[1:], np.float32) >= share
    return spikes * kept.astype(spikes.dtype)
