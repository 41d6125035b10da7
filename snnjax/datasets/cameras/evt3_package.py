"""EVT 3.0 decoded by the package ``evt3``, where that says the same as we do.

The package leaves out without a word what it does not know. So events of each piece of
words are counted here as well, and a piece whose number differs is decoded by our own
means. So are pieces before the first time, row or begin of a vector, and all that
follows a step of the clock that the package reads otherwise: back, by half of its
range, or far over its end.
"""

from importlib import import_module
from typing import Any

import numpy as np

from snnjax.datasets.cameras import evt3_words
from snnjax.datasets.cameras.evt3_words import (
    BEGIN,
    BITS,
    EIGHT,
    EVENT,
    FAR,
    HIGH,
    KNOWN,
    LOW,
    ROW,
    SIDE,
    STEPS,
    TWELVE,
    State,
)
from snnjax.datasets.cameras.prophesee_words import Piece, count_others, turned

_TURN, _NEAR = 4096, 8  # upper parts of the time; how far over its end they may go


class Evt3Package:
    """A decoder of the package, which follows the words of a file from the first on.

    Raises:
        ImportError: if it is not installed, saying how to do so.
    """

    def __init__(self) -> None:
        try:
            package: Any = import_module("evt3")
        except ImportError as error:
            raise ImportError(
                "decoder='evt3' needs the package evt3: pip install 'snnjax[evt3]'; "
                "decoder='numpy' needs none."
            ) from error
        self._decoder = package.Decoder(SIDE, SIDE)
        self._agrees = True
        self._timed = self._in_row = self._begun = False  # one after the other

    def decoded(
        self, words: np.ndarray, state: State, skipped: dict[str, int]
    ) -> tuple[Piece, State]:
        """Events of some words, and what holds behind them, as ``evt3_words`` has it.

        Args:
            words: the words.
            state: what those before have said.
            skipped: counts of what is left out, which grow.
        """
        kind = evt3_words.kinds_of(words)
        self._agrees = self._agrees and _rises(words, kind, state.high)
        if not self._agrees:
            return evt3_words.decoded(words, state, skipped)
        found = self._decoder.feed(words.tobytes())
        masks = np.flatnonzero((kind == TWELVE) | (kind == EIGHT))
        known = self._timed and self._in_row and (self._begun or not len(masks))
        self._begun |= self._in_row and bool((kind == BEGIN).any())
        self._in_row |= self._timed and bool((kind == ROW).any())
        self._timed |= bool((kind == HIGH).any())
        bits = np.bitwise_count(words[masks] & BITS[kind[masks]])
        n = np.count_nonzero(kind == EVENT) + int(bits.sum(dtype=np.int64))
        if not known or len(found.t) != n:
            return evt3_words.decoded(words, state, skipped)
        count_others(skipped, kind, KNOWN)
        piece = Piece(found.t.view(np.int64), found.x, found.y, found.p)
        return piece, _behind(words, kind, masks, state)


def _rises(words, kind, before):
    """Whether upper parts of the time rise, or run over by a little."""
    high = (words[kind == HIGH] & 4095).astype(np.int64)
    if before >= 0:
        high = np.concatenate([[before % _TURN], high])
    step = np.diff(high)
    over = step % _TURN <= _NEAR
    return bool((((step >= 0) & (step < _TURN // 2)) | over).all())


def _behind(words, kind, masks, state):
    """What holds behind some words."""
    at = np.flatnonzero(kind == HIGH)
    high, time = state.high, state.time
    if len(at):
        high = int(turned(words[at] & 4095, 12, state.high)[-1])
    low = _last(kind == LOW)
    if len(at) or low >= 0:
        behind = low > (at[-1] if len(at) else -1)
        time = (high << 12) + (int(words[low] & 4095) if behind else 0)
    row, k = _last(kind == ROW), _last(kind == BEGIN)
    begin, brighter = state.begin, state.brighter
    if k >= 0:
        begin, brighter = int(words[k] & 2047), int(words[k] >> 11 & 1)
        masks = masks[np.searchsorted(masks, k) :]
    if begin >= 0:
        begin = min(begin + int(STEPS[kind[masks]].sum()), FAR)
    last = int(words[row] & 2047) if row >= 0 else state.row
    return State(high, time, last, begin, brighter)


def _last(which):
    """The last one; -1 if there is none."""
    k = int(np.argmax(which[::-1])) if len(which) else 0
    return len(which) - 1 - k if len(which) and which[len(which) - 1 - k] else -1
