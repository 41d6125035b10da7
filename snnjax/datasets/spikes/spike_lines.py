"""Lines of words become columns, all lines of a piece at once.

Lines that are written alike are parted where their signs lie; others are first written
anew, one by one, without comments and with one sign between two words.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from snnjax.datasets.guard.checked import DamageError

_POWERS = 10 ** np.arange(19, dtype=np.int64)
_EXACT = 15  # digits that a double always holds
_WHOLE = 2.0**53  # from where on doubles skip whole numbers
_LONGEST = 64  # bytes of a word
_NUMERIC = np.isin(np.arange(256), [*b"0123456789+-.eE\0"])
_POINTS = bytes.maketrans(b",", b".")
_EDGES = ' \t\r"'  # of a word
_COMMENTS = ("#", "%")


class Words(NamedTuple):
    """Where the words of many lines lie."""

    byte: np.ndarray  # of the text
    starts: np.ndarray  # [n, columns]
    ends: np.ndarray  # [n, columns]
    lines: Sequence[int]  # number of each line in the file


def words_of(
    piece: bytes, delimiter: str, columns: Sequence[str], line: int, *, comma: bool
) -> Words:
    """The words of whole lines.

    Args:
        piece: the lines; blank ones and comments are left out.
        delimiter: between words; ``""`` for blanks and tabs.
        columns: what the words of a line are called, for messages.
        line: number of the first.
        comma: whether decimals have one, which becomes a point.

    Raises:
        DamageError: for a line with another number of words.
    """
    if comma:
        piece = piece.translate(_POINTS)
    if b"\r" in piece and piece.count(b"\r") == piece.count(b"\r\n"):
        piece = piece.translate(None, b"\r")
    if delimiter in (",", ";"):
        piece = piece.replace(delimiter.encode() + b" ", delimiter.encode())
    if not piece.endswith(b"\n"):
        piece += b"\n"
    lines: Sequence[int] = range(line, line + piece.count(b"\n"))
    found = _alike(piece, delimiter, len(columns))
    if found is None:
        piece, lines = _anew(piece, delimiter, columns, line)
        delimiter = "\t"
        found = _alike(piece, delimiter, len(columns))
    starts, ends = found
    return Words(np.frombuffer(piece, np.uint8), starts, ends, lines)


def _alike(piece, delimiter, k):
    """Starts and ends of words where each line has ``k``, and no more signs."""
    if not piece:
        return np.zeros((0, k), np.int64), np.zeros((0, k), np.int64)
    byte = np.frombuffer(piece, np.uint8)
    odd = b'#%\r"' + (b" \t" if delimiter in (",", ";") else b"")
    if any(sign in piece for sign in odd):
        return None
    end = byte == ord("\n")
    for sign in delimiter or " \t":
        end |= byte == ord(sign)
    at = np.flatnonzero(end)
    last = byte[at] == ord("\n")
    n = int(np.count_nonzero(last))
    wide = len(at) // n if n else 0
    if (
        len(at) != n * wide
        or wide not in (k, k + 1)
        or not last[wide - 1 :: wide].all()
    ):
        return None
    ends = at.reshape(n, wide)
    starts = np.empty_like(ends)
    starts.ravel()[0] = 0
    starts.ravel()[1:] = at[:-1] + 1
    if wide > k:  # a sign ends each line
        if (starts[:, k] != ends[:, k]).any():
            return None
        starts, ends = starts[:, :k], ends[:, :k]
    if not delimiter and (starts == ends).any():
        return None  # several blanks in a row
    return starts, ends


def _anew(piece, delimiter, columns, line):
    """The same lines with one tab between two words, and the number of each."""
    kept, lines, k = [], [], len(columns)
    for number, raw in enumerate(piece.decode("utf-8", "replace").split("\n"), line):
        text = raw.strip(" \r")
        if not text.strip() or text.lstrip()[0] in _COMMENTS:
            continue
        words = [word.strip(_EDGES) for word in text.split(delimiter or None)]
        if len(words) == k + 1 and not words[-1]:
            words.pop()
        if len(words) != k:
            raise DamageError(
                f"line {number} has {len(words)} columns, not {k}: {text[:60]!r}"
            )
        kept.append("\t".join(word.replace("\t", " ") for word in words) + "\n")
        lines.append(number)
    return "".join(kept).encode(), lines


def decimals(words: Words, column: int, name: str) -> np.ndarray:
    """The numbers of a column, ``[n]``, float64, each the nearest to its decimals.

    Raises:
        ValueError: naming the line of what is no number.
    """
    start, end = words.starts[:, column], words.ends[:, column]
    if not len(start):
        return np.zeros(0)
    if (start == end).any():
        _refuse(words, column, name, int(np.argmax(start == end)), "a number")
    if (end - start).max() <= _EXACT + 1:
        dot = _dots(words.byte, start, end)
        behind = np.minimum(dot + 1, end)
        whole, parts = _digits(words.byte, start, dot), _digits(words.byte, behind, end)
        if whole is not None and parts is not None and (dot > start).all():
            power = _POWERS[end - behind]
            return (whole * power + parts).astype(np.float64) / power
    return _as_written(words, column, name)


def whole_numbers(words: Words, column: int, name: str) -> np.ndarray:
    """The whole numbers of a column, ``[n]``, int64; ``3.0`` is one as well.

    Raises:
        ValueError: naming the line of what is no whole number.
    """
    start, end = words.starts[:, column], words.ends[:, column]
    width = end - start
    if len(start) and width.min() > 0 and width.max() < len(_POWERS):
        found = _digits(words.byte, start, end)
        if found is not None:
            return found
    found = decimals(words, column, name)
    right = (np.abs(found) < _WHOLE) & (np.floor(found) == found)
    if not right.all():
        _refuse(words, column, name, int(np.argmin(right)), "a whole number")
    return found.astype(np.int64)


def names(words: Words, column: int) -> np.ndarray:
    """The words of a column as they are, ``[n]``, bytes.

    Raises:
        ValueError: naming the line of a word that is too long.
    """
    start, width = (
        words.starts[:, column],
        words.ends[:, column] - words.starts[:, column],
    )
    if not len(start):
        return np.zeros(0, "S1")
    if width.max() > _LONGEST:
        k = int(np.argmax(width))
        raise ValueError(f"line {words.lines[k]} has a word of {width[k]} bytes")
    at = np.arange(width.max())
    letters = words.byte.take(start[:, None] + at, mode="clip")
    letters[at >= width[:, None]] = 0
    return letters.view(f"S{letters.shape[1]}")[:, 0]


def _dots(byte, start, end):
    """Where each word has its point; where it ends, if it has none."""
    places = byte[start[0] : end[0]].tobytes()[::-1].find(b".")
    dot = end - (places + 1)
    if places >= 0 and (dot >= start).all() and (byte.take(dot) == ord(".")).all():
        return dot  # all have as many decimals as the first
    dots = np.append(np.flatnonzero(byte == ord(".")), len(byte))
    return np.minimum(dots[np.searchsorted(dots, start)], end)


def _digits(byte, start, end):
    """Whole numbers from their digits; ``None`` if something else is among them."""
    width = end - start
    shortest, longest = int(width.min()), int(width.max())
    found = np.zeros(len(start), np.int64)
    for j in range(longest):
        if j < shortest:
            digit = byte.take(end - (j + 1)) - np.uint8(48)
            if digit.max() > 9:
                return None
            found += digit * _POWERS[j]
        else:
            more = np.flatnonzero(width > j)
            digit = byte.take(end[more] - (j + 1)) - np.uint8(48)
            if digit.max() > 9:
                return None
            found[more] += digit * _POWERS[j]
    return found


def _as_written(words, column, name):
    """Numbers as C writes them, with signs, exponents and any number of digits."""
    texts = names(words, column)
    letters = texts.view(np.uint8).reshape(len(texts), -1)
    right = _NUMERIC[letters].all(axis=1)
    if right.all():
        try:
            found = texts.astype(np.float64)
        except ValueError:
            found = np.array([_number(text) for text in texts.tolist()])
        right = np.isfinite(found)
    if not right.all():
        _refuse(words, column, name, int(np.argmin(right)), "a number")
    return found


def _number(text):
    try:
        return float(text)
    except ValueError:
        return np.nan


def _refuse(words, column, name, k, wanted):
    word = words.byte[words.starts[k, column] : words.ends[k, column]].tobytes()
    told = word[:40].decode("utf-8", "replace")
    raise ValueError(f"line {words.lines[k]} has {told!r} as {name}, not {wanted}")
