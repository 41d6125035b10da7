"""Columns of other people's files become those of ``Recorded``, or are refused.

Times may be whole numbers or not, of any unit; polarities 0 and 1, -1 and 1, or false
and true; columns and rows whole numbers of any type. Nothing is rounded but times to
whole microseconds, and nothing is put where it did not lie.
"""

from typing import Literal

import numpy as np

from snnjax.datasets.guard.checked import DamageError, HoldsError, listed

Unit = Literal["s", "ms", "us", "ns"]
UNITS = ("s", "ms", "us", "ns")
COLUMN_BYTES = 64  # of memory for each event, beside the file's own columns
_MICROSECONDS = {"s": 1e6, "ms": 1e3, "us": 1.0, "ns": 1e-3}
_LATEST = 2**62  # µs
_WORDS = {  # of units, as people write them
    **dict.fromkeys(("s", "sec", "second", "seconds"), "s"),
    **dict.fromkeys(("ms", "msec", "millisecond", "milliseconds"), "ms"),
    **dict.fromkeys(("us", "usec", "\u00b5s", "\u03bcs", "microsecond"), "us"),
    **dict.fromkeys(("microseconds", "micros"), "us"),
    **dict.fromkeys(("ns", "nsec", "nanosecond", "nanoseconds"), "ns"),
}


def unit_of_word(word: str) -> Unit | None:
    """The unit that a word of a file means; ``None`` if it is no known one."""
    return _WORDS.get(word.strip().lower())  # type: ignore[return-value]


def unit_of_times(t: np.ndarray) -> Unit:
    """The unit of times that nothing tells of: seconds if they are no whole numbers.

    Raises:
        HoldsError: if they are, as microseconds, nanoseconds and seconds can be.
    """
    if t.dtype.kind == "f" and len(t) and np.any(t != np.floor(t)):
        return "s"
    if not len(t):
        return "us"
    raise HoldsError(
        f"times {listed(t[:3].tolist())} that do not say their unit; unit=… does, one "
        f"of {listed(UNITS)}"
    )


def columns_of_events(
    t: np.ndarray, x: np.ndarray, y: np.ndarray, p: np.ndarray, unit: Unit
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Columns ``t``, ``x``, ``y`` and ``p`` of ``Recorded``.

    Args:
        t: times, numbers ``[n]``.
        x: columns of the sensor, ``[n]``.
        y: rows of the sensor, ``[n]``.
        p: polarities, ``[n]``.
        unit: of times.

    Raises:
        DamageError: for columns of unequal lengths.
        ValueError: naming the first event that is none.
    """
    lengths = {name: len(each) for name, each in zip("txyp", (t, x, y, p), strict=True)}
    if len({*lengths.values()}) > 1:
        told = ", ".join(f"{name} {n}" for name, n in lengths.items())
        raise DamageError(f"its columns have unequal lengths: {told}")
    return microseconds(t, unit), pixels(x, "x"), pixels(y, "y"), polarities(p)


def microseconds(t: np.ndarray, unit: Unit) -> np.ndarray:
    """Times in whole microseconds, int64.

    Args:
        t: numbers ``[n]``, whole or not.
        unit: what they count.

    Raises:
        ValueError: naming the first that is no time.
    """
    if t.dtype.kind == "f":
        with np.errstate(all="ignore"):
            times = np.rint(t.astype(np.float64) * _MICROSECONDS[unit])
        odd = ~(np.abs(times) < _LATEST)
    else:
        factor = max(round(_MICROSECONDS[unit]), 1)
        odd = (t > _LATEST // factor) | (t < -_LATEST // factor)
        times = np.where(odd, 0, t).astype(np.int64) * factor
        times = (times + 500) // 1000 if unit == "ns" else times
    if odd.any():
        k = int(np.argmax(odd))
        raise ValueError(f"event {k} has the time {t[k]} {unit}")
    return times.astype(np.int64)


def pixels(values: np.ndarray, name: str) -> np.ndarray:
    """Columns or rows, uint16.

    Raises:
        ValueError: naming the first that is none.
    """
    if values.dtype == np.uint16:
        return values
    with np.errstate(all="ignore"):
        stored = values.astype(np.uint16)
    odd = stored != values
    if odd.any():
        k = int(np.argmax(odd))
        raise ValueError(f"event {k} has {name} {values[k]}, no whole number from 0 on")
    return stored


def polarities(values: np.ndarray) -> np.ndarray:
    """Polarities, 1 where it became brighter and else 0, uint8.

    Raises:
        ValueError: unless they are 0 and 1, or -1 and 1.
    """
    brighter = values == 1
    darker = values == 0
    if not (brighter | darker).all() and not (brighter | (values == -1)).all():
        some = np.unique(values)
        raise ValueError(f"its polarities are {listed(some.tolist())}, not 0 and 1")
    return brighter.astype(np.uint8)
