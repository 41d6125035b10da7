"""One long recording becomes many of equal length."""

import warnings
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Literal, NamedTuple, overload

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
from snnjax.events.windows import not_before

Rest = Literal["keep", "drop", "error"]  # what to do with a window that is not full
_RESTS = ("keep", "drop", "error")
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
        start: where the first begins [s]; with the first event of a camera, where the
            span of neurons begins or else their first spike, at 0 in samples.
        stop: where the recording, or each sample, ends [s]; the end of the span of
            neurons, or else with the last event.
        rest: what to do with a last window that is not full because the end comes
            sooner: ``"keep"`` it as it is, ``"drop"`` it and warn of its events, or
            take it for an ``"error"``. Without ``stop``, that is nearly always so.

    Returns:
        Of ``Events``, samples: each becomes several, with its label, group and trial,
        one after the other. If its group is unknown, -1, its pieces are a new group of
        their own, so that parts by group do not tear a recording apart.

        Of a recording, a tuple of recordings. What was skipped in the file is that of
        the whole; ``zero`` moves along.

    Raises:
        ValueError: for events outside ``start … stop``; an ``every`` that is not
            positive, for a camera not a whole number of microseconds, or that would
            make more than a million pieces; a window that is not full, if told so.

    Warns:
        UserWarning: how many events were dropped with windows that are not full.
    """
    check.positive("every", every, " [s]")
    check.one("every", every)
    check.one_of("rest", rest, _RESTS)
    for name, bound in (("start", start), ("stop", stop)):
        if bound is not None:
            check.finite(name, bound)
            check.one(name, bound)
    if start is not None and stop is not None and stop < start:
        raise ValueError(f"stop must not come before start, {start} s, got {stop} s.")
    asked = _Asked(every, start, stop, rest)
    if isinstance(events, Recorded):
        return _of_camera(check_recorded(events), asked)
    if isinstance(events, RecordedSpikes):
        return _of_neurons(check_spikes(events), asked)
    check_events(events, values=True)
    return _of_samples(events, asked)


class _Asked(NamedTuple):
    every: float
    start: float | None
    stop: float | None
    rest: Rest


def _of_camera(recorded, asked):
    t = recorded.t
    width = microseconds("every", asked.every)
    if width < 1:
        raise ValueError(f"every must be 1e-6 s at least, got {asked.every} s.")
    if not len(t) and (asked.start is None or asked.stop is None):
        return ()
    first = int(t.min()) if asked.start is None else microseconds("start", asked.start)
    end = int(t.max()) + 1 if asked.stop is None else microseconds("stop", asked.stop)
    _check_inside((t < first) | (t >= end), asked)
    full, left = divmod(end - first, width)
    pieces = int(_pieces(np.array([full]), np.array([left > 0]), asked, _MOST)[0])
    columns = recorded[:4] if rising(t) else _in_order(recorded[:4], t)
    bounds = first + width * np.arange(pieces + 1)
    cuts = np.searchsorted(columns[0], bounds)
    _warn_of_dropped(len(t) - int(cuts[-1]), 1, left > 0, asked)
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
        within = not len(times) or times.max() < not_before(span[1])
        stop = span[1] if stop is None and within else stop
    if not len(times) and (start is None or stop is None):
        return ()
    start = float(times.min() if start is None else start)
    asked = asked._replace(start=start, stop=stop)
    end = float(times.max(initial=start) if stop is None else stop)
    _check_span(times, asked)
    full, left = _full(np.array([end]), start, asked)
    pieces = int(_pieces(full, left, asked, _MOST)[0])
    columns = times, recorded.units, recorded.population
    columns = columns if rising(times) else _in_order(columns, times)
    which = np.minimum(_number(columns[0], start, asked.every), (full + left)[0] - 1.0)
    cuts = np.searchsorted(which, np.arange(pieces + 1))
    _warn_of_dropped(len(times) - int(cuts[-1]), 1, left.any(), asked)
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
    _check_span(events.times, asked)
    counts = np.diff(events.offsets)
    end = np.full(len(counts), start if asked.stop is None else float(asked.stop))
    if asked.stop is None:
        end[counts > 0] = events.times[events.offsets[1:][counts > 0] - 1]
    full, left = _full(end, start, asked)
    pieces = _pieces(full, left, asked, 16 * _MOST)
    sample = np.repeat(np.arange(len(counts)), counts)
    which = _number(events.times, start, asked.every)
    which = np.minimum(which, (full + left)[sample] - 1.0).astype(np.int64)
    kept = which < pieces[sample]
    gone = len(kept) - np.count_nonzero(kept)
    _warn_of_dropped(gone, np.count_nonzero(left), left.any(), asked)
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


def _number(t, start, every):
    """Which window each time lies in: the k-th begins at ``start + k·every``."""
    with np.errstate(over="ignore"):
        k = np.floor((t - start) / every)
    if not np.isfinite(k).all():
        raise ValueError(f"every={every} s is too short for these times.")
    k += t >= not_before(start + (k + 1.0) * every)
    k -= t < not_before(start + k * every)
    return k


def _full(end, start, asked):
    """How many windows are full, and whether another one is begun: of each sample."""
    full = np.maximum(_number(end, start, asked.every), 0.0)
    if asked.stop is None:  # nobody knows what came after the last event
        return full, np.ones(len(end), bool)
    return full, start + full * asked.every < not_before(end)


def _pieces(full, left, asked, most):
    """How many pieces there are to be of each sample, [N]."""
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


def _check_span(times, asked):
    late = False if asked.stop is None else times >= not_before(asked.stop)
    _check_inside((times < not_before(asked.start)) | late, asked)


def _check_inside(outside, asked):
    if np.any(outside):
        raise ValueError(
            f"{np.count_nonzero(outside)} of {len(outside)} events lie before start="
            f"{asked.start} s, or not before stop={asked.stop} s. Choose them first, "
            "with window(events, start, stop)."
        )


def _warn_of_dropped(count, windows, left, asked):
    if left and asked.rest == "drop":
        warnings.warn(
            f"Dropped {count} events, of {windows} windows that are not full.",
            stacklevel=4,
        )


def _in_order(columns, t):
    order = np.argsort(t, kind="stable")
    return tuple(column[order] for column in columns)


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
