"""Pixels that rest after an event."""

import numpy as np

from snnjax import check
from snnjax.events.by_pixel import by_pixel, in_time
from snnjax.events.checked_recordings import check_recorded, left_out, microseconds
from snnjax.events.recorded import Recorded

_WHY = "events within the refractory period"


def refractory(recorded: Recorded, *, period: float) -> Recorded:
    """Leaves out events that come too soon after the last of their pixel that stayed.

    In the order of time, an event of either polarity stays if ``period`` or more has
    passed since the last one of its pixel that stayed; what does not stay is counted in
    ``skipped``. Of events at one time, the first of the file is the first.

    Args:
        recorded: events of a camera, in any order of time.
        period: shortest interval of a pixel [s].

    Returns:
        The events that stay, in the order of the file.

    Raises:
        ValueError: for a period that is not zero or positive, or no whole number of
            microseconds.
    """
    check.positive("period", period, " [s]", zero=True)
    recorded, rest = check_recorded(recorded), microseconds("period", period)
    rest = _no_longer(rest, recorded.t)
    order = in_time(recorded)
    x, y, t = recorded.x[order], recorded.y[order], recorded.t[order]
    pixel = by_pixel(x, y)
    kept = np.zeros(len(t), bool)
    kept[pixel] = _kept(x[pixel], y[pixel], t[pixel], rest)
    if not isinstance(order, slice):
        kept[order] = kept.copy()
    return left_out(recorded, kept, _WHY)


def _no_longer(rest, t):
    """A period longer than the recording lets one event of each pixel stay as well."""
    rest = min(rest, int(t.max(initial=0)) - int(t.min(initial=0)) + 1)
    if rest * len(t) > 2**62:
        raise ValueError(f"period of {rest / 1e6} s is too long for {len(t)} events.")
    return rest


def _kept(x, y, t, rest):
    """Which events stay, of those of one pixel after those of another.

    One that comes ``rest`` after the event before it stays, whatever stayed before. So
    events are chains, each beginning with such a one, and all chains are walked at
    once, from one event that stays to the next. A clock that goes on by ``rest`` from
    chain to chain finds it, or the next chain.
    """
    gap = np.diff(t, prepend=t[:1])
    free = np.ones(len(t), bool)
    free[1:] = (x[1:] != x[:-1]) | (y[1:] != y[:-1]) | (gap[1:] >= rest)
    clock = np.cumsum(np.where(free, rest, gap))
    kept, at = free.copy(), np.flatnonzero(free)
    while len(at):
        at = np.searchsorted(clock, clock[at] + rest)
        at = at[at < len(t)]
        at = at[~free[at]]
        kept[at] = True
    return kept
