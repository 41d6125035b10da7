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
    apply: Callable[[Any, Any], Any],
    transpose: Callable[[Any, Any], Any],
    constants: Any,
    x: Any,
    like: Any,
) -> Any:
    """Applies K to ``x``; gradients pass through ``transpose``.

    What goes in and comes out are arrays, or trees of them.

    Args:
        apply: ``(constants, x) -> K x``, of operations that JAX differentiates.
        transpose: ``(constants, g) -> Kᵀ g``, as fast as it can be.
        constants: all that K depends on, a tree of arrays.
        x: what K is applied to, in the dtype of ``like``.
        like: of the shape of K x.

    Returns:
        K x.
    """
    # Every entry has to depend on x, every row on the constants, and what comes out on
    # every row, or JAX takes them for known: sums of nothing do.
    one, anywhere = 1.0 + _nothing(constants), partial(_add, _nothing(x))
    given = _each(anywhere, (x, _each(jnp.zeros_like, like)))

    def system(pair):
        x, y = _each(lambda part: part * one.astype(part.dtype), pair)
        return x, _each(jnp.subtract, y, apply(constants, pair[0]))

    def solve(_, right):
        x, y = right
        return x, _each(jnp.add, y, apply(constants, x))

    def solve_transposed(_, right):
        x, y = right
        return _each(jnp.add, x, transpose(constants, y)), y

    x, y = jax.lax.custom_linear_solve(system, given, solve, solve_transposed)
    return _each(partial(_add, _nothing((x, y))), y)


_each = jax.tree.map


def _add(zero, x):
    return x + zero.astype(x.dtype)


def _nothing(tree):
    """Zero, which depends on every floating-point array of a tree."""
    leaves = [
        leaf
        for leaf in jax.tree.leaves(tree)
        if jnp.issubdtype(leaf.dtype, jnp.floating)
    ]
    return sum(map(_sum_of_none, leaves), jnp.zeros((), jnp.float32))


def _sum_of_none(x):
    none = jax.lax.slice_in_dim(x if x.ndim else x.reshape(1), 0, 0, axis=-1)
    return jax.lax.reduce_sum(none.astype(jnp.float32), range(none.ndim))
