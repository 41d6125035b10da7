"""Spoken digits, as spikes of a cochlea."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from snnjax import check
from snnjax.datasets import read_shd_extra, spoken_digits
from snnjax.datasets.places import missing
from snnjax.datasets.sets.fsdd import DIGITS
from snnjax.datasets.sets.spoken_digits import spoken_digits_file
from snnjax.events import Events, augment, rasterize, select
from snnjax.neurons.leaky import Reset
from snnjax.progress import Progress
from snnjax.senses.hearing import digits_from_sound
from snnjax.surrogate import Shape, SuperSpike
from snnjax.tasks.options import firing, steps_of, told
from snnjax.tasks.recordings import mean_rate, share_after_the_end
from snnjax.tasks.spoken_networks import (
    Reader,
    Size,
    adlif_reader,
    delays_reader,
    lif_reader,
)
from snnjax.tasks.task import Part, Schedule, Task, class_names, load_parts

Source = Literal["spikes", "sound"]
Model = Literal["lif", "adlif", "delays"]
_COARSE = 140  # channels of the models that read 10 ms at once


class _Reading(NamedTuple):
    """How clips are laid out for a model, and how it is trained."""

    dt: float  # [s]
    steps: int
    channels: int | None  # about so many, as neighbours share one; all if None
    hidden: int
    schedule: Schedule


_COARSELY = _Reading(
    10e-3, 80, _COARSE, 256, Schedule(64, 60, learning_rate=2e-2, epoch="last")
)
READINGS: dict[Model, _Reading] = {
    "lif": _Reading(5e-3, 140, None, 128, Schedule(64, 80, learning_rate=5e-3)),
    "adlif": _COARSELY,
    "delays": _COARSELY,
}


def spoken_digits_task(
    data: str | Path | None = None,
    *,
    source: Source | None = None,
    model: Model = "lif",
    hidden: int | None = None,
    surrogate: Shape | str = SuperSpike(),
    reset: Reset = "zero",
    dt: float | None = None,
    progress: Progress | None = None,
) -> Task:
    """Speech spikes from a cochlea, through a layer that keeps them in mind.

    While training, every clip is moved along the cochlea and its spikes are jittered.

    Args:
        data: folder with the files; see ``places`` if omitted.
        source: ``"spikes"`` are files in the layout of SHD, see
            ``datasets.spoken_digits``. ``"sound"`` are recordings of Free Spoken
            Digits, encoded here in 70 channels and parted by speaker, see
            ``senses.hearing.digits_from_sound``. If omitted, spikes if there are any.
        model: the layer. ``"lif"``, 128 recurrent leaky neurons, reads every unit each
            5 ms. Two others, of 256 neurons, read 140 channels each 10 ms and keep the
            last epoch: ``"adlif"``, recurrent neurons with an adaptation current that
            learn their constants; ``"delays"``, leaky ones without recurrence whose
            synapses learn delays, which are whole steps when tested.
        hidden: how many neurons; as many as the model has if omitted.
        surrogate: of their spikes, or its name, as ``options.surrogate_of`` takes it.
        reset: of their voltage after a spike; that of adlif is to zero.
        dt: step [s]; that of the model if omitted.
        progress: is told how many recordings are encoded, of how many.

    Raises:
        ValueError: for another source or model, a value that no network has, a damaged
            file (``DataError``), or files of other numbers of units.
        FileNotFoundError: saying where it looked and what to do.
    """
    check.one_of("model", model, tuple(READINGS))
    how = READINGS[model]
    hidden = how.hidden if hidden is None else hidden
    check.whole("hidden", hidden)
    dt = how.dt if dt is None else dt
    steps, fires = steps_of(how.steps * how.dt, dt), firing(surrogate, reset)
    source, events, words = _spoken(data, source, progress)
    units = _units(events)
    merge = _merged(units, how.channels)
    parts, late = {}, {}
    for split, each in events.items():
        raster = partial(clips, each, steps, dt, merge)
        parts[split] = Part(raster, each.labels)
        late[split] = share_after_the_end(each, steps, dt)
    size = Size(
        channels=units // merge,
        classes=max(each.n_classes for each in events.values()),
        rate=merge * mean_rate(events["train"], steps, dt),
        dt=dt,
        hidden=hidden,
        **fires,
    )
    network, learning = _READERS[model](size)
    return Task(
        name="spoken-digits",
        parts=parts,
        network=network,
        schedule=how.schedule,
        notes={
            "source": source,
            "model": model,
            "channels": size.channels,
            "channel_rate": size.rate,
            "steps": steps,
            "dt": dt,
            "share_of_events_after_the_end": late,
        },
        options=told(
            source=source,
            model=model,
            hidden=hidden,
            **fires,
            dt=dt,
        ),
        learning=learning,
        classes=class_names(words, size.classes),
    )


def _delays(size: Size) -> Reader:
    """Delays of up to a quarter of a second, at first spread by a tenth."""
    widths = 100e-3 / size.dt, 0.25
    return delays_reader(size, longest=round(250e-3 / size.dt), widths=widths)


_READERS: dict[Model, Callable[[Size], Reader]] = {
    "lif": lif_reader,
    "adlif": adlif_reader,
    "delays": _delays,
}


def _units(events):
    """How many units all parts have."""
    units = {split: each.n_units for split, each in events.items()}
    if len(set(units.values())) > 1:
        raise ValueError(
            f"The parts have other numbers of units, {units}. Encode all recordings "
            "with as many channels."
        )
    return units["train"]


def _merged(units: int, channels: int | None) -> int:
    """How many units share a channel, so that about so many are left, and no rest."""
    if channels is None:
        return 1
    most = max(units // channels, 1)
    return next(merge for merge in range(most, 0, -1) if units % merge == 0)


def _spoken(
    data: str | Path | None, source: Source | None, progress: Progress | None
) -> tuple[Source, dict[str, Events], tuple[str, ...]]:
    """Where the spikes come from, those of every part, and what their labels mean."""
    if source not in (None, "spikes", "sound"):
        raise ValueError(f"source must be 'spikes' or 'sound', got {source!r}")
    train, test = (spoken_digits_file(part, data) for part in ("train", "test"))
    if source == "spikes" or (source is None and (train or test)):
        events = load_parts(partial(spoken_digits, path=data))
        return "spikes", events, read_shd_extra(train).keys if train else ()
    try:
        hear = partial(digits_from_sound, path=data, progress=progress)
        return "sound", load_parts(hear), DIGITS
    except FileNotFoundError as error:
        spikes = "" if source else ", or shd_train.h5 and shd_test.h5"
        needed = f"spoken digits (recordings/*.wav{spikes})"
        raise missing("fsdd", needed, data) from error


def clips(
    events: Events,
    steps: int,
    dt: float,
    merge: int,
    rows: np.ndarray,
    rng: np.random.Generator | None,
) -> np.ndarray:
    """Some clips as counts; moved and jittered where there is randomness."""
    some = select(events, rows)
    if rng is not None:
        some = augment(some, rng, shift=events.n_units // 35, jitter=5e-3)
    return rasterize(some, steps=steps, dt=dt, merge=merge, outside="drop")
