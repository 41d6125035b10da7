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
from snnjax.kernels.rasters import spikes_and_last


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
    refractory: jax.Array | None  # steps left, int32


class Made(NamedTuple):
    """What a layer computes."""

    end: State
    spikes: jax.Array  # [T, *batch, n]
    vs: jax.Array  # voltages before the reset, [T, *batch, n]
    frozen: jax.Array | None  # which neurons were refractory, [T, *batch, n]
    marks: Any  # of the spikes, with recurrence or where they alone tell them


def forward(
    reset: str,
    constants: Sequence[Number | None],
    pause: Number | None,
    state: State,
    currents: jax.Array,
    r: jax.Array | None,
    *,
    marks_alone: bool = False,
) -> Made:
    """Runs a layer.

    Args:
        reset: mode, by name.
        constants: what is left of the voltage and of the current, gain, threshold and
            reset value, each ``[]``, ``[n]`` or None for zero.
        pause: refractory steps after a spike, ``[]`` or ``[n]``, int32, or None.
        state: where to start; its spikes matter with ``r`` only.
        currents: ``[T, *batch, n]``; voltages are written in their place.
        r: recurrent weights ``[n, n]``, or None.
        marks_alone: whether spikes are told by marks, and are zeros themselves.
    """
    x, n = flat(currents), currents.shape[-1]
    marked = marks_alone or r is not None
    v, i, s = (_rows_of(part, state.v) for part in state[:3])
    pauses = 0 if state.refractory is None else 1
    left = jnp.zeros((0, n), jnp.int32)
    left = left if state.refractory is None else flat(state.refractory)
    pause = jnp.broadcast_to(0 if pause is None else pause, (pauses, n))
    vs, spikes, frozen, *marks, v, i, left = call(
        "snnjax_forward",
        [
            floats(*x.shape),
            floats(0 if marks_alone else len(x), n),
            jax.ShapeDtypeStruct((pauses * len(x), n), jnp.uint8),
            *mark_shapes(len(x) if marked else 0, n),
            *[floats(*v.shape)] * 2,
            jax.ShapeDtypeStruct(left.shape, jnp.int32),
        ],
        *(x, matrix(r), v, i, s, left, rows(n, *constants), pause.astype(jnp.int32)),
        in_place={0: 0},
        reset=reset,
    )
    like, over_time = state.v.shape, currents.shape
    spikes = None if marks_alone else spikes.reshape(over_time)
    spikes, last = spikes_and_last(spikes, marks, currents, state.spikes)
    end = State(
        v=v.reshape(like),
        i=None if state.i is None else i.reshape(like),
        spikes=None if r is None else last,
        refractory=left.reshape(like) if pauses else None,
    )
    frozen = frozen.reshape(over_time) if pauses else None
    return Made(end, spikes, vs.reshape(over_time), frozen, marks)


def backward(
    reset: str,
    reset_gradient: bool,
    constants: Sequence[Number | None],
    shape: Shape,
    end: State,
    g_spikes: jax.Array,
    g_vs: jax.Array | None,
    vs: jax.Array,
    frozen: jax.Array | None,
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
        g_vs: gradient of the voltages before the reset, or None.
        vs: these voltages.
        frozen: which neurons were refractory, or None.
        r: recurrent weights that the gradient passes, or None.
    """
    n, volts = vs.shape[-1], flat(vs)
    v, i, s = (_rows_of(part, end.v) for part in end[:3])
    g_vs = jnp.zeros((0, n), jnp.float32) if g_vs is None else flat(g_vs)
    frozen = jnp.zeros((0, n), jnp.uint8) if frozen is None else flat(frozen)
    g_x, v, i, s = call(
        "snnjax_backward",
        [floats(*volts.shape), *[floats(*v.shape)] * 3],
        *(flat(g_spikes), g_vs, volts, frozen.astype(jnp.uint8), matrix(r)),
        *(rows(n, *constants), rows(n, *shape[1:]), v, i, s),
        in_place={0: 0},
        reset=reset,
        reset_gradient=reset_gradient,
        synapse=end.i is not None,
        shape=shape.name,
    )
    like = end.v.shape
    start = State(
        v=v.reshape(like),
        i=None if end.i is None else i.reshape(like),
        spikes=None if r is None else s.reshape(like),
        refractory=None,
    )
    return start, g_x.reshape(vs.shape)


def moved_back(
    reset: str,
    constants: Sequence[Number | None],
    paces: Sequence[Number],
    end: State,
    mark: jax.Array,
    g_spikes: jax.Array,
    g_vs: jax.Array | None,
    vs: jax.Array,
    first: jax.Array,
    r: jax.Array | None,
) -> tuple[State, jax.Array, jax.Array]:
    """As ``backward``, where spikes move; see ``neurons.event_prop_layer``.

    Args:
        reset: mode, by name; zero or subtract.
        constants: as of ``forward``, with a current.
        paces: dt/τm, and the least rise as a share of that, each ``[]`` or ``[n]``.
        end: gradient of the last state.
        mark: gradient of the spikes of the step behind the last.
        g_spikes: gradient of the spikes.
        g_vs: gradient of the voltages before the reset, or None.
        vs: these voltages.
        first: voltage at the start.
        r: recurrent weights that the gradient passes, or None.

    Returns:
        Gradients of the state at the start, of the spikes of the first step, and of the
        currents, ``[T, *batch, n]``.
    """
    n, volts = vs.shape[-1], flat(vs)
    v, i, s = (_rows_of(part, end.v) for part in end[:3])
    g_vs = jnp.zeros((0, n), jnp.float32) if g_vs is None else flat(g_vs)
    g_x, v, i, s, mark = call(
        "snnjax_moved_back",
        [floats(*volts.shape), *[floats(*v.shape)] * 4],
        *(flat(g_spikes), g_vs, volts, flat(first), matrix(r)),
        *(rows(n, *constants), rows(n, *paces), v, i, s, flat(mark)),
        in_place={0: 0},
        reset=reset,
    )
    v, i, s, mark = (x.reshape(end.v.shape) for x in (v, i, s, mark))
    start = State(v, i, None if r is None else s, None)
    return start, mark, g_x.reshape(vs.shape)


def _rows_of(part, like):
    return flat(jnp.zeros_like(like) if part is None else part)


def matrix(r: jax.Array | None) -> jax.Array:
    """Recurrent weights, empty if there are none."""
    return jnp.zeros((0, 0), jnp.float32) if r is None else r


def rows(n: int, *constants: Number | None) -> jax.Array:
    """As rows ``[k, n]``; none is zero."""
    each = [jnp.zeros(n) if c is None else jnp.broadcast_to(c, (n,)) for c in constants]
    return jnp.stack([row.astype(jnp.float32) for row in each])
