"""What do open networks cost: graphs, several inputs, and outputs by name?

    python -m benchmarks.speed.wiring

Training steps (loss and gradients; weights are held) on the work of W2: T 100, batch
64, 140 inputs, 256 neurons. Each way is timed against the closed one that computes the
same, all in turns in one run. Fixed before it ran: see ``criteria``.
"""

import argparse
import json
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

import snnjax as snn
from benchmarks.criterion import Criterion, at_most
from benchmarks.machine import machine
from benchmarks.report import RESULTS, emit, tell
from benchmarks.speed.timing import Program, interleave
from benchmarks.speed.training_step import BACKENDS, DT, PARAMS, draw, raster
from snnjax.networks import graph


class Size(NamedTuple):
    steps: int = 100
    batch: int = 64
    inputs: int = 140
    neurons: int = 256
    repeats: int = 15


class Comparison(NamedTuple):
    """Two ways to the same numbers."""

    name: str
    bound: float  # of the time of the new way in that of the old
    only: str | None  # a backend, if it is about one
    old: Callable[[Size, str], tuple[snn.Cell, Any]]  # -> the cell and its inputs
    new: Callable[[Size, str], tuple[snn.Cell, Any]]


def same(key, n_in, n):
    """Weights that depend on their shape alone, so that both ways have the same."""
    del key
    return draw(0.6)(jax.random.fold_in(jax.random.key(1), n_in), n_in, n)


def connection(n_in, n, backend):
    return snn.dense(n_in, n, init=same, backend=backend)


def population(size, backend):
    return snn.lif(size.neurons, PARAMS, backend=backend)


def spikes(size):
    return raster(size.steps, size.batch, size.inputs)


def chained(size, backend):
    hidden = connection(size.inputs, size.neurons, backend), population(size, backend)
    out = connection(size.neurons, 20, backend), snn.li(20, backend=backend)
    return snn.chain(*hidden, *out), spikes(size)


def chain_as_graph(size, backend):
    cells = {"hidden": population(size, backend), "out": snn.li(20, backend=backend)}
    edges = {
        "input->hidden": connection(size.inputs, size.neurons, backend),
        "hidden->out": connection(size.neurons, 20, backend),
    }
    return graph(cells, edges, outputs="out"), spikes(size)


def recurrent(size, backend):
    neurons = population(size, backend)
    init = {"init": same, "init_recurrent": same}
    return snn.recurrent(size.inputs, size.neurons, neurons, **init), spikes(size)


def recurrent_as_graph(size, backend):
    n = size.neurons
    edges = {
        "input->hidden": connection(size.inputs, n, backend),
        "hidden->hidden": connection(n, n, backend),
    }
    cells = {"hidden": population(size, backend)}
    return graph(cells, edges, outputs="hidden"), spikes(size)


def two_inputs(size, backend, plain=False):
    n = size.neurons
    neurons = population(size, backend)
    if plain:
        neurons = neurons._replace(run=None, loop=None)
    edges = {
        "left->hidden": connection(size.inputs, n, backend),
        "right->hidden": connection(size.inputs, n, backend),
        "hidden->hidden": connection(n, n, backend),
    }
    net = graph({"hidden": neurons}, edges, inputs=("left", "right"), outputs="hidden")
    return net, {"left": spikes(size), "right": spikes(size)}


def two_inputs_stepped(size, backend):
    return two_inputs(size, "xla", plain=True)


def deep(outputs):
    """Two recurrent layers and a readout."""

    def made(size, backend):
        n, init = size.neurons, {"init": same, "init_recurrent": same}
        net = snn.chain(
            first=snn.recurrent(size.inputs, n, population(size, backend), **init),
            second=snn.recurrent(n, n, population(size, backend), **init),
            readout=connection(n, 20, backend),
            out=snn.li(20),
            outputs=outputs,
        )
        return net, spikes(size)

    return made


PLAIN = deep(("out",))
SPIKES, VOLTAGE = deep(("out", "first", "second")), deep(("out", "first.v"))
BEFORE = deep(("out", "first.v_before"))
COMPARISONS = (
    Comparison("graph of a chain / chain", 1.05, None, chained, chain_as_graph),
    Comparison(
        "graph with a self-edge / recurrent", 1.05, None, recurrent, recurrent_as_graph
    ),
    Comparison(
        "two inputs, native / plain scan", 0.6, "native", two_inputs_stepped, two_inputs
    ),
    Comparison("spikes of both layers by name", 1.4, None, PLAIN, SPIKES),
    Comparison("voltage of one layer", 2.5, None, PLAIN, VOLTAGE),
    Comparison("voltage before the reset", 1.3, "native", PLAIN, BEFORE),
)


def program(make, size, backend):
    """Loss and gradients; everything that is put out is in the loss."""
    net, xs = make(size, backend)
    weights = net.init(jax.random.key(1))

    def loss(weights, xs):
        _, ys = snn.unroll(net, weights, xs, dt=DT)
        return sum(jnp.mean(y**2) for y in jax.tree.leaves(ys))

    return Program(jax.value_and_grad(loss), weights, xs)


def measure(
    size: Size,
    backends: tuple[str, ...],
    comparisons: tuple[Comparison, ...] = COMPARISONS,
    clock: Callable[[], float] = time.perf_counter,
) -> list[dict[str, Any]]:
    """A row for each comparison and backend."""
    rows = []
    for comparison in comparisons:
        for backend in backends:
            if comparison.only in (None, backend):
                rows.append(_measured(comparison, size, backend, clock))
                emit(**rows[-1])
                tell(
                    f"     {comparison.name:<36}{backend:<8}{rows[-1]['ratio']:6.2f} "
                    f"(least {rows[-1]['least_ratio']:.2f}), bound {comparison.bound}"
                )
    return rows


def _measured(comparison, size, backend, clock):
    sides = {
        "old": program(comparison.old, size, backend),
        "new": program(comparison.new, size, backend),
    }
    times = interleave(sides, size.repeats, clock=clock)
    return {
        "comparison": comparison.name,
        "backend": backend,
        "ratio": round(times["new"]["median_ms"] / times["old"]["median_ms"], 3),
        "least_ratio": round(times["new"]["min_ms"] / times["old"]["min_ms"], 3),
        **{f"{side}_{key}": ms for side in times for key, ms in times[side].items()},
        **{f"{side}_compile_s": round(p.compile_s, 2) for side, p in sides.items()},
        **{f"{side}_temp_mb": round(p.temp_mb, 1) for side, p in sides.items()},
    }


def criteria(
    rows: list[dict[str, Any]], comparisons: tuple[Comparison, ...] = COMPARISONS
) -> list[Criterion]:
    """Whether each way costs no more than it may, by its least time."""
    bounds = {comparison.name: comparison.bound for comparison in comparisons}
    return [
        at_most(
            f"{row['comparison']}, {row['backend']}",
            row["least_ratio"],
            bounds[row["comparison"]],
        )
        for row in rows
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=Size().repeats)
    given = parser.parse_args()
    rows = measure(Size(repeats=given.repeats), BACKENDS[1:])
    line = {"rows": rows, "criteria": [c.row() for c in criteria(rows)], **machine()}
    (RESULTS / "wiring.json").write_text(
        f"{json.dumps(line, indent=1)}\n", encoding="utf-8"
    )


if __name__ == "__main__":
    main()
