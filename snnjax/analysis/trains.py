"""Spike trains: spike times in seconds, one sorted array for each unit.

Recordings give them so; everything here runs on the host.
"""

from collections.abc import Sequence

import numpy as np

from snnjax import check
from snnjax.events import Events
from snnjax.events.columns import check_events

Trains = Sequence[np.ndarray]


def spike_trains(events: Events, sample: int = 0) -> list[np.ndarray]:
    """Spike times of each unit in one sample of events [s], sorted, ``n_units`` arrays.

    A recording whose clock begins late has late times; subtract when it began.

    Args:
        events: of N samples, such as ``WaveRecording.events``.
        sample: which of them.

    Raises:
        ValueError: for a sample that there is not.
    """
    check_events(events)
    n = len(events.labels)
    check.whole("sample", sample, least=0)
    if sample >= n:
        raise ValueError(f"There is no sample {sample} of {n}.")
    rows = slice(*events.offsets[sample : sample + 2])
    times, units = events.times[rows], events.units[rows]
    if len(units) and not 0 <= units.min() <= units.max() < events.n_units:
        raise ValueError(
            f"units of sample {sample} must lie in 0 … n_units - 1 = "
            f"{events.n_units - 1}, got {units.min()} … {units.max()}."
        )
    ordered = times[np.argsort(units, kind="stable")]
    ends = np.cumsum(np.bincount(units, minlength=events.n_units))
    return [ordered[a:b] for a, b in zip([0, *ends], ends, strict=False)]


def interspike_intervals(spikes: np.ndarray, *, dt: float) -> np.ndarray:
    """Times between successive spikes of each neuron, all neurons pooled.

    Args:
        spikes: ``[T, n]`` in {0, 1}.
        dt: time step [s].

    Returns:
        Intervals [s], ``[K]``.

    Raises:
        ValueError: for spikes of another rank or not finite, or a ``dt`` that is not
            positive.
    """
    check.array("spikes", spikes, "[T, n]", finite=True)
    check.dt(dt)
    unit, step = np.nonzero(np.asarray(spikes).T)
    return np.diff(step)[np.diff(unit) == 0] * dt


def sorted_trains(trains: Trains, duration: float) -> list[np.ndarray]:
    """Spike times of units as float64, if each is sorted and in the recording.

    Raises:
        ValueError: for no list of trains, and as ``sorted_train``.
    """
    if not isinstance(trains, Sequence | np.ndarray) or isinstance(trains, str):
        raise ValueError(f"trains must be a list of arrays, got {check.told(trains)}.")
    return [
        sorted_train(train, duration, f"trains[{k}]") for k, train in enumerate(trains)
    ]


def rounding_of(trains: Trains) -> float:
    """By how much times may be off, as a share of the largest.

    Twice half of what lies between two numbers, in the precision in which times come.
    """
    kinds = [np.asarray(train).dtype for train in trains]
    return max((float(np.finfo(k).eps) for k in kinds if k.kind == "f"), default=0.0)


def sorted_train(train: np.ndarray, duration: float, name: str) -> np.ndarray:
    """Spike times of one unit as float64, if they are sorted and in the recording.

    Raises:
        ValueError: for times that are not sorted, or outside 0 … ``duration``.
    """
    check.positive("duration", duration, " [s]")
    check.one("duration", duration)
    check.finite(name, np.zeros(0) if np.size(train) == 0 else train)
    train = np.asarray(train, np.float64)
    if train.ndim != 1 or np.any(np.diff(train) < 0):
        raise ValueError(f"{name}: spike times of a unit must be a sorted list.")
    if len(train) and not (train[0] >= 0 and train[-1] <= duration):
        raise ValueError(
            f"{name}: spikes from {train[0]} to {train[-1]} s lie outside 0 … "
            f"{duration} s, the duration."
        )
    return train
