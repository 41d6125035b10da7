"""What does the gradient through spike times cost, on a grid and in a queue of events?

    python -m benchmarks.speed.exact_gradients

On a grid: training steps (loss and gradients; weights are held) of a layer of ``lif``
with ``EventProp`` and with ``SuperSpike`` in turns, on the work of W2: T 100, batch 64,
140 inputs, 256 neurons, with and without recurrence, of both backends. Their spikes are
the same. In continuous time: what XLA plans to keep for the gradient of a recurrent
network of 120 neurons with delays, batch 8, over a queue of K events, by its adjoint
and by automatic differentiation of the same queue. Bounds are in ``criteria``.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import patch

import jax
import jax.numpy as jnp
import numpy as np

import snnjax as snn
from benchmarks.criterion import Criterion, at_most
from benchmarks.machine import machine
from benchmarks.report import RESULTS, emit, tell
from benchmarks.speed.timing import Program, interleave
from benchmarks.speed.training_step import BACKENDS, DT, PARAMS
from benchmarks.speed.wiring import Size, same, spikes
from snnjax.neurons import event_queue, spike_events
from snnjax.surrogate import EventProp, SuperSpike

SHAPES = {"surrogate": SuperSpike(), "event prop": EventProp()}
EVENTS = 400, 1600
SIDES = tuple(each for each in BACKENDS if each != "scan")
GRID, SHARE, GROWTH = 1.3, 0.02, 4.0  # bounds; see criteria


def layer(shape: Any, size: Size, looped: bool, backend: Any) -> snn.Cell:
    """A layer of the work."""
    n_in, n = size.inputs, size.neurons
    neurons = snn.lif(n, PARAMS, surrogate=shape, backend=backend)
    if looped:
        back = snn.dense(n, n, init=same, backend=backend)
        neurons = snn.recurrent(neurons, back)
    return snn.chain(snn.dense(n_in, n, init=same, backend=backend), neurons)


def step(cell: snn.Cell, size: Size) -> Program:
    """A training step; what a spike is worth changes over time."""

    def loss(weights, xs):
        ys = snn.unroll(cell, weights, xs, dt=DT)[1]
        worth = jnp.exp(-jnp.arange(len(ys), dtype=ys.dtype) / 20.0)
        return jnp.tensordot(worth, ys, 1).sum(), ys.mean()

    graded = jax.value_and_grad(loss, has_aux=True)
    return Program(graded, cell.init(jax.random.key(1)), spikes(size))


def on_a_grid(
    size: Size, backends: tuple[str, ...], clock: Callable[[], float]
) -> Iterator[dict[str, Any]]:
    """A row for each backend and wiring."""
    for backend in backends:
        for looped in (False, True):
            made = {
                name: step(layer(shape, size, looped, backend), size)
                for name, shape in SHAPES.items()
            }
            times = interleave(made, size.repeats, clock=clock)
            (old, new), (before, after) = made.values(), times.values()
            rate, ours = (float(run()[0][1]) for run in (old, new))
            assert rate == ours, "the spikes are the same"
            yield {
                **{"part": "grid", "backend": backend, "recurrent": looped},
                **{"surrogate": before, "event prop": after},
                "min": round(after["min_ms"] / before["min_ms"], 3),
                "quartile": round(after["quartile_ms"] / before["quartile_ms"], 3),
                "memory": round(new.temp_mb / max(old.temp_mb, 1e-9), 3),
                "temp_mb": [round(run.temp_mb, 1) for run in (old, new)],
                "compile_s": [round(run.compile_s, 2) for run in (old, new)],
                "rate": round(rate, 3),
            }


def by_autodiff(events: int, given: Any, who: Any, until: Any, wrong: Any) -> Any:
    """The queue without its adjoint."""
    del wrong
    made, full = event_queue.simulate(events, given, who, until, sensitive=False)
    return made.t, made.kind, made.unit, full


def in_a_queue(n: int, events: int) -> dict[str, Any]:
    """A row of memory, of ``n`` neurons."""
    rng = np.random.default_rng(0)
    times = jnp.asarray(rng.uniform(0.0, 0.1, (8, 30)), jnp.float32)
    units = jnp.asarray(rng.integers(0, 5, (8, 30)), jnp.int32)
    w = jnp.asarray(rng.normal(1.5, 0.6, (5, n)), jnp.float32)
    r = jnp.asarray(rng.normal(0.0, 0.1, (n, n)), jnp.float32)

    def loss(w, r):
        given = snn.LIFParams(), times, units, w
        how: dict[str, Any] = {"delay": 1e-3, "until": 0.2, "events": events}
        found = spike_events(*given, recurrent=r, **how)
        return jnp.sum(jnp.where(found.units >= 0, found.times, 0.0))

    ours = Program(jax.grad(loss, (0, 1)), w, r).temp_mb
    with patch.object(event_queue, "queue", by_autodiff):
        theirs = Program(jax.grad(loss, (0, 1)), w, r).temp_mb
    row: dict[str, Any] = {"part": "queue", "neurons": n, "events": events}
    return row | {"adjoint_mb": round(ours, 5), "autodiff_mb": round(theirs, 5)}


def measure(
    size: Size = Size(),
    backends: tuple[str, ...] = SIDES,
    clock: Callable[[], float] = time.perf_counter,
    neurons: int = 120,
    events: tuple[int, ...] = EVENTS,
) -> list[dict[str, Any]]:
    """Rows of both parts."""
    rows = []
    for row in on_a_grid(size, backends, clock):
        rows.append(row)
        emit(**row)
        tell(
            f"     {row['backend']:<8}{'recurrent' if row['recurrent'] else '':<10}"
            f"{row['quartile']:7.2f} of the time, {row['memory']:.2f} of the memory"
        )
    for count in events:
        rows.append(in_a_queue(neurons, count))
        emit(**rows[-1])
    return rows


def criteria(rows: list[dict[str, Any]]) -> list[Criterion]:
    """Whether both cost as little as they may."""
    grid = [r for r in rows if r["part"] == "grid"]
    few, *_, many = [r for r in rows if r["part"] == "queue"]
    found = [
        at_most(
            f"grid, {r['backend']}{', recurrent' * r['recurrent']}: EventProp / "
            f"surrogate, {key}",
            r[key],
            GRID,
        )
        for r in grid
        for key in ("quartile", "memory")
        if r["backend"] == "xla"
    ]
    share = many["adjoint_mb"] / many["autodiff_mb"]
    growth = many["adjoint_mb"] / few["adjoint_mb"]
    name = f"queue of {many['events']} events, memory: "
    return [
        *found,
        at_most(f"{name}adjoint / autodiff", share, SHARE),
        at_most(f"{name}of that at {few['events']}", growth, GROWTH),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=Size().repeats)
    rows = measure(Size(repeats=parser.parse_args().repeats))
    line = {"rows": rows, "criteria": [c.row() for c in criteria(rows)], **machine()}
    (RESULTS / "exact_gradients.json").write_text(
        f"{json.dumps(line, indent=1)}\n", encoding="utf-8"
    )


if __name__ == "__main__":
    main()
