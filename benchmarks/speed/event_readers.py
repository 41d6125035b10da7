"""How fast are recordings of event cameras read, beside other packages?

    python -m benchmarks.speed.event_readers [--size 2.5e7] [--stream 2e9]

Real recordings below ``SNNJAX_DATA`` are repeated, with times that rise, to files of
some size. Readers that can be imported (dependency group ``readers``) take turns at the
same file, which lies in the page cache, and are named where they cannot. Whoever makes
other events of it than we do is measured as well, but not compared with. Milliseconds
are those of the processors, of all threads (of AEDAT 4, which a process apart reads,
those on the wall); ``wall_ms`` those on the wall.

A process of its own tells the most memory that reading takes above what was there after
the import: as a whole, for each event, and of ``--stream`` bytes in pieces.
Bounds were fixed before it ran, see ``criteria``.
"""

import argparse
import importlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.criterion import Criterion, at_least, at_most
from benchmarks.fuzz.meter import peak_of
from benchmarks.machine import machine
from benchmarks.report import RESULTS, ROOT, emit, tell
from benchmarks.speed.event_files import FILES, write
from benchmarks.speed.timing import interleave
from snnjax.datasets import (
    read_prophesee_evt3,
    read_recorded,
    stream_recorded,
)

OURS, WITH_EVT3 = "snnjax", "snnjax with evt3"
LEAST = {  # our speed over that of the fastest that is right
    **dict.fromkeys(("DAT", "EVT 2", "AEDAT 2.0"), 0.5),
    "AEDAT 4": 0.8,
    **dict.fromkeys(("text, µs", "text, s", "text, %.18e"), 0.5),
}
LEAST_OF_EVT3 = {OURS: 0.1, WITH_EVT3: 0.5}  # over that of the package
BYTES = 4 * 14  # of memory at most for an event
STREAM_MB = 200
STREAMED = (
    *("DAT", "EVT 2", "EVT 3", "EVT 3, vectors", "Event Stream", "AEDAT 2.0"),
    *("AEDAT 3.1", "text, s"),
)

APART = ("AEDAT 4",)  # read in a process apart, so that time is that on the wall

Columns = tuple[np.ndarray, ...]


class Side(NamedTuple):
    """A reader."""

    package: str  # that it needs; "" if none
    names: tuple[str, ...]  # of files that it can read
    read: Callable[[Any, Path], Any]  # (package, path): what is timed
    columns: Callable[[Any], Columns] = lambda found: found[:4]  # t, x, y, p of it


def _fields(found):
    polarity = "p" if "p" in found.dtype.names else "on"
    return *(found[name] for name in "txy"), found[polarity]


def _aedat(package, path):
    packets = [each["events"] for each in package.Decoder(path) if "events" in each]
    return np.concatenate(packets)


def _expelliarmus(package, path):
    return package.Wizard(encoding={".dat": "dat", ".raw": "evt2"}[path.suffix]).read(
        path
    )


def _faery(package, path):
    return package.events_stream_from_file(path).to_array()


def _event_stream(package, path):
    return np.concatenate(list(package.Decoder(path)))


def _pandas(package, path):
    if path.suffix == ".csv":
        return package.read_csv(path)
    return package.read_csv(path, sep=" ", header=None)


def _of_table(found):
    t, *others = (found.iloc[:, k].to_numpy() for k in range(4))
    return (np.rint(t * 1e6) if t.dtype.kind == "f" else t, *others)


