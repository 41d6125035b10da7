"""The order that brings the events of each pixel together, by time."""

import numpy as np

from snnjax.events.checked_recordings import rising
from snnjax.events.recorded import Recorded


def in_time(recorded: Recorded) -> np.ndarray | slice:
    """The order of time; of events at one time, that of the file."""
    if rising(recorded.t):
        return slice(None)
    return np.argsort(recorded.t, kind="stable")


def by_pixel(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The order by y, then x, then as they come.

    Numbers of 16 bits are sorted in time that grows as their count does.
    """
    order = np.argsort(x.astype(np.uint16, copy=False), kind="stable")
    rows = y.astype(np.uint16, copy=False)[order]
    return order[np.argsort(rows, kind="stable")]
