"""Where the time of a compiled step goes, as JAX's profiler tells it.

Each operation of the program is a line of the trace. Calls of native code are told
apart by their target and the shapes of their arguments, which the program's text has;
what remains is XLA's own.
"""

import re
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax

from benchmarks.speed.rival_sides import CLASSES, INPUTS

TARGET = re.compile(r'custom_call_target="(\w+)"')
SHAPES = re.compile(r"[a-z]+\d+\[([\d,]*)\]")
UPDATE = re.compile(r'op_name="jit\(step\)/(?!\w*\(?jvp|transpose)')
NAME = re.compile(r"^\s*(?:ROOT )?%([\w.-]+) = ")


def parts_of(text: str) -> dict[str, str]:
    """Which part of a step each operation of a program is, by its name."""
    entry = text[text.index("\nENTRY ") :]
    found = {}
    for line in entry.splitlines()[1:]:
        if name := NAME.match(line):
            found[name[1]] = part_of(line)
    return found


def part_of(line: str) -> str:
    """Which part of a step an operation of a program is."""
    target = TARGET.search(line)
    if target is None:
        if re.search(r" dot\(", line) and f",{CLASSES}]" in line:
            return "gradient to the spikes"
        return "Adam" if UPDATE.search(line) else "readout scan, loss"
    given = line.partition("operand_layout_constraints={")[2]
    shapes = [tuple(map(int, s.split(","))) for s in SHAPES.findall(given) if s]
    matrices = {side for shape in shapes for side in shape[1:]}
    name = target[1].removeprefix("snnjax_")
    if name in ("forward", "backward"):
        return f"{name} scan"
    if name == "project":
        inner, outer = shapes[1]
        if inner == INPUTS:
            return "input x·W"
        return "readout product" if outer == CLASSES else "gradient to the spikes"
    if name == "outer":
        if INPUTS in matrices:
            return "dW"
        return "readout dW" if CLASSES in matrices else "dR"
    return "readout scan, loss" if CLASSES in matrices else name


class Traced(NamedTuple):
    """Seconds of a step, in the mean of the fastest third of many."""

    parts: dict[str, float]
    whole: float  # while it was traced
    untraced: float


def traced(program: Any, run: Callable[[], object], steps: int = 60) -> Traced:
    """Times steps, then traces as many more; more of short ones."""
    run()
    steps = max(steps, min(300, int(1.0 / timed(run, 1)[0])))
    options = jax.profiler.ProfileOptions()
    options.python_tracer_level = 0
    untraced = timed(run, steps)
    with tempfile.TemporaryDirectory() as folder:
        with jax.profiler.trace(folder, profiler_options=options):
            whole = timed(run, steps)
        (path,) = Path(folder).rglob("*.xplane.pb")
        runs = by_run(path, parts_of(program.as_text()))
    fastest = sorted(runs, key=lambda each: sum(each.values()))[: -(-steps // 3)]
    names = {name for each in fastest for name in each}
    mean = {n: sum(each[n] for each in fastest) / len(fastest) for n in names}
    return Traced(mean, fast_third(whole), fast_third(untraced))


def timed(run: Callable[[], object], steps: int) -> list[float]:
    """Seconds of each step."""
    took = []
    for _ in range(steps):
        began = time.perf_counter()
        run()
        took.append(time.perf_counter() - began)
    return took


def fast_third(times: list[float]) -> float:
    """Mean of the fastest third."""
    kept = sorted(times)[: -(-len(times) // 3)]
    return sum(kept) / len(kept)


def by_run(path: Path, parts: dict[str, str]) -> list[dict[str, float]]:
    """Seconds of each part in each run of a program that a trace holds."""
    runs: dict[Any, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for plane in jax.profiler.ProfileData.from_file(str(path)).planes:
        for line in plane.lines:
            for event in line.events:
                if event.name in parts:
                    run = dict(event.stats).get("run_id")
                    runs[run][parts[event.name]] += 1e-9 * event.duration_ns
    return list(runs.values())
