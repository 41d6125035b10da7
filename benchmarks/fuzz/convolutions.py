"""Do random convolutions compute the same natively and by XLA?

    python -m benchmarks.fuzz.convolutions --calls 2400

Sizes, window and the type of the raster are drawn for a program; for each of twenty
calls of it how many pixels are not zero, what they hold, weights, and what comes back
to the outputs. At times one of these is NaN or infinite. One JSON line counts:

    equal    outputs and gradients, and where they are not finite
    wrong    anything else; should be zero

Natively zeros around an image count always, by XLA in most windows: a weight that is
NaN shows wherever XLA shows it, and at the border even where XLA leaves it out.
"""

import argparse
import time
from collections import Counter
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.report import emit, tell
from snnjax.kernels import build
from snnjax.kernels.convolve import convolve
from snnjax.kernels.native import Backend
from snnjax.kernels.windows import Window, at_once

EACH = 20  # calls of one program
CHANNELS = 1, 2, 3, 15, 16, 17, 33, 64
DENSITIES = 0.0, 0.02, 0.1, 0.3, 0.5, 0.9, 1.0
VALUES = {
    "spikes": lambda rng, shape: 1.0,
    "counts": lambda rng, shape: rng.integers(1, 4, shape),
    "analog": lambda rng, shape: rng.normal(size=shape),
}


class Program(NamedTuple):
    """What is fixed while tracing."""

    shape: tuple[int, ...]  # of the raster
    kernel: tuple[int, ...]  # shape of the weights
    window: Window
    dtype: str


def drawn(rng: np.random.Generator) -> Program:
    """A program of a few small images or lines, each no smaller than its kernel.

    Zeros around them are no wider than the kernel: beyond, the gradient of the input is
    wrong by XLA of jaxlib 0.10.2 for some numbers of channels.
    """
    axes = int(rng.choice([1, 2], p=[0.3, 0.7]))
    kernel = rng.integers(1, rng.choice([2, 4, 8]), axes)
    pads = rng.integers(0, np.minimum(4, kernel + 1)[:, None], (axes, 2))
    least = np.maximum(1, kernel - pads.sum(1))
    space = least + rng.integers(0, rng.choice([2, 20]), axes)
    c_in, c_out = (int(c) for c in rng.choice(CHANNELS, 2))
    stride = rng.choice([1, 1, 2, 3], axes)
    window = Window(tuple(stride.tolist()), tuple(map(tuple, pads.tolist())))
    shape = (*rng.integers(1, 4, 2).tolist(), *space.tolist(), c_in)
    dtype = str(rng.choice(["float32", "float32", "uint8", "bool"]))
    return Program(shape, (*kernel.tolist(), c_in, c_out), window, dtype)


def arrays(made: Program, rng: np.random.Generator) -> tuple[Any, Any, Any]:
    """A raster, weights, and the gradient of the outputs."""
    values = VALUES[rng.choice(list(VALUES)) if made.dtype != "bool" else "spikes"]
    x = values(rng, made.shape) * (rng.random(made.shape) < rng.choice(DENSITIES))
    x = (np.abs(x) if made.dtype == "uint8" else x).astype(float)
    w = rng.normal(size=made.kernel)
    given = jax.eval_shape(partial(at_once, window=made.window), x, w)
    g = rng.normal(size=given.shape)
    spoiled = rng.choice(["x", "w", "g", ""], p=[0.08, 0.08, 0.08, 0.76])
    for name, array in (("x", x), ("w", w), ("g", g)):
        if name == spoiled and array.size and (name != "x" or made.dtype == "float32"):
            array.flat[rng.integers(array.size)] = rng.choice([np.nan, np.inf])
    dtypes = made.dtype, "float32", "float32"
    return tuple(
        jnp.asarray(array.astype(dtype))
        for array, dtype in zip((x, w, g), dtypes, strict=True)
    )


def computed(made: Program, backend: Backend, x: Any, w: Any, g: Any) -> list[Any]:
    """Outputs, the gradient of the weights, and that of an input that has one."""
    slide = partial(convolve, window=made.window, backend=backend)
    if made.dtype != "float32":
        y, back = jax.vjp(lambda w: slide(x, w), w)
    else:
        y, back = jax.vjp(lambda w, x: slide(x, w), w, x)
    return [y, *back(g)]


def equal(found: list[Any], expected: list[Any], more: bool = False) -> bool:
    """Whether all numbers agree within rounding, and those that are not finite.

    ``more`` may be so of outputs and of the gradient of the input.
    """
    for k, (a, b) in enumerate(zip(found, expected, strict=True)):
        if a.shape != b.shape:
            return False
        finite, here = np.isfinite(b), np.isfinite(a)
        if np.any(here & ~finite if more and k != 1 else here != finite):
            return False
        scale = float(np.max(np.abs(b), where=finite, initial=0.0))
        if not np.allclose(a[here], b[here], 1e-4, 3e-6 * scale + 1e-12):
            return False
    return True


def compare(index: int) -> list[str]:
    """What becomes of the calls of one program."""
    rng = np.random.default_rng(index)
    made = drawn(rng)
    runs = [jax.jit(partial(computed, made, who)) for who in ("native", "xla")]
    told = []
    for _ in range(EACH):
        given = arrays(made, rng)
        found, expected = ([np.asarray(a) for a in run(*given)] for run in runs)
        more = not np.isfinite(given[1]).all()
        told.append("equal" if equal(found, expected, more) else "wrong")
    return told


def main(argv: list[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=100)
    parser.add_argument("--first", type=int, default=0, help="number of the program")
    given = parser.parse_args(argv)
    if why := build.load():
        raise SystemExit(f"native kernels: {why}")
    began, counts, wrong = time.time(), Counter(), []
    for index in range(given.first, given.first + -(-given.calls // EACH)):
        told = compare(index)
        counts.update(told)
        wrong += [index] if "wrong" in told else []
        if index % 10 == 9:
            tell(f"{counts.total()} calls: {dict(counts)}")
            jax.clear_caches()
    emit(
        calls=counts.total(),
        **{k: counts[k] for k in ("equal", "wrong")},
        programs_wrong=wrong,
        seconds=round(time.time() - began, 1),
    )


if __name__ == "__main__":
    main()
