"""How much faster are many small networks as one program than one after the other?

    python -m benchmarks.speed.sweeps

500 networks of other slopes, learning rates and seeds, trained on a few spikes: each
alone by one compiled program, and all by the program of ``training.sweep``, on every
core, one at a time or several at once (``vmap``). Both are compiled before; sides take
turns in one run. Bits are compared with those of networks trained alone.
"""

import argparse
import json
import time
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

import snnjax as snn
from benchmarks.machine import machine
from benchmarks.report import RESULTS, tell
from benchmarks.speed.timing import Program, interleave
from benchmarks.study import all_cores
from snnjax.training import combinations, init_train_state, make_step

PARAMS = snn.LIFParams(tau_mem=10e-3, tau_syn=5e-3)
DT = 1e-3


class Size(NamedTuple):
    """What is trained."""

    networks: int = 500
    inputs: int = 10
    hidden: int = 20
    classes: int = 2
    steps: int = 50
    batch: int = 8
    updates: int = 20
    at_once: tuple[int, ...] = (1, 16, 250)  # of those on a device
    repeats: int = 5


def train(size: Size, backend: str, point) -> jax.Array:
    """The loss of one network after its last update."""
    key = jax.random.key(point["seed"])
    options = {"rate": 50.0, "xi": 1.0, "params": PARAMS, "dt": DT}
    draw = partial(snn.fluctuation_driven, **options)
    shape = snn.SuperSpike(point["slope"])
    net = snn.chain(
        snn.dense(size.inputs, size.hidden, init=draw, backend=backend),
        snn.lif(size.hidden, PARAMS, surrogate=shape, backend=backend),
        snn.dense(size.hidden, size.classes, init=draw, backend=backend),
        snn.li(size.classes, snn.LIParams(20e-3, 5e-3)),
    )
    of_spikes, of_weights = jax.random.split(key)
    given = size.steps, size.batch, size.inputs
    xs = jax.random.bernoulli(of_spikes, 0.05, given).astype(jnp.float32)
    labels = jnp.arange(size.batch) % size.classes

    def loss(weights):
        _, voltages = snn.unroll(net, weights, xs, dt=DT)
        return snn.cross_entropy(snn.max_over_time(voltages), labels)

    optimizer = optax.adam(point["learning_rate"])
    step = make_step(loss, optimizer)
    start = init_train_state(net.init(of_weights), optimizer)
    state, _ = jax.lax.scan(lambda s, _: step(s), start, length=size.updates)
    return loss(state.weights)


def points(size: Size) -> dict[str, np.ndarray]:
    n = size.networks
    return {
        "slope": np.geomspace(1.0, 100.0, n, dtype=np.float32),
        "learning_rate": np.geomspace(1e-3, 1e-1, n, dtype=np.float32)[::-1].copy(),
        "seed": np.arange(n, dtype=np.int32),
    }


def measure(size: Size, backend: str) -> dict:
    """Milliseconds of all networks, by how they are run."""
    grid, one = points(size), partial(train, size, backend)
    each = [{k: v[i] for k, v in grid.items()} for i in range(size.networks)]
    alone = Program(one, each[0])
    cost = {"alone": {"compile_s": alone.compile_s, "temp_mb": alone.temp_mb}}

    def one_after_another():
        return [float(alone.compiled(point)) for point in each]

    sides = {"alone": one_after_another}
    like, jitted = jax.eval_shape(one, each[0]), jax.jit(one, inline=True)
    for width in size.at_once:
        name, began = f"{width} at once", time.perf_counter()
        share = -(-size.networks // len(jax.devices()))
        made = combinations.compiled(jitted, grid, like, min(width, share), None)
        temp = made.compiled.memory_analysis().temp_size_in_bytes / 2**20
        cost[name] = {"compile_s": time.perf_counter() - began, "temp_mb": temp}
        rounds = -(-size.networks // made.at_a_time(1))
        sides[name] = partial(made, grid, rounds)
    own = np.array(one_after_another(), np.float32)
    apart = {
        name: float(np.abs(np.asarray(run()) - own).max())
        for name, run in sides.items()
        if name != "alone"
    }
    times = interleave(sides, size.repeats, warmup=1)
    base = times["alone"]
    return {
        "backend": backend,
        "ms": times,
        "times_as_many": {
            name: {
                key: round(base[key] / row[key], 2) for key in ("quartile_ms", "min_ms")
            }
            for name, row in times.items()
        },
        "cost": {
            name: {key: round(number, 2) for key, number in row.items()}
            for name, row in cost.items()
        },
        "largest_difference_of_losses": apart,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", type=int, default=Size().networks)
    parser.add_argument("--repeats", type=int, default=Size().repeats)
    asked = parser.parse_args()
    all_cores()
    size = Size(networks=asked.networks, repeats=asked.repeats)
    rows = [measure(size, backend) for backend in ("auto", "xla")]
    for row in rows:
        tell(f"{row['backend']:<6} {row['times_as_many']}")
    line = {"size": size._asdict(), "devices": len(jax.devices()), "rows": rows}
    text = json.dumps(line | machine(), indent=1)
    (RESULTS / "sweeps.json").write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
