"""What formats of words with a state have in common: a clock, and bits that are events.

A word holds for those that follow it until the next of its kind, so what holds at each
word is one ``np.repeat``; nothing is read word by word. Words come in pieces, so that
only the events take memory.
"""

from typing import NamedTuple

import numpy as np

_TRIGGER, _VENDOR = (10,), (7, 14, 15)  # kinds of words


class Piece(NamedTuple):
    """Events of some words."""

    t: np.ndarray
    x: np.ndarray
    y: np.ndarray
    p: np.ndarray


def turned(low: np.ndarray, bits: int, before: int = -1) -> np.ndarray:
    """Values of a counter as those of one that never runs over.

    Args:
        low: the values, ``[n]``; one that falls by more than half of the range is of
            the next turn, a smaller step back is one.
        bits: of the counter.
        before: what came of the last value before these; -1 if there was none.

    Returns:
        The values ``[n]``, int64.
    """
    found, turn = low.astype(np.int64), 1 << bits
    if not len(low):
        return found
    falls = np.flatnonzero(low[1:] < low[:-1]) + 1
    falls = falls[low[falls - 1] - low[falls] > turn // 2]
    begin = before - before % turn if before >= 0 else 0
    if before >= 0 and before % turn - int(low[0]) > turn // 2:
        begin += turn
    if begin:
        found += begin
    for k in falls.tolist() if len(falls) < 9 else ():
        found[k:] += turn
    if len(falls) > 8:
        found += turn * np.cumsum(np.bincount(falls, minlength=len(low)))
    return found


def held(before: int, at: np.ndarray, values: np.ndarray, n: int) -> np.ndarray:
    """What holds at each of ``n`` words, if values begin to hold at some of them."""
    all_values = np.concatenate([np.array([before], values.dtype), values])
    return np.repeat(all_values, np.diff(at, prepend=0, append=n))


def bits_set(masks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which bits are set, lowest first: the number of the mask, and of the bit."""
    small = masks.astype(masks.dtype.newbyteorder("<"), copy=False)
    bits = np.unpackbits(np.ascontiguousarray(small).view(np.uint8), bitorder="little")
    flat, n = np.flatnonzero(bits.view(bool)), 8 * masks.itemsize  # a power of two
    return flat >> n.bit_length() - 1, flat & n - 1


def count_others(skipped: dict[str, int], kinds: np.ndarray, known: set[int]) -> None:
    """Counts words that are no events: triggers, those of a vendor, reserved ones."""
    for kind, n in enumerate(np.bincount(kinds, minlength=16)):
        if n and kind not in known:
            name = "words of a vendor" if kind in _VENDOR else "reserved words"
            name = "external triggers" if kind in _TRIGGER else name
            skipped[name] = skipped.get(name, 0) + int(n)


def kept(skipped: dict[str, int], piece: Piece, fits: np.ndarray, why: str) -> Piece:
    """Keeps events that have what they need, and counts the others."""
    if fits.all():
        return piece
    skipped[why] = skipped.get(why, 0) + int(np.count_nonzero(~fits))
    return Piece(*(column[fits] for column in piece))
