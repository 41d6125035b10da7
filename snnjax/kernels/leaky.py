"""A layer of leaky neurons over all of time, natively: rows of floats in and out.

A row is one sample at one step. The modes of the reset and the shapes of surrogates
cross into C++ by name.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from snnjax.check import Number
from snnjax.kernels.native import call, floats, mark_shapes
from snnjax.kernels.products import flat


class Shape(NamedTuple):
    """A surrogate h(v) = height · name(slope · v), zero beyond the width."""

    name: str  # SuperSpike, Sigmoid, Triangle, Arctan or Boxcar
    slope: Number
    height: Number = 1.0
    width: Number = jnp.inf


class State(NamedTuple):
    """Of the neurons between two steps, or its gradient, each ``[*batch, n]``."""

    v: jax.Array
    i: jax.Array | None
    spikes: jax.Array | None


def forward(
    reset: str,
    constants: Sequence[Number | None],
    state: State,
    currents: jax.Array,
    r: jax.Array | None,
) -> tuple[State, jax.Array, jax.Array, Any]:
    """Runs a layer.

    Args:
        reset: mode, by name.
        constants: what is left of the voltage and of the current, gain and threshold,
            each ``[]``, ``[n]`` or None for zero.
        state: where to start; its spikes matter with ``r`` only.
        currents: ``[T, *batch, n]``; voltages are written in their place.
        r: recurrent weights ``[n, n]``, or None.

    Returns:
        The state after the last step, spikes and voltages before the reset ``[T,
        *batch, n]``, and marks of the spikes for ``products.outer``.
    """
    x, n = flat(currents), currents.shape[-1]
    v, i, s = (_rows_of(part, state.v) for part in state)
    over_time, once = [floats(*x.shape)] * 2, [floats(*v.shape)] * 2
    marks = mark_shapes(0 if r is None else len(x), n)
    vs, spikes, *marks, v, i = call(
        "snnjax_forward",
        [*over_time, *marks, *once],
        *(x, _matrix(r), v, i, s, _rows(n, *constants)),
        in_place={0: 0},
        reset=reset,
    )
    spikes, vs = spikes.reshape(currents.shape), vs.reshape(currents.shape)
    last = spikes[-1] if len(spikes) else state.spikes
    end = State(
        v=v.reshape(state.v.shape),
        i=None if state.i is None else i.reshape(state.v.shape),
        spikes=None if r is None else last,
    )
    return end, spikes, vs, marks


def backward(
    reset: str,
    reset_gradient: bool,
    constants: Sequence[Number | None],
    shape: Shape,
    end: State,
    g_spikes: jax.Array,
    vs: jax.Array,
    r: jax.Array | None,
) -> tuple[State, jax.Array]:
    """Gradients of the state at the start and of the currents, ``[T, *batch, n]``.

    Args:
        reset: mode, by name.
        reset_gradient: whether the gradient passes through the reset.
        constants: as of ``forward``; without a current if ``end`` has none.
        shape: of the surrogate.
        end: gradient of the last state.
        g_spikes: gradient of the spikes.
        vs: voltages before the reset.
        r: recurrent weights that the gradient passes, or None.
    """
    n, volts = vs.shape[-1], flat(vs)
    v, i, s = (_rows_of(part, end.v) for part in end)
    g_x, v, i, s = call(
        "snnjax_backward",
        [floats(*volts.shape), *[floats(*v.shape)] * 3],
        *(flat(g_spikes), volts, _matrix(r), _rows(n, *constants)),
        *(_rows(n, *shape[1:]), v, i, s),
        in_place={0: 0},
        reset=reset,
        reset_gradient=reset_gradient,
        synapse=end.i is not None,
        shape=shape.name,
    )
    start = State(
        v=v.reshape(end.v.shape),
        i=None if end.i is None else i.reshape(end.v.shape),
        spikes=None if r is None else s.reshape(end.v.shape),
    )
    return start, g_x.reshape(vs.shape)


def _rows_of(part, like):
    return flat(jnp.zeros_like(like) if part is None else part)


def _matrix(r):
    return jnp.zeros((0, 0), jnp.float32) if r is None else r


def _rows(n, *constants):
    """As rows ``[k, n]``; none is zero."""
    rows = [jnp.zeros(n) if c is None else jnp.broadcast_to(c, (n,)) for c in constants]
    return jnp.stack([row.astype(jnp.float32) for row in rows])
