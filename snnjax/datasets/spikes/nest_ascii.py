"""Spikes that a recorder of NEST wrote as text, in one file or one for each thread.

NEST 3 writes its version, "# RecordingBackendASCII version: 2", a line of names,
"sender" and "time_ms", and then the spikes; where it was asked for steps, a step and an
offset [ms] in place of a time, t = step · resolution - offset. NEST 2 writes the same
columns into a .gdf without a header (NEST documentation, "Recording
backend ascii").
"""

import glob
import math
import re
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from snnjax import check
from snnjax.datasets.guard.checked import (
    DamageError,
    HoldsError,
    listed,
    reading,
)
from snnjax.datasets.spikes.spike_head import text_of
from snnjax.datasets.spikes.spike_lines import decimals, whole_numbers
from snnjax.datasets.spikes.spike_text import Style, pieces_of
from snnjax.events import RecordedSpikes

_MS, _STEPS = ("sender", "time_ms"), ("sender", "time_step", "time_offset")
_LINE = 1000  # bytes of a line in the head, at most
_SPIKE_BYTES = 60  # of memory for each line, besides its text
_WORK = 2**24  # bytes of memory for a piece
_OF_A_THREAD = re.compile(r"(.+-\d+)-(\d+)\.(dat|gdf)")
_BEGIN = re.compile(
    rb"# NEST version: |sender\t(?:time_ms|time_step)\b|\d+\t\d+\.\d+\t\r?\n"
)


def read_nest(
    path: str | Path | Sequence[str | Path],
    *,
    resolution: float | None = None,
    limit: int | None = None,
) -> RecordedSpikes:
    """Reads the spikes of one recorder of NEST 2 or 3.

    A recorder writes a file for each thread, ``name-22-0.dat``, ``name-22-1.dat``; all
    of them are given as a list, or as a pattern such as ``name-22-*.dat``.

    Args:
        path: of the file, of several, or a pattern of their names.
        resolution: of the simulation [s], where times are steps; the files do not tell
            it.
        limit: most bytes of memory that reading each file may take; 128 MiB and 200
            times the file's size if omitted.

    Returns:
        Spikes in the order of the files, units as NEST numbers its nodes.

    Raises:
        ValueError: for a resolution that is not positive, or no files.
        FileNotFoundError: if there is no such file.
        DataError: naming the file and what is wrong, or that a resolution is needed.

    Warns:
        UserWarning: if a file of one thread is given, and others lie beside it.
    """
    if resolution is not None:
        check.positive("resolution", resolution, " [s]")
    parts = [_read(each, resolution, limit) for each in _files(path)]
    times, units, sources = zip(*parts, strict=True)
    if len({*sources}) > 1:
        raise ValueError(f"path has files of {listed(sorted({*sources}))}, not of one.")
    counts = np.concatenate(units)
    return RecordedSpikes(
        *(np.concatenate(times), counts, np.zeros(len(counts), np.int64)),
        ("",),
        sources[0],
    )


def is_nest(begin: bytes) -> bool:
    """Whether bytes begin as a recorder of NEST 3 writes, or one of NEST 2."""
    return _BEGIN.match(begin) is not None


def _files(path) -> list[Path]:
    """The files of a path, a list or a pattern; those of threads in their order."""
    if not isinstance(path, str | Path):
        files = [Path(each) for each in path]
        if not files or len({*files}) < len(files):
            raise ValueError(
                f"path must be one file or several, each once, got {path!r}."
            )
        return files
    if glob.has_magic(str(path)) and not Path(path).exists():
        files = sorted(map(Path, glob.glob(str(path))), key=_thread)
        if not files:
            raise FileNotFoundError(f"No file is called like {path}.")
        return files
    _tell_others(Path(path))
    return [Path(path)]


def _thread(path):
    hit = _OF_A_THREAD.fullmatch(path.name)
    return (hit[1], int(hit[2])) if hit else (path.name, 0)


def _tell_others(path):
    """Warns of files of other threads of the same recorder."""
    if hit := _OF_A_THREAD.fullmatch(path.name):
        pattern = f"{glob.escape(hit[1])}-*.{hit[3]}"
        beside = path.parent.glob(pattern) if path.parent.is_dir() else ()
        files = [
            p
            for p in beside
            if (h := _OF_A_THREAD.fullmatch(p.name)) and h[1] == hit[1]
        ]
        if len(files) > 1:
            warnings.warn(
                f"{path} is one of {len(files)} files of its recorder, one for each "
                f"thread; {path.parent / pattern} reads all.",
                stacklevel=4,
            )


