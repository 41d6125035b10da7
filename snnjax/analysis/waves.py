"""Times in which much of a population fires, such as retinal waves."""

from typing import NamedTuple

import numpy as np

from snnjax import check
from snnjax.analysis.trains import Trains, sorted_trains
from snnjax.events import time_bins
from snnjax.exported import exportable

_MOST = 10**8  # windows in a recording


@exportable
class DetectedWaves(NamedTuple):
    """Times in which much of a population fires, such as retinal waves."""

    start: np.ndarray  # [s], [K]
    end: np.ndarray  # [s], [K]
    recruited: np.ndarray  # share of the units that fired in it, [K]


def detect_waves(
    trains: Trains, *, duration: float, window: float = 1.0, share: float = 0.2
) -> DetectedWaves:
    """Finds the stretches in which at least a share of the units fires in each window.

    Args:
        trains: spike times of each unit [s], sorted.
        duration: of the recording, from 0 [s].
        window: bins in which units are counted [s]; a spike at an edge opens the later.
        share: of the units that must fire in every bin of a wave.

    Returns:
        Start, end and share of units recruited, wave after wave.

    Raises:
        ValueError: as ``sttc_pair``, or for a share outside (0, 1].
    """
    check.positive("window", window, " [s]")
    check.one("window", window)
    check.positive("share", share)
    check.one("share", share)
    if share > 1:
        raise ValueError(f"share is a part of the units, 0 to 1, got {share}.")
    trains = sorted_trains(trains, duration)
    if not trains:
        raise ValueError("trains must be those of one unit at least, got none.")
    if duration / window > _MOST:
        raise ValueError(
            f"A duration of {duration} s has more than {_MOST} windows of window="
            f"{window} s."
        )
    bins = int(np.ceil(duration / window * (1.0 - 1e-12)))
    fired = np.zeros((len(trains), bins), bool)
    for row, train in zip(fired, trains, strict=True):
        row[np.minimum(time_bins(train, dt=window), bins - 1)] = True
    high = np.concatenate([[False], fired.mean(axis=0) >= share, [False]])
    edges = np.flatnonzero(high[1:] != high[:-1])
    start, end = edges[::2], edges[1::2]
    recruited = [
        fired[:, a:b].any(axis=1).mean() for a, b in zip(start, end, strict=True)
    ]
    return DetectedWaves(
        start * window, np.minimum(end * window, duration), np.array(recruited, float)
    )
