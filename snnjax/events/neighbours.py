"""Events that pixels nearby support: noise has no neighbours.

Delbruck 2008, Frame-free dynamic digital vision.
"""

import numpy as np

from snnjax import check
from snnjax.events.by_pixel import by_pixel, in_time
from snnjax.events.checked_recordings import check_recorded, left_out, microseconds
from snnjax.events.recorded import Recorded

_WHY = "events without neighbours"
_AROUND = [(dx, dy) for dy in (0, -1, 1) for dx in (-1, 0, 1) if (dx, dy) != (0, 0)]


def denoise(recorded: Recorded, *, within: float) -> Recorded:
    """Leaves out events that no neighbour announced: background activity.

    An event stays if one of its eight neighbours had an event of either polarity, one
    that stayed or not, at most ``within`` before. What does not stay is counted in
    ``skipped``. Of events at one time, the first of the file is the first.

    Args:
        recorded: events of a camera, in any order of time.
        within: how long an event supports those that follow [s].

    Returns:
        The events that stay, in the order of the file.

    Raises:
        ValueError: for a time that is not zero or positive, or no whole number of
            microseconds.

    References:
        Delbruck (2008), Frame-free dynamic digital vision, Proceedings of the
        International Symposium on Secure-Life Electronics.
    """
    check.positive("within", within, " [s]", zero=True)
    recorded, longest = check_recorded(recorded), microseconds("within", within)
    order = in_time(recorded)
    x, y, t = recorded.x[order], recorded.y[order], recorded.t[order]
    kept = np.zeros(len(t), bool)
    kept[order] = _supported(x.astype(np.int64), y.astype(np.int64), t, longest)
    return left_out(recorded, kept, _WHY)


def _supported(x, y, t, longest):
    """Which of the events, in order of time, have a neighbour.

    Pixel and place in time make one number, so that the last event of a neighbour is
    found in one sorted list. The margin of a pixel keeps rows apart.
    """
    n, width = len(t), int(x.max(initial=0)) + 2
    pixel = y * width + x
    order = by_pixel(x, y)
    place = pixel[order] * n + order
    open_, kept = order, np.zeros(n, bool)
    for dx, dy in _AROUND:
        first = (pixel[open_] + dy * width + dx) * n
        before = np.searchsorted(place, first + open_) - 1
        last = place[before] - first  # place in time of the neighbour, if it is one
        near = (before >= 0) & (last >= 0)
        near[near] = t[open_[near]] - t[last[near]] <= longest
        kept[open_[near]] = True
        open_ = open_[~near]
    return kept
