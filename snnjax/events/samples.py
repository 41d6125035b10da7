"""What is done with samples of events: chosen, moved, put into bins of time."""

import itertools
from typing import Any

import numpy as np

from snnjax import check
from snnjax.events.columns import OUTSIDE, Events, Outside, check_events
from snnjax.events.rounding import eps_of, forgiven, not_before


def select(events: Events, rows: np.ndarray) -> Events:
    """Keeps some samples, in the order asked for.

    Args:
        events: of N samples.
        rows: numbers of the samples, ``[M]``, or a mask ``[N]``.

    Returns:
        Events of M samples.

    Raises:
        ValueError: for rows that there are not, or a mask of another length.
    """
    check_events(events)
    rows = check.rows(rows, len(events.labels))
    index, counts = _index(events, rows)
    return events._replace(
        times=events.times[index],
        units=events.units[index],
        offsets=np.concatenate([[0], np.cumsum(counts)]),
        labels=events.labels[rows],
        group=events.group[rows],
        trial=events.trial[rows],
    )


def late_events(events: Events, *, duration: float) -> int:
    """How many events come at ``duration`` [s] or later, forgiving rounding.

    Raises:
        ValueError: for a duration that is negative or not finite.

    Example:
        >>> events = snn.events.from_rows([[1e-3, 3e-3]], [[0, 1]], [0], n_units=2)
        >>> snn.events.late_events(events, duration=2e-3)
        1
    """
    check_events(events, values=True)
    check.positive("duration", duration, " [s]", zero=True)
    check.one("duration", duration)
    late = events.times >= not_before(duration, events.times)
    return int(np.count_nonzero(late))


def rasterize(
    events: Events, *, steps: int, dt: float, merge: int = 1, outside: Outside = "error"
) -> np.ndarray:
    """Counts events in bins of ``dt`` seconds; two in one bin make a 2.

    Args:
        events: of N samples.
        steps: number of bins T.
        dt: width of a bin [s].
        merge: how many neighbouring units share a channel.
        outside: what to do with events at ``steps·dt`` or later.

    Returns:
        Counts ``[T, N, n_units / merge]``, float32.

    Raises:
        ValueError: for late events, unless they are to be dropped; a ``merge`` that
            does not divide the units; steps or dt out of range; another ``outside``.

    Example:
        >>> times, units = [[1e-3, 3e-3], [2e-3]], [[0, 1], [2]]
        >>> events = snn.events.from_rows(times, units, [0, 1], n_units=3)
        >>> counts = snn.events.rasterize(events, steps=10, dt=1e-3)
        >>> counts.shape
        (10, 2, 3)
        >>> np.argwhere(counts[:, 0]).tolist()  # step and unit of the first sample
        [[1, 0], [3, 1]]
    """
    check_events(events, values=True)
    check.one_of("outside", outside, OUTSIDE)
    check.whole("steps", steps)
    check.dt(dt)
    check.whole("merge", merge)
    if events.n_units % merge:
        raise ValueError(f"merge={merge} does not divide {events.n_units} units.")
    bins = time_bins(events.times, dt=dt)
    fits = bins < steps
    if outside == "error" and not fits.all():
        raise ValueError(
            f"{np.count_nonzero(~fits)} of {len(fits)} events come after "
            f"{steps * dt} s, the last at {events.times.max():.3f} s. "
            "Take more steps, or outside='drop'."
        )
    n, channels = len(events.labels), events.n_units // merge
    sample = np.repeat(np.arange(n), np.diff(events.offsets))
    flat = (bins * n + sample) * channels + events.units // merge
    counts = np.bincount(flat[fits], minlength=steps * n * channels)
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
        ValueError: for a negative shift or jitter, or randomness of another kind.
    """
    check_events(events, values=True)
    check.generator("rng", rng)
    check.whole("shift", shift, least=0)
    check.positive("jitter", jitter, " [s]", zero=True)
    check.one("jitter", jitter)
    counts = np.diff(events.offsets)
    sample = np.repeat(np.arange(len(counts)), counts)
    units = events.units + rng.integers(-shift, shift + 1, len(counts))[sample]
    times = events.times + rng.normal(0.0, jitter, len(events.times))
    fits = (units >= 0) & (units < events.n_units) & (times >= 0)
    times, units, sample = times[fits], units[fits], sample[fits]
    left = np.bincount(sample, minlength=len(counts))
    offsets = np.concatenate([[0], np.cumsum(left)])
    order = _by_time(times, offsets) if jitter else slice(None)
    return events._replace(
        times=times[order], units=units[order].astype(np.int32), offsets=offsets
    )


def _by_time(times, offsets):
    """Each sample's events in order; one sample after the other is fastest."""
    order = np.empty(len(times), np.intp)
    for first, end in itertools.pairwise(offsets):
        order[first:end] = first + np.argsort(times[first:end], kind="stable")
    return order


