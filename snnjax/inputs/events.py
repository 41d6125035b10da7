"""Events: who fired when, of many samples at once, on the host.

A data set stays events until somebody asks for a raster with a time step of their own.
Nothing is dropped unless asked for, and what is dropped is counted.
"""

from typing import Literal, NamedTuple

import numpy as np

from snnjax import check

Late = Literal["error", "drop"]


class Events(NamedTuple):
    """Spikes of N samples, those of sample k at ``offsets[k]:offsets[k + 1]``."""

    times: np.ndarray  # [s], float64, rising within a sample
    units: np.ndarray  # which input fired, int32
    offsets: np.ndarray  # [N + 1], int64
    labels: np.ndarray  # [N], int32
    group: np.ndarray  # [N], who recorded it, such as a speaker; -1 if unknown
    trial: np.ndarray  # [N], which repetition of its kind; -1 if unknown
    n_units: int
    n_classes: int


def select(events: Events, rows: np.ndarray) -> Events:
    """Keeps some samples, in the order asked for.

    Args:
        events: of N samples.
        rows: numbers of the samples, ``[M]``, or a mask ``[N]``.

    Returns:
        Events of M samples.
    """
    rows = np.arange(len(events.labels))[rows]
    index, counts = _index(events, rows)
    return events._replace(
        times=events.times[index],
        units=events.units[index],
        offsets=np.concatenate([[0], np.cumsum(counts)]),
        labels=events.labels[rows],
        group=events.group[rows],
        trial=events.trial[rows],
    )


def late_events(events: Events, duration: float) -> int:
    """How many events come at ``duration`` [s] or later, forgiving rounding."""
    return int(np.count_nonzero(events.times >= duration * (1.0 - 1e-12)))


def rasterize(
    events: Events, *, steps: int, dt: float, merge: int = 1, late: Late = "error"
) -> np.ndarray:
    """Counts events in bins of ``dt`` seconds; two in one bin make a 2.

    Args:
        events: of N samples.
        steps: number of bins T.
        dt: width of a bin [s].
        merge: how many neighbouring units share a channel.
        late: what to do with events at ``steps·dt`` or later.

    Returns:
        Counts ``[T, N, n_units / merge]``, float32.

    Raises:
        ValueError: for late events, unless they are to be dropped; a ``merge`` that
            does not divide the units; steps or dt out of range.
    """
    check.whole("steps", steps)
    check.positive("dt", dt, " [s]")
    check.whole("merge", merge)
    if events.n_units % merge:
        raise ValueError(f"merge={merge} does not divide {events.n_units} units.")
    bins = time_bins(events.times, dt)
    kept = bins < steps
    if late == "error" and not kept.all():
        raise ValueError(
            f"{np.count_nonzero(~kept)} of {len(kept)} events come after "
            f"{steps * dt} s, the last at {events.times.max():.3f} s. "
            "Take more steps, or late='drop'."
        )
    n, channels = len(events.labels), events.n_units // merge
    sample = np.repeat(np.arange(n), np.diff(events.offsets))
    flat = (bins * n + sample) * channels + events.units // merge
    counts = np.bincount(flat[kept], minlength=steps * n * channels)
    return counts.reshape(steps, n, channels).astype(np.float32)


def augment(
    events: Events, rng: np.random.Generator, *, shift: int = 0, jitter: float = 0.0
) -> Events:
    """Moves every sample up or down the units, and every spike a little in time.

    Spikes that leave the units or move before time 0 are removed: that is the
    augmentation, and there is nowhere to put them.

    Args:
        events: of N samples.
        rng: randomness.
        shift: by how many units at most, one draw for each sample.
        jitter: standard deviation in time, a draw for each spike [s].

    Returns:
        Events of the same N samples.

    Raises:
        ValueError: for a negative shift or jitter.
    """
    check.whole("shift", shift, least=0)
    check.positive("jitter", jitter, " [s]", zero=True)
    counts = np.diff(events.offsets)
    sample = np.repeat(np.arange(len(counts)), counts)
    units = events.units + rng.integers(-shift, shift + 1, len(counts))[sample]
    times = events.times + rng.normal(0.0, jitter, len(events.times))
    kept = (units >= 0) & (units < events.n_units) & (times >= 0)
    times, units, sample = times[kept], units[kept], sample[kept]
    left = np.bincount(sample, minlength=len(counts))
    order = np.lexsort((times, sample)) if jitter else slice(None)
    return events._replace(
        times=times[order],
        units=units[order].astype(np.int32),
        offsets=np.concatenate([[0], np.cumsum(left)]),
    )


def time_bins(times: np.ndarray, dt: float) -> np.ndarray:
    """Bin ``floor(t/dt)`` of each time, where a time on an edge opens the bin after it.

    Times stored in half precision are widened first; a millionth of a bin is forgiven,
    so that 3·dt lies in bin 3 although it divides to 2.9999999.
    """
    bins = np.floor(np.asarray(times, np.float64) / dt + 1e-6)
    return np.minimum(bins, 2.0**62).astype(np.int64)


def _index(events, rows):
    """Position of every event of the rows asked for, row after row."""
    starts, counts = events.offsets[rows], np.diff(events.offsets)[rows]
    before = np.cumsum(counts) - counts
    within = np.arange(counts.sum()) - np.repeat(before, counts)
    return np.repeat(starts, counts) + within, counts
