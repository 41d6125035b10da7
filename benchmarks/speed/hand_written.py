"""A training step as one writes it by hand: ``lax.scan`` over plain array code.

Leaky neurons with a synapse, reset to rest, and SuperSpike; the same arithmetic as
``snnjax``, differentiated automatically. No line of the library runs in it.
"""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

DT, TAU_MEM, TAU_SYN, SLOPE = 1e-3, 20e-3, 10e-3, 10.0
MEM, SYN = math.exp(-DT / TAU_MEM), math.exp(-DT / TAU_SYN)
GAIN = TAU_SYN / (TAU_MEM - TAU_SYN) * (MEM - SYN)
# of the readout, as ``snnjax.li`` has by default
MEM_OUT, SYN_OUT = math.exp(-DT / 20e-3), math.exp(-DT / 5e-3)
GAIN_OUT = 5e-3 / (20e-3 - 5e-3) * (MEM_OUT - SYN_OUT)


@jax.custom_jvp
def fires(v: jax.Array) -> jax.Array:
    """1 above zero, with the derivative 1 / (1 + k |v|)²."""
    return (v > 0).astype(v.dtype)


@fires.defjvp
def _(primals, tangents):
    (v,), (t,) = primals, tangents
    return fires(v), t / (1.0 + SLOPE * jnp.abs(v)) ** 2


class Weights(NamedTuple):
    """Of a layer, and what reads it; None where there is none."""

    w: jax.Array
    r: jax.Array | None = None
    out: jax.Array | None = None


def loss(
    weights: Weights, xs: jax.Array, labels: Any = None, unroll: int = 1
) -> tuple[jax.Array, jax.Array]:
    """All spikes, or the cross-entropy of the readout's highest voltages.

    Args:
        weights: with ``r`` the layer is recurrent, with ``out`` it is read out.
        xs: input ``[T, B, n_in]``.
        labels: ``[B]``, with ``out``.
        unroll: how many steps one turn of the loop makes.

    Returns:
        The loss, and which share of neurons fires in a step.
    """
    currents = xs @ weights.w

    def step(state, x):
        v, i, s = state
        i = i + (x if weights.r is None else x + s @ weights.r)
        v = MEM * v + GAIN * i
        s = fires(v - 1.0)
        return ((1.0 - jax.lax.stop_gradient(s)) * v, SYN * i, s), s

    def read(state, x):
        v, i, best = state
        i = i + x
        v = MEM_OUT * v + GAIN_OUT * i
        best = jnp.where(v > best, v, best)  # the first of equals
        return (v, SYN_OUT * i, best), None

    zeros = jnp.zeros_like(currents[0])
    _, spikes = jax.lax.scan(step, (zeros,) * 3, currents, unroll=unroll)
    if weights.out is None:
        return spikes.sum(), spikes.mean()
    onto = spikes @ weights.out
    start = jnp.zeros_like(onto[0])
    start = start, start, start - jnp.inf
    (_, _, best), _ = jax.lax.scan(read, start, onto, unroll=unroll)
    losses = optax.softmax_cross_entropy_with_integer_labels(best, labels)
    return losses.mean(), spikes.mean()
