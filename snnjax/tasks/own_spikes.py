"""Recordings of one's own as spikes, whatever kind they are of.

What depends on the recordings that were trained on (classes, duration, step, mean rate,
the scale of signals) is measured once and kept, so that others are read in the same way
later.
"""

import math
import warnings
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from snnjax import check
from snnjax.datasets import Labelled
from snnjax.datasets.recordings import Recordings
from snnjax.datasets.samples_by_name import Like
from snnjax.events import Events, late_events, rasterize, select, time_bins
from snnjax.inputs import latency
from snnjax.progress import Progress
from snnjax.senses import threshold_crossing
from snnjax.senses.hearing import encode_cached
from snnjax.tasks.options import steps_of

_STEPS = 100  # about so many, if nothing else is asked for
_LEVELS = np.linspace(-2.0, 2.0, 9)  # of signals, in standard deviations
_GLANCE = 40e-3  # how long an image is seen [s]
_CHANNELS = 70  # of the cochlea
_LOOKED_AT = 500  # samples to measure a rate by
_LONGEST = 1e6  # duration of a sample [s]; more are in another unit


class Measured(NamedTuple):
    """What the recordings that were trained on tell."""

    kind: str
    classes: tuple[str, ...]
    shape: tuple[int, ...]  # of a step
    dt: float  # [s]
    steps: int
    rate: float  # mean, of an input [Hz]
    mean: tuple[float, ...] = ()  # of each signal
    deviation: tuple[float, ...] = ()
    start: float | str = 0.0  # of a camera, see ``datasets.samples_by_name.Like``


class Spikes(NamedTuple):
    """Samples as spikes."""

    # numbers of samples -> [T, B, *shape]
    raster: Callable[[np.ndarray], np.ndarray]
    measured: Measured
    notes: Mapping[str, Any] = MappingProxyType({})


def spikes_of(
    samples: Labelled,
    trains: np.ndarray,
    *,
    dt: float | None,
    duration: float | None,
    known: Measured | None,
) -> Spikes:
    """Samples as spikes.

    Args:
        samples: of any kind but sounds, which are ``heard`` first.
        trains: rows of those to measure.
        dt: step [s]; as is usual for the kind if None.
        duration: of a sample [s]; as is usual for the kind if None.
        known: what was measured before, of others; measured now if None.

    Raises:
        ValueError: for a dt or duration that does not suit the samples, samples of
            another shape than those known, or training samples without spikes.
    """
    made = _SPIKES[samples.kind](samples, trains, dt, duration, known)
    return made if known else made._replace(measured=_with_rate(made, trains))


def check_times(dt: float | None, duration: float | None) -> None:
    """Refuses a step or a duration that no sample has, where they are given.

    Raises:
        ValueError: by name.
    """
    for name, value in (("dt", dt), ("duration", duration)):
        if value is None:
            continue
        check.positive(name, value, " [s]")
        check.one(name, value)
        if value > _LONGEST:
            raise ValueError(
                f"{name} must be at most {_LONGEST:g} s, got {value:g}. Times are in "
                "seconds."
            )


def as_measured(measured: Mapping[str, Any]) -> Measured:
    """What JSON kept of it."""
    lists: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in measured.items()
    }
    return Measured(**lists)


def as_files_have_it(known: Measured) -> Like:
    """What was measured, as far as files may leave it open."""
    kind: Any = known.kind
    start: Any = known.start
    shape = (len(known.mean),) if kind == "signals" else known.shape
    return Like(kind, shape, known.steps, start)


def as_known(samples: Labelled, known: Measured) -> Labelled:
    """Samples whose labels are those of the classes that were trained on."""
    foreign = sorted({*samples.classes} - {*known.classes})
    if foreign or samples.kind != known.kind:
        told = f"{samples.kind} of {', '.join(samples.classes)}"
        raise ValueError(
            f"The network was trained on {known.kind} of {', '.join(known.classes)}; "
            f"these are {told}."
        )
    number = np.array([known.classes.index(each) for each in samples.classes], np.int32)
    return samples._replace(labels=number[samples.labels], classes=known.classes)


def heard(samples: Labelled, progress: Progress | None) -> Labelled:
    """Sounds as events of the cochlea."""
    if samples.kind != "sounds":
        return samples
    recordings = Recordings(
        paths=samples.data,
        labels=samples.labels,
        group=samples.group,
        trial=np.full(len(samples.labels), -1, np.int32),
        classes=samples.classes,
        speakers=samples.groups,
    )
    events = encode_cached(recordings, channels=_CHANNELS, progress=progress)
    return samples._replace(data=events, shape=(_CHANNELS,))