def _read(path, resolution, limit):
    """Times [s], units, and what wrote them, of one file."""
    with reading(path, "spikes of a recorder of NEST", limit) as file:
        raw = text_of(file)
        begin, line, columns, version = _head(raw)
        n = raw.count(b"\n", begin) + 1
        file.take(n * _SPIKE_BYTES + _WORK, "its spikes")
        if not columns:
            columns = _unnamed(raw, begin, line)
        steps = columns != _MS
        source = f"{version}, times in {'steps' if steps else 'ms'}"
        if not raw[begin:].strip():
            return np.zeros(0), np.zeros(0, np.int64), source
        _check_resolution(steps, resolution)
        times, units = [], []
        for words in pieces_of(raw, begin, line, Style(columns, "", False, 1e3)):
            units.append(whole_numbers(words, 0, "a sender"))
            if not steps:
                times.append(decimals(words, 1, "a time [ms]") / 1e3)
                continue
            at = _seconds(whole_numbers(words, 1, "a step"), resolution)
            if columns == _STEPS:
                at = at - decimals(words, 2, "an offset [ms]") / 1e3
            times.append(at)
        if not steps:
            _check_end(raw, begin)
        return np.concatenate(times), np.concatenate(units), source


def _head(raw):
    """Where the spikes begin, in which line, names of columns, and the version."""
    begin, line, version = 0, 1, ""
    columns: tuple[str, ...] = ()
    while begin < len(raw):
        end = raw.find(b"\n", begin, begin + _LINE) + 1 or min(len(raw), begin + _LINE)
        text = raw[begin:end].decode("utf-8", "replace").strip()
        if text.startswith("# NEST version:"):
            version = f"NEST {text.split(':')[1].strip()[:20]}"
        elif text[:1].isalpha() and not columns:
            columns = tuple(text.split())
            if columns not in (_MS, _STEPS):
                raise HoldsError(
                    f"line {line}, {text[:60]!r}; a recorder of spikes writes the "
                    "names sender and time_ms, or time_step and time_offset"
                )
            version = version or "NEST 3"
        elif text and text[0] != "#":
            break
        begin, line = end, line + 1
    return begin, line, columns, version or "GDF, as of NEST 2"


def _unnamed(raw, begin, line):
    """The columns of a file of NEST 2, by their number and by decimals."""
    end = raw.find(b"\n", begin, begin + _LINE) + 1 or begin + _LINE
    words = raw[begin:end].decode("utf-8", "replace").split()
    number = r"[-+]?[\d.]+(?:[eE][-+]?\d+)?"
    if words and (len(words) not in (2, 3) or not re.fullmatch(r"\d+", words[0])):
        raise HoldsError(f"line {line}, {' '.join(words)[:60]!r}, no sender and time")
    if not all(re.fullmatch(number, word) for word in words):
        raise HoldsError(f"line {line}, {' '.join(words)[:60]!r}, no sender and time")
    if len(words) == 3:
        return _STEPS
    return _MS if not words or b"." in raw[begin:] else _STEPS[:2]


def _check_resolution(steps, resolution):
    if steps and resolution is None:
        raise HoldsError(
            "whole numbers of steps as times; resolution=… says how long one is [s]"
        )
    if not steps and resolution is not None:
        raise HoldsError("times in ms, not in steps, so no resolution can be given")


def _seconds(steps, resolution):
    """Times of steps [s], the nearest to their decimals if a second has whole ones."""
    rate = round(1.0 / resolution)
    if rate and math.isclose(rate * resolution, 1.0, rel_tol=1e-12):
        return steps / float(rate)
    return steps * resolution


def _check_end(raw, begin):
    """Refuses a last line that has fewer decimals than the first, and no end."""
    if raw.endswith(b"\n"):
        return
    first, last = raw[begin:].split(b"\n", 1)[0], raw[raw.rfind(b"\n") + 1 :]
    if not last.strip():
        return
    places = [len(each.split()[-1].partition(b".")[2]) for each in (first, last)]
    if places[1] < places[0]:
        raise DamageError(f"the last line, {last[:40].decode()!r}, is cut short")
