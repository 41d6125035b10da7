"""What words of EVT 3.0 say: events, with a time, a row and the begin of a vector.

Each holds until the next of its kind; nothing is read word by word.
"""

from typing import NamedTuple

import numpy as np

from snnjax.datasets.cameras.prophesee_words import (
    Piece,
    bits_set,
    count_others,
    held,
    kept,
    turned,
)

SIDE = 2048  # columns and rows that words have bits for
ROW, EVENT, BEGIN, TWELVE, EIGHT, LOW, HIGH = 0, 2, 3, 4, 5, 6, 8
KNOWN = {ROW, EVENT, BEGIN, TWELVE, EIGHT, LOW, HIGH}
FAR = 2**15  # no pixel is there; no vector leads back from it
_UNSEEN = 2**16 - 2**5  # begin of a vector that was not said
STEPS, BITS = np.zeros(16, np.int64), np.zeros(16, np.uint16)  # by the kind of word
STEPS[[TWELVE, EIGHT]] = 12, 8  # by how much it moves the begin of the next mask
BITS[[TWELVE, EIGHT]] = 4095, 255  # which of its value are pixels
_UNKNOWN = "events before the first time, row or begin of a vector"


class State(NamedTuple):
    """What the words before have said; -1 where they have not."""

    high: int = -1  # upper part of the time, of a clock that never runs over
    time: int = -1  # [µs]
    row: int = -1
    begin: int = -1  # x of the next mask
    brighter: int = 0  # polarity of the next mask


def kinds_of(words: np.ndarray) -> np.ndarray:
    """The upper four bits of each word."""
    return (words >> 12).astype(np.uint8)


def decoded(
    words: np.ndarray, state: State, skipped: dict[str, int]
) -> tuple[Piece, State]:
    """Events of some words, and what holds behind them.

    Args:
        words: the words.
        state: what those before have said.
        skipped: counts of what is left out, which grow.
    """
    kind = kinds_of(words)
    count_others(skipped, kind, KNOWN)
    single, masks = kind == EVENT, (kind == TWELVE) | (kind == EIGHT)
    vectors = masks.any()
    event = single | masks if vectors else single
    at = np.flatnonzero(event)
    number = np.cumsum(event, dtype=np.int32)  # of the event behind each word
    high, ticks, times = _times(words, kind, state)
    time = _held(state.time, ticks, times, number, len(at))
    rows = np.flatnonzero(kind == ROW)
    row = _held(state.row, rows, (words[rows] & 2047).astype(np.int16), number, len(at))
    word = words[at]
    x, p = word & 2047, (word >> 11 & 1).astype(np.uint8)
    known = state.time >= 0 and state.row >= 0
    after, brighter = state.begin, state.brighter
    if vectors or (kind == BEGIN).any():
        begins = _begins(words, kind, masks, state)
        after, brighter = begins[2:]
    if vectors:
        known &= state.begin >= 0
        time, x, row, p = _spread(word, kind[at], Piece(time, x, row, p), *begins[:2])
    last = int(times[-1]) if len(times) else state.time
    below = int(words[rows[-1]] & 2047) if len(rows) else state.row
    new = State(high, last, below, after, brighter)
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
    at = np.flatnonzero((kind == HIGH) | (kind == LOW))
    upper, value = kind[at] == HIGH, words[at] & 4095
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
    np.cumsum(STEPS[kind[which]], out=moves[1:])
    at = np.flatnonzero(kind == BEGIN)
    number = np.searchsorted(which, at)
    zero = held(state.begin, number, (words[at] & 2047) - moves[number], n)
    known = held(int(state.begin >= 0), number, np.ones(len(at), np.uint8), n)
    begin = np.where(known, np.minimum(zero + moves[:-1], FAR), _UNSEEN)
    brighter = held(state.brighter, number, words[at] >> 11 & 1, n)
    after, last = state.begin, state.brighter
    if len(at):
        after = int((words[at[-1]] & 2047) + moves[-1] - moves[number[-1]])
        last = int(words[at[-1]] >> 11 & 1)
    elif after >= 0:
        after += int(moves[-1])
    return begin, brighter, min(after, FAR), last


def _spread(word, kind, piece, begin, brighter):
    """An event for each bit of the masks, among single ones."""
    mask = kind != EVENT
    piece.x[mask], piece.p[mask] = begin, brighter
    bits = np.where(mask, word & BITS[kind], np.uint16(1))
    number, bit = bits_set(bits)
    t, x, y, p = (column[number] for column in piece)
    return t, x + bit.astype(np.uint16), y, p
