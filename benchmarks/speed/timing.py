"""How every speed is measured: compiled apart, results awaited, sides interleaved."""

import time
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np


class Program:
    """A jitted function, compiled for its arguments, with what the compiler says."""

    def __init__(self, function: Callable[..., Any], *args: Any):
        began = time.perf_counter()
        lowered = jax.jit(function).lower(*args)
        self.compiled = lowered.compile()
        self.compile_s = time.perf_counter() - began
        self.temp_mb = self.compiled.memory_analysis().temp_size_in_bytes / 2**20
        self.args = args

    def __call__(self) -> Any:
        return jax.block_until_ready(self.compiled(*self.args))


def interleave(
    sides: Mapping[str, Callable[[], Any]],
    repeats: int = 9,
    warmup: int = 2,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, dict[str, float]]:
    """Milliseconds of each side, taken in turns in one run; see ``spread``.

    With ``time.process_time`` as the clock, those of the processors, of all threads.
    """
    for run in sides.values():
        for _ in range(warmup):
            run()
    times: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(repeats):
        for name, run in sides.items():
            began = clock()
            run()
            times[name].append(1e3 * (clock() - began))
    return {
        name: {key: round(ms, 2) for key, ms in spread(each).items()}
        | {"repeats": repeats}
        for name, each in times.items()
    }


def spread(times: list[float]) -> dict[str, float]:
    """Median, lower quartile and least of some times."""
    median, quartile = np.quantile(times, (0.5, 0.25)).tolist()
    return {"median_ms": median, "quartile_ms": quartile, "min_ms": min(times)}
