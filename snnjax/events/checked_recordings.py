"""Recordings are checked before anything is done with them; times that are counted."""

from typing import Any, Literal, TypeAlias

import numpy as np

from snnjax import check
from snnjax.events.recorded import Recorded, RecordedSpikes

Start: TypeAlias = float | Literal["first"]  # [s], or where the first event is
ORIGINS = ("top left", "bottom left")
_MOST_TIME = 2**53  # [µs], 285 years: double precision holds it to the microsecond
_MOST_PIXELS = 2**16  # rows, and columns


def check_recorded(recorded: Any, *, sized: bool = False) -> Recorded:
    """Refuses what is no recording of a camera; columns become of the types of one.

    Args:
        recorded: what came.
        sized: whether the size of the sensor must be known.

    Raises:
        ValueError: naming the field that does not fit.
    """
    check.fields("recorded", recorded, *Recorded._fields)
    t, x, y, p = (_whole(name, getattr(recorded, name)) for name in "txyp")
    for name, column in (("x", x), ("y", y), ("p", p)):
        if len(column) != len(t):
            raise ValueError(
                f"{name} of recorded must have {len(t)} entries, as t has, got "
                f"{len(column)}."
            )
    check.one_of("origin", recorded.origin, ORIGINS)
    check.mapping("skipped", recorded.skipped)
    height, width = _size(recorded.size, sized)
    _within("t", t, -_MOST_TIME, _MOST_TIME, "as microseconds are")
    _within("x", x, 0, width - 1, f"size of recorded is {recorded.size}")
    _within("y", y, 0, height - 1, f"size of recorded is {recorded.size}")
    _within("p", p, 0, 1, "1 is brighter, 0 darker")
    return recorded._replace(
        t=t.astype(np.int64, copy=False),
        x=x.astype(np.uint16, copy=False),
        y=y.astype(np.uint16, copy=False),
        p=p.astype(np.uint8, copy=False),
    )


def check_spikes(recorded: Any) -> RecordedSpikes:
    """Refuses what is no recording of neurons; columns become of the types of one.

    Raises:
        ValueError: naming the field that does not fit.
    """
    check.fields("recorded", recorded, *RecordedSpikes._fields)
    times = recorded.times
    if getattr(times, "dtype", np.dtype(object)).kind not in "iuf" or times.ndim != 1:
        raise ValueError(
            f"times of recorded must be numbers [n], got {check.told(times)}."
        )
    check.finite("times of recorded", times)
    units = _whole("units", recorded.units)
    population = _whole("population", recorded.population)
    for name, column in (("units", units), ("population", population)):
        if len(column) != len(times):
            raise ValueError(
                f"{name} of recorded must have {len(times)} entries, as times have, "
                f"got {len(column)}."
            )
    names = recorded.populations
    if not isinstance(names, tuple) or not names or len(set(names)) < len(names):
        raise ValueError(f"populations must be different names, got {names!r:.60}.")
    _within("population", population, 0, len(names) - 1, "numbers of populations")
    known = recorded.known
    if known is not None and len(known) != len(names):
        raise ValueError(
            f"known of recorded must have {len(names)} entries, as populations have, "
            f"got {len(known)}."
        )
    for each in known or ():
        _whole("known", each)
    _check_span(recorded.span)
    check.mapping("skipped", recorded.skipped)
    return recorded._replace(
        times=times.astype(np.float64, copy=False),
        units=units.astype(np.int64, copy=False),
        population=population.astype(np.int64, copy=False),
    )


def microseconds(name: str, seconds: float) -> int:
    """Seconds as whole microseconds, of which times of a camera are.

    Raises:
        ValueError: for a time that lies between two of them, by more than rounding.
    """
    check.finite(name, seconds)
    check.one(name, seconds)
    scaled = 1e6 * float(seconds)
    if abs(scaled) > _MOST_TIME:
        raise ValueError(
            f"{name} must lie within ±{_MOST_TIME / 1e6:.0f} s, got {seconds}."
        )
    whole = round(scaled)
    if abs(scaled - whole) > max(1e-6, 4.0 * np.spacing(abs(scaled))):
        raise ValueError(
            f"{name} must be a whole number of microseconds, as times of a camera are, "
            f"got {seconds} s; {whole / 1e6} s is."
        )
    return whole


def begins(name: str, start: Start, t: np.ndarray) -> int:
    """When a recording begins [µs]: with its first event, or as is said.

    Raises:
        ValueError: for another word, or a time between two microseconds.
    """
    if isinstance(start, str):
        check.one_of(name, start, ("first",))
        return int(t.min()) if len(t) else 0
    return microseconds(name, start)


def rising(t: np.ndarray) -> bool:
    """Whether no event comes before the one ahead of it, as files do not promise."""
    return bool((t[1:] >= t[:-1]).all())


def left_out(recorded: Recorded, kept: np.ndarray, why: str) -> Recorded:
    """The events of a mask ``[n]``; how many others there were is counted."""
    gone = len(kept) - int(np.count_nonzero(kept))
    counted = {**recorded.skipped, why: recorded.skipped.get(why, 0) + gone}
    t, x, y, p = (column[kept] for column in recorded[:4])
    return recorded._replace(t=t, x=x, y=y, p=p, skipped=counted)


def _whole(name, column):
    kind = getattr(getattr(column, "dtype", None), "kind", "")
    if kind not in ("i", "u") or column.ndim != 1:
        raise ValueError(
            f"{name} of recorded must be whole numbers [n], got {check.told(column)}."
        )
    return np.asarray(column)


def _within(name, column, least, most, why):
    if len(column) and (column.min() < least or column.max() > most):
        raise ValueError(
            f"{name} of recorded must lie in {least} … {most}, {why}; it lies in "
            f"{column.min()} … {column.max()}."
        )


def _size(size, sized):
    """Height and width; the largest there are if they are not told."""
    if size is None and sized:
        raise ValueError(
            "size of recorded is not known; say which sensor it was with "
            "recorded._replace(size=(height, width))."
        )
    if size is None:
        return _MOST_PIXELS, _MOST_PIXELS
    if not isinstance(size, tuple) or len(size) != 2:
        raise ValueError(f"size of recorded must be (height, width), got {size!r:.60}.")
    for each in size:
        check.whole("size of recorded", each, most=_MOST_PIXELS)
    return size


def _check_span(span):
    if span is None:
        return
    if not isinstance(span, tuple) or len(span) != 2:
        raise ValueError(f"span of recorded must be (start, stop), got {span!r:.60}.")
    for each in span:
        check.finite("span of recorded", each)
        check.one("span of recorded", each)
    if span[0] > span[1]:
        raise ValueError(f"span of recorded must be (start, stop), got {span}.")
