"""Events: who fired when, of many samples at once, on the host.

A data set stays events until somebody asks for a raster with a time step of their own.
Nothing is dropped unless asked for, and what is dropped is counted.
"""

import warnings
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from snnjax import check

Outside = Literal["error", "drop"]  # what to do with events that do not fit
OUTSIDE = ("error", "drop")
EVENT_BYTES, ROW_BYTES = 80, 500  # that packing takes at most, for each of them


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


def from_rows(
    times: Sequence[Any],
    units: Sequence[Any],
    labels: Any,
    *,
    n_units: int,
    group: Any = None,
    trial: Any = None,
    n_classes: int | None = None,
    outside: Outside = "error",
) -> Events:
    """Packs samples that come one by one, each sorted by time.

    Args:
        times: of each sample, an array ``[n_k]`` of any number type [s].
        units: of each sample, who fired, whole numbers ``[n_k]``.
        labels: ``[N]``, whole numbers from 0.
        n_units: number of units there are.
        group: ``[N]``, who recorded each sample; unknown (-1) if omitted.
        trial: ``[N]``, which repetition each sample is; unknown (-1) if omitted.
        n_classes: number of labels there are; the largest and one if omitted.
        outside: what to do with an event that no sample can have: a time that is
            negative or not finite, a unit outside ``0 … n_units - 1``.

    Returns:
        Events of N samples.

    Raises:
        ValueError: naming the first sample that is wrong.

    Warns:
        UserWarning: how many events were dropped, if any.
    """
    if len(units) != len(times):
        raise ValueError(
            f"{len(times)} samples have times, but {len(units)} have units."
        )
    counts = np.array([len(row) for row in times], np.int64)
    uneven = np.flatnonzero(counts != [len(row) for row in units])
    if len(uneven):
        raise ValueError(
            f"row {uneven[0]} has another number of times than of units, "
            f"{counts[uneven[0]]} and {len(units[uneven[0]])}"
        )
    return from_flat(
        *(_flat(times, np.float64), _flat(units, np.int64), counts, labels),
        n_units=n_units,
        group=group,
        trial=trial,
        n_classes=n_classes,
        outside=outside,
    )


def from_flat(
    times: Any,
    units: Any,
    counts: Any,
    labels: Any,
    *,
    n_units: int,
    group: Any = None,
    trial: Any = None,
    n_classes: int | None = None,
    outside: Outside = "error",
) -> Events:
    """Packs samples whose events lie one after the other, each sorted by time.

    Args:
        times: of all events, ``[n]``, of any number type [s].
        units: who fired, whole numbers ``[n]``.
        counts: how many events each sample has, ``[N]``.
        labels: ``[N]``, whole numbers from 0.
        n_units: number of units there are.
        group: as in ``from_rows``.
        trial: as in ``from_rows``.
        n_classes: as in ``from_rows``.
        outside: as in ``from_rows``.

    Raises:
        ValueError: naming the first sample that is wrong.

    Warns:
        UserWarning: how many events were dropped, if any.
    """
    if not 0 <= n_units < 2**31:
        raise ValueError(
            f"n_units must be 0 or more, at most {2**31 - 1}, got {n_units}"
        )
    n, counts = len(counts), np.asarray(counts, np.int64)
    for name, column in {"labels": labels, "group": group, "trial": trial}.items():
        if column is not None and len(column) != n:
            raise ValueError(f"{n} samples have times, but {len(column)} have {name}.")
    if np.any(counts < 0) or not counts.sum() == len(times) == len(units):
        raise ValueError(
            f"samples count {counts.sum()} events, but there are {len(times)} times "
            f"and {len(units)} units"
        )
    flat_times, flat_units = _flat([times], np.float64), _flat([units], np.int64)
    sample = np.repeat(np.arange(n), counts)
    fits = _fitting(flat_times, flat_units, sample, n_units, outside)
    if not fits.all():
        warnings.warn(
            f"Dropped {np.count_nonzero(~fits)} of {len(fits)} events: times that are "
            f"negative or not finite, or units outside 0 … {n_units - 1}.",
            stacklevel=2,
        )
        flat_times, flat_units = flat_times[fits], flat_units[fits]
        sample = sample[fits]
        counts = np.bincount(sample, minlength=n)
    order: Any = slice(None)
    if np.any((np.diff(flat_times) < 0) & (np.diff(sample) == 0)):
        order = np.lexsort((flat_times, sample))
    labels = _whole("labels", labels, 0)
    most = int(labels.max()) + 1 if n else 0
    if n_classes is not None and most > n_classes:
        raise ValueError(f"labels reach {most - 1}, but there are {n_classes} classes")
    unknown = np.full(n, -1)
    return Events(
        times=flat_times[order],
        units=flat_units[order].astype(np.int32),
        offsets=np.concatenate([[0], np.cumsum(counts)]),
        labels=labels,
        group=_whole("group", unknown if group is None else group, -1),
        trial=_whole("trial", unknown if trial is None else trial, -1),
        n_units=n_units,
        n_classes=most if n_classes is None else n_classes,
    )


