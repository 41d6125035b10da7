"""How spike trains of recorded populations hang together, near and far.

Trains are spike times in seconds, one sorted array for each unit, as recordings give
them; everything here runs on the host.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from snnjax import check
from snnjax.events import Events

Trains = Sequence[np.ndarray]

_ROUNDING = 1e-12  # of the duration, by which times may be off


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
    kept = slice(*events.offsets[sample : sample + 2])
    times, units = events.times[kept], events.units[kept]
    ordered = times[np.argsort(units, kind="stable")]
    ends = np.cumsum(np.bincount(units, minlength=events.n_units))
    return [ordered[a:b] for a, b in zip([0, *ends], ends, strict=False)]


def tiling(a: np.ndarray, b: np.ndarray, *, window: float, duration: float) -> float:
    """Spike time tiling coefficient of two trains, from -1 to 1.

        ½ [(P_a - T_b) / (1 - P_a T_b) + (P_b - T_a) / (1 - P_b T_a)]

    with P_a the share of spikes of a within ``window`` of one of b, and T_b the share
    of time within ``window`` of a spike of b. It does not depend on the firing rates
    (Cutts & Eglen 2014, doi:10.1523/JNEUROSCI.2767-14.2014). Spikes exactly ``window``
    apart count, to a rounding error.

    Args:
        a: spike times [s], sorted.
        b: the same of another unit.
        window: on either side of a spike [s].
        duration: of the recording, from 0 [s].

    Returns:
        The coefficient; NaN for a train without a spike.

    Raises:
        ValueError: for times that are not sorted or lie outside the recording, or a
            window or duration that is not positive.
    """
    return float(tilings([a, b], window=window, duration=duration)[0, 1])


def tilings(trains: Trains, *, window: float, duration: float) -> np.ndarray:
    """The tiling coefficient of every pair of trains, ``[n, n]``; see ``tiling``."""
    check.positive("window", window, " [s]")
    check.positive("duration", duration, " [s]")
    trains = [_sorted(train, duration) for train in trains]
    covered = np.array([_covered(train, window, duration) for train in trains])
    reach = window + _ROUNDING * duration
    share = np.array([[_near(a, b, reach) for b in trains] for a in trains])
    with np.errstate(invalid="ignore", divide="ignore"):
        half = (share - covered) / (1.0 - share * covered)
    half[share * np.broadcast_to(covered, share.shape) == 1.0] = 1.0
    return 0.5 * (half + half.T)


def correlation_index(
    trains: Trains, *, window: float = 0.05, duration: float
) -> np.ndarray:
    """How much likelier than chance two units fire together, ``[n, n]``.

        N_ab · duration / (N_a · N_b · 2·window)

    with N_ab the pairs of spikes at most ``window`` apart, to a rounding error (Wong,
    Meister & Shatz 1993, doi:10.1016/0896-6273(93)90122-8). It falls with the firing
    rate, which the tiling coefficient does not. NaN for a train without a spike. See
    ``tiling`` for errors.
    """
    check.positive("window", window, " [s]")
    check.positive("duration", duration, " [s]")
    trains = [_sorted(train, duration) for train in trains]
    reach = window + _ROUNDING * duration
    pairs = np.array([[_pairs(a, b, reach) for b in trains] for a in trains], float)
    counts = np.array([len(train) for train in trains], float)
    with np.errstate(invalid="ignore", divide="ignore"):
        return pairs * duration / (np.outer(counts, counts) * 2.0 * window)


class ByDistance(NamedTuple):
    """A correlation against the distance of the units."""

    distance: np.ndarray  # middle of each bin, [K]
    mean: np.ndarray  # over pairs; NaN where there is none, [K]
    pairs: np.ndarray  # number of pairs, [K]


def by_distance(
    matrix: np.ndarray, places: np.ndarray, edges: np.ndarray
) -> ByDistance:
    """Averages a correlation over pairs of units that are equally far apart.

    Args:
        matrix: a correlation of every pair, ``[n, n]``, symmetric; NaN does not count.
        places: of the units, ``[n, d]``.
        edges: of the bins of distance, rising, ``[K + 1]``.

    Returns:
        Means and numbers of pairs.

    Raises:
        ValueError: for shapes that do not fit, or edges that do not rise.
    """
    matrix, places, edges = map(np.asarray, (matrix, places, edges))
    n = len(places)
    if matrix.shape != (n, n) or places.ndim != 2:
        raise ValueError(f"Got {matrix.shape} correlations of {places.shape} places.")
    if edges.ndim != 1 or len(edges) < 2 or np.any(np.diff(edges) <= 0):
        raise ValueError(f"edges must rise, [K + 1], got {edges}.")
    first, second = np.triu_indices(n, 1)
    values = matrix[first, second]
    known = np.isfinite(values)
    apart = np.linalg.norm(places[first] - places[second], axis=1)[known]
    pairs, _ = np.histogram(apart, edges)
    total, _ = np.histogram(apart, edges, weights=values[known])
    mean = np.where(pairs > 0, total / np.maximum(pairs, 1), np.nan)
    return ByDistance(0.5 * (edges[:-1] + edges[1:]), mean, pairs)


class Waves(NamedTuple):
    """Times in which much of a population fires, such as retinal waves."""

    start: np.ndarray  # [s], [K]
    end: np.ndarray  # [s], [K]
    recruited: np.ndarray  # share of the units that fired in it, [K]


def waves(
    trains: Trains, *, duration: float, window: float = 1.0, share: float = 0.2
) -> Waves:
    """Finds the stretches in which at least a share of the units fires in each window.

    Args:
        trains: spike times of each unit [s], sorted.
        duration: of the recording, from 0 [s].
        window: bins in which units are counted [s].
        share: of the units that must fire in every bin of a wave.

    Returns:
        Start, end and share of units recruited, wave after wave.

    Raises:
        ValueError: as ``tiling``, or for a share outside (0, 1].
    """
    check.positive("window", window, " [s]")
    check.positive("duration", duration, " [s]")
    if not 0 < share <= 1:
        raise ValueError(f"share is a part of the units, 0 to 1, got {share}.")
    bins = int(np.ceil(duration / window))
    fired = np.zeros((len(trains), bins), bool)
    for row, train in zip(fired, trains, strict=True):
        row[np.minimum((_sorted(train, duration) / window).astype(int), bins - 1)] = (
            True
        )
    high = np.concatenate([[False], fired.mean(axis=0) >= share, [False]])
    edges = np.flatnonzero(high[1:] != high[:-1])
    start, end = edges[::2], edges[1::2]
    recruited = [
        fired[:, a:b].any(axis=1).mean() for a, b in zip(start, end, strict=True)
    ]
    return Waves(
        start * window, np.minimum(end * window, duration), np.array(recruited, float)
    )


def _sorted(train, duration):
    train = np.asarray(train, np.float64)
    if train.ndim != 1 or np.any(np.diff(train) < 0):
        raise ValueError("Spike times of a unit must be a sorted list.")
    if len(train) and not (train[0] >= 0 and train[-1] <= duration):
        raise ValueError(
            f"Spikes from {train[0]} to {train[-1]} s lie outside 0 … {duration} s."
        )
    return train


def _covered(train, window, duration):
    """Share of the time within ``window`` of a spike."""
    if len(train) == 0:
        return np.nan
    inner = np.minimum(np.diff(train), 2.0 * window).sum()
    ends = min(train[0], window) + min(duration - train[-1], window)
    return (inner + ends) / duration


def _near(a, b, window):
    """Share of the spikes of ``a`` within ``window`` of one of ``b``."""
    if len(a) == 0 or len(b) == 0:
        return np.nan
    return np.mean(_within(a, b, window) > 0)


def _pairs(a, b, window):
    return _within(a, b, window).sum()


def _within(a, b, window):
    """How many spikes of ``b`` lie within ``window`` of each of ``a``."""
    upto = np.searchsorted(b, a + window, "right")
    return upto - np.searchsorted(b, a - window, "left")