def _from_events(samples, trains, dt, duration, known) -> Spikes:
    events: Events = samples.data
    if known:
        _check_shape(samples.shape, known.shape)
        dt, steps, found = known.dt, known.steps, known
    else:
        longest = events.times.max(initial=0.0)
        if not longest:
            raise ValueError("There are no events to read, or all of them at time 0.")
        dt = _rounded((duration or longest) / _STEPS) if dt is None else dt
        steps = steps_of(longest if duration is None else duration, dt)
        if duration is None:
            steps = int(time_bins(events.times, dt=dt).max()) + 1  # the last is inside
        found = Measured(samples.kind, samples.classes, samples.shape, dt, steps, 0.0)
        found = found._replace(start=samples.start)
    late = late_events(events, duration=steps * dt) / max(len(events.times), 1)
    if late:
        warnings.warn(
            f"{late:.2%} of the events come later than {steps * dt:g} s and are cut "
            "off.",
            stacklevel=4,
        )

    def raster(rows):
        counts = rasterize(select(events, rows), steps=steps, dt=dt, outside="drop")
        return counts.reshape(steps, len(rows), *samples.shape)

    return Spikes(raster, found, {"share_of_events_after_the_end": late})


def _from_images(samples, trains, dt, duration, known) -> Spikes:
    images: np.ndarray = samples.data
    if known:
        _check_shape(samples.shape, known.shape)
        dt, steps, found = known.dt, known.steps, known
    else:
        duration = _GLANCE if duration is None else duration
        dt = _rounded(duration / _STEPS * 2) if dt is None else dt
        steps = steps_of(duration, dt)
        found = Measured(samples.kind, samples.classes, samples.shape, dt, steps, 0.0)
    grey = jnp.arange(256.0) / 255.0
    code = latency(
        grey, tau=steps * dt / 2, threshold=0.2, steps=steps, dt=dt, outside="drop"
    )
    table = np.asarray(code, np.uint8)
    return Spikes(lambda rows: np.take(table, images[rows], axis=1), found)


def _from_spikes(samples, trains, dt, duration, known) -> Spikes:
    counts: np.ndarray = samples.data
    found = _of_arrays(samples, samples.shape, dt, duration, known)
    return Spikes(lambda rows: np.moveaxis(counts[rows], 1, 0), found)


def _from_signals(samples, trains, dt, duration, known) -> Spikes:
    x: np.ndarray = samples.data
    shape = (2 * len(_LEVELS) * math.prod(samples.shape),)
    found = _of_arrays(samples, shape, dt, duration, known)
    if not known:
        flat = x[trains].reshape(-1, *samples.shape).astype(np.float64)
        found = found._replace(
            mean=tuple(flat.mean(0).ravel().tolist()),
            deviation=tuple(flat.std(0).ravel().tolist()),
        )
    if not min(found.deviation):
        k = found.deviation.index(0.0)
        raise ValueError(f"Signal {k} is the same always; leave it out.")

    def raster(rows):
        flat = np.moveaxis(x[rows], 1, 0).reshape(x.shape[1], len(rows), -1)
        scaled = (flat - np.array(found.mean)) / np.array(found.deviation)
        fired = threshold_crossing(jnp.asarray(scaled, jnp.float32), _LEVELS)
        return np.asarray(fired, np.uint8)

    return Spikes(raster, found)


def _of_arrays(samples, shape, dt, duration, known):
    if duration is not None:
        raise ValueError("duration: arrays are read to their end; it takes none.")
    if dt is not None and samples.dt is not None and not math.isclose(dt, samples.dt):
        raise ValueError(f"dt: the file says {samples.dt:g} s, {dt:g} was asked for.")
    dt = samples.dt if dt is None else dt
    steps = samples.data.shape[1]
    if known:
        _check_shape((steps, *shape), (known.steps, *known.shape))
        if dt is not None and not math.isclose(dt, known.dt):
            raise ValueError(
                f"The network was trained on steps of {known.dt:g} s; these are of "
                f"{dt:g} s."
            )
        return known
    if dt is None:
        raise ValueError(
            "dt must be given for arrays, the time between two steps in seconds "
            "(--dt 0.005); or the file may hold it, as an array dt."
        )
    check.positive("dt", dt, " [s]")
    check.one("dt", dt)
    if dt >= 1.0:  # as in files
        raise ValueError(f"dt must be less than a second, got {dt:g} s.")
    return Measured(samples.kind, samples.classes, tuple(shape), dt, steps, 0.0)


_SPIKES: dict[str, Callable[..., Spikes]] = {
    "events": _from_events,
    "sounds": _from_events,
    "images": _from_images,
    "spikes": _from_spikes,
    "signals": _from_signals,
}


def _check_shape(here, known):
    if tuple(here) != tuple(known):
        raise ValueError(
            f"The network was trained on inputs {list(known)}; these are {list(here)}."
        )


def _with_rate(made: Spikes, trains: np.ndarray) -> Measured:
    """Measured, with the mean rate of an input in up to so many samples."""
    rows = trains[:: max(len(trains) // _LOOKED_AT, 1)]
    rate = float(np.mean(made.raster(rows), dtype=np.float64)) / made.measured.dt
    if not rate:
        raise ValueError("The samples to train on have no spikes.")
    return made.measured._replace(rate=rate)


def _rounded(seconds):
    """The nearest of 1, 2, 5, 10, 20, … times a power of ten, by ratio."""
    power = 10.0 ** math.floor(math.log10(seconds))
    ladder = (power, 2 * power, 5 * power, 10 * power)
    nearest = min(ladder, key=lambda each: abs(math.log(each / seconds)))
    return float(f"{nearest:.3g}")
