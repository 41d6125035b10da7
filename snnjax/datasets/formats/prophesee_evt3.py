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

from snnjax.datasets.formats.byte_stream import ByteStream, opened
from snnjax.datasets.formats.checked import HoldsError, reading
from snnjax.datasets.formats.event_pieces import Pieces, at_once, room, whole
from snnjax.datasets.formats.prophesee_header import (
    check_kind,
    read_header,
    sensor_size,
)
from snnjax.datasets.formats.prophesee_words import (
    Piece,
    bits_set,
    count_others,
    held,
    kept,
    turned,
)
from snnjax.events import Outside, Recorded

_WORK = 64  # bytes of memory for each that is worked on at once
_SHARE = 4  # of them, since a word of a vector may be 12 events
_MOST = (2048, 2048)  # height and width that the words have bits for
_ROW, _EVENT, _BEGIN, _TWELVE, _EIGHT, _LOW, _HIGH = 0, 2, 3, 4, 5, 6, 8
_KNOWN = {_ROW, _EVENT, _BEGIN, _TWELVE, _EIGHT, _LOW, _HIGH}
_FAR = 2**15  # no pixel is there; no vector leads back from it
_UNSEEN = 2**16 - 2**5  # begin of a vector that was not said
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
    with (
        reading(path, "an EVT 3 recording of Prophesee", limit) as file,
        opened(file) as stream,
    ):
        return whole(decode_evt3(stream), stream, outside)


def decode_evt3(stream: ByteStream) -> Pieces:
    """Reads the header, and events as they are asked for."""
    header = read_header(stream.begin())
    kind = check_kind(header, "EVT 3")
    if header.one("endianness").lower() not in ("", "little"):
        raise HoldsError(f"EVT 3 of endianness {header.one('endianness')[:20]!r}")
    stream.skip(header.begin)
    none = Recorded(*room(0), sensor_size(header, _MOST), "top left", kind)
    at_once(stream, _WORK, "its words")
    return Pieces(_pieces(stream, none), _MOST, (stream.size or 0) // 6)


def _pieces(stream, none) -> Iterator[Recorded]:
    yield none
    state = _State()
    for raw in stream.pieces(2, _SHARE):
        n, rest = divmod(len(raw), 2)
        skipped = {"bytes at the end": rest} if rest else {}
        piece, state = _decoded(np.frombuffer(raw, "<u2", n), state, skipped)
        yield none._replace(**piece._asdict(), skipped=skipped)


def _decoded(words, state, skipped):
    """Events of some words, and what holds behind them."""
    kind = (words >> 12).astype(np.uint8)
    count_others(skipped, kind, _KNOWN)
    single, masks = kind == _EVENT, (kind == _TWELVE) | (kind == _EIGHT)
    vectors = masks.any()
    event = single | masks if vectors else single
    at = np.flatnonzero(event)
    number = np.cumsum(event, dtype=np.int32)  # of the event behind each word
    high, ticks, times = _times(words, kind, state)
    time = _held(state.time, ticks, times, number, len(at))
    rows = np.flatnonzero(kind == _ROW)
    row = _held(state.row, rows, (words[rows] & 2047).astype(np.int16), number, len(at))
    word = words[at]
    x, p = word & 2047, (word >> 11 & 1).astype(np.uint8)
    known = state.time >= 0 and state.row >= 0
    after, brighter = state.begin, state.brighter
    if vectors or (kind == _BEGIN).any():
        begins = _begins(words, kind, masks, state)
        after, brighter = begins[2:]
    if vectors:
        known &= state.begin >= 0
        time, x, row, p = _spread(word, kind[at], Piece(time, x, row, p), *begins[:2])
    last = int(times[-1]) if len(times) else state.time
    below = int(words[rows[-1]] & 2047) if len(rows) else state.row
    new = _State(high, last, below, after, brighter)
    piece = Piece(time, x, row, p)
    if not known:
        fits = (time >= 0) & (row >= 0) & (x < _UNSEEN)
        piece = kept(skipped, piece, fits, _UNKNOWN)
    return piece._replace(y=piece.y.view(np.uint16)), new


def _held(before, at, values, number, n):
    """What holds at each event, if values begin to hold at some words."""
    bounds = number[at]
    all_values = np.concatenate([np.array([before], values.dtype), values])
    return np.repeat(all_values, np.diff(bounds, prepend=0, append=n))


def _times(words, kind, state):
    """The last upper part of the time, and where which time begins to hold."""
    at = np.flatnonzero((kind == _HIGH) | (kind == _LOW))
    upper, value = kind[at] == _HIGH, words[at] & 4095
    highs = turned(value[upper], 12, state.high)
    high = held(state.high, np.flatnonzero(upper), highs, len(at))
    times = (high << 12) + np.where(upper, 0, value)
    if state.high < 0:
        times[high < 0] = -1
    return int(highs[-1]) if len(highs) else state.high, at, times


def _begins(words, kind, masks, state):
    """Where each mask begins and its polarity, and where the next one does."""
    which = np.flatnonzero(masks)
    n = len(which)
    moves = np.zeros(n + 1, np.int64)  # of all masks before each
    np.cumsum(_STEPS[kind[which]], out=moves[1:])
    at = np.flatnonzero(kind == _BEGIN)
    number = np.searchsorted(which, at)
    zero = held(state.begin, number, (words[at] & 2047) - moves[number], n)
    known = held(int(state.begin >= 0), number, np.ones(len(at), np.uint8), n)
    begin = np.where(known, np.minimum(zero + moves[:-1], _FAR), _UNSEEN)
    brighter = held(state.brighter, number, words[at] >> 11 & 1, n)
    after, last = state.begin, state.brighter
    if len(at):
        after = int((words[at[-1]] & 2047) + moves[-1] - moves[number[-1]])
        last = int(words[at[-1]] >> 11 & 1)
    elif after >= 0:
        after += int(moves[-1])
    return begin, brighter, min(after, _FAR), last


def _spread(word, kind, piece, begin, brighter):
    """An event for each bit of the masks, among single ones."""
    mask = kind != _EVENT
    piece.x[mask], piece.p[mask] = begin, brighter
    bits = np.where(mask, word & _BITS[kind], np.uint16(1))
    number, bit = bits_set(bits)
    t, x, y, p = (column[number] for column in piece)
    return t, x + bit.astype(np.uint16), y, p
