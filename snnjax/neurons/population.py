"""What every population of neurons shares: no weights, rest from the input, checks."""

from collections.abc import Callable
from typing import Any

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
        check_step(name, n, rest, state, x)
        return advance(constants(dt, _dtype(state, x)), state, x)

    def run(weights, state, xs, dt):
        del weights
        check_run(name, n, rest, state, xs)
        given = constants(dt, _dtype(state, xs))
        return jax.lax.scan(lambda s, x: advance(given, s, x), state, xs)

    return Cell(init=lambda key: (), rest=rest, step=step, run=run)


def zeros(name: str, n: int, x: jax.Array) -> jax.Array:
    """Rest takes dtype, device and sharding from the input; never less than float32."""
    check.width(name, x, n)
    check.floating(f"The input of {name}", x)
    dtype = check.common_dtype(x.dtype, jnp.float32)
    return jnp.zeros_like(x[..., :1], dtype) + jnp.zeros(n, dtype)


def check_step(
    name: str, n: int, rest: Callable, state: Any, x: jax.Array, lead: int = 0
) -> None:
    """Refuses an input of another width, and a state of another batch or kind.

    Args:
        name: of the neuron.
        n: number of neurons.
        rest: as of ``Cell``.
        state: what came; in single or double precision whatever the input.
        x: its input, ``[*batch, n]``.
        lead: how many axes come before the batch.

    Raises:
        ValueError: with what came and what was expected.
    """
    check.width(name, x, n)
    like = jax.ShapeDtypeStruct(x.shape[lead:], _dtype(state, x))
    check.state(name, state, jax.eval_shape(rest, like))


def check_run(name: str, n: int, rest: Callable, state: Any, xs: jax.Array) -> None:
    """The same for a sequence ``[T, *batch, n]``."""
    check_step(name, n, rest, state, xs, lead=1)


def _dtype(state, x):
    """Of the voltages in a state; that of the input if it has none."""
    dtypes = [jnp.result_type(leaf) for leaf in jax.tree.leaves(state)]
    return next((d for d in dtypes if jnp.issubdtype(d, jnp.floating)), x.dtype)


def check_constants(n: int, **constants: Number | None) -> None:
    """Refuses a constant that is not positive, or not one number or ``n``."""
    check.whole("The number of neurons", n)
    for name, value in constants.items():
        if value is not None:
            check.positive(name, value)
            check.per_neuron(name, value, n)