SIDES = {
    OURS: Side("", tuple(FILES), lambda _, path: read_recorded(path)),
    WITH_EVT3: Side(
        *("evt3", ("EVT 3", "EVT 3, vectors")),
        lambda _, path: read_prophesee_evt3(path, decoder="evt3"),
    ),
    "aedat": Side("aedat", ("AEDAT 4",), _aedat, _fields),
    "expelliarmus": Side("expelliarmus", ("DAT", "EVT 2"), _expelliarmus, _fields),
    "evt3": Side(
        *("evt3", ("EVT 3", "EVT 3, vectors")),
        lambda package, path: package.decode_file(str(path)),
        lambda found: (found.t, found.x, found.y, found.p),
    ),
    "evutils": Side(
        "evutils.io",
        ("DAT", "EVT 2", "EVT 3", "EVT 3, vectors", "AEDAT 2.0", "AEDAT 3.1"),
        lambda package, path: package.EventReader(path).read_all(),
        lambda found: (found.t, found.x, found.y, found.p),
    ),
    "faery": Side(
        *("faery", ("DAT", "EVT 2", "EVT 3", "EVT 3, vectors", "Event Stream")),
        *(_faery, _fields),
    ),
    "event_stream": Side("event_stream", ("Event Stream",), _event_stream, _fields),
    "pandas": Side(
        "pandas", ("text, µs", "text, s", "text, %.18e"), _pandas, _of_table
    ),
}


def packages() -> tuple[dict[str, Any], list[str]]:
    """What can be imported, by its name, and what cannot."""
    found, missing = {"": None}, []
    for name in sorted({side.package for side in SIDES.values()} - {""}):
        try:
            found[name] = importlib.import_module(name)
        except ImportError:
            missing.append(name.partition(".")[0])
    return found, missing


def is_right(columns: Columns, ours: Columns, height: int | None) -> bool:
    """Whether events are the same, rows counted from either side."""
    if len(columns[0]) != len(ours[0]):
        return False
    t, x, y, p = (np.asarray(c).astype(np.int64, copy=False) for c in columns)
    same = (t == ours[0]).all() and (x == ours[1]).all() and (p == ours[3]).all()
    turned = height is not None and bool((height - 1 - y == ours[2]).all())
    return bool(same) and (bool((y == ours[2]).all()) or turned)


def measure(name: str, path: Path, found: dict[str, Any], repeats: int) -> list[dict]:
    """A row for each side that reads such a file."""
    sides, right = {}, {}
    ours = read_recorded(path)
    for side, (package, names, read, columns) in SIDES.items():
        if name not in names or package not in found:
            continue
        sides[side] = partial(read, found[package], path)
        try:
            got = columns(sides[side]())
        except Exception as error:
            tell(f"     {side}: {type(error).__name__}: {error}")
            del sides[side]
            continue
        right[side] = is_right(got, ours[:4], ours.size and ours.size[0])
        del got
    n = len(ours.t)
    del ours
    clock = time.perf_counter if name in APART else time.process_time
    times = interleave(sides, repeats, 1, clock)
    walls = interleave(sides, repeats, 0)
    best = max(n / times[side]["min_ms"] for side in sides if right[side])
    rows = []
    for side in sides:
        row = {"file": name, "side": side, "events": n, "bytes": path.stat().st_size}
        row |= times[side] | {"wall_ms": walls[side]["median_ms"]}
        row["right"] = right[side]
        row["mega_events_per_s"] = round(n / times[side]["min_ms"] / 1e3, 1)
        others = [n / times[k]["min_ms"] for k in sides if right[k] and k[:6] != OURS]
        row["to_fastest"] = round(
            n / times[side]["min_ms"] / max(others, default=best), 3
        )
        emit(**row)
        tell(
            f"     {name:<16}{side:<18}{row['mega_events_per_s']:>8.1f} M/s"
            f"{row['to_fastest']:>7.2f}{'' if right[side] else '   not right'}"
        )
        rows.append(row)
    return rows


def peak(name: str, path: Path, how: str) -> dict[str, Any]:
    """The most memory that reading takes, measured in a process of its own."""
    code = [sys.executable, "-m", "benchmarks.speed.event_readers", "--peak", how]
    done = subprocess.run(
        [*code, str(path)], capture_output=True, encoding="utf-8", check=True, cwd=ROOT
    )
    row = {"file": name, "how": how, "bytes": path.stat().st_size}
    row |= json.loads(done.stdout)
    row["bytes_per_event"] = round(row["peak_MB"] * 2**20 / row["events"], 1)
    emit(**row)
    tell(f"     {name:<16}{how}: {row['peak_MB']:.0f} MB, {row['seconds']:.1f} s")
    return row


