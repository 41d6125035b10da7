"""A layer of neurons that adapt over all of time, natively: rows of floats in and out.

A row is one sample at one step. Modes and shapes of surrogates cross into C++ by name.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from snnjax.check import Number
from snnjax.kernels.leaky import Shape, matrix, rows
from snnjax.kernels.native import call, floats, mark_shapes
from snnjax.kernels.products import flat
from snnjax.kernels.rasters import spikes_and_last


class State(NamedTuple):
    """Of the neurons between two steps, or its gradient, each ``[*batch, n]``."""

    v: jax.Array
    w: jax.Array  # adaptation
    i: jax.Array | None  # synaptic current
    spikes: jax.Array | None
    refractory: jax.Array | None  # steps left, int32


class Made(NamedTuple):
    """What a layer computes."""

    end: State
    spikes: jax.Array  # [T, *batch, n]
    distances: jax.Array  # to threshold, [T, *batch, n]
    vs: jax.Array | None  # voltages before the reset, [T, *batch, n]
    frozen: jax.Array | None  # which neurons were refractory, [T, *batch, n]
    marks: Any  # of the spikes, with recurrence or where they alone tell them


def forward(
    reset: str,
    coupled: bool,
    constants: Sequence[Number | None],
    pause: Number | None,
    state: State,
    currents: jax.Array,
    r: jax.Array | None,
    volts: bool,
    *,
    marks_alone: bool = False,
) -> Made:
    """Runs a layer.

    Args:
        reset: mode, by name.
        coupled: whether voltage and adaptation drive each other.
        constants: of one step, each ``[]``, ``[n]`` or None for zero: A_vv, A_vw, A_wv
            and A_ww, gain, slope of w over v at rest, what is left of the current,
            threshold, its share of w, jump of w at a spike, and reset value.
        pause: refractory steps after a spike, ``[]`` or ``[n]``, int32, or None.
        state: where to start; its spikes matter with ``r`` only.
        currents: ``[T, *batch, n]``; distances are written in their place.
        r: recurrent weights ``[n, n]``, or None.
        volts: whether to put out the voltages before the reset.
        marks_alone: as of ``leaky.forward``.
    """
    x, n = flat(currents), currents.shape[-1]
    marked = marks_alone or r is not None
    v, w, i, s = (_rows_or_none(part, n) for part in state[:4])
    pauses = 0 if state.refractory is None else 1
    left = _rows_or_none(state.refractory, n, jnp.int32)
    pause = jnp.broadcast_to(0 if pause is None else pause, (pauses, n))
    ds, spikes, vs, frozen, *marks, v, w, i, left = call(
        "snnjax_adapt",
        [
            floats(*x.shape),
            floats(0 if marks_alone else len(x), n),
            floats(len(x) if volts else 0, n),
            jax.ShapeDtypeStruct((pauses * len(x), n), jnp.uint8),
            *mark_shapes(len(x) if marked else 0, n),
            *(floats(*part.shape) for part in (v, w, i)),
            jax.ShapeDtypeStruct(left.shape, jnp.int32),
        ],
        *(x, matrix(r), v, w, i, s, left, rows(n, *constants), pause.astype(jnp.int32)),
        in_place={0: 0},
        reset=reset,
        coupled=coupled,
    )
    like, over_time = state.v.shape, currents.shape
    spikes = None if marks_alone else spikes.reshape(over_time)
    spikes, last = spikes_and_last(spikes, marks, currents, state.spikes)
    end = State(
        v=v.reshape(like),
        w=w.reshape(like),
        i=None if state.i is None else i.reshape(like),
        spikes=None if r is None else last,
        refractory=left.reshape(like) if pauses else None,
    )
    vs = vs.reshape(over_time) if volts else None
    frozen = frozen.reshape(over_time) if pauses else None
    return Made(end, spikes, ds.reshape(over_time), vs, frozen, marks)


def backward(
    reset: str,
    through: tuple[bool, bool],
    coupled: bool,
    constants: Sequence[Number | None],
    shape: Shape,
    end: State,
    g_spikes: jax.Array,
    g_distances: jax.Array | None,
    g_vs: jax.Array | None,
    distances: jax.Array,
    vs: jax.Array | None,
    frozen: jax.Array | None,
    r: jax.Array | None,
) -> tuple[State, jax.Array]:
    """Gradients of the state at the start and of the currents, ``[T, *batch, n]``.

    Args:
        reset: mode, by name.
        through: whether the gradient passes through the reset, and through the spike
            that raises the adaptation.
        coupled: as of ``forward``.
        constants: as of ``forward``.
        shape: of the surrogate.
        end: gradient of the last state.
        g_spikes: gradient of the spikes.
        g_distances: gradient of the distances to threshold, or None.
        g_vs: gradient of the voltages before the reset, or None.
        distances: to threshold.
        vs: the voltages before the reset; they matter where the gradient passes through
            a reset to zero.
        frozen: which neurons were refractory, or None.
        r: recurrent weights that the gradient passes, or None.
    """
    n, ds = distances.shape[-1], flat(distances)
    v, w, i, s = (_rows_or_none(part, n) for part in end[:4])
    g_ds, g_vs, vs = (_rows_or_none(part, n) for part in (g_distances, g_vs, vs))
    frozen = _rows_or_none(frozen, n, jnp.uint8)
    g_x, v, w, i, s = call(
        "snnjax_adapt_back",
        [floats(*part.shape) for part in (ds, v, w, i, s)],
        *(flat(g_spikes), g_ds, g_vs, ds, vs, frozen, matrix(r)),
        *(rows(n, *constants), rows(n, *shape[1:]), v, w, i, s),
        in_place={0: 0},
        reset=reset,
        reset_gradient=through[0],
        adaptation_gradient=through[1],
        coupled=coupled,
        shape=shape.name,
    )
    like = end.v.shape
    start = State(
        v=v.reshape(like),
        w=w.reshape(like),
        i=None if end.i is None else i.reshape(like),
        spikes=None if r is None else s.reshape(like),
        refractory=None,
    )
    return start, g_x.reshape(distances.shape)


def _rows_or_none(x, n, dtype=jnp.float32):
    return jnp.zeros((0, n), dtype) if x is None else flat(x).astype(dtype)
