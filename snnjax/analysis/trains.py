"""Spike trains: spike times in seconds, one sorted array for each unit.

Recordings give them so; everything here runs on the host.
"""

from collections.abc import Sequence

import numpy as np

from snnjax import check
from snnjax.events import Events

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
    n = len(events.labels)
    check.whole("sample", sample, least=0)
    if sample >= n:
        raise ValueError(f"There is no sample {sample} of {n}.")
    rows = slice(*events.offsets[sample : sample + 2])
    times, units = events.times[rows], events.units[rows]
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
    """
    unit, step = np.nonzero(np.asarray(spikes).T)
    return np.diff(step)[np.diff(unit) == 0] * dt


def sorted_train(train: np.ndarray, duration: float) -> np.ndarray:
    """Spike times of one unit as float64, if they are sorted and in the recording.

    Raises:
        ValueError: for times that are not sorted, or outside 0 … ``duration``.
    """
    train = np.asarray(train, np.float64)
    if train.ndim != 1 or np.any(np.diff(train) < 0):
        raise ValueError("Spike times of a unit must be a sorted list.")
    if len(train) and not (train[0] >= 0 and train[-1] <= duration):
        raise ValueError(
            f"Spikes from {train[0]} to {train[-1]} s lie outside 0 … {duration} s."
        )
    return train