def single_times(
    times: np.ndarray,
    sample: np.ndarray,
    starts: Any,
    resolution: float,
) -> np.ndarray:
    """Times in single precision, from the start of each sample on.

    Times of a camera or a clock are large: at 1.7e9 s the numbers of single precision
    lie 128 s apart. So the start is subtracted before they are narrowed.

    Args:
        times: of all events [s], sample after sample, ``[K]``.
        sample: which sample each is of, ``[K]``, rising.
        starts: when samples begin [s], ``[N]`` or one number, or ``"first"``: with
            their first event.
        resolution: the largest step that the numbers may have at the latest event [s].

    Returns:
        Times since the start [s], float32, ``[K]``.

    Raises:
        ValueError: naming a sample with an event before its start, or so late that
            single precision is too coarse for it.
    """
    check.positive("resolution", resolution, " [s]")
    times = np.asarray(times, np.float64)
    if isinstance(starts, str):
        check.one_of("start", starts, ("first",))
        opens = np.diff(sample, prepend=-1) != 0
        since = times - times[opens][np.cumsum(opens) - 1]
    else:
        check.finite("start", starts)
        starts = np.asarray(starts, np.float64)
        since = times - (starts if starts.ndim == 0 else starts[sample])
    if (since < 0).any():
        row = sample[since < 0][0]
        raise ValueError(f"row {row} has an event before its start; say start='first'.")
    coarse = np.spacing(since.astype(np.float32)) > resolution
    if coarse.any():
        worst = since.argmax()
        raise ValueError(
            f"row {sample[worst]} has times up to {since[worst]:.6g} s after its "
            "start, where numbers in single precision lie "
            f"{np.spacing(np.float32(since[worst])):.2g} s apart. Say when samples "
            "begin (start='first', or their times), cut them into shorter ones, or "
            f"allow it: resolution above {resolution:g}."
        )
    return since.astype(np.float32)


def time_bins(times: np.ndarray, *, dt: float) -> np.ndarray:
    """Bin ``floor(t/dt)`` of each time, where a time on an edge opens the bin after it.

    Times stored in half precision are widened first; a millionth of a bin is forgiven,
    so that 3·dt lies in bin 3 although it divides to 2.9999999, and of a time that a
    number of single precision holds exactly, the rounding to single precision.

    Raises:
        ValueError: for a time that is negative or not finite, or a ``dt`` that is not
            positive.
    """
    check.positive("times", times, " [s]", zero=True)
    check.dt(dt)
    times = np.asarray(times, np.float64)
    at = times / dt
    bins = np.floor(at + forgiven(at, eps_of(times)))
    return np.minimum(bins, 2.0**62).astype(np.int64)


def _index(events, rows):
    """Position of every event of the rows asked for, row after row."""
    starts, counts = events.offsets[rows], np.diff(events.offsets)[rows]
    before = np.cumsum(counts) - counts
    within = np.arange(counts.sum()) - np.repeat(before, counts)
    return np.repeat(starts, counts) + within, counts
