"""One long recording becomes many of equal length."""

from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, overload

import numpy as np

from snnjax import check
from snnjax.events.checked_recordings import (
    check_recorded,
    check_spikes,
    microseconds,
    rising,
)
from snnjax.events.columns import Events, check_events
from snnjax.events.equal_windows import (
    RESTS,
    Asked,
    Rest,
    check_inside,
    check_times,
    full_windows,
    number_of,
    pieces_of,
    warn_of_dropped,
)
from snnjax.events.recorded import Recorded, RecordedSpikes
from snnjax.events.rounding import not_before

_MOST = 2**20  # windows of a recording, and of samples 16 times as many


@overload
def slices(
    events: Events,
    *,
    every: float,
    start: float | None = None,
    stop: float | None = None,
    rest: Rest = "keep",
) -> Events: ...


@overload
def slices(
    events: Recorded,
    *,
    every: float,
    start: float | None = None,
    stop: float | None = None,
    rest: Rest = "keep",
) -> tuple[Recorded, ...]: ...


@overload
def slices(
    events: RecordedSpikes,
    *,
    every: float,
    start: float | None = None,
    stop: float | None = None,
    rest: Rest = "keep",
) -> tuple[RecordedSpikes, ...]: ...


def slices(
    events: Any,
    *,
    every: float,
    start: float | None = None,
    stop: float | None = None,
    rest: Rest = "keep",
) -> Any:
    """Cuts into windows of equal length, each of which counts time from its own 0.

    Event after event, those of ``start + k·every <= t < start + (k + 1)·every`` become
    piece k; each is in exactly one, and a silent piece is one too. Times of a camera
    are whole microseconds, and so are the bounds; of other times, one that rounding has
    put just before a bound counts as at it.

    Args:
        events: samples, or a recording of a camera or of neurons, in any order of time.
        every: length of a window [s].
        start: where the first begins [s]; if omitted, with the first event of a
            camera, where the span of neurons begins or else at 0 (with their first
            spike, if that comes before), at 0 in samples.
        stop: where the recording, or each sample, ends [s]; the end of the span of
            neurons, or else with the last event.
        rest: what to do with a last window that is not full because the end comes
            sooner: ``"keep"`` it as it is, ``"drop"`` it and warn of its events, or
            take it for an ``"error"``. Without ``stop``, that is nearly always so.

    Returns:
        Of ``Events``, samples: each becomes several, with its label, group and trial,
        one after the other. If its group is unknown, -1, its pieces are a new group of
        their own, so that parts by group do not tear a recording apart.

        Of a recording, a tuple of recordings, each in the order of the file. What was
        skipped there is that of the whole; ``zero`` moves along, if it is a date.

    Raises:
        ValueError: for events outside ``start … stop``; an ``every`` that is not
            positive, for a camera not a whole number of microseconds, or that would
            make more than a million pieces; a window that is not full, if told so.

    Warns:
        UserWarning: how many events were dropped with windows that are not full.
    """
    check.positive("every", every, " [s]")
    check.one("every", every)
    check.one_of("rest", rest, RESTS)
    for name, bound in (("start", start), ("stop", stop)):
        if bound is not None:
            check.finite(name, bound)
            check.one(name, bound)
    if start is not None and stop is not None and stop < start:
        raise ValueError(f"stop must not come before start, {start} s, got {stop} s.")
    asked = Asked(every, start, stop, rest)
    if isinstance(events, Recorded):
        return _of_camera(check_recorded(events), asked)
    if isinstance(events, RecordedSpikes):
        return _of_neurons(check_spikes(events), asked)
    check_events(events, values=True)
    return _of_samples(events, asked)


def _of_camera(recorded, asked):
    t = recorded.t
    width = microseconds("every", asked.every)
    if width < 1:
        raise ValueError(f"every must be 1e-6 s at least, got {asked.every} s.")
    if not len(t) and (asked.start is None or asked.stop is None):
        return ()
    first = int(t.min()) if asked.start is None else microseconds("start", asked.start)
    end = int(t.max()) + 1 if asked.stop is None else microseconds("stop", asked.stop)
    check_inside((t < first) | (t >= end), asked)
    full, left = divmod(end - first, width)
    pieces = int(pieces_of(np.array([full]), np.array([left > 0]), asked, _MOST)[0])
    bounds, columns = first + width * np.arange(pieces + 1), recorded[:4]
    if rising(t):
        cuts = np.searchsorted(t, bounds)
    else:
        which = (t - first) // width
        columns, cuts = _in_order(columns, which), _cuts(np.sort(which), pieces)
    warn_of_dropped(len(t) - int(cuts[-1]), 1, left > 0, asked)
    made = []
    for bound, (a, b) in zip(bounds.tolist(), pairwise(cuts), strict=False):
        t, x, y, p = (column[a:b] for column in columns)
        zero = _later(recorded.zero, bound / 1e6)
        made.append(recorded._replace(t=t - bound, x=x, y=y, p=p, zero=zero))
    return tuple(made)


