"""Does memory grow while a network runs for ever?

    python -m benchmarks.speed.soak --steps 1000000 --calls 10000

A streaming loop hands the state of one step to the next, jitted; a control loop calls
``unroll`` outside ``jit``. Printed is what the process holds in MB at the start, once
all is compiled, and at the end, and how long a step or a call took.
"""

import argparse
import gc
import json
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

import snnjax as snn

N_IN, HIDDEN, OUT, DT = 8, 16, 2, 1e-3
WARM = 50  # turns in which things may still be compiled


def resident_mb() -> float:
    """Memory of this process."""
    pages = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[1])
    return pages * resource.getpagesize() / 2**20


def network() -> tuple[snn.Cell, Any]:
    net = snn.chain(
        input=snn.recurrent(N_IN, HIDDEN, snn.lif(HIDDEN)),
        readout=snn.dense(HIDDEN, OUT),
        out=snn.li(OUT),
    )
    return net, net.init(jax.random.key(0))


def streaming() -> Callable[[], None]:
    """One step of a stream, jitted, its state kept from step to step."""
    net, weights = network()
    step = jax.jit(lambda state, x: net.step(weights, state, x, DT))
    x = jnp.ones((1, N_IN))
    held = [net.rest(x)]

    def turn():
        held[0], _ = step(held[0], x)

    return turn


def control() -> Callable[[], None]:
    """A short run outside ``jit``, from where the one before stopped."""
    net, weights = network()
    xs = jnp.ones((3, 1, N_IN))
    held = [net.rest(xs[0])]

    def turn():
        held[0], _ = snn.unroll(net, weights, xs, dt=DT, state=held[0])

    return turn


def soak(turn: Callable[[], None], turns: int) -> dict[str, float]:
    """Memory before and after so many turns, once all is compiled."""
    for _ in range(WARM):
        turn()
    gc.collect()
    before, began = resident_mb(), time.perf_counter()
    for _ in range(turns):
        turn()
    seconds = time.perf_counter() - began
    gc.collect()
    return {
        "turns": turns,
        "start_mb": round(before, 1),
        "end_mb": round(resident_mb(), 1),
        "us_a_turn": round(1e6 * seconds / turns, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=1_000_000)
    parser.add_argument("--calls", type=int, default=10_000)
    given = parser.parse_args()
    for name, turn, turns in (
        ("streaming steps, jitted", streaming(), given.steps),
        ("unroll outside jit", control(), given.calls),
    ):
        print(json.dumps({"loop": name} | soak(turn, turns)), flush=True)


if __name__ == "__main__":
    main()
