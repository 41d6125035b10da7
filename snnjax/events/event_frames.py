"""Pictures of what an event camera saw: how many events each pixel had."""

import numpy as np

from snnjax import check
from snnjax.events.by_pixel import in_time
from snnjax.events.checked_recordings import (
    Start,
    begins,
    check_recorded,
    microseconds,
)
from snnjax.events.columns import OUTSIDE, Outside
from snnjax.events.recorded import Recorded


def frames(
    recorded: Recorded,
    *,
    steps: int,
    dt: float,
    start: Start = "first",
    outside: Outside = "error",
) -> np.ndarray:
    """Counts the events of each pixel and polarity in bins of ``dt`` seconds.

    They are the counts of ``rasterize(as_events(recorded), …)``, laid out as pictures.

    Args:
        recorded: events of a camera of known size, in any order of time.
        steps: number of bins T.
        dt: width of a bin [s], a whole number of microseconds.
        start: where the first begins [s], or ``"first"``: with the first event.
        outside: what to do with events before ``start``, or at ``steps·dt`` after it or
            later.

    Returns:
        Counts ``[T, 2, height, width]``, float32; darker events first. Row y is the row
        y of the recording; see ``turned``.

    Raises:
        ValueError: for a sensor of unknown size, events outside, unless they are to be
            dropped, or times that are no whole number of microseconds.
    """
    check.whole("steps", steps)
    check.dt(dt)
    check.one_of("outside", outside, OUTSIDE)
    recorded, width_of_bin = check_recorded(recorded, sized=True), _bin(dt)
    height, width = recorded.size or (0, 0)
    first = begins("start", start, recorded.t)
    order = in_time(recorded)
    t, x, y, p = (column[order] for column in recorded[:4])
    cuts = np.searchsorted(t - first, width_of_bin * np.arange(steps + 1.0))
    gone = len(t) - int(cuts[-1] - cuts[0])
    if gone and outside == "error":
        raise ValueError(
            f"{gone} of {len(t)} events lie before start, {first / 1e6} s, or {steps} "
            f"steps of {dt} s after it. Take another start, more steps, or "
            "outside='drop'."
        )
    made = np.empty((steps, 2, height, width), np.float32)
    for k in range(steps):
        now = slice(cuts[k], cuts[k + 1])
        place = (p[now].astype(np.int64) * height + y[now]) * width + x[now]
        counts = np.bincount(place, minlength=2 * height * width)
        made[k] = counts.reshape(2, height, width)
    return made


def _bin(dt):
    width = microseconds("dt", dt)
    if width < 1:
        raise ValueError(f"dt must be 1e-6 s at least, got {dt} s.")
    return width
