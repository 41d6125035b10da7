"""Whether two neurons fire together, spike for spike, beyond chance."""

import numpy as np

from snnjax import check
from snnjax.analysis.trains import rounding_of, sorted_train


def coincidence_factor(
    a: np.ndarray, b: np.ndarray, *, window: float, duration: float
) -> float:
    """How many spikes of a recording a model predicts, beyond chance: Γ.

        Γ = (N - 2 ν Δ N_b) / ((N_a + N_b) / 2) / (1 - 2 ν Δ)        ν = N_a / duration

    N pairs of spikes are at most Δ apart, up to rounding of their times, each spike in
    one pair at most. 1 if all spikes are predicted and no other, 0 on average for a
    Poisson train of the rate ν of the model (Kistler, Gerstner & van Hemmen 1997,
    doi:10.1162/neco.1997.9.5.1015; Jolivet et al. 2008,
    doi:10.1016/j.jneumeth.2007.11.006). Not symmetric.

    Args:
        a: spike times of the model [s], sorted.
        b: spike times of the recording [s], sorted.
        window: Δ [s].
        duration: of both [s].

    Returns:
        Γ; NaN if both trains are empty, or the model fires more than once in 2 Δ.

    Raises:
        ValueError: for a window that is not positive, and for spike times that are not
            sorted, or outside 0 … ``duration``.

    Example:
        >>> model, recorded = np.array([0.101, 0.302, 0.6]), np.array([0.1, 0.3, 0.5])
        >>> gamma = snn.analysis.coincidence_factor(
        ...     model, recorded, window=4e-3, duration=1.0
        ... )
        >>> print(f"{gamma:.2f}")  # two of three
        0.66
    """
    check.positive("window", window, " [s]")
    check.one("window", window)
    given = a, b
    a, b = (sorted_train(x, duration, k) for x, k in ((a, "a"), (b, "b")))
    rounding = rounding_of(given) * duration
    by_chance = 2.0 * window * len(a) / duration
    if len(a) + len(b) == 0 or by_chance >= 1.0:
        return np.nan
    beyond = _pairs(a, b, window * (1.0 + 1e-9) + rounding) - by_chance * len(b)
    return float(beyond / (0.5 * (len(a) + len(b))) / (1.0 - by_chance))


def _pairs(a, b, window):
    """As many pairs as can be made of spikes no further apart than a window."""
    found = i = j = 0
    while i < len(a) and j < len(b):
        if abs(a[i] - b[j]) <= window:
            found, i, j = found + 1, i + 1, j + 1
        elif a[i] < b[j]:
            i += 1
        else:
            j += 1
    return found
