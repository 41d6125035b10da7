"""Windows of one length, one behind the other: which there are, and which is whose."""

import warnings
from typing import Literal, NamedTuple

import numpy as np

from snnjax.events.rounding import not_before

Rest = Literal["keep", "drop", "error"]  # what to do with a window that is not full
RESTS = ("keep", "drop", "error")


class Asked(NamedTuple):
    """What was asked of ``slices``."""

    every: float  # length of a window [s]
    start: float | None  # of the first [s]
    stop: float | None  # of the recording [s]
    rest: Rest


def number_of(t, start, every):
    """Which window each time lies in: the k-th begins at ``start + k·every``."""
    with np.errstate(over="ignore"):
        k = np.floor((t - start) / every)
    if not np.isfinite(k).all():
        raise ValueError(f"every={every} s is too short for these times.")
    k += t >= not_before(start + (k + 1.0) * every, t)
    k -= t < not_before(start + k * every, t)
    return k


def full_windows(end, start, asked):
    """How many windows are full, and whether another one is begun: of each sample."""
    full = np.maximum(number_of(end, start, asked.every), 0.0)
    if asked.stop is None:  # nobody knows what came after the last event
        return full, np.ones(len(end), bool)
    return full, start + full * asked.every < not_before(end)


def pieces_of(full, left, asked, most):
    """How many pieces there are to be, of each sample ``[N]``, but not too many.

    Raises:
        ValueError: for more than ``most`` in all, or a window that may not be left.
    """
    pieces = full + left if asked.rest == "keep" else full
    if pieces.sum() > most:
        raise ValueError(
            f"every={asked.every} s would make {pieces.sum():.0f} pieces, of which at "
            f"most {most} are made. Take longer ones, or another start or stop."
        )
    if asked.rest == "error" and left.any():
        raise ValueError(
            f"every={asked.every} s leaves a last window that is not full. Say stop=…, "
            "where the recording ends, or rest='keep' or 'drop'."
        )
    return pieces.astype(np.int64)


def check_times(times, asked):
    """Refuses times [s] before the start, or at the end or later."""
    late = False if asked.stop is None else times >= not_before(asked.stop, times)
    check_inside((times < not_before(asked.start, times)) | late, asked)


def check_inside(outside, asked):
    """Refuses events of a mask ``[n]``."""
    if np.any(outside):
        raise ValueError(
            f"{np.count_nonzero(outside)} of {len(outside)} events lie before start="
            f"{asked.start} s, or not before stop={asked.stop} s. Choose them first, "
            "with window(events, start, stop)."
        )


def warn_of_dropped(count, windows, left, asked):
    """Says to who called ``slices`` how many events went with the last windows."""
    if left and asked.rest == "drop":
        warnings.warn(
            f"Dropped {count} events, of {windows} windows that are not full.",
            stacklevel=4,
        )
