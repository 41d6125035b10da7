"""Does a training step gain from memory that the allocator keeps?

    python -m benchmarks.speed.allocators [--sizes 1000/64/128 …] [--seconds 100]

The native training step of ``rivals.py``, in processes that differ in environment
variables only: glibc as it is, told to keep memory, told to ask for large pages, and
jemalloc and tcmalloc where they are installed. All take turns.
"""

import argparse
import json
from ctypes.util import find_library

from benchmarks.machine import machine
from benchmarks.report import RESULTS, emit, tell
from benchmarks.speed.timing import spread
from benchmarks.speed.worker import Side, started, take_turns

KEPT = RESULTS / "allocators.json"
SIZES = ("100/64/256", "1000/64/128", "250/64/512")
LARGE = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}
KEEP = {
    "MALLOC_ARENA_MAX": "1",  # one heap for all threads
    "MALLOC_MMAP_MAX_": "0",  # never from the system directly
    "MALLOC_TRIM_THRESHOLD_": "8000000000",  # never back to it
}


def ways() -> dict[str, dict[str, str]]:
    """Environment variables of each way that can be had here."""
    found = {
        "glibc": {},
        "glibc, large pages": LARGE,
        "glibc that keeps memory": KEEP,
        "glibc that keeps memory, large pages": KEEP | LARGE,
    }
    for name in ("jemalloc", "tcmalloc_minimal"):
        if library := find_library(name):
            found[name.removesuffix("_minimal")] = {"LD_PRELOAD": library}
    return found


def measure(size: str, repeats: int, seconds: float | None) -> list[dict]:
    """A row for each way."""
    sides: dict[str, Side] = {}
    for name, variables in ways().items():
        side = started("snnjax-native", "training", size, variables=variables)
        if side is not None:
            sides[name] = side
    take_turns(list(sides.values()), repeats, seconds)
    rows = []
    for name, side in sides.items():
        times = {key: round(ms, 2) for key, ms in spread(side.times).items()}
        row = {"allocator": name, "size": size, **times, "repeats": len(side.times)}
        rows.append(row | {"peak_mb": round(side.told["peak_mb"])})
    return rows


def main(args: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", nargs="*", default=SIZES, metavar="T/BATCH/HIDDEN")
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--seconds", type=float, help="of turns, for each size")
    given = parser.parse_args(args)
    kept = json.loads(KEPT.read_text())["rows"] if KEPT.exists() else []
    for size in given.sizes:
        tell(f"\n{size}")
        rows = measure(size, given.repeats, given.seconds)
        for row in rows:
            emit(**row)
            tell(
                f"     {row['allocator']:<38}{row['quartile_ms']:>8.2f} ms"
                f"   least {row['min_ms']:.2f}   {row['peak_mb']:>5} MB"
            )
        kept = [row for row in kept if row["size"] != size] + rows
    kept.sort(key=lambda row: SIZES.index(row["size"]) if row["size"] in SIZES else 99)
    line = {"benchmark": "allocators", "rows": kept, **machine()}
    KEPT.write_text(json.dumps(line, indent=1) + "\n")


if __name__ == "__main__":
    main()
