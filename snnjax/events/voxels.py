"""Events in space and time as a grid of few bins.

Zhu et al. 2019, doi:10.1109/CVPR.2019.00108.
"""

import numpy as np

from snnjax import check
from snnjax.events.checked_recordings import check_recorded, microseconds
from snnjax.events.recorded import Recorded


def voxel_grid(
    recorded: Recorded,
    bins: int,
    *,
    start: float | None = None,
    stop: float | None = None,
) -> np.ndarray:
    """Adds polarities up, each event shared by the two bins that are nearest in time.

        V[b, y, x] = Σ p max(0, 1 - |b - t*|)
        t* = (bins - 1) (t - start) / (stop - start)

    with p = 1 where it became brighter and -1 where darker, so that the sum of the grid
    is the sum of all polarities.

    Args:
        recorded: events of a camera of known size, in any order of time.
        bins: number of them.
        start: where the first bin lies [s]; at the first event if omitted.
        stop: where the last bin lies [s]; at the last event if omitted.

    Returns:
        The grid ``[bins, height, width]``, float32. Row y is the row y of the
        recording; see ``turned``.

    Raises:
        ValueError: for a sensor of unknown size, events before ``start`` or after
            ``stop``, or times that are no whole number of microseconds.

    References:
        Zhu, Yuan, Chaney & Daniilidis (2019), Unsupervised event-based learning of
        optical flow, depth, and egomotion, doi:10.1109/CVPR.2019.00108.
    """
    check.whole("bins", bins)
    recorded = check_recorded(recorded, sized=True)
    height, width = recorded.size or (0, 0)
    t, area = recorded.t, height * width
    first, end = _bounds(t, start, stop)
    outside = int(np.count_nonzero((t < first) | (t > end)))
    if outside:
        raise ValueError(
            f"{outside} of {len(t)} events lie before start={first / 1e6} s or after "
            f"stop={end / 1e6} s. Choose them first, with window(recorded, start, "
            "stop)."
        )
    at = (bins - 1) * ((t - first) / max(end - first, 1))
    lower = np.minimum(at.astype(np.int64), max(bins - 2, 0))
    upper_share, sign = at - lower, 2.0 * recorded.p - 1.0
    place = (lower * height + recorded.y) * width + recorded.x
    size = bins * area
    made = np.bincount(place, sign * (1.0 - upper_share), size)
    if bins > 1:
        made += np.bincount(place + area, sign * upper_share, size)
    return made.reshape(bins, height, width).astype(np.float32)


def _bounds(t, start, stop):
    """Where the first and the last bin lie [µs]."""
    first, end = (int(t.min()), int(t.max())) if len(t) else (0, 0)
    first = first if start is None else microseconds("start", start)
    end = end if stop is None else microseconds("stop", stop)
    if end < first and (len(t) or (start is not None and stop is not None)):
        raise ValueError(
            f"stop must not come before start, {first / 1e6} s, got {end / 1e6} s."
        )
    return first, end
