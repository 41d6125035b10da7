"""EVT 3.0, what newer cameras of Prophesee send: words of 16 bits with a state.

Four bits say what a word is, the other twelve hold

    0    row y 0-10, of the events that follow
    2    an event at x 0-10, polarity 11
    3    begin of a vector: x 0-10, polarity 11
    4, 5 a mask of 12 or 8 pixels from there, and the begin moves on by as many
    6, 8 the lower and the upper 12 bits of the time [µs]

and each holds until the next of its kind; masks come in any order. An upper part of the
time sets the lower to zero; a lower one may step back, and is kept so. Times run over
after 2²⁴ µs, which is undone. Events before the first time, row or begin of a vector
are left out. (https://docs.prophesee.ai/stable/data/encoding_formats/evt3.html)
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from snnjax.datasets.formats.checked import HoldsError, Reading, content, reading
from snnjax.datasets.formats.on_sensor import on_sensor
from snnjax.datasets.formats.prophesee_header import (
    check_kind,
    read_header,
    sensor_size,
)
from snnjax.datasets.formats.prophesee_words import (
    EVENT_BYTES,
    Piece,
    bits_set,
    count_others,
    held,
    joined,
    kept,
    turned,
)
from snnjax.events import Outside, Recorded

_WORDS = 2**15  # that are read at once
_WORD_BYTES = 2**10  # of memory for each of these, of 12 events at most
_MOST = (2048, 2048)  # height and width that the words have bits for
_ROW, _EVENT, _BEGIN, _TWELVE, _EIGHT, _LOW, _HIGH = 0, 2, 3, 4, 5, 6, 8
_KNOWN = {_ROW, _EVENT, _BEGIN, _TWELVE, _EIGHT, _LOW, _HIGH}
_FAR = 2**15  # no pixel is there; no vector leads back from it
_STEPS, _BITS = np.zeros(16, np.int64), np.zeros(16, np.uint16)  # by the kind of word
_STEPS[[_TWELVE, _EIGHT]] = 12, 8  # by how much it moves the begin of the next mask
_BITS[[_TWELVE, _EIGHT]] = 4095, 255  # which of its value are pixels
_UNKNOWN = "events before the first time, row or begin of a vector"


class _State(NamedTuple):
    """What the words before have said; -1 where they have not."""

    high: int = -1  # upper part of the time, of a clock that never runs over
    time: int = -1  # [µs]
    row: int = -1
    begin: int = -1  # x of the next mask
    brighter: int = 0  # polarity of the next mask


def read_prophesee_evt3(
    path: str | Path, *, limit: int | None = None, outside: Outside = "error"
) -> Recorded:
    """Reads one recording in EVT 3.0.

    Args:
        path: of the ``.raw`` file.
        limit: most bytes of memory that reading it may take; 128 MiB and 200 times the
            file's size if omitted.
        outside: what to do with events outside the sensor; ``"drop"`` warns how many.

    Returns:
        Its events. Triggers, words of a vendor, and events before the first time, row
        or begin of a vector are counted in ``skipped``.

    Raises:
        FileNotFoundError: if there is no such file.
        DataError: naming the file and what is wrong with it.
    """
    with reading(path, "an EVT 3 recording of Prophesee", limit) as file:
        raw = content(file)
        header = read_header(raw)
        kind = check_kind(header, "EVT 3")
        if header.one("endianness").lower() not in ("", "little"):
            raise HoldsError(f"EVT 3 of endianness {header.one('endianness')[:20]!r}")
        n, rest = divmod(len(raw) - header.begin, 2)
        words = np.frombuffer(raw, "<u2", n, header.begin)
        file.take(min(_WORDS, n) * _WORD_BYTES, "its words")
        skipped = {"bytes at the end": rest} if rest else {}
        recorded = joined(
            _pieces(words, file, skipped),
            *(sensor_size(header, _MOST), "top left", kind, skipped),
        )
        return on_sensor(recorded, _MOST, outside)


def _pieces(words, file: Reading, skipped) -> Iterator[Piece]:
    state = _State()
    for k in range(0, len(words), _WORDS):
        some = words[k : k + _WORDS]
        kind, value = (some >> 12).astype(np.uint8), some & 4095
        count_others(skipped, kind, _KNOWN)
        piece, mask, state = _decoded(kind, value, state)
        n = int(np.bitwise_count(mask).sum(dtype=np.int64))
        file.take(n * EVENT_BYTES, "its events")
        word, bit = bits_set(mask)
        t, x, y, p = (column[word] for column in piece)
        known = (t >= 0) & (x >= 0) & (y >= 0)
        yield kept(skipped, Piece(t, x + bit, y, p), known, _UNKNOWN)


def _decoded(kind, value, state):
    """What each word says of its events, which of its bits are some, what is left."""
    high, time = _times(kind, value, state)
    row = _rows(kind, value, state)
    begin, brighter, after = _begins(kind, value, state)
    new = _State(high, int(time[-1]), int(row[-1]), after, int(brighter[-1]))
    single = kind == _EVENT
    x = np.where(single, value & 2047, begin)
    p = np.where(single, value >> 11, brighter)
    mask = np.where(single, np.uint16(1), value & _BITS[kind])
    return Piece(time, x, row, p), mask, new


def _times(kind, value, state):
    """The last upper part of the time, and the time at each word."""
    at = np.flatnonzero((kind == _HIGH) | (kind == _LOW))
    upper = kind[at] == _HIGH
    highs = turned(value[at[upper]], 12, state.high)
    high = held(state.high, np.flatnonzero(upper), highs, len(at))
    low = np.where(upper, 0, value[at])
    times = np.where(high < 0, -1, (high << 12) + low)
    last = int(highs[-1]) if len(highs) else state.high
    return last, held(state.time, at, times, len(kind))


def _rows(kind, value, state):
    at = np.flatnonzero(kind == _ROW)
    return held(state.row, at, (value[at] & 2047).astype(np.int16), len(kind))


def _begins(kind, value, state):
    """Where each mask begins and its polarity, and where the next one does."""
    n = len(kind)
    moves = np.zeros(n + 1, np.int64)  # of all masks before each word
    np.cumsum(_STEPS[kind], out=moves[1:])
    at = np.flatnonzero(kind == _BEGIN)
    zero = held(state.begin, at, (value[at] & 2047) - moves[at], n)
    known = held(int(state.begin >= 0), at, np.ones(len(at), np.uint8), n)
    begin = np.where(known, np.minimum(zero + moves[:-1], _FAR), -1)
    after = min(int(zero[-1] + moves[-1]), _FAR) if known[-1] else -1
    return begin, held(state.brighter, at, value[at] >> 11, n), after
