"""Tasks for the ear, the skin and the heart: signals over time."""

from functools import partial
from pathlib import Path

import jax.numpy as jnp
import numpy as np

from snnjax.cell import chain, learn
from snnjax.datasets import braille, qtdb, spoken_digits
from snnjax.events import augment, late_events, rasterize, select
from snnjax.experiments.task import Part, Task
from snnjax.inputs import threshold_crossing
from snnjax.learning import mean_over_time
from snnjax.networks import dense, fluctuation_driven, recurrent
from snnjax.neurons import LIFParams, LIParams, li, lif


def spoken_digits_task(data: str | Path | None = None) -> Task:
    """Speech spikes from a cochlea, through a recurrent layer.

    While training, every clip is moved along the cochlea and its spikes are jittered.

    Args:
        data: folder with the files; see ``datasets.spoken_digits`` if omitted.
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


def braille_task(data: str | Path | None = None) -> Task:
    """Braille letters under a fingertip, through a recurrent layer.

    Each of the 12 taxels has 16 levels; a channel fires when the pressure passes its
    level upwards, another when downwards. While training, letters start earlier or
    later and a tenth of the spikes is lost.

    Args:
        data: folder with the file; see ``datasets.braille`` if omitted.
    """
    dt, hidden = 25e-3, 200
    params = LIFParams(tau_mem=150e-3, tau_syn=50e-3)
    levels = np.linspace(8.0, 248.0, 16)
    parts = {}
    for split in ("train", "validation", "test"):
        found = braille(split, data)
        signal = jnp.asarray(np.moveaxis(found.x, 1, 0), jnp.float32)
        spikes = np.asarray(threshold_crossing(signal, levels), np.uint8)
        parts[split] = Part(partial(_letters, spikes), found.labels)
    spikes = parts["train"].raster(np.arange(len(parts["train"].labels)), None)
    draw = partial(fluctuation_driven, xi=1.0, params=params, dt=dt)
    layer = recurrent(
        spikes.shape[2],
        hidden,
        lif(hidden, params),
        init=partial(draw, rate=float(spikes.mean()) / dt, share=0.9),
        init_recurrent=partial(draw, rate=5.0, share=0.1),
    )
    return Task(
        name="braille",
        parts=parts,
        hidden=layer,
        output=chain(dense(hidden, 27), li(27, LIParams(500e-3, 50e-3))),
        readout=lambda v: 10.0 * mean_over_time(v),
        dt=dt,
        batch=64,
        epochs=100,
        learning_rate=5e-3,
        notes={"steps": len(spikes), "dt": dt},
    )


def ecg_task(data: str | Path | None = None) -> Task:
    """Segments of a heartbeat, step by step, from the spikes of two electrodes.

    The neurons of the recurrent layer learn their time constants, spread at first from
    20 to 500 ms, so that some remember a whole beat.

    Args:
        data: folder with the files; see ``datasets.qtdb`` if omitted.
    """
    dt, hidden = 4e-3, 96
    spread = jnp.geomspace(20e-3, 500e-3, hidden)
    parts = {}
    for split in ("train", "validation", "test"):
        found = qtdb(split, data)
        parts[split] = Part(partial(_beats, found.x), found.labels)
    rate = float(np.mean(found.x)) / dt
    params = LIFParams(tau_mem=100e-3, tau_syn=20e-3)
    draw = partial(fluctuation_driven, xi=1.0, params=params, dt=dt)
    neurons = learn(
        lambda tau_mem: lif(hidden, params._replace(tau_mem=tau_mem)), tau_mem=spread
    )
    layer = recurrent(
        found.x.shape[2],
        hidden,
        neurons,
        init=partial(draw, rate=rate, share=0.9),
        init_recurrent=partial(draw, rate=10.0, share=0.1),
    )
    classes = len(found.classes)
    return Task(
        name="ecg",
        parts=parts,
        hidden=layer,
        output=chain(dense(hidden, classes), li(classes, LIParams(20e-3, 10e-3))),
        readout=lambda v: 10.0 * v,
        dt=dt,
        batch=32,
        epochs=40,
        learning_rate=5e-3,
        notes={"steps": found.x.shape[1], "dt": dt, "classes": found.classes},
    )


def _clips(events, steps, dt, rows, rng):
    chosen = select(events, rows)
    if rng is not None:
        chosen = augment(chosen, rng, shift=20, jitter=5e-3)
    return rasterize(chosen, steps=steps, dt=dt, late="drop")


def _letters(spikes, rows, rng):
    chosen = spikes[:, rows].astype(np.float32)
    if rng is None:
        return chosen
    for k, by in enumerate(rng.integers(-2, 3, len(rows))):
        chosen[:, k] = np.roll(chosen[:, k], by, axis=0)
    return chosen * (rng.random(chosen.shape, np.float32) >= 0.1)


def _beats(x, rows, rng):
    del rng  # as they were recorded
    return np.moveaxis(x[rows], 1, 0).astype(np.float32)
