"""How long does one training step take, in each library, on the same work?

    python -m benchmarks.speed.rivals [--sizes 100/64/256 …] [--sides sparx spyx …]

Each rival is installed once into an environment of its own. All sides run in one
session and take turns: steps for a while, of which the last counts; each awaits its
results. ``rival_sides.py`` holds the work. Ratios are to the dense floor: the
multiplications of a dense program at the speed of this machine's matrix product.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.machine import machine
from benchmarks.report import RESULTS, emit, tell
from benchmarks.speed.roofline import matrix_speed
from snnjax.files import cache_folder

HERE = Path(__file__).parent
SIZES = ("100/64/256", "250/64/512", "1000/64/128")
PACKAGES = {
    "sparx": ("3.12", ["sparxml==0.1.1"]),
    "spyx": ("3.11", ["spyx==1.0.0"]),
    "jaxpike": ("3.11", ["jaxpike==0.1.4"]),
    "norse": ("3.11", ["torch", "norse==1.1.0"]),
    "snntorch": ("3.11", ["torch", "numpy", "snntorch==1.0.0"]),
    "spikingjelly": ("3.11", ["torch", "spikingjelly==2.0.0"]),
    "sinabs": ("3.11", ["torch", "sinabs==3.1.3"]),
}
OURS = ("snnjax-native-triangle", "snnjax-native", "snnjax-xla")
WARM = 0.4  # [s] of steps before the one that counts; others' threads spin for 0.2


def environments() -> Path:
    return cache_folder() / "rivals"


def interpreter(version: str) -> str | None:
    """A Python of at least this version."""
    least = tuple(map(int, version.split(".")))
    for name in ("python3", "python3.11", "python3.12", "python3.13", "python3.14"):
        code = f"import sys; sys.exit(sys.version_info < {least})"
        found = shutil.which(name)
        if found and not subprocess.run([found, "-c", code], check=False).returncode:
            return found
    return None


def python_of(side: str) -> str | None:
    """The interpreter of a side's environment, made if need be, or None."""
    if side in OURS:
        return sys.executable
    folder = environments() / side
    python, ready = folder / "bin" / "python", folder / "ready"
    version, packages = PACKAGES[side]
    if ready.exists() and ready.read_text() == repr(packages):
        return str(python)
    base = interpreter(version)
    if base is None:
        tell(f"     {side}: needs Python {version}; left out")
        return None
    tell(f"     {side}: installing {' '.join(packages)} ...")
    pip = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    for command in ([base, "-m", "venv", "--clear", str(folder)], [*pip, *packages]):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            tell(f"     {side}: {done.stderr.strip().splitlines()[-1:]}; left out")
            return None
    ready.write_text(repr(packages))
    return str(python)


class Side:
    """A library at work in a process of its own."""

    def __init__(self, name: str, python: str, size: tuple[int, ...]):
        command = [python, str(HERE / "rival_sides.py"), name, *map(str, size)]
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        self.told = self.answer()
        self.times: list[float] = []

    def answer(self) -> dict:
        line = self.process.stdout.readline()
        if not line:
            last = self.process.stderr.read().strip().splitlines()[-1:]
            raise RuntimeError(*last)
        return json.loads(line)

    def turn(self) -> None:
        """Times a step that follows others, as in a loop of training."""
        began, warm = time.perf_counter(), False
        while not warm:
            warm = time.perf_counter() - began > WARM
            self.process.stdin.write("\n")
            self.process.stdin.flush()
            told = self.answer()
        self.times.append(told["ms"])
        self.told["peak_mb"] = told["peak_mb"]

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()


def dense_floor(size: tuple[int, ...], speed: float) -> float:
    """Milliseconds of a step's dense products: three with r, two with w and readout."""
    steps, batch, n = size
    flop = 2 * steps * batch * n * (2 * 700 + 3 * n + 3 * 20)
    return 1e3 * flop / speed


def measure(size: tuple[int, ...], names: list[str], repeats: int) -> list[dict]:
    sides = {}
    for name in names:
        python = python_of(name)
        if python is None:
            continue
        try:
            sides[name] = Side(name, python, size)
        except RuntimeError as error:
            tell(f"     {name}: {error}; left out")
    for _ in range(repeats + 1):
        for side in sides.values():
            side.turn()
    speed = matrix_speed()
    floor = dense_floor(size, speed)
    rows = []
    for name, side in sides.items():
        side.close()
        times = side.times[1:]
        median = statistics.median(times)
        rows.append(
            {
                "side": name,
                "size": "/".join(map(str, size)),
                "median_ms": round(median, 1),
                "min_ms": round(min(times), 1),
                "repeats": repeats,
                "to_dense_floor": round(median / floor, 2),
                "hidden_rate": round(side.told["rate"], 3),
                "compile_s": round(side.told["compile_s"], 2),
                "temp_mb": side.told["temp_mb"] and round(side.told["temp_mb"], 1),
                "peak_mb": round(side.told["peak_mb"]),
                "matrix_gflops": round(speed / 1e9),
            }
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", nargs="*", default=SIZES, metavar="T/BATCH/HIDDEN")
    parser.add_argument("--sides", nargs="*", default=[*OURS, *PACKAGES])
    parser.add_argument("--repeats", type=int, default=9)
    given = parser.parse_args()
    kept = []
    for text in given.sizes:
        size = tuple(map(int, text.split("/")))
        tell(f"\nT/batch/hidden = {text}")
        rows = measure(size, given.sides, given.repeats)
        best = min(row["median_ms"] for row in rows)
        for row in sorted(rows, key=lambda row: row["median_ms"]):
            emit(**row)
            tell(
                f"     {row['side']:<24}{row['median_ms']:>9.1f} ms"
                f"{row['median_ms'] / best:>7.2f} x{row['to_dense_floor']:>7.2f} floors"
                f"   rate {row['hidden_rate']:.3f}   {row['peak_mb']:>6} MB"
            )
        kept += rows
    if tuple(given.sizes) == SIZES and len({r["side"] for r in kept}) > len(OURS):
        line = {"benchmark": "rivals", "rows": kept, **machine()}
        (RESULTS / "rivals.json").write_text(json.dumps(line, indent=1) + "\n")


if __name__ == "__main__":
    main()
