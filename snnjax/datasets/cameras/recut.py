"""Pieces of a recording cut anew: of as many events each, or of equal times."""

from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np

from snnjax.datasets.cameras.event_pieces import add_counts
from snnjax.datasets.guard.checked import DataError
from snnjax.events import Recorded

_LATE = 10_000  # µs that an event may come behind later ones
_SILENT = 2**20  # pieces without events, one behind the other
_NEVER = 2**63 - 1  # later than all events


def by_count(pieces: Iterable[Recorded], n: int) -> Iterator[Recorded]:
    """Pieces of ``n`` events each, the last one of what is left.

    Args:
        pieces: one at least.
        n: of events.
    """
    held = _Held()
    given = False
    for piece in pieces:
        held.add(piece)
        if held.n < n:
            continue
        whole = held.taken()
        cuts = range(0, len(whole.t) + 1, n)
        for a, b in pairwise(cuts):
            yield held.counted(_rows(whole, slice(a, b)))
        held.add(_rows(whole, slice(cuts[-1], None)))
        given = True
    if held.n or held.skipped or not given:
        yield held.counted(held.taken())


def by_time(
    pieces: Iterable[Recorded], width: int, start: int | None, path: str | Path
) -> Iterator[Recorded]:
    """Pieces of equal times, from ``start`` on.

    Args:
        pieces: one at least.
        width: of a time [µs].
        start: of the first [µs]; that of the first event if omitted.
        path: of the file, for messages.

    Raises:
        DataError: for an event before the first piece or far behind later ones, and for
            a silence of very many pieces.
    """
    held, first, begin, latest = _Held(), 0, start, start
    for piece in pieces:
        held.add(piece)
        if not len(piece.t):
            continue
        latest = _checked(piece.t, begin, latest, width, path)
        since = held.earliest if begin is None else begin
        if latest - since < width + _LATE:
            continue
        whole = held.taken()
        begin = since
        done = (latest - _LATE - begin) // width
        yield from _windows(whole, begin, width, done, held)
        first, begin = first + done, begin + done * width
        held.add(_rows(whole, whole.t >= begin))
    if held.n and latest is not None:
        begin = held.earliest if begin is None else begin
        last = (latest - begin) // width + 1
        yield from _windows(held.taken(), begin, width, last, held)
    elif held.skipped or not first:
        yield held.counted(held.taken())


def _checked(t, begin, latest, width, path):
    """The latest time until now; refuses what is out of order, or far behind."""
    first = int(t[0]) if latest is None else latest
    high = np.maximum.accumulate(np.concatenate([[first], t]))
    late = t < high[:-1] - _LATE
    if late.any():
        k = int(np.argmax(late))
        raise DataError(
            f"{path}: an event at {t[k] / 1e6} s comes behind one at {high[k] / 1e6} s;"
            f" up to {_LATE / 1e6} s are put in order. events= in place of every= "
            "gives them as they come."
        )
    if begin is not None and (early := int(t.min())) < begin:
        raise DataError(
            f"{path}: an event lies at {early / 1e6} s, before start={begin / 1e6}; an "
            "earlier start= takes it in."
        )
    steps = np.diff(high)
    if steps.max() > _SILENT * width:
        k = int(np.argmax(steps))
        raise DataError(
            f"{path}: between {high[k] / 1e6} s and {high[k + 1] / 1e6} s nothing "
            f"happens for more than {_SILENT} times of {width / 1e6:g} s; a larger "
            "every= makes them fewer."
        )
    return int(high[-1])


class _Held:
    """Events and counts that wait to be given."""

    def __init__(self) -> None:
        self.parts: list[Recorded] = []
        self.skipped: dict[str, int] = {}
        self.n, self.earliest = 0, _NEVER

    def add(self, piece: Recorded) -> None:
        """Puts a piece behind the others."""
        self.parts.append(piece)
        self.n += len(piece.t)
        self.earliest = min(self.earliest, int(piece.t.min(initial=self.earliest)))
        add_counts(self.skipped, piece.skipped)

    def taken(self) -> Recorded:
        """All events, which do not wait any longer; counts still do."""
        columns = zip(*(part[:4] for part in self.parts), strict=True)
        t, x, y, p = (np.concatenate(column) for column in columns)
        last = self.parts[-1]
        self.parts, self.n, self.earliest = [], 0, _NEVER
        return last._replace(t=t, x=x, y=y, p=p, skipped={})

    def counted(self, piece: Recorded) -> Recorded:
        """The piece, with all counts that wait."""
        skipped, self.skipped = self.skipped, {}
        return piece._replace(skipped=skipped)


def _rows(whole, which):
    """Some events, as arrays of their own."""
    t, x, y, p = (column[which].copy() for column in whole[:4])
    return whole._replace(t=t, x=x, y=y, p=p)


def _windows(whole, begin, width, n, held):
    """Each of ``n`` times, events in their order."""
    number = (whole.t - begin) // width
    if (np.diff(number) < 0).any():
        order = np.argsort(number, kind="stable")
        number, whole = number[order], _rows(whole, order)
    for k in range(n):
        a, b = np.searchsorted(number, (k, k + 1))
        yield held.counted(_rows(whole, slice(a, b)))
