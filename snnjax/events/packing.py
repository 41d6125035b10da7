"""Samples as they are recorded become ``Events``: checked, and sorted by time."""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from snnjax import check
from snnjax.events.columns import OUTSIDE, Events, Outside, event_arrays, numbers

EVENT_BYTES, ROW_BYTES = 80, 500  # that packing takes at most, for each of them


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

    Example:
        >>> times, units = [[1e-3, 3e-3], [2e-3]], [[0, 1], [2]]
        >>> events = snn.events.from_rows(times, units, [0, 1], n_units=3)
        >>> events.units.tolist(), events.labels.tolist()
        ([0, 1, 2], [0, 1])
    """
    for name, rows in (("times", times), ("units", units)):
        _check_rows(name, rows)
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
    check.whole("n_units", n_units, least=0)
    if n_classes is not None:
        check.whole("n_classes", n_classes, least=0)
    check.one_of("outside", outside, OUTSIDE)
    times, units = event_arrays(times, units)
    counts = _whole("counts", counts, 0).astype(np.int64)
    n, unknown = len(counts), np.full(len(counts), -1)
    labels = _whole("labels", labels, 0)
    group = _whole("group", unknown if group is None else group, -1)
    trial = _whole("trial", unknown if trial is None else trial, -1)
    for name, column in {"labels": labels, "group": group, "trial": trial}.items():
        if len(column) != n:
            raise ValueError(f"{n} samples have times, but {len(column)} have {name}.")
    if not counts.sum() == len(times) == len(units):
        raise ValueError(
            f"counts of samples make {counts.sum()} events, but there are {len(times)} "
            f"times and {len(units)} units"
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
    most = int(labels.max()) + 1 if n else 0
    if n_classes is not None and most > n_classes:
        raise ValueError(
            f"labels reach {most - 1}, but there are {n_classes} classes, n_classes"
        )
    return Events(
        times=flat_times[order],
        units=flat_units[order].astype(np.int32),
        offsets=np.concatenate([[0], np.cumsum(counts)]),
        labels=labels,
        group=group,
        trial=trial,
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
    check.whole("n_units", n_units, least=0)
    check.whole("row", row, least=0)
    check.one_of("outside", outside, OUTSIDE)
    times, units = event_arrays(times, units)
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


def _check_rows(name, rows):
    """Refuses what is no list of samples."""
    if not isinstance(rows, Sequence | np.ndarray) or isinstance(rows, str):
        raise ValueError(f"{name} must be a list of arrays, got {check.told(rows)}.")
    for k, row in enumerate(rows):
        numbers(f"row {k} of {name}", row)


def _flat(rows, dtype):
    rows = [np.asarray(row) for row in rows]
    kinds = {row.dtype.kind for row in rows if len(row)}
    if dtype == np.int64 and not kinds <= set("iu"):
        raise ValueError("units must be whole numbers")
    return np.concatenate([np.zeros(0, dtype), *(row.astype(dtype) for row in rows)])


def _fitting(times, units, sample, n_units, outside):
    """Which events a sample can have; an error for others, unless they may go."""
    check.one_of("outside", outside, OUTSIDE)
    late = ~np.isfinite(times) | (times < 0)
    foreign = (units < 0) | (units >= n_units)
    for odd, what in (
        (late, "a time that is negative or not finite, in times"),
        (foreign, f"a unit outside 0 … {n_units - 1}, n_units - 1, in units"),
    ):
        if odd.any() and outside == "error":
            raise ValueError(f"row {sample[odd][0]} has {what}")
    return ~(late | foreign)


def _whole(name, values, least):
    values = np.asarray(values)
    if values.ndim != 1 or (len(values) and values.dtype.kind not in "iu"):
        raise ValueError(
            f"{name} must be whole numbers, got {values.dtype} {values.shape}"
        )
    if len(values) and (values.min() < least or values.max() > 2**31 - 1):
        raise ValueError(
            f"{name} lie in {values.min()} … {values.max()}, "
            f"expected {least} … {2**31 - 1}"
        )
    return values.astype(np.int32)
