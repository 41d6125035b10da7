"""Is a training step slower here than in another checkout of snnjax?

Each side of both checkouts is a process that imports its own copy of the library and
builds its network by its own ``rival_sides.py``; the step is the same. Both alternate
in one run on one machine. Least and lower quartile of the times are compared, as what
else the machine does only ever adds to a time.
"""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.criterion import Criterion, at_most
from benchmarks.report import ROOT, emit, tell
from benchmarks.speed.timing import spread
from benchmarks.speed.worker import Side, take_turns

COMPARED = {"min_ms": "least time", "quartile_ms": "lower quartile"}
SLOWER = 1.05  # times that a step may take of what it takes there


def build_kernels(checkout: Path) -> None:
    """Compiles the native kernels of a checkout, if they can be."""
    command = [sys.executable, "-m", "snnjax", "kernels", "build"]
    environment = os.environ | {"PYTHONPATH": str(checkout)}
    subprocess.run(command, env=environment, capture_output=True, check=False)


def compare(
    other: Path,
    works: Sequence[tuple[str, str]],
    names: Sequence[str],
    repeats: int,
) -> list[Criterion]:
    """Times both and says how they compare, for each side, kind and size of work."""
    other = other.resolve()
    for checkout in (ROOT, other):
        build_kernels(checkout)
    found = []
    for kind, size in works:
        tell(f"\n{kind}, {size}")
        for name in names:
            found += measure(other, kind, size, name, repeats)
    return found


def measure(
    other: Path, kind: str, size: str, name: str, repeats: int
) -> list[Criterion]:
    """One side of both checkouts, in turns."""
    sides = {
        checkout: Side(name, sys.executable, kind, size, checkout)
        for checkout in (ROOT, other)
    }
    take_turns(list(sides.values()), repeats)
    here, there = (spread(side.times) for side in sides.values())
    rates = [side.told["rate"] for side in sides.values()]
    ratio = {key: here[key] / there[key] for key in COMPARED}
    made = [
        at_most(f"{name}, {kind} {size}: {what}, here to there", ratio[key], SLOWER, 3)
        for key, what in COMPARED.items()
    ]
    emit(
        **{"side": name, "kind": kind, "size": size, "repeats": repeats},
        **{"here": here, "there": there, "hidden_rates": rates},
        criteria=[criterion.row() for criterion in made],
    )
    for criterion, key in zip(made, COMPARED, strict=True):
        tell(
            f"     {'holds' if criterion.holds else 'FAILS'}  {criterion.name}: "
            f"{here[key]:.2f} / {there[key]:.2f} ms = {criterion.value:.3f}"
        )
    return made
