"""Recordings whose events come one piece after another, and how they are put together.

Each format has one decoder, which makes pieces of the bytes that it is given. Reading a
file as a whole puts the pieces together; streaming gives them away.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from snnjax import check
from snnjax.datasets.cameras.byte_stream import PIECE, ByteStream
from snnjax.datasets.cameras.on_sensor import lies_on, on_sensor
from snnjax.events import Outside, Recorded
from snnjax.events.columns import OUTSIDE

EVENT_BYTES = 2 * 14  # of memory for each event, as pieces and put together


class Pieces(NamedTuple):
    """What a decoder makes of a file; its header has been read already."""

    pieces: Iterator[Recorded]  # one at least; each counts what itself leaves out
    most: tuple[int, int]  # height and width that the format has bits for
    expected: int = 0  # events that there is room for at first


def room(n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Columns t, x, y and p for so many events."""
    return (
        *(np.empty(n, np.int64), np.empty(n, np.uint16), np.empty(n, np.uint16)),
        np.empty(n, np.uint8),
    )


def at_once(stream: ByteStream, each: int, what: str) -> None:
    """Takes memory for what a decoder works on, so many bytes for each of a piece."""
    n = PIECE if stream.size is None else min(PIECE, stream.size)
    stream.file.take(n * each, what)


def whole(found: Pieces, stream: ByteStream, outside: Outside) -> Recorded:
    """All events of a recording.

    Args:
        found: by its decoder.
        stream: that it reads from, whose allowance pays.
        outside: what to do with events outside the sensor.
    """
    check.one_of("outside", outside, OUTSIDE)
    columns, n, inside = room(found.expected), 0, True
    counts: dict[str, int] = {}
    recorded: Recorded | None = None
    for recorded in found.pieces:
        end = n + len(recorded.t)
        stream.file.take((end - n) * EVENT_BYTES, "its events")
        for column, part in zip(columns, recorded[:4], strict=True):
            if end > len(column):
                column.resize(max(end, len(column) * 3 // 2), refcheck=False)
            column[n:end] = part
        n, inside = end, inside and lies_on(recorded, found.most)
        add_counts(counts, recorded.skipped)
    if recorded is None:
        raise AssertionError("a decoder gives one piece at least")
    for column in columns:
        column.resize(n, refcheck=False)
    t, x, y, p = columns
    joined = recorded._replace(t=t, x=x, y=y, p=p, skipped=counts)
    return joined if inside else on_sensor(joined, found.most, outside)


def add_counts(counts: dict[str, int], more) -> None:
    """Adds what one piece left out to what others did."""
    for name, n in more.items():
        counts[name] = counts.get(name, 0) + n
