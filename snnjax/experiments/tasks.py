"""Ready-made tasks: how spikes are made of real data, and what network reads them.

``job.train`` does the rest.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from snnjax.cell import Cell, chain
from snnjax.inputs import (
    augment,
    digits,
    late_events,
    latency,
    rasterize,
    select,
    spoken_digits,
)
from snnjax.learning import mean_over_time
from snnjax.networks import dense, fluctuation_driven, recurrent
from snnjax.neurons import LIFParams, LIParams, li, lif


class Part(NamedTuple):
    """One split of a task, as spikes."""

    raster: Callable[[np.ndarray, np.random.Generator | None], np.ndarray]
    labels: np.ndarray  # [N]


class Task(NamedTuple):
    """Everything that ``train`` needs to know."""

    name: str
    parts: dict[str, Part]  # train, validation, test
    hidden: Cell  # spikes [T, B, n_in] -> spikes [T, B, n]
    output: Cell  # spikes [T, B, n] -> voltages [T, B, classes]
    readout: Callable[[jax.Array], jax.Array]  # voltages -> scores [B, classes]
    dt: float  # [s]
    batch: int
    epochs: int
    learning_rate: float
    notes: dict[str, Any]  # for the summary


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


def spoken_digits_task(data: str | Path | None = None) -> Task:
    """Speech spikes from a cochlea, through a recurrent layer.

    While training, every clip is moved along the cochlea and its spikes are jittered.

    Args:
        data: folder with the files; see ``inputs.spoken_digits`` if omitted.
    """
    dt, steps, hidden = 5e-3, 140, 128
    params = LIFParams(tau_mem=20e-3, tau_syn=10e-3)
    events = {s: spoken_digits(s, data) for s in ("train", "validation", "test")}
    parts, dropped = {}, {}
    for split, found in events.items():
        dropped[split] = late_events(found, steps * dt) / max(len(found.times), 1)
        parts[split] = Part(partial(_clips, found, steps, dt), found.labels)
    heard = events["train"]
    classes = max(found.n_classes for found in events.values())
    rate = len(heard.times) / (len(heard.labels) * heard.n_units * steps * dt)
    draw = partial(fluctuation_driven, xi=1.0, params=params, dt=dt)
    layer = recurrent(
        heard.n_units,
        hidden,
        lif(hidden, params),
        init=partial(draw, rate=rate, share=0.9),
        init_recurrent=partial(draw, rate=10.0, share=0.1),
    )
    return Task(
        name="spoken-digits",
        parts=parts,
        hidden=layer,
        output=chain(dense(hidden, classes), li(classes, LIParams(100e-3, 10e-3))),
        readout=lambda v: 10.0 * mean_over_time(v),
        dt=dt,
        batch=64,
        epochs=80,
        learning_rate=5e-3,
        notes={"steps": steps, "dt": dt, "share_of_events_after_the_end": dropped},
    )


TASKS: dict[str, Callable[..., Task]] = {
    "digits": digits_task,
    "spoken-digits": spoken_digits_task,
}


def _glances(images, code, rows, rng):
    light = images[rows] if rng is None else _trembling(images[rows], rng)
    spikes = np.asarray(code(np.concatenate([light, 1.0 - light], axis=1)))
    if rng is None:
        return spikes
    return spikes * (rng.random(spikes.shape[1:]) >= 0.2).astype(spikes.dtype)


def _trembling(images, rng, reach=0.3):
    """Moves each image ``[N, 8·8]`` along both axes, at random, between its pixels."""
    wide = np.pad(images.reshape(-1, 8, 8), ((0, 0), (1, 1), (1, 1)))
    for axis in (1, 2):
        by = rng.uniform(-reach, reach, (len(wide), 1, 1)).astype(images.dtype)
        moved = np.where(by > 0, np.roll(wide, 1, axis), np.roll(wide, -1, axis))
        wide = (1.0 - np.abs(by)) * wide + np.abs(by) * moved
    return wide[:, 1:-1, 1:-1].reshape(images.shape)


def _clips(events, steps, dt, rows, rng):
    chosen = select(events, rows)
    if rng is not None:
        chosen = augment(chosen, rng, shift=20, jitter=5e-3)
    return rasterize(chosen, steps=steps, dt=dt, late="drop")
