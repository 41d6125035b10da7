"""What is the fastest that this machine could be?

    python -m benchmarks.speed.roofline

The speed of a float32 matrix product, large and at the shape of one step of a recurrent
layer; of memory, into buffers that exist and into fresh ones; and of an empty scan.
"""

import statistics
import time
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.machine import machine
from benchmarks.report import emit, tell


def seconds(run: Callable[[], object], repeats: int = 15) -> float:
    """Median time of a call, its result awaited."""
    jax.block_until_ready(run())
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        jax.block_until_ready(run())
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def matrix_speed(rows: int = 2048, n: int = 2048) -> float:
    """FLOP in a second of a product ``[rows, n] · [n, n]``."""
    a, b = jnp.ones((rows, n)), jnp.ones((n, n))
    product = jax.jit(jnp.matmul)
    return 2 * rows * n * n / seconds(lambda: product(a, b))


def memory_speed(megabytes: int = 256) -> tuple[float, float]:
    """Bytes written in a second, into a buffer in use and into a fresh one."""
    size = megabytes << 20
    used = np.ones(size, np.uint8)
    old = size / seconds(lambda: used.fill(0))
    return old, size / seconds(lambda: np.ones(size, np.uint8), 5)


def scan_step() -> float:
    """Seconds of one step of a scan that does next to nothing."""
    steps = 100_000
    scan = jax.jit(lambda x: jax.lax.scan(lambda c, _: (c + x, None), x, length=steps))
    one = jnp.ones(())
    return seconds(lambda: scan(one)) / steps


def main() -> None:
    old, fresh = memory_speed()
    found = {
        "matrix_gflops": matrix_speed() / 1e9,
        **{f"step_{n}_gflops": matrix_speed(64, n) / 1e9 for n in (128, 256, 512)},
        "memory_used_gb_s": old / 1e9,
        "memory_fresh_gb_s": fresh / 1e9,
        "scan_step_ns": 1e9 * scan_step(),
    }
    for name, value in found.items():
        tell(f"     {name:<20}{value:>10.1f}")
    emit(
        benchmark="roofline", **{k: round(v, 2) for k, v in found.items()}, **machine()
    )


if __name__ == "__main__":
    main()
