"""How strongly the spikes of two units go together."""

import numpy as np

from snnjax import check
from snnjax.analysis.trains import Trains, rounding_of, sorted_train, sorted_trains

_ROUNDING = 1e-12  # of the duration, by which times that are sums may be off


def sttc_pair(a: np.ndarray, b: np.ndarray, *, window: float, duration: float) -> float:
    """Spike time tiling coefficient (STTC) of two trains, from -1 to 1.

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
    for name, train in (("a", a), ("b", b)):
        sorted_train(train, duration, name)
    return float(sttc([a, b], window=window, duration=duration)[0, 1])


def sttc(trains: Trains, *, window: float, duration: float) -> np.ndarray:
    """The coefficient of every pair of trains, ``[n, n]``; see ``sttc_pair``."""
    check.positive("window", window, " [s]")
    check.one("window", window)
    reach, trains = _reach(trains, window, duration)
    covered = np.array([_covered(train, window, duration) for train in trains])
    share = _of_pairs(_near, trains, reach)
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
    ``sttc_pair`` for errors.
    """
    check.positive("window", window, " [s]")
    check.one("window", window)
    reach, trains = _reach(trains, window, duration)
    pairs = _of_pairs(_pairs, trains, reach)
    counts = np.array([len(train) for train in trains], float)
    with np.errstate(invalid="ignore", divide="ignore"):
        return pairs * duration / (np.outer(counts, counts) * 2.0 * window)


def _reach(trains, window, duration):
    """How far apart spikes may be, in the precision in which they come, and they."""
    found = sorted_trains(trains, duration)
    return window + max(_ROUNDING, rounding_of(trains)) * duration, found


def _of_pairs(measure, trains, reach):
    """A measure of every pair of trains, ``[n, n]``."""
    rows = [[measure(a, b, reach) for b in trains] for a in trains]
    return np.array(rows, float).reshape(len(trains), len(trains))


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
