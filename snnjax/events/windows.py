"""What happened in a window of time."""

import warnings
from typing import TypeVar

import numpy as np

from snnjax import check
from snnjax.events.checked_recordings import (
    check_recorded,
    check_spikes,
    microseconds,
    rising,
)
from snnjax.events.columns import Events, check_events
from snnjax.events.recorded import Recorded, RecordedSpikes
from snnjax.events.rounding import not_before

Kind = TypeVar("Kind", Events, Recorded, RecordedSpikes)


def window(events: Kind, start: float, stop: float | None = None) -> Kind:
    """Keeps what happened from ``start`` on, and before ``stop``.

    Times stay what they are. Those of a camera are whole microseconds, and compared as
    such; of other times, one that rounding has put just before a bound counts as at it.

    Args:
        events: samples, or a recording of a camera or of neurons, in any order of time.
        start: of the window [s]; an event at it is kept.
        stop: end of the window [s]; an event at it is left out. Omitted: there is none.

    Returns:
        The same with fewer events; samples and recordings may be silent.

    Raises:
        ValueError: if ``stop`` is not after ``start``, or one of them is no whole
            number of microseconds and the recording is of a camera.

    Warns:
        UserWarning: if all of a recording lies outside, with its range.

    Example:
        >>> times, units = [[1e-3, 3e-3, 5e-3]], [[0, 1, 2]]
        >>> events = snn.events.from_rows(times, units, [0], n_units=3)
        >>> snn.events.window(events, 2e-3, 5e-3).times.tolist()
        [0.003]
    """
    for name, bound in (("start", start), ("stop", stop)):
        if bound is not None or name == "start":
            check.finite(name, bound)
            check.one(name, bound)
    if stop is not None and stop <= start:
        raise ValueError(f"stop must come after start, {start} s, got {stop} s.")
    if isinstance(events, Recorded):
        found = _of_camera(check_recorded(events), start, stop)
        _tell_range(events.t * 1e-6, found.t, None, start, stop)
        return found
    if isinstance(events, RecordedSpikes):
        spikes = _of_neurons(check_spikes(events), start, stop)
        _tell_range(events.times, spikes.times, events.span, start, stop)
        return spikes
    check_events(events, values=True)
    kept = _inside(events.times, start, stop)
    offsets = np.concatenate([[0], np.cumsum(kept)])[events.offsets]
    times, units = events.times[kept], events.units[kept]
    return events._replace(times=times, units=units, offsets=offsets)


def _tell_range(times, kept, span, start, stop):
    """Warns of a window that lies before or behind a whole recording."""
    if not len(times) or len(kept):
        return
    first, last = span or (times.min(), times.max())
    if start > last or (stop is not None and stop <= first):
        end = "the end" if stop is None else f"{stop} s"
        warnings.warn(
            f"The window of {start} s to {end} lies outside the recording, whose "
            f"events are at {first:.10g} s to {last:.10g} s of its own clock.",
            stacklevel=3,
        )


def _of_camera(recorded, start, stop):
    first = microseconds("start", start)
    end = None if stop is None else microseconds("stop", stop)
    t = recorded.t
    kept: slice | np.ndarray
    if rising(t):
        a = np.searchsorted(t, first)
        kept = slice(a, None if end is None else np.searchsorted(t, end))
    else:
        kept = (t >= first) & (True if end is None else t < end)
    t, x, y, p = (column[kept] for column in recorded[:4])
    return recorded._replace(t=t, x=x, y=y, p=p)


def _of_neurons(recorded, start, stop):
    kept = _inside(recorded.times, start, stop)
    span = recorded.span
    if span is not None:
        first, end = span
        first = min(max(first, start), end)
        span = first, max(end if stop is None else min(end, stop), first)
    return recorded._replace(
        times=recorded.times[kept],
        units=recorded.units[kept],
        population=recorded.population[kept],
        span=span,
    )


def _inside(times, start, stop):
    kept = times >= not_before(start, times)
    return kept if stop is None else kept & (times < not_before(stop, times))