def _of_neurons(recorded, asked):
    times, span = recorded.times, recorded.span
    start, stop = asked.start, asked.stop
    if span is not None:  # a spike outside it is of the recording all the same
        start = min(span[0], times.min(initial=span[0])) if start is None else start
        within = not len(times) or times.max() < not_before(span[1], times.max())
        stop = span[1] if stop is None and within else stop
    if not len(times) and (start is None or stop is None):
        return ()
    start = float(times.min(initial=0.0) if start is None else start)
    asked = asked._replace(start=start, stop=stop)
    end = float(times.max(initial=start) if stop is None else stop)
    check_times(times, asked)
    full, left = full_windows(np.array([end]), start, asked)
    pieces = int(pieces_of(full, left, asked, _MOST)[0])
    columns = times, recorded.units, recorded.population
    which = np.minimum(number_of(times, start, asked.every), (full + left)[0] - 1.0)
    if not rising(which):
        columns, which = _in_order(columns, which), np.sort(which)
    cuts = _cuts(which, pieces)
    warn_of_dropped(len(times) - int(cuts[-1]), 1, left.any(), asked)
    made = []
    for k, (a, b) in enumerate(pairwise(cuts)):
        t, units, population = (column[a:b] for column in columns)
        bound = start + k * asked.every
        length = asked.every if k < full[0] else max(end - bound, 0.0)
        made.append(
            recorded._replace(
                times=np.maximum(t - bound, 0.0),
                units=units,
                population=population,
                span=(0.0, length),
                zero=_later(recorded.zero, bound),
            )
        )
    return tuple(made)


def _of_samples(events, asked):
    start = 0.0 if asked.start is None else float(asked.start)
    asked = asked._replace(start=start)
    check_times(events.times, asked)
    counts = np.diff(events.offsets)
    end = np.full(len(counts), start if asked.stop is None else float(asked.stop))
    if asked.stop is None:
        end[counts > 0] = events.times[events.offsets[1:][counts > 0] - 1]
    full, left = full_windows(end, start, asked)
    pieces = pieces_of(full, left, asked, 16 * _MOST)
    sample = np.repeat(np.arange(len(counts)), counts)
    which = number_of(events.times, start, asked.every)
    which = np.minimum(which, (full + left)[sample] - 1.0).astype(np.int64)
    kept = which < pieces[sample]
    gone = len(kept) - np.count_nonzero(kept)
    warn_of_dropped(gone, np.count_nonzero(left), left.any(), asked)
    before = np.cumsum(pieces) - pieces
    piece = (before[sample] + which)[kept]
    times = events.times[kept] - (start + which[kept] * asked.every)
    of = np.repeat(np.arange(len(counts)), pieces)
    lengths = np.bincount(piece, minlength=len(of))
    return events._replace(
        times=np.maximum(times, 0.0),
        units=events.units[kept],
        offsets=np.concatenate([[0], np.cumsum(lengths)]),
        labels=events.labels[of],
        group=_known(events.group)[of],
        trial=events.trial[of],
    )


def _in_order(columns, which):
    """Piece by piece, each in the order of the file."""
    order = np.argsort(which, kind="stable")
    return tuple(column[order] for column in columns)


def _cuts(which, pieces):
    return np.searchsorted(which, np.arange(pieces + 1))


def _known(group):
    """Unknown groups, -1, become new ones, each of one sample."""
    unknown = group < 0
    new = np.cumsum(unknown) + group.max(initial=-1)
    return np.where(unknown, new, group).astype(group.dtype)


def _later(zero: str | None, seconds: float) -> str | None:
    """The date so many seconds later; ``None`` if it is not known."""
    if zero is None:
        return None
    try:
        return (datetime.fromisoformat(zero) + timedelta(seconds=seconds)).isoformat()
    except (ValueError, OverflowError):
        return None
