"""Pieces of a recording cut anew: of as many events each, or of equal times."""

from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np

from snnjax.datasets.formats.checked import DataError
from snnjax.datasets.formats.event_pieces import add_counts
from snnjax.events import Recorded

_LATE = 10_000  # µs that an event may come behind later ones
_SILENT = 2**20  # pieces without events, one behind the other


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
        DataError: for an event before the first piece, or before one that was given.
    """
    held, first, begin, latest = _Held(), 0, start, -(2**63)
    for piece in pieces:
        held.add(piece)
        latest = max(latest, int(piece.t.max(initial=latest)))
        since = held.earliest if begin is None else begin
        if not held.n or latest - since < width + _LATE:
            continue
        whole = held.taken()
        begin = int(whole.t.min()) if begin is None else begin
        _check_times(whole.t, begin, start, path)
        done = (latest - _LATE - begin) // width
        yield from _windows(whole, begin, width, done, held, path)
        first, begin = first + done, begin + done * width
        held.add(_rows(whole, whole.t >= begin))
    if held.n:
        whole = held.taken()
        begin = int(whole.t.min()) if begin is None else begin
        _check_times(whole.t, begin, start, path)
        last = (latest - begin) // width + 1
        yield from _windows(whole, begin, width, last, held, path)
    elif held.skipped or not first:
        yield held.counted(held.taken())


class _Held:
    """Events and counts that wait to be given."""

    def __init__(self) -> None:
        self.parts: list[Recorded] = []
        self.skipped: dict[str, int] = {}
        self.n, self.earliest = 0, 2**63

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
        self.parts, self.n, self.earliest = [], 0, 2**63
        return last._replace(t=t, x=x, y=y, p=p, skipped={})

    def counted(self, piece: Recorded) -> Recorded:
        """The piece, with all counts that wait."""
        skipped, self.skipped = self.skipped, {}
        return piece._replace(skipped=skipped)


def _rows(whole, which):
    """Some events, as arrays of their own."""
    t, x, y, p = (column[which].copy() for column in whole[:4])
    return whole._replace(t=t, x=x, y=y, p=p)


def _windows(whole, begin, width, n, held, path):
    """Each of ``n`` times, events in their order."""
    number = (whole.t - begin) // width
    if (np.diff(number) < 0).any():
        order = np.argsort(number, kind="stable")
        number, whole = number[order], _rows(whole, order)
    filled = np.unique(number[number < n])
    gaps = np.diff(filled, prepend=-1, append=n)
    if gaps.max(initial=0) > _SILENT:
        raise DataError(
            f"{path}: there are no events for {gaps.max() - 1} times of "
            f"{width / 1e6:g} s one behind the other; a larger every= makes them fewer."
        )
    for k in range(n):
        a, b = np.searchsorted(number, (k, k + 1))
        yield held.counted(_rows(whole, slice(a, b)))


def _check_times(t, begin, start, path):
    """Refuses events of a time that was given already, or before the first."""
    earliest = int(t.min())
    if earliest >= begin:
        return
    if begin == start:
        raise DataError(
            f"{path}: an event lies at {earliest / 1e6} s, before start="
            f"{start / 1e6}; an earlier start= takes it in."
        )
    raise DataError(
        f"{path}: an event at {earliest / 1e6} s comes more than {_LATE / 1e6} s "
        "behind later ones; events= in place of every= gives events as they come."
    )
