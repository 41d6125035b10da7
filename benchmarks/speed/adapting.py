"""What do neurons that adapt cost by the rule of their layer, and natively?

    python -m benchmarks.speed.adapting

A recurrent layer on the work of W2: T 100, batch 64, 140 inputs, 256 neurons. Training
steps (loss and gradients; weights are held) and the forward pass alone of one neuron
are timed in turns: step by step with automatic differentiation ("scan", the connection
from the inputs native as elsewhere), by the rule ("xla") and natively; beside them
``lif`` natively. ``rate`` is that of the timed step, in spikes per neuron and step.
Fixed before it ran: see ``BOUND``.
"""

import argparse
import json
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

import snnjax as snn
from benchmarks.criterion import Criterion, at_most
from benchmarks.machine import machine
from benchmarks.report import RESULTS, emit, tell
from benchmarks.speed.timing import Program, interleave
from benchmarks.speed.training_step import BACKENDS, DT, PARAMS
from benchmarks.speed.wiring import Size, same, spikes
from snnjax import neurons

BOUND = 0.5  # of a native training step in one that is scanned
FIRES = neurons.AdLIFParams(threshold=0.05, b=0.05)  # at these weights
MAKE: dict[str, Callable[..., snn.Cell]] = {
    "adlif": lambda n, **options: neurons.adlif(n, FIRES, **options),
    "alif": lambda n, **options: snn.alif(n, snn.ALIFParams(*PARAMS), **options),
}


def layer(neuron: snn.Cell, size: Size, backend: str) -> snn.Cell:
    """A recurrent layer whose connections run as the neurons do."""
    n_in, n = size.inputs, size.neurons
    below = snn.dense(n_in, n, init=same, backend=backend)
    back = snn.dense(n, n, init=same, backend=backend)
    return snn.chain(below, snn.recurrent(neuron, back))


def sides(name: str, size: Size) -> dict[str, snn.Cell]:
    """The same network, as each side runs it."""
    make, n = MAKE[name], size.neurons
    connections = "native" if "native" in BACKENDS else "xla"
    stepped = make(n, backend="xla")._replace(run=None, loop=None)
    found = {
        "scan": layer(stepped, size, connections),
        "xla": layer(make(n, backend="xla"), size, connections),
    }
    if "native" in BACKENDS:
        found["native"] = layer(make(n, backend="native"), size, "native")
        found["lif"] = layer(snn.lif(n, PARAMS, backend="native"), size, "native")
    return found


def program(cell: snn.Cell, size: Size, kind: str) -> Program:
    """A training step, or the loss alone; both put out the mean rate."""

    def loss(weights, xs):
        ys = snn.unroll(cell, weights, xs, dt=DT)[1]
        return jnp.mean(ys**2), ys.mean()

    graded = jax.value_and_grad(loss, has_aux=True)
    weights, xs = cell.init(jax.random.key(1)), spikes(size)
    return Program(graded if kind == "training" else loss, weights, xs)


def measure(
    size: Size = Size(), clock: Callable[[], float] = time.perf_counter
) -> list[dict[str, Any]]:
    """A row for each neuron, direction and side."""
    rows = []
    for name in MAKE:
        for kind in ("training", "forward"):
            made = {k: program(c, size, kind) for k, c in sides(name, size).items()}
            times = interleave(made, size.repeats, clock=clock)
            for side, run in made.items():
                found = run()
                rate = found[0][1] if kind == "training" else found[1]
                row = {"neuron": name, "kind": kind, "side": side, **times[side]}
                row |= {
                    key: round(times[side][f"{key}_ms"] / times["scan"][f"{key}_ms"], 3)
                    for key in ("min", "quartile")
                }
                row |= {"rate": round(float(rate), 3)}
                row |= {"compile_s": round(run.compile_s, 2)}
                rows.append(row | {"temp_mb": round(run.temp_mb, 1)})
                emit(**rows[-1])
                tell(
                    f"     {name:<8}{kind:<10}{side:<8}{row['quartile_ms']:8.2f} ms"
                    f"{row['quartile']:7.2f} of scan, rate {row['rate']}"
                )
    return rows


def criteria(rows: list[dict[str, Any]]) -> list[Criterion]:
    """Whether native training steps take as little as they may."""
    return [
        at_most(f"{r['neuron']}, recurrent: native / scan, {key}", r[key], BOUND)
        for r in rows
        if (r["kind"], r["side"]) == ("training", "native")
        for key in ("min", "quartile")
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=Size().repeats)
    rows = measure(Size(repeats=parser.parse_args().repeats))
    line = {"rows": rows, "criteria": [c.row() for c in criteria(rows)], **machine()}
    (RESULTS / "adapting.json").write_text(
        f"{json.dumps(line, indent=1)}\n", encoding="utf-8"
    )


if __name__ == "__main__":
    main()
