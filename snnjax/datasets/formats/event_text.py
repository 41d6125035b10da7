"""Events of a camera as text, one a line: t, x, y and polarity, in any order.

Blanks, tabs, commas or semicolons part the columns; ``#`` and ``%`` begin comments; a
line of names says the order of columns, and ``x@640,y@480`` the sensor as well. Beside
semicolons and tabs a comma is a decimal one. Polarities are 0 and 1, or -1 and 1.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from snnjax import check
from snnjax.datasets.formats.checked import (
    DamageError,
    HoldsError,
    Reading,
    content,
    listed,
    reading,
)
from snnjax.datasets.formats.event_lines import Style, columns_of
from snnjax.datasets.formats.on_sensor import on_sensor
from snnjax.datasets.formats.signatures import kind_by_signature
from snnjax.events import Outside, Recorded
from snnjax.events.columns import OUTSIDE

Unit = Literal["s", "ms", "us"]

_DECIMALS = {"s": 6, "ms": 3, "us": 0}  # of a unit in microseconds
_SHOWN = 500  # lines after which times without decimals are whole
_PIECE = 2**17  # bytes that are worked on at once
_EVENT_BYTES = 42  # of memory for each line, besides its text
_WORK = 2**23  # bytes of memory for a piece
_NAME = re.compile(
    r"(?:(t|ts|time|timestamp)s?(?:[ _]?[(\[]?(s|sec|ms|us|usec|µs)[)\]]?)?"
    r"|([xy])(?:@(\d{1,5}))?|(p|pol|polarity|on))"
)
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
    given = None if columns is None else _given(columns)
    if unit is not None:
        check.one_of("unit", unit, tuple(_DECIMALS))
    check.one_of("outside", outside, OUTSIDE)
    with reading(path, "a text of events", limit) as file:
        raw = content(file)
        kind = kind_by_signature(raw)
        if kind not in ("", "plain text") or b"\0" in raw:
            raise HoldsError(kind or "bytes that are no text")
        begin, line, names = _head(raw)
        style = _style(raw, begin, given or names.columns, unit or names.unit)
        t, x, y, p = _events(file, raw, begin, line, style)
        if not len(t) and _OTHERS.search(raw[:4096]):
            raise HoldsError("the header of another format")
        source = f"text of {' '.join(style.columns)}, times in {style.unit or 'us'}"
        found = Recorded(t, x, y, p, names.size, "top left", source)
        return on_sensor(found, (2**16, 2**16), outside)


def _given(columns):
    """The order of columns that is asked for."""
    names = tuple(columns.split()) if isinstance(columns, str) else ()
    if any(names.count(name) != 1 for name in "txyp"):
        raise ValueError(
            f"columns must name t, x, y and p once each, such as 'x y p t', got "
            f"{columns!r}."
        )
    return names


def _head(raw: bytes) -> tuple[int, int, _Names]:
    """Where the first event begins, in which line, and what was said before."""
    begin, line, names = 3 * raw.startswith(b"\xef\xbb\xbf"), 1, _Names((), "", None)
    while begin < len(raw):
        end = raw.find(b"\n", begin, begin + _PIECE) + 1 or len(raw)
        if end - begin > _PIECE:
            raise HoldsError(f"a line of more than {_PIECE} bytes")
        text = raw[begin:end].decode("utf-8", "replace").strip()
        comment = text[:1] in ("#", "%")
        if text and not comment and _numbers(text):
            break
        found = _named(text.lstrip("#% "), known=4 if comment else 0)
        if text and not comment and (names.columns or not found.columns):
            raise HoldsError(f"line {line}, {text[:60]!r}, neither events nor columns")
        names = found if found.columns else names
        begin, line = end, line + 1
    return begin, line, names


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


def _style(raw: bytes, begin: int, names: Sequence[str], unit: str) -> Style:
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


def _events(
    file: Reading, raw: bytes, begin: int, line: int, style: Style
) -> tuple[np.ndarray, ...]:
    """Columns of all events, piece by piece."""
    n = raw.count(b"\n", begin) + 1
    file.take(n * _EVENT_BYTES + _WORK, "its events")
    kinds = np.int64, np.uint16, np.uint16, np.uint8
    columns = tuple(np.empty(n, kind) for kind in kinds)
    style, at, signs = style._replace(decimals=_DECIMALS.get(style.unit, 0)), 0, set()
    while begin < len(raw):
        end = len(raw)
        if end - begin > _PIECE:
            end = raw.rfind(b"\n", begin, begin + _PIECE) + 1
        if end <= begin:
            raise DamageError(f"line {line} has more than {_PIECE} bytes")
        (*found, p), lines = columns_of(raw[begin:end], style, line)
        signs |= {*np.unique(p).tolist()}
        for column, new in zip(columns, (*found, p == 1), strict=True):
            column[at : at + len(p)] = new
        at, begin, line = at + len(p), end, line + lines
    if not (signs <= {0, 1} or signs <= {-1, 1}):
        raise ValueError(f"its polarities are {listed(sorted(signs))}, not 0 and 1")
    return tuple(column[:at] for column in columns)
