"""Does a training step gain from memory that is kept, and what do wide vectors bring?

    python -m benchmarks.speed.settings [--sizes 1000/64/128 …] [--seconds 100]

The training step of ``rivals.py``, in processes that differ in environment variables
only: glibc's allocator as it is, told to keep memory, told to ask for large pages;
jemalloc and tcmalloc where they are installed; kernels compiled for any x86-64 with
AVX2, and for any at all; and XLA. All take turns.
"""

import argparse
import json
import os
import subprocess
import sys
from ctypes.util import find_library
from typing import NamedTuple

from benchmarks.machine import machine
from benchmarks.report import RESULTS, ROOT, emit, tell
from benchmarks.speed.timing import spread
from benchmarks.speed.worker import Side, started, take_turns

KEPT = RESULTS / "settings.json"
SIZES = ("100/64/256", "1000/64/128", "250/64/512")
LARGE = {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}
KEEP = {
    "MALLOC_ARENA_MAX": "1",  # one heap for all threads
    "MALLOC_MMAP_MAX_": "0",  # never from the system directly
    "MALLOC_TRIM_THRESHOLD_": "8000000000",  # never back to it
}


class Setting(NamedTuple):
    """What is set, and which backend runs."""

    variables: dict[str, str]
    side: str = "snnjax-native"


def settings() -> dict[str, Setting]:
    """Those that can be had here."""
    found = {
        "as it is": Setting({}),
        "large pages": Setting(LARGE),
        "memory is kept": Setting(KEEP),
        "memory is kept, large pages": Setting(KEEP | LARGE),
    }
    for name in ("jemalloc", "tcmalloc_minimal"):
        if library := find_library(name):
            label = name.removesuffix("_minimal")
            found[label] = Setting({"LD_PRELOAD": library})
    for label, march in (("AVX2", "x86-64-v3"), ("any x86-64", "x86-64")):
        found[label] = Setting({"SNNJAX_CXXFLAGS": f"-march={march}"})
    return found | {"XLA": Setting({}, "snnjax-xla")}


def build_kernels(variables: dict[str, str]) -> None:
    """Compiles the native kernels as they will be loaded."""
    command = [sys.executable, "-m", "snnjax", "kernels", "build"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | variables
    subprocess.run(command, env=environment, capture_output=True, check=True)


def measure(
    size: str, names: list[str], repeats: int, seconds: float | None
) -> list[dict]:
    """A row for each setting."""
    sides: dict[str, Side] = {}
    for name in names:
        made = settings()[name]
        if "SNNJAX_CXXFLAGS" in made.variables:
            build_kernels(made.variables)
        side = started(made.side, "training", size, variables=made.variables)
        if side is not None:
            sides[name] = side
    take_turns(list(sides.values()), repeats, seconds)
    rows = []
    for name, side in sides.items():
        times = {key: round(ms, 2) for key, ms in spread(side.times).items()}
        row = {"setting": name, "size": size, **times, "repeats": len(side.times)}
        rows.append(row | {"peak_mb": round(side.told["peak_mb"])})
    return rows


def main(args: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", nargs="*", default=SIZES, metavar="T/BATCH/HIDDEN")
    parser.add_argument("--settings", nargs="*", default=[*settings()])
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--seconds", type=float, help="of turns, for each size")
    given = parser.parse_args(args)
    kept = json.loads(KEPT.read_text(encoding="utf-8"))["rows"] if KEPT.exists() else []
    for size in given.sizes:
        tell(f"\n{size}")
        rows = measure(size, given.settings, given.repeats, given.seconds)
        for row in rows:
            emit(**row)
            tell(
                f"     {row['setting']:<30}{row['quartile_ms']:>8.2f} ms"
                f"   least {row['min_ms']:.2f}   {row['peak_mb']:>5} MB"
            )
        new = {(row["setting"], size) for row in rows}
        kept = [r for r in kept if (r["setting"], r["size"]) not in new] + rows
    line = {"benchmark": "settings", "rows": kept, **machine()}
    KEPT.write_text(json.dumps(line, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
