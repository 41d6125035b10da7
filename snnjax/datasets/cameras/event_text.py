"""Events of a camera as text, one a line: t, x, y and polarity, in any order.

Blanks, tabs, commas or semicolons part the columns; ``#`` and ``%`` begin comments; a
line of names says the order of columns, and ``x@640,y@480`` the sensor as well; so does
a first line of its width and height, as E2VID has it. Beside semicolons and tabs a
comma is a decimal one. Polarities are 0 and 1, or -1 and 1.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from snnjax import check
from snnjax.datasets.cameras.aedat1 import is_aedat1
from snnjax.datasets.cameras.byte_stream import BEGIN, ByteStream, opened
from snnjax.datasets.cameras.event_lines import Style, columns_of
from snnjax.datasets.cameras.event_pieces import Pieces, at_once, room, whole
from snnjax.datasets.guard.checked import (
    DamageError,
    HoldsError,
    listed,
    reading,
)
from snnjax.datasets.guard.signatures import kind_by_signature
from snnjax.events import Outside, Recorded
from snnjax.events.columns import OUTSIDE

Unit = Literal["s", "ms", "us"]

_DECIMALS = {"s": 6, "ms": 3, "us": 0}  # of a unit in microseconds
_SEEN = 20  # lines by which a text is known
_SHOWN = 500  # lines after which times without decimals are whole
_PIECE = 2**17  # bytes of a line
_WIDE = 24  # bytes of a line; the wider, the more are worked on at once
_WORK = 15  # bytes of memory for each of a piece of lines as wide
_NAME = re.compile(
    r"(?:(t|ts|time|timestamp)s?(?:[ _]?[(\[]?(s|sec|ms|us|usec|µs)[)\]]?)?"
    r"|([xy])(?:@(\d{1,5}))?|(p|pol|polarity|on))"
)
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?", re.I)
_OTHERS = re.compile(
    rb"^(#!AER-DAT|% (evt|format|Version|Data file) )", re.M
)  # headers
_UNITS = {"s": "s", "sec": "s", "ms": "ms", "us": "us", "usec": "us", "µs": "us"}


class _Names(NamedTuple):
    columns: tuple[str, ...]  # t, x, y, p, or what it is called
    unit: str  # of times; "" if not said
    size: tuple[int, int] | None


def read_event_text(
    path: str | Path,
    *,
    columns: str | None = None,
    unit: Unit | None = None,
    limit: int | None = None,
    outside: Outside = "error",
) -> Recorded:
    """Reads the events of one recording.

    Times with decimals are taken as seconds, whole ones as microseconds, unless the
    header says the unit; ``source`` of the result says what they were. Times with
    decimals that are all zero may be either, and ``unit`` is asked for.

    Args:
        path: of the text.
        columns: names in the order of columns, such as ``"x y p t"``, of which t, x, y
            and p are read; as the header says if omitted, and else t, x, y, p.
        unit: of times, ``"s"``, ``"ms"`` or ``"us"``; as above if omitted.
        limit: most bytes of memory that reading it may take; 128 MiB and 200 times the
            file's size if omitted.
        outside: what to do with events outside a sensor that the header tells;
            ``"drop"`` warns how many.

    Returns:
        Events in the order of the file, times rounded to microseconds.

    Raises:
        ValueError: for other columns, or another unit.
        FileNotFoundError: if there is no such file.
        DataError: naming the file and the line that is wrong.
    """
    check_lines(columns, unit)
    check.one_of("outside", outside, OUTSIDE)
    with (
        reading(path, "a text of events", limit) as file,
        opened(file) as stream,
    ):
        found = decode_event_text(stream, columns=columns, unit=unit)
        return whole(found, stream, outside)


def check_lines(columns: str | None = None, unit: Unit | None = None) -> None:
    """Refuses columns that are no four of an event, and units that are not read."""
    if columns is not None:
        _given(columns)
    if unit is not None:
        check.one_of("unit", unit, tuple(_DECIMALS))


def decode_event_text(
    stream: ByteStream, *, columns: str | None = None, unit: Unit | None = None
) -> Pieces:
    """Reads the header, and events as they are asked for."""
    given = None if columns is None else _given(columns)
    raw = stream.begin()
    kind = kind_by_signature(raw)
    if kind not in ("", "plain text") or b"\0" in raw:
        perhaps = ", perhaps AEDAT 1.0 (read_aedat1)" if is_aedat1(raw) else ""
        raise HoldsError(kind or f"bytes that are no text{perhaps}")
    begin, line, names = _head(raw)
    style = _style(raw, begin, given or names.columns, unit or names.unit)
    if begin > BEGIN - _PIECE:
        raise HoldsError(f"more than {begin} bytes before its first event")
    stream.skip(begin)
    source = f"text of {' '.join(style.columns)}, times in {style.unit or 'us'}"
    none = Recorded(*room(0), names.size, "top left", source)
    at_once(stream, _WORK, "its lines")
    lines = raw.count(b"\n", begin, begin + _PIECE)
    wide = min(len(raw) - begin, _PIECE) // max(lines, 1)
    expected = (stream.size or 0) // max(wide - 1, 1)
    other = _OTHERS.search(raw[:4096]) is not None
    pieces = _pieces(stream, style, line, none, other, min(max(wide // _WIDE, 1), 4))
    return Pieces(pieces, (2**16,) * 2, expected)


def is_event_text(begin: bytes) -> bool:
    """Whether a text begins as one of events: with names of columns, or like t x y p.

    Args:
        begin: the first bytes of a file.
    """
    if kind_by_signature(begin) not in ("", "plain text") or b"\0" in begin:
        return False
    try:
        at, _, names = _head(begin)
        style = _style(begin, at, names.columns, names.unit or "s")
    except HoldsError:
        return False
    if names.columns:
        return True
    lines = begin[at : begin.rfind(b"\n") + 1].decode("latin-1").splitlines()
    rows = [line.split(style.delimiter or None) for line in lines[:_SEEN]]
    seen = [_like_event(row) for row in rows if row]
    events = [each for each in seen if each is not None]
    return len(events) == len(seen) and _like_events(events)


def _like_events(events):
    """Whether times rise, if they could be columns as well, and a polarity is one."""
    times, signs = ([each[k] for each in events] for k in (0, 1))
    pixels = all(t.is_integer() and 0 <= t < 2**16 for t in times)
    back = sum(after < before for before, after in pairwise(times))
    return not {-1.0, 0.0, 1.0}.isdisjoint(signs) and not (
        pixels and 3 * back > len(times)
    )


def _like_event(row: Sequence[str]) -> tuple[float, float] | None:
    """Time and polarity, if words are like those and a pixel; they may be wrong."""
    words = [word.strip().replace(",", ".") for word in row[:4]]
    if len(row) < 4 or not all(map(_NUMBER.fullmatch, words)):
        return None
    t, x, y, p = map(float, words)
    whole = x.is_integer() and y.is_integer() and p.is_integer()
    fits = 0 <= x < 2**16 and 0 <= y < 2**16 and -1 <= p < 4
    return (t, p) if whole and fits else None


def _given(columns):
    """The order of columns that is asked for."""
    names = tuple(columns.split()) if isinstance(columns, str) else ()
    if any(names.count(name) != 1 for name in "txyp"):
        raise ValueError(
            f"columns must name t, x, y and p once each, such as 'x y p t', got "
            f"{columns!r}."
        )
    return names


def _head(raw: bytes | bytearray) -> tuple[int, int, _Names]:
    """Where the first event begins, in which line, and what was said before."""
    begin, line, names = 3 * raw.startswith(b"\xef\xbb\xbf"), 1, _Names((), "", None)
    while begin < len(raw):
        end = raw.find(b"\n", begin, begin + _PIECE) + 1 or len(raw)
        if end - begin > _PIECE:
            raise HoldsError(f"a line of more than {_PIECE} bytes")
        text = raw[begin:end].decode("utf-8", "replace").strip()
        comment = text[:1] in ("#", "%")
        if text and not comment and _numbers(text):
            if names.size or names.columns or not (size := _sides(raw, begin, end)):
                break
            names, begin, line = names._replace(size=size), end, line + 1
            continue
        found = _named(text.lstrip("#% "), known=4 if comment else 0)
        if text and not comment and (names.columns or not found.columns):
            raise HoldsError(f"line {line}, {text[:60]!r}, neither events nor columns")
        names = found if found.columns else names
        begin, line = end, line + 1
    return begin, line, names


def _sides(raw, begin, end):
    """Height and width, if a line has two numbers and the next one is an event."""
    here = re.fullmatch(rb"\s*([1-9]\d{0,4})\s+([1-9]\d{0,4})\s*", raw[begin:end])
    after = raw[end : raw.find(b"\n", end, end + _PIECE) + 1 or len(raw)]
    words = re.split(rb"[,;\s]+", bytes(after[:_PIECE]).strip())
    return (int(here[2]), int(here[1])) if here and len(words) > 3 else None


def _numbers(text):
    """Whether a line begins as numbers do."""
    return re.match(r"[-+]?\.?\d", text) is not None


def _named(text: str, known: int) -> _Names:
    """Names of columns in a line; none unless t, x, y and p are among them.

    Args:
        text: the line.
        known: how many at the begin must be those of events, as in a comment.
    """
    words = [word.strip(" \"'").lower() for word in re.split(r"[,;\t]|\s(?!\[)", text)]
    hits = [_NAME.fullmatch(word) for word in words]
    columns = tuple(
        (hit[3] or ("p" if hit[5] else "t")) if hit else word[:20]
        for hit, word in zip(hits, words, strict=True)
    )
    if any(columns.count(name) != 1 for name in "txyp") or not all(hits[:known]):
        return _Names((), "", None)
    unit = next((_UNITS[hit[2]] for hit in hits if hit and hit[2]), "")
    sides = {hit[3]: int(hit[4]) for hit in hits if hit and hit[4]}
    size = (sides["y"], sides["x"]) if len(sides) == 2 else None
    return _Names(columns, unit, size)


def _style(
    raw: bytes | bytearray, begin: int, names: Sequence[str], unit: str
) -> Style:
    """How lines are written, as the first of them show."""
    end = raw.find(b"\n", begin, begin + _PIECE) + 1 or len(raw)
    first = raw[begin:end].decode("utf-8", "replace").strip()
    parted = first.split()
    if ";" in first:
        delimiter = ";"
    elif "," in first and (len(parted) < 4 or any(w[-1] == "," for w in parted)):
        delimiter = ","
    else:
        delimiter = ""
    n = len(first.rstrip(delimiter or None).split(delimiter or None))
    columns = tuple(names) or ("t", "x", "y", "p", *["…"] * (n - 4))
    if first and n != len(columns):
        raise HoldsError(f"lines of {n} columns, not of {listed(columns)}")
    style = Style(columns, delimiter, delimiter != "," and "," in first, unit, 0)
    return style._replace(unit=unit or _unit(raw, begin, style)) if first else style


def _unit(raw, begin, style):
    """Of times, by what the first of them have behind the point."""
    end = raw.rfind(b"\n", begin, begin + _PIECE) + 1 or len(raw)
    at, zeros = style.columns.index("t"), 0
    for k, line in enumerate(raw[begin:end].splitlines()):
        words = line.decode("latin-1").strip().split(style.delimiter or None)
        word = words[at] if at < len(words) else ""
        if re.search("[.,eE]", word) and word.strip()[0] not in "#%":
            if re.split("[.,]", word)[-1].strip("0 "):
                return "s"
            zeros += 1
        if k == _SHOWN and not zeros:
            return "us"
    if zeros:
        raise HoldsError("times with decimals that are all zero; unit=… says which")
    return "us"


def _pieces(stream, style, line, none, other, pieces) -> Iterator[Recorded]:
    yield none
    style = style._replace(decimals=_DECIMALS.get(style.unit, 0))
    rest, n, last, signs = b"", 0, False, set[int]()
    while not last:
        raw = stream.grown(rest, pieces)
        last = len(raw) == len(rest)
        end = len(raw) if last else raw.rfind(b"\n") + 1
        lines, rest = raw[:end], raw[end:]
        if max(len(rest), len(lines) - lines.rfind(b"\n", 0, -1)) > _PIECE:
            raise DamageError(f"a line behind {line} has more than {_PIECE} bytes")
        if b"\0" in lines:
            raise HoldsError("bytes that are no text")
        if not lines:
            continue
        (*found, p), more = columns_of(lines, style, line)
        signs |= _different(p)
        if not (signs <= {0, 1} or signs <= {-1, 1}):
            told = listed(sorted(signs))
            raise ValueError(f"its polarities are {told}, not 0 and 1")
        n, line = n + len(p), line + more
        t, x, y = found
        x, y = x.astype(np.uint16), y.astype(np.uint16)
        yield none._replace(t=t, x=x, y=y, p=(p == 1).astype(np.uint8))
    if not n and other:
        raise HoldsError("the header of another format")


def _different(p):
    """The values that there are, of which nearly always two lie next to each other."""
    if not len(p):
        return set()
    least, most = int(p.min()), int(p.max())
    few = most - least < 2
    return {least, most} if few else {*np.unique(p).tolist()}
