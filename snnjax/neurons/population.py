"""What every population of neurons shares: no weights, rest from the input, checks."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from snnjax import check
from snnjax.cell import Cell
from snnjax.check import Number


def population(
    name: str, n: int, constants: Callable, rest: Callable, advance: Callable
) -> Cell:
    """A cell without weights; a run works out its constants once, before the scan.

    Args:
        name: of the factory, for messages.
        n: number of neurons.
        constants: ``(dt, dtype) -> constants`` of one step.
        rest: as of ``Cell``.
        advance: ``(constants, state, x) -> (state, y)``, one step.
    """

    def step(weights, state, x, dt):
        del weights  # neurons have constants; connections have weights
        check.width(name, x, n)
        return advance(constants(dt, state.v.dtype), state, x)

    def run(weights, state, xs, dt):
        del weights
        check.width(name, xs, n)
        given = constants(dt, state.v.dtype)
        return jax.lax.scan(lambda s, x: advance(given, s, x), state, xs)

    return Cell(init=lambda key: (), rest=rest, step=step, run=run)


def zeros(name: str, n: int, x: jax.Array) -> jax.Array:
    """Rest takes dtype, device and sharding from the input; never less than float32."""
    check.width(name, x, n)
    check.floating(f"The input of {name}", x)
    dtype = jnp.promote_types(x.dtype, jnp.float32)
    return jnp.zeros_like(x[..., :1], dtype) + jnp.zeros(n, dtype)


def check_constants(n: int, **constants: Number | None) -> None:
    """Refuses a constant that is not positive, or not one number or ``n``."""
    check.whole("The number of neurons", n)
    for name, value in constants.items():
        if value is not None:
            check.positive(name, value)
            check.per_neuron(name, value, n)
