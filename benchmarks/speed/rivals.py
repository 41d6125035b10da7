"""How long does one training step take, in each library, on the same work?

    python -m benchmarks.speed.rivals [--sizes 100/64/256 …] [--sides sparx spyx …]
    python -m benchmarks.speed.rivals --against /path/to/another/checkout

All sides run in one session and take turns: steps for a while, of which the last
counts; each awaits its results. ``rival_sides.py`` holds the work and the weights.
Ratios are to the dense floor: the multiplications of a dense program at the speed of
this machine's matrix product. With ``--against`` two checkouts of snnjax take turns
instead, see ``checkouts.py``.
"""

import argparse
import json
import sys
from pathlib import Path

from benchmarks.machine import machine
from benchmarks.report import RESULTS, emit, tell
from benchmarks.speed import checkouts
from benchmarks.speed.environments import OURS, PACKAGES
from benchmarks.speed.roofline import matrix_speed
from benchmarks.speed.timing import spread
from benchmarks.speed.worker import started, take_turns

SIZES = ("100/64/256", "250/64/512", "1000/64/128")


def dense_floor(size: tuple[int, ...], speed: float) -> float:
    """Milliseconds of a step's dense products: three with r, two with w and readout."""
    steps, batch, n = size
    flop = 2 * steps * batch * n * (2 * 700 + 3 * n + 3 * 20)
    return 1e3 * flop / speed


def measure(size: tuple[int, ...], names: list[str], repeats: int) -> list[dict]:
    """A row for each side that can be had."""
    sides = {name: started(name, size) for name in names}
    sides = {name: side for name, side in sides.items() if side is not None}
    take_turns(list(sides.values()), repeats)
    speed = matrix_speed()
    floor = dense_floor(size, speed)
    rows = []
    for name, side in sides.items():
        times = spread(side.times)
        temp = side.told["temp_mb"]
        rows.append(
            {
                "side": name,
                "size": "/".join(map(str, size)),
                **{key: round(ms, 1) for key, ms in times.items()},
                "repeats": repeats,
                "to_dense_floor": round(times["median_ms"] / floor, 2),
                "hidden_rate": round(side.told["rate"], 3),
                "compile_s": round(side.told["compile_s"], 2),
                "temp_mb": temp and round(temp, 1),
                "peak_mb": round(side.told["peak_mb"]),
                "matrix_gflops": round(speed / 1e9),
            }
        )
    return rows


def compare_libraries(sizes: list[str], names: list[str], repeats: int) -> None:
    """Tells and keeps what every library takes."""
    kept = []
    for text in sizes:
        tell(f"\nT/batch/hidden = {text}")
        rows = measure(tuple(map(int, text.split("/"))), names, repeats)
        best = min(row["median_ms"] for row in rows)
        for row in sorted(rows, key=lambda row: row["median_ms"]):
            emit(**row)
            tell(
                f"     {row['side']:<24}{row['median_ms']:>9.1f} ms"
                f"{row['median_ms'] / best:>7.2f} x{row['to_dense_floor']:>7.2f} floors"
                f"   rate {row['hidden_rate']:.3f}   {row['peak_mb']:>6} MB"
            )
        kept += rows
    if tuple(sizes) == SIZES and len({r["side"] for r in kept}) > len(OURS):
        line = {"benchmark": "rivals", "rows": kept, **machine()}
        (RESULTS / "rivals.json").write_text(json.dumps(line, indent=1) + "\n")


def main(args: list[str] | None = None) -> int:
    """Exit status 1 if a size is slower than in the other checkout."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", nargs="*", default=SIZES, metavar="T/BATCH/HIDDEN")
    parser.add_argument("--sides", nargs="*", help="default: all")
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--against", type=Path, metavar="CHECKOUT")
    given = parser.parse_args(args)
    if given.against is None:
        sides = given.sides or [*OURS, *PACKAGES]
        compare_libraries(given.sizes, sides, given.repeats)
        return 0
    found = checkouts.compare(
        given.against, given.sizes, given.sides or OURS, given.repeats
    )
    return int(not all(criterion.holds for criterion in found))


if __name__ == "__main__":
    sys.exit(main())
