"""Lines of numbers become columns: fast if all are written alike, else one by one."""

from typing import NamedTuple

import numpy as np

from snnjax.datasets.cameras.exponent_lines import exponent_columns
from snnjax.datasets.guard.checked import DamageError

_POWERS = 10 ** np.arange(19, dtype=np.int64)
_MOST = 2**16  # columns and rows are below it


class Style(NamedTuple):
    """How lines are written."""

    columns: tuple[str, ...]  # among them t, x, y, p
    delimiter: str  # "" for blanks
    comma: bool  # whether decimals have one
    unit: str  # of times
    decimals: int  # of the unit in microseconds


def columns_of(
    piece: bytes, style: Style, line: int
) -> tuple[tuple[np.ndarray, ...], int]:
    """Times [µs], x, y and polarity of whole lines, of any whole dtype, and how many.

    Args:
        piece: the lines.
        style: how they are written.
        line: number of the first.

    Raises:
        ValueError: naming the line that is wrong.
        DamageError: for a line that is cut short.
    """
    if style.comma:
        piece = piece.replace(b",", b".")
    found = _with_exponents(piece, style) or _alike(piece, style)
    if found is not None:
        return found, len(found[0])
    return _various(piece, style, line), piece.count(b"\n")


def _with_exponents(piece, style):
    """Where all numbers have an exponent; ``None`` if they have not."""
    if b"e" not in piece[: piece.find(b"\n") + 1] or len(style.columns) != 4:
        return None
    where = tuple(map(style.columns.index, "txyp"))
    return exponent_columns(piece, style.delimiter, where, style.decimals)


def _alike(piece, style):
    """Where all lines have digits between the same signs; ``None`` if they have not."""
    byte = np.frombuffer(piece, np.uint8)
    minus = byte == ord("-")
    word = ((byte - np.uint8(48)) < 10) | minus
    if not len(byte) or not word[0] or byte[-1] != ord("\n"):
        return None
    bounds = np.flatnonzero(word[1:] != word[:-1]) + 1
    starts, ends = np.concatenate([[0], bounds[1::2]]), bounds[::2]
    k = int(np.argmax(byte[ends] <= 13)) + 1  # of words in the first line
    signs = byte[ends[:k]].tobytes().decode("latin-1")
    where = _places(signs, style)
    if where is None or len(starts) != len(ends) or len(ends) % k:
        return None
    wide = 1 + (signs[-1] == "\r")
    gaps = np.concatenate([starts[1:], [len(byte)]]) - ends
    if not _same(byte[ends], signs, k) or not _same(gaps, [1] * (k - 1) + [wide], k):
        return None
    if wide == 2 and not (byte[ends[k - 1 :: k] + 1] == ord("\n")).all():
        return None
    return _columns(
        byte, minus, starts.reshape(-1, k), ends.reshape(-1, k), where, style
    )


def _places(signs, style):
    """Which word of a line is t, its decimals, x, y, p; ``None`` for other signs."""
    at = {name: style.columns.index(name) for name in "txyp"}
    fraction = signs[at["t"]] == "." if at["t"] < len(signs) else False
    later = {name: place + (fraction and place > at["t"]) for name, place in at.items()}
    parted = signs.replace(".", "", 1) if fraction else signs
    if len(parted) < 2:
        return None
    sign = style.delimiter or parted[0]
    wanted = sign * (len(style.columns) - 1) + parted[-1]
    if (
        parted != wanted
        or parted[-1] not in "\r\n"
        or sign not in (style.delimiter or " \t")
    ):
        return None
    return later["t"], later["t"] + 1 if fraction else None, *(later[c] for c in "xyp")


def _same(found, wanted, k):
    """Whether each ``k`` are as is wanted."""
    wanted = [ord(sign) if isinstance(sign, str) else sign for sign in wanted]
    return bool((found.reshape(-1, k) == np.array(wanted)).all())


