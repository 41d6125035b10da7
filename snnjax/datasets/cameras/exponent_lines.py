"""Lines of four numbers as ``numpy.savetxt`` writes them: ``9.137162240000000111e+02``.

Lines are equally long, so that the same digit of all of them is a column of bytes, and
eight digits are read as one word of 64 bits: two neighbours at once become a number of
two digits, two of these one of four, and so on.
"""

import re

import numpy as np

_NUMBER = re.compile(rb"[0-9]\.[0-9]{16,18}e[+-][0-9][0-9]")
_TEN = 10 ** np.arange(20, dtype=np.uint64)
_ZEROS = int.from_bytes(b"0" * 8, "little")
_PAIRS = (  # bits of what becomes half of a larger number, and where those are
    (8, np.uint64(0x00FF00FF00FF00FF)),
    (16, np.uint64(0x0000FFFF0000FFFF)),
    (32, np.uint64(0x00000000FFFFFFFF)),
)
_MOST = 2**16  # columns and rows are below it


def exponent_columns(
    piece: bytes, delimiter: str, where: tuple[int, ...], decimals: int
) -> tuple[np.ndarray, ...] | None:
    """Times [µs], rounded halves to even, x, y and polarity of whole lines.

    Args:
        piece: the lines.
        delimiter: of numbers; ``""`` for a blank or a tab.
        where: the places of t, x, y and p, of four in all.
        decimals: of the unit of times in microseconds.

    Returns:
        The columns; ``None`` if lines are written otherwise.
    """
    length = piece.find(b"\n") + 1
    first = piece[:length].rstrip(b"\r\n").split(delimiter.encode() or None)
    if len(first) != 4 or not all(map(_NUMBER.fullmatch, first)):
        return None
    wide = len(first[0]) + 1  # of a number and what parts it from the next
    digits = wide - 7  # behind the point
    if len({*map(len, first)}) > 1 or length not in (4 * wide, 4 * wide + 1):
        return None
    if len(piece) % length:
        return None
    digit = re.compile(rb"[0-9]")
    fixed = [k for k in range(length) if not digit.match(piece, k)]
    fixed = [k for k in fixed if k % wide != digits + 3 or k >= 4 * wide - 1]
    grid = np.frombuffer(piece, np.uint8).reshape(-1, length)
    if any((grid[:, k] != piece[k]).any() for k in fixed):
        return None
    t, *others = (_Numbers(piece, length, wide * place, digits) for place in where)
    columns = t.scaled(decimals), *(each.whole() for each in others)
    found = tuple(column for column in columns if column is not None)
    return found if len(found) == 4 else None


class _Numbers:
    """One number of each line, with as many digits behind the point."""

    def __init__(self, piece: bytes, length: int, at: int, digits: int):
        self.piece, self.length, self.at, self.digits = piece, length, at, digits

    def bytes_at(self, at: int, kind: str) -> np.ndarray:
        """What lies so far behind the begin of each number."""
        there = np.dtype(
            {
                "names": ["a"],
                "formats": [kind],
                "offsets": [self.at + at],
                "itemsize": self.length,
            }
        )
        return np.frombuffer(self.piece, there)["a"]

    def eight(self, at: int) -> np.ndarray | None:
        """Eight digits as a number; ``None`` if they are others."""
        word = self.bytes_at(at, "<u8") - np.uint64(_ZEROS)
        odd = (word + np.uint64(0x7676767676767676)) | word
        if (odd & np.uint64(0x8080808080808080)).any():
            return None
        for bits, mask in _PAIRS:
            low, high = word * np.uint64(10 ** (bits // 8)), word >> np.uint64(bits)
            word = low + high & mask
        return word

    def exponent(self) -> np.ndarray | None:
        """Of ten, with its sign."""
        sign, tens, ones = (
            self.bytes_at(self.digits + 3 + k, "u1").astype(np.int64) for k in range(3)
        )
        below = sign == ord("-")
        tens, ones = tens - 48, ones - 48
        if not (below | (sign == ord("+"))).all() or not _are_digits(tens, ones):
            return None
        size = 10 * tens + ones
        return np.where(below, -size, size)

    def scaled(self, decimals: int) -> np.ndarray | None:
        """The numbers times ``10^decimals``, rounded halves to even."""
        found = self.bytes_at(0, "u1").astype(np.uint64) - np.uint64(48)
        if not _are_digits(found):
            return None
        for at in range(2, self.digits - 5, 8):
            if (eight := self.eight(at)) is None:
                return None
            found = found * _TEN[8] + eight
        if rest := self.digits % 8:
            if (eight := self.eight(self.digits - 6)) is None:
                return None
            found = found * _TEN[rest] + eight % _TEN[rest]
        exponent = self.exponent()
        if exponent is None:
            return None
        behind = self.digits - decimals - exponent
        if behind.min() < 0:
            return None
        unit = _TEN[np.minimum(behind, 19)]
        whole = found // unit
        rest = found - whole * unit
        other = unit - rest
        whole += (rest > other) | ((rest == other) & (whole % np.uint64(2) == 1))
        whole[behind > 19] = 0
        return whole.view(np.int64) if whole.max() < 2**53 else None

    def whole(self) -> np.ndarray | None:
        """The numbers, if all are whole and small."""
        first = self.bytes_at(0, "u1").astype(np.int64) - 48
        eight, exponent = self.eight(2), self.exponent()
        if eight is None or exponent is None or not _are_digits(first):
            return None
        behind = [*range(10, self.digits - 5, 8), self.digits - 6]
        if any((self.bytes_at(k, "<u8") != _ZEROS).any() for k in behind):
            return None
        if exponent.min() < 0 or exponent.max() > 4:
            return None
        unit = _TEN[8 - exponent].view(np.int64)
        number = first * 10**8 + eight.view(np.int64)
        found = number // unit
        if (found * unit != number).any() or found.max() >= _MOST:
            return None
        return found.astype(np.int32)


def _are_digits(*columns):
    return all(((each >= 0) & (each <= 9)).all() for each in columns)
