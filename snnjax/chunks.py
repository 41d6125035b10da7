"""Long runs in chunks: gradients truncated between them, or memory saved.

A run is any ``(state, xs [T, ...]) -> (state, ys [T, ...])`` that may be cut anywhere,
of arrays or trees of arrays.
"""

from functools import partial

import jax
import jax.numpy as jnp

from snnjax import check, loops


def in_chunks(run, length, detach=False):
    """Runs chunk after chunk of ``length`` steps; the last may be shorter.

    With ``detach`` no gradient passes from one to the one before.
    """

    def run_chunks(state, xs):
        steps = len(jax.tree.leaves(xs)[0])
        n = steps // length
        if n == 0:
            return run(state, xs)
        head = jax.tree.map(
            lambda x: x[: n * length].reshape(n, length, *x.shape[1:]), xs
        )
        later = jnp.arange(n) > 0

        def one(state, chunk):
            after_another, x = chunk
            return run(_apart(state, after_another) if detach else state, x)

        state, ys = loops.forgotten(partial(jax.lax.scan, one), state, (later, head))
        ys = jax.tree.map(lambda y: y.reshape(n * length, *y.shape[2:]), ys)
        if n * length == steps:
            return state, ys
        state = jax.lax.stop_gradient(state) if detach else state
        state, rest = run(state, jax.tree.map(lambda x: x[n * length :], xs))
        return state, jax.tree.map(lambda a, b: jnp.concatenate([a, b]), ys, rest)

    return run_chunks


def checkpoint_length(run, state, xs, memory):
    """The longest chunk, a divisor of T, whose gradient fits; None: all at once."""
    check.positive("memory", memory, " [bytes]")
    steps = len(jax.tree.leaves(xs)[0])
    if steps < 2:
        return None

    def kept(length):
        """Bytes that the backward pass of so many steps needs from the forward one."""
        some = jax.tree.map(
            lambda x: jax.ShapeDtypeStruct((length, *x.shape[1:]), x.dtype), xs
        )
        pull = jax.eval_shape(lambda state, xs: jax.vjp(run, state, xs)[1], state, some)
        return _bytes(pull)

    each = 2 * (kept(2) - kept(1))  # and as much again for the gradients themselves
    if steps * each <= memory:
        return None
    each += _bytes(xs) // steps  # the input of a chunk is a copy
    sizes = [k for k in range(1, steps) if steps % k == 0]
    needs = [(k * each + steps // k * _bytes(state), k) for k in sizes]
    least, length = min(needs)
    if least > memory:
        raise ValueError(
            f"No chunk of these {steps} steps fits into {memory:.3g} bytes; the least, "
            f"checkpoint={length}, takes about {least:.3g}."
        )
    return max(k for need, k in needs if need <= memory)


def _apart(state, where):
    """The same state, through which no gradient passes where it is said."""

    def cut(x):
        moves = jnp.issubdtype(x.dtype, jnp.inexact)
        return jnp.where(where, jax.lax.stop_gradient(x), x) if moves else x

    return jax.tree.map(cut, state)


def _bytes(tree):
    return sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(tree))