def _columns(byte, minus, starts, ends, where, style):
    """The numbers of each column; ``None`` if one is too long, or has a stray sign."""
    whole, fraction, *others = where
    below = byte[starts[:, others[2]]] == ord("-")
    if np.count_nonzero(minus) != np.count_nonzero(below):
        return None
    starts[:, others[2]] += below
    starts, width = np.asfortranarray(starts), np.asfortranarray(ends - starts)
    longest = width.max(axis=0)
    if width.min() < 1 or longest[others].max() > 5 or longest[whole] > 12:
        return None
    x, y, p = (_digits(byte, starts[:, c], width[:, c], np.int32) for c in others)
    if max(x.max(), y.max()) >= _MOST:
        return None
    t = _digits(byte, starts[:, whole], width[:, whole], np.int64)
    t *= _POWERS[style.decimals]
    if fraction is not None:
        if style.decimals == 0 or longest[fraction] > 12:
            return None
        t += _rounded(
            _digits(byte, starts[:, fraction], width[:, fraction], np.int64),
            style.decimals - width[:, fraction],
        )
    return t, x, y, np.where(below, -p, p)


def _digits(byte, start, width, dtype):
    """Whole numbers from their digits."""
    found, shortest = np.zeros(len(start), dtype), width.min()
    for j in range(width.max()):
        if j < shortest:
            found *= 10
            found += byte.take(start + j) & 15
        else:
            more = np.flatnonzero(width > j)
            found[more] = found[more] * 10 + (byte.take(start[more] + j) & 15)
    return found


def _rounded(number, power):
    """``number · 10^power``, halves to even."""
    if power.min() >= 0:
        return number * _POWERS[power]
    number = number * _POWERS[np.maximum(power, 0)]
    unit = _POWERS[np.maximum(-power, 0)]
    found = number // unit
    rest = 2 * (number - found * unit)
    return found + ((rest > unit) | ((rest == unit) & (found % 2 == 1)))


def _various(piece, style, line):
    """Lines that are blank, comments, or numbers as C writes them."""
    texts, kept, lines = piece.decode("latin-1").split("\n"), [], []
    for k, text in enumerate(texts):
        text = text.strip()
        if text and text[0] not in "#%":
            words = text.rstrip(style.delimiter or None).split(style.delimiter or None)
            if len(words) != len(style.columns):
                raise DamageError(
                    f"line {line + k} has {len(words)} columns, not "
                    f"{len(style.columns)}: {text[:60]!r}"
                )
            kept.append(text)
            lines.append(line + k)
    table = _table(kept, style)
    _check(table, lines, style)
    t = np.rint(table[:, 0] * 10.0**style.decimals).astype(np.int64)
    return t, *table[:, 1:].astype(np.int32).T


def _table(texts, style):
    """Numbers t, x, y, p of each line, not a number where there is none."""
    delimiter, where = style.delimiter or None, [*map(style.columns.index, "txyp")]
    if not texts:
        return np.zeros((0, 4))
    try:
        return np.loadtxt(
            texts, delimiter=delimiter, usecols=where, comments=None, ndmin=2
        )
    except ValueError:
        rows = [text.split(delimiter) for text in texts]
        return np.array([[_number(row[k]) for k in where] for row in rows])


def _number(word):
    try:
        return float(word) if "_" not in word else np.nan
    except ValueError:
        return np.nan


def _check(table, lines, style):
    """Refuses what is no number, no pixel, or a time of another unit."""
    t, pixels, p = table[:, 0], table[:, 1:3], table[:, 3]
    with np.errstate(invalid="ignore"):
        right = (
            (np.abs(t) * 10.0**style.decimals < 2**53)
            & (np.floor(pixels) == pixels).all(axis=1)
            & ((pixels >= 0) & (pixels < _MOST)).all(axis=1)
            & (np.abs(p) < 128)
            & (np.floor(p) == p)
        )
        if style.unit == "us":
            right &= np.floor(t) == t
    if not right.all():
        k = int(np.argmin(right))
        raise ValueError(
            f"line {lines[k]} has t, x, y and polarity {table[k].tolist()}; whole "
            f"pixels and polarities are expected, and times in {style.unit} (unit=…)"
        )
