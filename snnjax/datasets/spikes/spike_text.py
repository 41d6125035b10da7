"""Spikes as text, one a line: a time and which neuron fired, in any order of columns.

Blanks, tabs, commas or semicolons part the columns; ``#`` and ``%`` begin comments; a
line of names says the order of columns, and perhaps the unit of times ("Zeit_ms",
"time [s]"). Where semicolons or blanks part them, a comma is a decimal one. Files of
PyNN begin with "# key = value" and have a time in ms, then a number.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from snnjax import check
from snnjax.datasets.guard.checked import (
    DamageError,
    HoldsError,
    Reading,
    listed,
    reading,
)
from snnjax.datasets.guard.signatures import kind_by_signature
from snnjax.datasets.spikes.spike_head import (
    PIECE,
    Head,
    end_of,
    head_of,
    known_of,
    line_of,
    of_pynn,
    text_of,
)
from snnjax.datasets.spikes.spike_lines import (
    Words,
    decimals,
    names,
    whole_numbers,
    words_of,
)
from snnjax.datasets.spikes.spike_names import PER_SECOND, Unit
from snnjax.events import RecordedSpikes

_SPIKE_BYTES = 50  # of memory for each line, besides its text
_WORK = 2**24  # bytes of memory for a piece
_SEEN = 20  # lines by which a text is known
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?", re.I)


class Style(NamedTuple):
    """How lines are written."""

    columns: tuple[str, ...]  # among them time and unit, perhaps population
    delimiter: str  # "" for blanks
    comma: bool  # whether decimals have one
    per_second: float  # by which times are divided


def read_spike_text(
    path: str | Path,
    *,
    columns: str | None = None,
    unit: Unit | None = None,
    limit: int | None = None,
) -> RecordedSpikes:
    """Reads the spikes of one recording.

    Order of columns and unit of times are as the file tells: its names of columns, or
    those that PyNN, Brian 2 ("t,i") and SONATA ("timestamps population node_ids")
    always write. What it does not tell is asked for, and never guessed.

    Args:
        path: of the text.
        columns: names in the order of columns, such as ``"unit time"``, of which time,
            unit and population are read; as the file tells if omitted, and else the one
            of two columns with decimals is the time.
        unit: of times, ``"s"``, ``"ms"`` or ``"us"``; as the file tells if omitted.
        limit: most bytes of memory that reading it may take; 128 MiB and 200 times the
            file's size if omitted.

    Returns:
        Spikes in the order of the file; ``known`` are the neurons of a file of PyNN.
        Columns that are not read, such as those of trials, are told in ``skipped``.

    Raises:
        ValueError: for other columns, or another unit.
        FileNotFoundError: if there is no such file.
        DataError: naming the file and the line that is wrong, or what must be told.
    """
    given = None if columns is None else _given(columns)
    if unit is not None:
        check.one_of("unit", unit, tuple(PER_SECOND))
    with reading(path, "a text of spikes", limit) as file:
        raw = text_of(file)
        head = head_of(raw)
        style, told = _style(raw, head, given, unit)
        times, units, population, groups = spikes_of(file, raw, head, style)
        return RecordedSpikes(
            *(times, units, population),
            groups or (head.settings.get("label", "") if of_pynn(head) else "",),
            f"text of {' '.join(style.columns)}, times in {told}",
            known_of(head, units, file),
            skipped={
                f"column {name}": len(times)
                for name in style.columns
                if name not in ("time", "unit", "population", "…") and len(times)
            },
        )


def is_spike_text(begin: bytes) -> bool:
    """Whether bytes begin as a text of spikes: by its names, or with two columns."""
    if b"\0" in begin or kind_by_signature(begin) not in ("", "plain text"):
        return False
    try:
        head = head_of(begin)
        if head.names is not None or of_pynn(head):
            return True
    except HoldsError:
        return False
    lines = begin[head.begin :].decode("latin-1").splitlines()
    lines = lines[:-1] if len(begin) > PIECE // 4 else lines  # the last may be cut
    lines = [each for each in lines[:_SEEN] if each.strip() and each[0] not in "#%"]
    return bool(lines) and all(map(_two_numbers, lines))


def _two_numbers(line):
    words = line.replace(";", " ").replace(",", " ").split()
    return len(words) == 2 and all(map(_NUMBER.fullmatch, words))


def spikes_of(
    file: Reading, raw: bytes, head: Head, style: Style
) -> tuple[np.ndarray, np.ndarray, np.ndarray, tuple[str, ...]]:
    """Times [s], units, and populations by number and name, piece by piece.

    Raises:
        ValueError: naming the line that is wrong.
    """
    n, at = raw.count(b"\n", head.begin) + 1, 0
    file.take(n * _SPIKE_BYTES + _WORK, "its spikes")
    times, units = np.empty(n), np.empty(n, np.int64)
    population = np.zeros(n, np.int64)
    groups: dict[str, int] = {}
    place = {name: k for k, name in enumerate(style.columns)}
    for words in pieces_of(raw, head.begin, head.line, style):
        new = slice(at, at + len(words.starts))
        times[new] = decimals(words, place["time"], "a time") / style.per_second
        units[new] = whole_numbers(words, place["unit"], "a neuron")
        if "population" in place:
            population[new] = _numbered(names(words, place["population"]), groups)
        at = new.stop
    return times[:at], units[:at], population[:at], tuple(groups)


def pieces_of(raw: bytes, begin: int, line: int, style: Style) -> Iterator[Words]:
    """The words of all lines, some at once.

    Args:
        raw: the text.
        begin: of the first line [byte].
        line: its number.
        style: how they are written.

    Raises:
        DamageError: for a line that is too long, or has another number of words.
    """
    while begin < len(raw):
        end = len(raw)
        if end - begin > PIECE:
            end = raw.rfind(b"\n", begin, begin + PIECE) + 1
        if end <= begin:
            raise DamageError(f"line {line} has more than {PIECE} bytes")
        yield words_of(
            *(raw[begin:end], style.delimiter, style.columns, line), comma=style.comma
        )
        line += raw.count(b"\n", begin, end)
        begin = end


def _numbered(texts, groups):
    """The number of each name, new ones behind those that were met before."""
    found, first, inverse = np.unique(texts, return_index=True, return_inverse=True)
    for k in np.argsort(first):
        groups.setdefault(found[k].decode("utf-8", "replace"), len(groups))
    numbers = [groups[name.decode("utf-8", "replace")] for name in found]
    return np.array(numbers, np.int64)[inverse]


def _given(columns):
    """The order of columns that is asked for."""
    given = tuple(columns.split()) if isinstance(columns, str) else ()
    twice = given.count("population") > 1
    if twice or any(given.count(name) != 1 for name in ("time", "unit")):
        raise ValueError(
            "columns must name time and unit once each, and population once at most, "
            f"such as 'unit time', got {columns!r}."
        )
    return given


def _style(raw, head, given, unit) -> tuple[Style, str]:
    """How lines are written, and the unit of times."""
    first = line_of(raw, head.begin)
    begun = head.sign and head.sign in first
    delimiter = head.sign if begun else _delimiter(first)
    words = first.split(delimiter or None)
    n = len(words)
    columns = given or (head.names.columns if head.names else ())
    if not columns and of_pynn(head):
        columns = ("time", "unit")
    told = unit or (head.names.unit if head.names else "") or ("ms" * of_pynn(head))
    comma = delimiter != "," and "," in first
    if not first:
        return Style(columns or ("time", "unit"), "", False, 1.0), told or "s"
    n -= not words[-1].strip() and n == (len(columns) or 2) + 1  # an end sign
    if columns and n != len(columns):
        raise HoldsError(f"lines of {n} columns, not of {listed(columns)}")
    if not columns and n != 2:
        raise HoldsError(
            f"lines of {n} columns without names; columns=… says which are time and "
            "unit"
        )
    columns = columns or _by_decimals(raw, head, delimiter, comma)
    missing = [] if columns else ["columns='time unit' or 'unit time' which is which"]
    missing += [] if told else ["unit=… whether they are s, ms or us"]
    if missing:
        raise HoldsError(
            "times of which not all is told; please say with " + " and ".join(missing)
        )
    return Style(columns, delimiter, comma, PER_SECOND[told]), told


def _delimiter(first):
    parted = first.split()
    if ";" in first:
        return ";"
    if "," in first and (len(parted) < 2 or any(w[-1] == "," for w in parted)):
        return ","
    return "\t" if "\t" in first and " " not in first else ""


def _by_decimals(raw, head, delimiter, comma):
    """Two columns without names: the one that is not whole is the time, if one is."""
    end = max(end_of(raw, head.begin), raw.rfind(b"\n", 0, head.begin + PIECE) + 1)
    words = words_of(
        raw[head.begin : end], delimiter, ("a", "b"), head.line, comma=comma
    )
    whole = [
        bool((np.floor(column) == column).all())
        for column in (decimals(words, k, "a number") for k in (0, 1))
    ]
    return {(False, True): ("time", "unit"), (True, False): ("unit", "time")}.get(
        (whole[0], whole[1]), ()
    )
