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

    All go by pixel, then time; pixel and place in time are one number, so that the last
    event of a neighbour is found in one sorted list. The margin of a pixel keeps rows
    apart.
    """
    n, width = len(t), int(x.max(initial=0)) + 2
    order = by_pixel(x, y)
    t, place = t[order], (y * width + x)[order] * n + order
    pixel = place - order  # times n
    kept, open_ = np.zeros(n, bool), np.arange(n)
    for dx, dy in _AROUND:
        step = (dy * width + dx) * n
        before = np.searchsorted(place, place[open_] + step) - 1
        near = (before >= 0) & (pixel[before] == pixel[open_] + step)
        near &= t[open_] - t[before] <= longest
        kept[open_[near]] = True
        open_ = open_[~near]
    found = np.empty(n, bool)
    found[order] = kept
    return found
