"""Is a sparse connection never slower than a masked matrix?

    python -m benchmarks.speed.sparse

A learned connection of n to n neurons, forward and backward (gradients of weights and
input), T 8, batch 64, spikes of 5 % density: ``sparse`` in the time of ``dense`` with a
mask, in turns, in processor time. It sums over lists below a density of 1/30 and fills
a matrix above. Fixed before it ran: at most 1.15 of the masked matrix anywhere, 0.9 at
2 % and 0.5 at 0.5 %.
"""

import json
import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import snnjax as snn
from benchmarks.criterion import at_most
from benchmarks.machine import machine
from benchmarks.report import RESULTS, emit
from benchmarks.speed.timing import Program, interleave
from benchmarks.speed.training_step import DT, raster
from snnjax.networks import fan_in, fan_out, sparse

DENSITIES = {0.1: 1.15, 0.02: 0.9, 0.005: 0.5}  # and the time allowed


def sides(
    n: int, density: float, steps: int = 8, batch: int = 64
) -> dict[str, Program]:
    """Both ways, with the same weights."""
    targets = fan_out(fan_in(jax.random.key(0), n, n, max(round(density * n), 1)), n)
    full = np.zeros((n, n + 1), np.float32)
    np.add.at(full, (np.arange(n)[:, None], targets), 1.0)
    matrix = jnp.asarray(full[:, :-1])
    ways = {
        "masked": snn.dense(
            n, n, mask=matrix > 0, init=lambda *_: matrix, backend="xla"
        ),
        "sparse": sparse(targets, np.ones(targets.shape, np.float32), n),
    }
    return {
        name: _program(cell, raster(steps, batch, n)) for name, cell in ways.items()
    }


def _program(cell, xs):
    def loss(weights, xs):
        return jnp.mean(snn.unroll(cell, weights, xs, dt=DT)[1] ** 2)

    weights = cell.init(jax.random.key(0))
    return Program(jax.value_and_grad(loss, (0, 1)), weights, xs)


def measure(sizes=(1000, 4000), repeats: int = 5) -> list[dict[str, Any]]:
    """A row for each size and density."""
    rows = []
    for n in sizes:
        for density in DENSITIES:
            times = interleave(sides(n, density), repeats, clock=time.process_time)
            ms = {name: each["median_ms"] for name, each in times.items()}
            ratio = round(ms["sparse"] / ms["masked"], 3)
            rows.append({"n": n, "density": density, **ms, "ratio": ratio})
            emit(**rows[-1])
    return rows


def _name(row):
    return f"{row['n']}, {row['density']}"


def main() -> None:
    rows = measure()
    judged = [
        at_most(_name(row), row["ratio"], DENSITIES[row["density"]]) for row in rows
    ]
    line = {"rows": rows, "criteria": [c.row() for c in judged], **machine()}
    (RESULTS / "sparse.json").write_text(
        f"{json.dumps(line, indent=1)}\n", encoding="utf-8"
    )


if __name__ == "__main__":
    main()
