"""How far is a training step from what this machine can do?

    python -m benchmarks.speed.limits [--sizes 100/64/256 …] [--machine]

Measures what one core and all of them can do (``limits.cc``), counts what a step has
to do (``step_limits.py``), and traces where its time goes (``step_parts.py``): for each
part milliseconds, the limit, and the share of the step. The step is that of
``rivals.py``, native, weights held; so is inference, whose limit is told too.
"""

import argparse
import json

from benchmarks.machine import machine
from benchmarks.report import RESULTS, emit, tell
from benchmarks.speed import machine_limits, rival_sides, rival_work, step_limits
from benchmarks.speed.machine_limits import Limits
from benchmarks.speed.rivals import SIZES
from benchmarks.speed.step_parts import traced

KEPT = RESULTS / "limits.json"
SIDE = "snnjax-native"


def counted(size: str, network: rival_sides.JaxNetwork, spikes) -> step_limits.Work:
    """What there is to do, with the firing rate at the weights that are held."""
    steps, batch, n = map(int, size.split("/"))
    rate = rival_work.jax_rate(network, spikes)
    fired = round(rate * steps * batch * n)
    return step_limits.Work(steps, batch, n, int(spikes.sum()), fired)


def measure(limits: Limits, kind: str, size: str) -> dict:
    """A row: the parts of a step, and what they need at least."""
    steps, batch, n = map(int, size.split("/"))
    spikes, labels = rival_sides.data(steps, batch)
    network = rival_sides.SIDES[SIDE](spikes, n)
    work = counted(size, network, spikes)
    names = step_limits.PARTS if kind == "training" else step_limits.INFERENCE
    least = {
        k: 1e3 * s for k, s in step_limits.limits(limits, work).items() if k in names
    }
    if kind == "training":
        asked = rival_work.jax_training(network, spikes, labels)
    else:
        asked = rival_work.jax_inference(network, spikes)
    for _ in range(5):
        asked.step()
    found = traced(asked.program, asked.step)
    milli = {name: 1e3 * seconds for name, seconds in found.parts.items()}
    all_parts, limit = sum(milli.values()), sum(least.values())
    return {
        "kind": kind,
        "size": size,
        "hidden_rate": round(work.spikes / (steps * batch * n), 4),
        "parts": [
            {
                "part": name,
                "ms": round(milli.get(name, 0.0), 3),
                "limit_ms": round(least.get(name, 0.0), 3),
            }
            for name in dict.fromkeys([*names, *milli])
        ],
        "between_ms": round(1e3 * found.whole - all_parts, 3),
        "traced_ms": round(1e3 * found.whole, 3),
        "step_ms": round(1e3 * found.untraced, 3),
        "limit_ms": round(limit, 3),
        "to_limit": round(1e3 * found.untraced / limit, 2),
    }


def tell_row(row: dict) -> None:
    emit(**row)
    tell(f"\n{row['kind']} {row['size']}, rate {row['hidden_rate']}")
    for part in row["parts"]:
        share = part["ms"] / row["traced_ms"]
        tell(
            f"     {part['part']:<26}{part['ms']:>9.2f} ms"
            f"  ({part['limit_ms']:.2f}){share:>8.0%}"
        )
    tell(f"     {'between them':<26}{row['between_ms']:>9.2f} ms")
    tell(f"     {'step, traced':<26}{row['traced_ms']:>9.2f} ms")
    tell(
        f"     {'step':<26}{row['step_ms']:>9.2f} ms  ({row['limit_ms']:.2f})"
        f"   {row['to_limit']:.2f} times the limit"
    )


def main(args: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kinds", nargs="*", default=("training", "inference"))
    parser.add_argument("--sizes", nargs="*", metavar="T/BATCH/HIDDEN")
    parser.add_argument("--machine", action="store_true", help="its limits only")
    given = parser.parse_args(args)
    found = machine_limits.measured()
    told = found.row()
    emit(benchmark="limits", **told, **machine())
    for name, value in told.items():
        tell(f"     {name:<16}{value}")
    if given.machine:
        return
    rows = []
    for kind in given.kinds:
        for size in given.sizes or SIZES[kind]:
            rows.append(measure(found, kind, size))
            tell_row(rows[-1])
    if not given.sizes:
        line = {"benchmark": "limits", "limits": told, "rows": rows, **machine()}
        KEPT.write_text(json.dumps(line, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
