"""Native calls with random buffers: each is taken, or refused with a reason.

    python tests/kernels/random_calls.py 10000

Sizes are small and some buffers do not fit, so that a kernel that trusts one reads or
writes beyond it; the address sanitizer ends the process then.
"""

import sys

import jax
import numpy as np
from test_arguments import WRONG, called, calls

SIZES = 0, 1, 2, 3, 17


def random_calls(count, seed=0):
    """How many of ``count`` calls were taken, and how many refused.

    Raises:
        Exception: for a refusal without the library's name.
    """
    rng = np.random.default_rng(seed)
    taken = refused = 0
    for _ in range(count):
        table = calls(*rng.choice(SIZES, 4))
        target = rng.choice(list(table))
        arguments, results, attributes = table[target]
        sides = [filled(arguments, rng), dict(results)]
        for _ in range(rng.integers(3)):
            side = sides[rng.integers(2)]
            name = rng.choice(list(side))
            side[name] = spoiled(side[name], rng)
        try:
            called(target, *sides, attributes)
            taken += 1
        except (ValueError, jax.errors.JaxRuntimeError) as error:
            if "snnjax" not in str(error) and "buffer" not in str(error):
                raise
            refused += 1
    return taken, refused


def filled(arguments, rng):
    """Spikes, numbers of any size, NaN and infinity, marks and counts of any bits."""
    return {name: noise(x, rng) for name, x in arguments.items()}


def noise(x, rng):
    if x.dtype.kind != "f":
        bits = np.iinfo(x.dtype)
        return rng.integers(bits.min, bits.max, x.shape, x.dtype, endpoint=True)
    values = rng.choice([0, 0, 0, 1, 1, -1, 0.3, 1e30, np.nan, np.inf], x.shape)
    return values.astype(x.dtype)


def spoiled(x, rng):
    """A buffer of another shape or type."""
    if np.ndim(x) == 0 or np.shape(x) == (0,):  # spoiled before: no rows are left
        return x
    with np.errstate(invalid="ignore"):
        other = np.asarray(WRONG[rng.choice(list(WRONG))](x))
    return other if other.size < 10_000 else x


if __name__ == "__main__":
    print("taken, refused:", *random_calls(int(sys.argv[1])))