def clean(
    times: Any, units: Any, *, n_units: int, row: int = 0, outside: Outside = "error"
) -> tuple[np.ndarray, np.ndarray]:
    """One sample's events as ``from_rows`` would pack them: checked, sorted by time.

    Args:
        times: ``[n]``, of any number type [s].
        units: who fired, whole numbers ``[n]``.
        n_units: number of units there are.
        row: number of the sample, for an error.
        outside: what to do with an event that no sample can have; ``"drop"`` leaves it
            out.

    Returns:
        Times [s], float64, and units, int32, each ``[m]`` with ``m`` at most ``n``.

    Raises:
        ValueError: naming the row.
    """
    if len(times) != len(units):
        raise ValueError(
            f"row {row} has another number of times than of units, "
            f"{len(times)} and {len(units)}"
        )
    times, units = _flat([times], np.float64), _flat([units], np.int64)
    fits = _fitting(times, units, np.full(len(times), row), n_units, outside)
    times, units = times[fits], units[fits].astype(np.int32)
    if np.any(np.diff(times) < 0):
        order = np.argsort(times, kind="stable")
        times, units = times[order], units[order]
    return times, units


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
    """
    check.one_of("outside", outside, OUTSIDE)
    check.whole("steps", steps)
    check.positive("dt", dt, " [s]")
    check.whole("merge", merge)
    if events.n_units % merge:
        raise ValueError(f"merge={merge} does not divide {events.n_units} units.")
    bins = time_bins(events.times, dt)
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
        ValueError: for a negative shift or jitter.
    """
    check.whole("shift", shift, least=0)
    check.positive("jitter", jitter, " [s]", zero=True)
    counts = np.diff(events.offsets)
    sample = np.repeat(np.arange(len(counts)), counts)
    units = events.units + rng.integers(-shift, shift + 1, len(counts))[sample]
    times = events.times + rng.normal(0.0, jitter, len(events.times))
    fits = (units >= 0) & (units < events.n_units) & (times >= 0)
    times, units, sample = times[fits], units[fits], sample[fits]
    left = np.bincount(sample, minlength=len(counts))
    order = np.lexsort((times, sample)) if jitter else slice(None)
    return events._replace(
        times=times[order],
        units=units[order].astype(np.int32),
        offsets=np.concatenate([[0], np.cumsum(left)]),
    )


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


def _flat(rows, dtype):
    rows = [np.asarray(row) for row in rows]
    kinds = {row.dtype.kind for row in rows if len(row)}
    if dtype == np.int64 and not kinds <= set("iu"):
        raise ValueError("units must be whole numbers")
    return np.concatenate([np.zeros(0, dtype), *(row.astype(dtype) for row in rows)])


def _fitting(times, units, sample, n_units, outside):
    """Which events a sample can have; an error for others, unless they may go."""
    check.one_of("outside", outside, OUTSIDE)
    fits = np.ones(len(times), bool)
    for wrong, what in (
        (~np.isfinite(times) | (times < 0), "a time that is negative or not finite"),
        ((units < 0) | (units >= n_units), f"a unit outside 0 … {n_units - 1}"),
    ):
        if wrong.any() and outside == "error":
            raise ValueError(f"row {sample[wrong][0]} has {what}")
        fits &= ~wrong
    return fits


def _whole(name, values, least):
    values = np.asarray(values)
    if len(values) and values.dtype.kind not in "iu":
        raise ValueError(f"{name} must be whole numbers, got {values.dtype}")
    if len(values) and (values.min() < least or values.max() > 2**31 - 1):
        raise ValueError(
            f"{name} lie in {values.min()} … {values.max()}, "
            f"expected {least} … {2**31 - 1}"
        )
    return values.astype(np.int32)
