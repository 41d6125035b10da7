"""Tasks for the ear, the skin and the heart: signals over time."""

from functools import partial
from pathlib import Path
from typing import Literal

import jax.numpy as jnp
import numpy as np

from snnjax.cell import chain, learn
from snnjax.datasets import braille, qtdb, spoken_digits
from snnjax.datasets.places import missing
from snnjax.datasets.samples import Split
from snnjax.datasets.spoken import spoken_digits_file
from snnjax.events import Events, augment, late_events, rasterize, select
from snnjax.experiments.task import Part, Task
from snnjax.inputs import digits_from_sound, threshold_crossing
from snnjax.inputs.clips import Progress
from snnjax.learning import mean_over_time
from snnjax.networks import dense, fluctuation_driven, recurrent
from snnjax.neurons import LIFParams, LIParams, li, lif

Source = Literal["spikes", "sound"]


def spoken_digits_task(
    data: str | Path | None = None,
    *,
    source: Source | None = None,
    progress: Progress | None = None,
) -> Task:
    """Speech spikes from a cochlea, through a recurrent layer.

    While training, every clip is moved along the cochlea and its spikes are jittered.

    Args:
        data: folder with the files; see ``places`` if omitted.
        source: ``"spikes"`` are files in the layout of SHD, see
            ``datasets.spoken_digits``. ``"sound"`` are recordings of Free Spoken
            Digits, encoded here in 70 channels and parted by speaker, see
            ``inputs.digits_from_sound``. If omitted, spikes if there are any.
        progress: is told how many recordings are encoded, of how many.

    Raises:
        ValueError: for another source, or a damaged file (``DataError``).
        FileNotFoundError: saying where it looked and what to do.
    """
    dt, steps, hidden = 5e-3, 140, 128
    params = LIFParams(tau_mem=20e-3, tau_syn=10e-3)
    source, events = _spoken(data, source, progress)
    parts, dropped = {}, {}
    for split, found in events.items():
        dropped[split] = late_events(found, steps * dt) / max(len(found.times), 1)
        reach = found.n_units // 35
        raster = partial(_clips, found, reach, steps, dt)
        parts[split] = Part(raster, found.labels)
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
        notes={
            "source": source,
            "channels": heard.n_units,
            "steps": steps,
            "dt": dt,
            "share_of_events_after_the_end": dropped,
        },
    )


def _spoken(
    data: str | Path | None, source: Source | None, progress: Progress | None
) -> tuple[Source, dict[str, Events]]:
    """Where the spikes come from, and those of every part."""
    splits: tuple[Split, ...] = ("train", "validation", "test")
    if source not in (None, "spikes", "sound"):
        raise ValueError(f"source must be 'spikes' or 'sound', got {source!r}")
    files = [spoken_digits_file(part, data) for part in ("train", "test")]
    if source == "spikes" or (source is None and any(files)):
        return "spikes", {s: spoken_digits(s, data) for s in splits}
    try:
        hear = partial(digits_from_sound, path=data, progress=progress)
        return "sound", {s: hear(s) for s in splits}
    except FileNotFoundError as error:
        spikes = "" if source else ", or shd_train.h5 and shd_test.h5"
        needed = f"spoken digits (recordings/*.wav{spikes})"
        raise missing("fsdd", needed, data) from error


def braille_task(data: str | Path | None = None, *, recurrence: bool = True) -> Task:
    """Braille letters under a fingertip, through a recurrent layer.

    Taxels that feel letters have 16 levels; a channel fires when the pressure passes
    its level upwards, another when downwards. Between two samples pressure is taken to
    change steadily, and there is one step more. While training, letters start earlier
    or later and a tenth of the spikes is lost.

    Args:
        data: folder with the file; see ``datasets.braille`` if omitted.
        recurrence: whether the neurons of the layer hear each other.
    """
    dt, hidden = 12.5e-3, 200
    params = LIFParams(tau_mem=250e-3, tau_syn=125e-3)
    found = {split: braille(split, data) for split in ("train", "validation", "test")}
    taxels = np.flatnonzero(np.ptp(found["train"].x, axis=(0, 1)))
    levels = np.linspace(8.0, 248.0, 16)
    parts = {}
    for split, letters in found.items():
        pressure = np.moveaxis(letters.x[..., taxels], 1, 0).astype(np.float32)
        crossed = threshold_crossing(jnp.asarray(_twice_as_fast(pressure)), levels)
        raster = partial(_letters, np.asarray(crossed, np.uint8))
        parts[split] = Part(raster, letters.labels)
    spikes = parts["train"].raster(np.arange(len(parts["train"].labels)), None)
    steps, _, channels = spikes.shape
    rate = float(spikes.mean()) / dt
    draw = partial(fluctuation_driven, xi=1.0, params=params, dt=dt)
    neurons = lif(hidden, params)
    if recurrence:
        first = partial(draw, rate=rate, share=0.9)
        again = partial(draw, rate=5.0, share=0.1)
        layer = recurrent(channels, hidden, neurons, init=first, init_recurrent=again)
    else:
        layer = chain(dense(channels, hidden, init=partial(draw, rate=rate)), neurons)
    return Task(
        name="braille",
        parts=parts,
        hidden=layer,
        output=chain(dense(hidden, 27), li(27, LIParams(*params[:2]))),
        readout=lambda v: 10.0 * mean_over_time(v),
        dt=dt,
        batch=64,
        epochs=40,
        learning_rate=1e-2,
        notes={"steps": steps, "dt": dt, "taxels": taxels.tolist()},
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
        batch=16,
        epochs=24,
        learning_rate=1e-2,
        notes={"steps": found.x.shape[1], "dt": dt, "classes": found.classes},
    )


def _clips(events, reach, steps, dt, rows, rng):
    chosen = select(events, rows)
    if rng is not None:
        chosen = augment(chosen, rng, shift=reach, jitter=5e-3)
    return rasterize(chosen, steps=steps, dt=dt, late="drop")


def _twice_as_fast(x):
    """Puts the mean of each two neighbours in ``[T, ...]`` between them."""
    twice = np.repeat(x, 2, axis=0)[:-1]
    twice[1::2] = (x[1:] + x[:-1]) / 2
    return twice


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