def tell_peak(how: str, path: str) -> None:
    """What the process above says."""
    began = time.perf_counter()
    if how == "whole":
        found, most = peak_of(lambda: len(read_recorded(path).t))
    else:
        pieces = stream_recorded(path)
        found, most = peak_of(lambda: sum(len(piece.t) for piece in pieces))
    seconds = round(time.perf_counter() - began, 2)
    told = {"events": found, "peak_MB": round(most / 2**20, 1), "seconds": seconds}
    print(json.dumps(told))


def criteria(rows: list[dict], peaks: list[dict]) -> list[Criterion]:
    """Bounds of speed, where there is something to compare with, and of memory."""
    found = []
    measured = {(row["file"], row["side"]): row for row in rows}
    for name in FILES:
        others = [
            side
            for at, side in measured
            if at == name and side[:6] != OURS and measured[at, side]["right"]
        ]
        if not others:
            continue
        told = f"{name}: speed over that of the fastest that is right"
        if name in LEAST:
            value = measured[name, OURS]["to_fastest"]
            found.append(at_least(told, value, LEAST[name]))
        if (name, "evt3") not in measured:
            continue
        package = measured[name, "evt3"]["mega_events_per_s"]
        for side, least in LEAST_OF_EVT3.items():
            value = measured[name, side]["mega_events_per_s"] / package
            told = f"{name}, {side}: speed over that of evt3"
            found.append(at_least(told, value, least))
    for row in peaks:
        if row["how"] == "whole":
            told = f"{row['file']}: bytes of memory for an event"
            found.append(at_most(told, row["bytes_per_event"], BYTES, digits=1))
        else:
            told = f"{row['file']}: MB of memory for {row['bytes'] / 1e9:.1f} GB"
            found.append(at_most(told, row["peak_MB"], STREAM_MB, digits=0))
    return found


def run(
    recordings: Path, names: list[str], size: float, streamed: float, repeats: int
) -> Iterator[dict[str, Any]]:
    """What is known after each file, all of which are deleted afterwards."""
    found, missing = packages()
    if missing:
        tell(f"not installed: {', '.join(missing)}")
    rows: list[dict] = []
    peaks: list[dict] = []
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            path = write(name, recordings, Path(folder), size)
            rows += measure(name, path, found, repeats)
            if name not in APART:  # of whose memory this process sees a part only
                peaks.append(peak(name, path, "whole"))
            path.unlink()
            yield line(rows, peaks, missing)
        for name in [k for k in STREAMED if k in names and streamed]:
            path = write(name, recordings, Path(folder), streamed)
            peaks.append(peak(name, path, "stream"))
            path.unlink()
            yield line(rows, peaks, missing)


def line(rows: list[dict], peaks: list[dict], missing: list[str]) -> dict[str, Any]:
    """What is kept."""
    return {
        **{"benchmark": "event_readers", "missing": missing, "rows": rows},
        **{"memory": peaks, "criteria": [c.row() for c in criteria(rows, peaks)]},
        **machine(),
    }


def main(args: list[str] | None = None) -> int:
    """Exit status 1 if a bound does not hold, 2 without recordings."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=float, default=2.5e7, help="bytes of a file")
    parser.add_argument("--stream", type=float, default=2e9, help="bytes; 0: none")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--files", nargs="*", choices=list(FILES), default=list(FILES))
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--peak", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args(args)
    if given.peak:
        tell_peak(*given.peak)
        return 0
    recordings = Path(os.environ.get("SNNJAX_DATA", "")) / "recordings"
    if "SNNJAX_DATA" not in os.environ or not recordings.is_dir():
        tell("There are no recordings: SNNJAX_DATA does not lead to a folder of them.")
        return 2
    kept: dict[str, Any] = {}
    for kept in run(recordings, given.files, given.size, given.stream, given.repeats):
        text = json.dumps(kept, indent=1)
        (given.out / "event_readers.json").write_text(f"{text}\n", encoding="utf-8")
    for row in kept["criteria"]:
        tell(f"     {'holds' if row['holds'] else 'FAILS'}  {row}")
    return int(not all(row["holds"] for row in kept["criteria"]))


if __name__ == "__main__":
    sys.exit(main())
