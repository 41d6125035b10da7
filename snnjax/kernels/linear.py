"""A linear function with a transpose of its own, that JAX can differentiate again.

``custom_vjp`` knows reverse mode, once. Here y = K x, with K a function of constants c,
is part of a linear system that JAX may solve by means of ours,

    [ 1  0 ] [x]   [x]
    [-K  1 ] [y] = [0]        x̅ ← x̅ + Kᵀ y̅

so that forward mode, second derivatives and ``vmap`` follow by themselves: the first
row and column cost nothing once compiled.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp


@partial(jax.jit, static_argnums=(0, 1), inline=True)
def with_transpose(
    apply: Callable[[Any, jax.Array], jax.Array],
    transpose: Callable[[Any, jax.Array], jax.Array],
    constants: Any,
    x: jax.Array,
    like: jax.Array,
) -> jax.Array:
    """Applies K to ``x``; gradients pass through ``transpose``.

    Args:
        apply: ``(constants, x) -> K x``, of operations that JAX differentiates.
        transpose: ``(constants, g) -> Kᵀ g``, as fast as it can be.
        constants: all that K depends on, a tree of arrays.
        x: what K is applied to, in the dtype of ``like``.
        like: an array of the shape of K x.

    Returns:
        K x.
    """
    # Every entry has to depend on x, every row on the constants, and what comes out on
    # every row, or JAX takes them for known: sums of nothing do.
    zero, one = _nothing(x), 1.0 + _nothing(constants)
    given = x, jnp.zeros_like(like) + zero.astype(like.dtype)

    def system(pair):
        x, y = (part * one.astype(part.dtype) for part in pair)
        return x, y - apply(constants, pair[0])

    def solve(_, right):
        x, y = right
        return x, y + apply(constants, x)

    def solve_transposed(_, right):
        x, y = right
        return x + transpose(constants, y), y

    x, y = jax.lax.custom_linear_solve(system, given, solve, solve_transposed)
    return y + _nothing(x).astype(y.dtype)


def _nothing(tree):
    """Zero, which depends on every floating-point array of a tree."""
    leaves = [
        leaf
        for leaf in jax.tree.leaves(tree)
        if jnp.issubdtype(leaf.dtype, jnp.floating)
    ]
    sums = (
        jnp.sum(jnp.atleast_1d(leaf)[..., :0], dtype=jnp.float32) for leaf in leaves
    )
    return sum(sums, jnp.zeros((), jnp.float32))
