"""What samples of events are, column by column, and refusal of what is none."""

from typing import Any, Literal, NamedTuple

import numpy as np

from snnjax import check
from snnjax.check.values import real

Outside = Literal["error", "drop"]  # what to do with events that do not fit
OUTSIDE = ("error", "drop")


class Events(NamedTuple):
    """Spikes of N samples, those of sample k at ``offsets[k]:offsets[k + 1]``.

    Example:
        >>> times, units = [[1e-3, 3e-3], [2e-3]], [[0, 1], [2]]
        >>> events = snn.events.from_rows(times, units, [0, 1], n_units=3)
        >>> events.offsets.tolist()
        [0, 2, 3]
        >>> second = slice(events.offsets[1], events.offsets[2])
        >>> events.times[second].tolist(), events.units[second].tolist()
        ([0.002], [2])
    """

    times: np.ndarray  # [s], float64, rising within a sample
    units: np.ndarray  # which input fired, int32
    offsets: np.ndarray  # [N + 1], int64
    labels: np.ndarray  # [N], int32
    group: np.ndarray  # [N], who recorded it, such as a speaker; -1 if unknown
    trial: np.ndarray  # [N], which repetition of its kind; -1 if unknown
    n_units: int
    n_classes: int


def check_events(events: Any, *, values: bool = False) -> None:
    """Refuses what is no ``Events``.

    Args:
        events: what came.
        values: whether every event is looked at: its time and unit.

    Raises:
        ValueError: naming the field that does not fit.
    """
    check.fields("events", events, *Events._fields)
    check.whole("n_units", events.n_units, least=0)
    check.whole("n_classes", events.n_classes, least=0)
    for name in ("times", "units", "offsets", "labels", "group", "trial"):
        _check_column(name, getattr(events, name), "f" if name == "times" else "iu")
    n, count = len(events.labels), len(events.times)
    lengths = {"group": n, "trial": n, "offsets": n + 1, "units": count}
    for name, length in lengths.items():
        came = len(getattr(events, name))
        if came != length:
            raise ValueError(
                f"{name} of events must have {length} entries, got {came}: times "
                f"{count}, labels {n}."
            )
    ends = events.offsets[0], events.offsets[-1]
    if ends != (0, count) or np.any(np.diff(events.offsets) < 0):
        raise ValueError(f"offsets of events must rise from 0 to {count}.")
    if values:
        check.positive("times of events", events.times, " [s]", zero=True)
        least, most = events.units.min(initial=0), events.units.max(initial=-1)
        if least < 0 or most >= events.n_units:
            raise ValueError(
                f"units of events must lie in 0 … n_units - 1 = {events.n_units - 1}, "
                f"got {least} … {most}."
            )


def _check_column(name, column, kind):
    dtype = getattr(column, "dtype", None)
    if dtype is None or dtype.kind not in kind or column.ndim != 1:
        wanted = "whole numbers" if kind == "iu" else "floating-point numbers"
        raise ValueError(
            f"{name} of events must be {wanted} [...], got {check.told(column)}."
        )


def event_arrays(times: Any, units: Any) -> tuple[np.ndarray, np.ndarray]:
    """Times [s], float64, and units of one sample, as they came.

    Raises:
        ValueError: for what are no numbers, or not one after another.
    """
    times, units = numbers("times", times), numbers("units", units)
    return times.astype(np.float64, copy=False), units


def numbers(name: str, values: Any) -> np.ndarray:
    """The values as an array, refused unless they are numbers ``[n]``."""
    known: Any = check.concrete(values)
    odd = known is None or (known.size and not real(known.dtype))
    if odd or known.ndim != 1:
        raise ValueError(f"{name} must be numbers [n], got {check.told(values)}.")
    return known
