"""How long ago each pixel fired: surfaces of time.

Lagorce et al. 2017, doi:10.1109/TPAMI.2016.2574707.
"""

import warnings
from typing import Any

import numpy as np

from snnjax import check
from snnjax.events.by_pixel import in_time
from snnjax.events.checked_recordings import check_recorded
from snnjax.events.recorded import Recorded


def time_surface(recorded: Recorded, at: Any, *, tau: float) -> np.ndarray:
    """The last event of each pixel and polarity, forgotten exponentially.

        S[p, y, x] = exp(-(at - t_last) / τ)        0 where none came until then

    Events up to and at ``at`` count, forgiving rounding.

    Args:
        recorded: events of a camera of known size, in any order of time.
        at: when [s], one time, or several ``[K]``.
        tau: time constant τ [s].

    Returns:
        Surfaces ``[2, height, width]``, or ``[K, 2, height, width]``, float32; darker
        events first. Row y is the row y of the recording; see ``turned``.

    Raises:
        ValueError: for a sensor of unknown size, times that are not finite, or a time
            constant that is not positive.

    Warns:
        UserWarning: if each time comes before the first event.

    References:
        Lagorce, Orchard, Galluppi, Shi & Benosman (2017), HOTS: a hierarchy of
        event-based time-surfaces for pattern recognition,
        doi:10.1109/TPAMI.2016.2574707.
    """
    check.positive("tau", tau, " [s]")
    check.one("tau", tau)
    check.finite("at", at)
    recorded = check_recorded(recorded, sized=True)
    height, width = recorded.size or (0, 0)
    when = np.asarray(at, np.float64)
    if when.ndim > 1:
        raise ValueError(f"at must be one time, or times [K], got {check.told(at)}.")
    order = in_time(recorded)
    t, x, y, p = (column[order] for column in recorded[:4])
    place = (p.astype(np.int64) * height + y) * width + x
    if len(t) and when.size and 1e6 * when.max() < t[0]:
        warnings.warn(
            f"All of at, up to {when.max():.10g} s, comes before the first event, at "
            f"{t[0] * 1e-6:.10g} s of the clock of the recording.",
            stacklevel=2,
        )
    ends = np.searchsorted(t, 1e6 * when.ravel() + 1e-3, side="right")
    last = np.full(2 * height * width, -np.inf)
    made = np.zeros((when.size, 2, height, width), np.float32)
    done = 0
    for k in np.argsort(when.ravel(), kind="stable"):
        last[place[done : ends[k]]] = t[done : ends[k]]  # the last of a pixel stays
        done = ends[k]
        ago = np.maximum(when.ravel()[k] - last / 1e6, 0.0)
        made[k] = np.exp(-ago / tau).reshape(2, height, width)
    return made.reshape(*when.shape, 2, height, width)
