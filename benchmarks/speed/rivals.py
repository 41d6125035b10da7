"""How long does the same work take in each library?

    python -m benchmarks.speed.rivals                     # everything; an hour
    python -m benchmarks.speed.rivals --kinds stream inference --seconds 200
    python -m benchmarks.speed.rivals --kinds training --sizes 1000/64/128 --more
    python -m benchmarks.speed.rivals --against /path/to/another/checkout

A training step, inference, calls of 1 and 16 steps, and a training step of a
convolutional network; see ``rival_work.py``. The sides of one size run in one session
and take turns: steps for a while, of which the last counts; each awaits its results.
Weights are held, and the firing rate of each side is that of the steps that are timed.

What was measured replaces what ``results/rivals.json`` says of the same side, size and
kind, and leaves the rest there; with ``--more`` its turns are added to those.

``to_dense_floor`` is the ratio to the multiplications of a dense program at the speed
of this machine's matrix product. With ``--against`` two checkouts of snnjax take turns
instead, see ``checkouts.py``.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from benchmarks.machine import machine
from benchmarks.report import RESULTS, emit, tell
from benchmarks.speed import checkouts
from benchmarks.speed.environments import OURS, PACKAGES
from benchmarks.speed.roofline import matrix_speed
from benchmarks.speed.timing import spread
from benchmarks.speed.worker import started, take_turns

SIZES = {
    "training": ("100/64/256", "300/16/192", "1000/64/128", "250/64/512"),
    "inference": ("1000/1/256", "100/64/256"),
    "stream": ("1/1/256", "16/1/256"),
    "convolution": ("50/16/16",),
}
KEPT = RESULTS / "rivals.json"
KEY = ("kind", "size", "side")


def dense_floor(size: str, speed: float) -> float:
    """Milliseconds of a training step's dense products.

    Three are with r and with the readout, two with w.
    """
    steps, batch, n = map(int, size.split("/"))
    flop = 2 * steps * batch * n * (2 * 700 + 3 * n + 3 * 20)
    return 1e3 * flop / speed


def measure(
    kind: str, size: str, names: list[str], repeats: int, seconds: float | None
) -> list[dict]:
    """A row for each side that can be had."""
    sides = {name: started(name, kind, size) for name in names}
    sides = {name: side for name, side in sides.items() if side is not None}
    take_turns(list(sides.values()), repeats, seconds)
    speed = matrix_speed() if kind == "training" else None
    rows = []
    for name, side in sides.items():
        told, temp = side.told, side.told["temp_mb"]
        row = {"kind": kind, "size": size, "side": name}
        row["times_ms"] = [round(ms, 4) for ms in side.times]
        row |= {
            "hidden_rate": round(told["rate"], 4),
            "compile_s": round(told["compile_s"], 2),
            "temp_mb": temp and round(temp, 1),
            "peak_mb": round(told["peak_mb"]),
            "versions": told["versions"],
        }
        if speed:
            row["matrix_gflops"] = round(speed / 1e9)
        rows.append(summed_up(row))
    return rows


def summed_up(row: dict[str, Any]) -> dict[str, Any]:
    """A row with the statistics of its times."""
    told = {key: round(ms, 4) for key, ms in spread(row["times_ms"]).items()}
    row = row | told | {"repeats": len(row["times_ms"])}
    if row["kind"] == "training" and "matrix_gflops" in row:
        floor = dense_floor(row["size"], 1e9 * row["matrix_gflops"])
        row["to_dense_floor"] = round(row["quartile_ms"] / floor, 2)
    return row


def merged(kept: list[dict], new: list[dict], *, more: bool) -> list[dict]:
    """What was kept, with new rows in the place of old ones, or turns added to them."""
    rows = {tuple(row[key] for key in KEY): row for row in kept}
    for row in new:
        key = tuple(row[key] for key in KEY)
        if more and key in rows:
            times = rows[key]["times_ms"] + row["times_ms"]
            row = summed_up({**row, "times_ms": times})
        rows[key] = row
    kinds, sides = [*SIZES], [*OURS, *PACKAGES]

    def place(row):
        sizes = SIZES[row["kind"]]
        at = sizes.index(row["size"]) if row["size"] in sizes else len(sizes)
        return kinds.index(row["kind"]), at, row["size"], sides.index(row["side"])

    return sorted(rows.values(), key=place)


def keep(new: list[dict], *, more: bool, path: Path = KEPT) -> None:
    """Puts rows among those that were measured before."""
    kept = json.loads(path.read_text(encoding="utf-8"))["rows"] if path.exists() else []
    rows = merged(kept, new, more=more)
    line = {"benchmark": "rivals", "rows": rows, **machine()}
    path.write_text(json.dumps(line, indent=1) + "\n", encoding="utf-8")


def tell_rows(rows: list[dict]) -> None:
    """A table for people, the fastest first."""
    best = min(row["quartile_ms"] for row in rows)
    for row in sorted(rows, key=lambda row: row["quartile_ms"]):
        emit(**row)
        tell(
            f"     {row['side']:<24}{row['quartile_ms']:>10.3f} ms"
            f"{row['quartile_ms'] / best:>8.2f} x   least {row['min_ms']:>10.3f}"
            f"   rate {row['hidden_rate']:.3f}   {row['peak_mb']:>6} MB"
        )


def main(args: list[str] | None = None) -> int:
    """Exit status 1 if a size is slower than in the other checkout."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kinds", nargs="*", default=[*SIZES], choices=[*SIZES])
    parser.add_argument("--sizes", nargs="*", metavar="A/B/C", help="default: all")
    parser.add_argument("--sides", nargs="*", help="default: all")
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--seconds", type=float, help="of turns, for each size")
    parser.add_argument("--more", action="store_true", help="add to what is kept")
    parser.add_argument("--against", type=Path, metavar="CHECKOUT")
    given = parser.parse_args(args)
    works = [
        (kind, size)
        for kind in given.kinds
        for size in SIZES[kind]
        if not given.sizes or size in given.sizes
    ]
    works += [
        (kind, size)
        for kind in given.kinds
        for size in given.sizes or ()
        if len(given.kinds) == 1 and size not in SIZES[kind]
    ]
    if not works:
        parser.error("no such size of these kinds; sizes of one's own need one kind")
    if given.against is not None:
        sides = given.sides or OURS
        found = checkouts.compare(given.against, works, sides, given.repeats)
        return int(not all(criterion.holds for criterion in found))
    for kind, size in works:
        tell(f"\n{kind}, {size}")
        names = given.sides or [*OURS, *PACKAGES]
        if rows := measure(kind, size, names, given.repeats, given.seconds):
            tell_rows(rows)
        known = [row for row in rows if row["size"] in SIZES[kind]]
        keep(known, more=given.more)
    return 0


if __name__ == "__main__":
    sys.exit(main())
