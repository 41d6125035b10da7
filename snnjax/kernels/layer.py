"""A layer of leaky integrate-and-fire neurons over all of time, with its own gradient.

Automatic differentiation of a scan keeps every intermediate value of every step and
adds up the gradient of the recurrent weights step by step. Written out by hand, the
backward pass needs one number for each neuron and step, the voltage before the reset,
and the weight gradient is one matrix product over all of time:

    forward    i ← i + x + s·r      v⁻ ← b v + g i      i ← a i
               s ← 1[v⁻ > θ]        v ← reset(v⁻, s)
    backward   δs ← y̅ + δx·rᵀ  (with the reset's share, where it is asked for)
               δv⁻ ← h(v⁻ - θ) δs + (∂v/∂v⁻) v̅      δx ← a i̅ + g δv⁻
               v̅ ← b δv⁻        i̅ ← δx        ∂r = Σ_t s_{t-1}ᵀ δx_t

The values are those of stepping, bit for bit; the gradients are those of plain
automatic differentiation, to rounding.
"""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from snnjax.kernels import native
from snnjax.surrogate import Shape, spike


class Options(NamedTuple):
    """What is fixed while tracing."""

    reset: str  # zero, subtract or none
    reset_gradient: bool
    recurrent_gradient: bool = True
    dtype: Any = None  # of the spikes
    native: bool = False  # by the event-driven CPU kernel, or by XLA


class Constants(NamedTuple):
    """One step of a leaky neuron, each ``[]`` or ``[n]``."""

    mem: jax.Array  # b, what is left of the voltage
    syn: jax.Array | None  # a, what is left of the current; None without a synapse
    gain: jax.Array  # g, voltage that a unit of current brings
    threshold: jax.Array  # θ


class State(NamedTuple):
    """Between two steps, each ``[*batch, n]``."""

    v: jax.Array  # after the reset
    i: jax.Array | None  # None without a synapse
    spikes: jax.Array | None  # of the last step; None without recurrence


def project(
    x: jax.Array, w: jax.Array, b: jax.Array | None = None, *, by_events: bool = False
) -> jax.Array:
    """Currents ``x·w + b`` that spikes ``[..., n_in]`` bring, over all of time at once.

    Args:
        x: spikes, ``[..., n_in]``, floating point, ``uint8`` or ``bool``.
        w: weights ``[n_in, n]``.
        b: constant currents ``[n]``, or None.
        by_events: whether the native kernel adds up the rows of ``w`` that spikes
            select, in place of a dense product.
    """
    if by_events:
        y = native.project(_flat(x), w).reshape(*x.shape[:-1], w.shape[-1])
    elif not jnp.issubdtype(x.dtype, jnp.floating):
        y = _from_raster(x, w)
    elif x.ndim == 1 or sharded_explicitly():
        y = x @ w
    else:  # flat, so that the gradient of w is a flat product as well
        y = (_flat(x) @ w).reshape(*x.shape[:-1], w.shape[-1])
    return y if b is None else y + b


def _from_raster(x, w):
    """A few steps at a time, so that a long raster never exists in floating point."""
    step = jax.checkpoint(lambda x: x.astype(w.dtype) @ w)
    return step(x) if x.ndim < 3 else jax.lax.map(step, x, batch_size=16)


def flow(
    constants: Constants, v: jax.Array, i: jax.Array | None, x: jax.Array
) -> tuple[jax.Array, jax.Array | None]:
    """Takes in ``x``, then decays for one step: from ``(v, i)`` to ``(v, i)``."""
    if constants.syn is None or i is None:
        return constants.mem * v + constants.gain * x, None
    i = i + x
    return constants.mem * v + constants.gain * i, constants.syn * i


def after_spike(
    options: Options, v: jax.Array, s: jax.Array, threshold: jax.Array
) -> jax.Array:
    """The voltage that the reset leaves."""
    cut = s if options.reset_gradient else jax.lax.stop_gradient(s)
    left = {"zero": (1.0 - cut) * v, "subtract": v - threshold * cut, "none": v}
    return left[options.reset]


def run(
    options: Options,
    state: State,
    currents: jax.Array,
    r: jax.Array | None,
    constants: Constants,
    shape: Shape,
) -> tuple[State, jax.Array]:
    """Runs a layer.

    Args:
        options: what is fixed while tracing.
        state: where to start.
        currents: drive from outside, ``[T, *batch, n]``, in the dtype of the voltage.
        r: recurrent weights ``[n, n]``, or None.
        constants: of the neurons.
        shape: pseudo-derivative of the spike, a pytree.

    Returns:
        The state after the last step, and spikes ``[T, *batch, n]``.
    """
    return _run(options, *native.match_axes(state, currents, r, constants), shape)


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _run(options, state, currents, r, constants, shape):
    return _forward(options, state, currents, r, constants, shape)[:2]


def _forward(options, state, currents, r, constants, shape):
    """The end, the spikes, the voltages before the reset, and marks of the spikes."""
    if options.native:
        return native.forward(options, state, currents, r, constants)

    def step(state, x):
        if r is not None:
            x = x + (state.spikes @ r).astype(x.dtype)
        v, i = flow(constants, state.v, state.i, x)
        s = spike(v - constants.threshold, shape)
        left = after_spike(options, v, s, constants.threshold)
        s = s.astype(options.dtype)
        return State(left, i, None if r is None else s), (s, v)

    state, (spikes, vs) = jax.lax.scan(step, state, currents)
    return state, spikes, vs, None


def _run_fwd(options, state, currents, r, constants, shape):
    end, spikes, vs, marks = _forward(options, state, currents, r, constants, shape)
    return (end, spikes), (state, currents, spikes, vs, r, constants, shape, marks)


def _run_bwd(options, kept, cotangents):
    start, _, spikes, vs, r, constants, shape, marks = kept
    end, g_spikes = cotangents
    g_spikes = g_spikes.astype(vs.dtype)
    looped = r is not None and options.recurrent_gradient
    end = end._replace(spikes=end.spikes.astype(vs.dtype) if looped else None)
    given = options, constants, shape, end, g_spikes, vs, spikes, r if looped else None
    g_start, g_x = _backward(*given)

    g_r = None
    if r is not None:
        g_r = _of_loop(options, start.spikes, spikes, g_x, marks).astype(r.dtype)
        before = g_start.spikes if looped else jnp.zeros_like(start.spikes)
        g_start = g_start._replace(spikes=before.astype(start.spikes.dtype))
    g_constants = _of_constants(options, kept, end, g_spikes, g_x)
    return g_start, g_x, g_r, g_constants, None


_run.defvjp(_run_fwd, _run_bwd)


def _backward(options, constants, shape, end, g_spikes, vs, spikes, r):
    """Gradients of the state at the start and of the drive, ``[T, *batch, n]``."""
    if options.native:
        return native.backward(options, constants, shape, end, g_spikes, vs, r)

    def step(carry, now):
        g_s, v, s = now
        g_s = g_s if r is None else g_s + carry.spikes
        g_v, g_i, g_x, *_ = _back(options, constants, shape, carry, g_s, v, s)
        return State(g_v, g_i, None if r is None else (g_x @ r.T).astype(v.dtype)), g_x

    return jax.lax.scan(step, end, (g_spikes, vs, spikes), reverse=True)


def _back(options, constants, shape, after, g_s, v, s):
    """One step back: gradients of voltage, current, drive, v⁻ and v⁻ - θ."""
    s = s.astype(v.dtype)
    if options.reset_gradient and options.reset != "none":
        g_s = g_s - after.v * (v if options.reset == "zero" else constants.threshold)
    g_jump = g_s * shape(v - constants.threshold).astype(v.dtype)
    g_before = g_jump + (after.v * (1.0 - s) if options.reset == "zero" else after.v)
    g_x = constants.gain * g_before
    if after.i is not None:
        g_x = g_x + constants.syn * after.i
    return (
        constants.mem * g_before,
        None if after.i is None else g_x,
        g_x,
        g_before,
        g_jump,
    )


def _of_loop(options, first, spikes, g_x, marks):
    """Gradient of the recurrent weights: a step meets the spikes of the one before."""
    if options.native:
        later = native.outer(_flat(spikes), _flat(g_x), first[..., 0].size, marks)
        return later + over_time(first, g_x[:1].sum(0))
    return over_time(jnp.concatenate([first[None], spikes])[:-1], g_x)


def _of_constants(options, kept, end, g_spikes, g_x):
    """Gradients of the constants: a second pass, dropped where none is learned."""
    start, currents, spikes, vs, r, constants, shape, _ = kept
    if r is not None:
        before = jnp.concatenate([start.spikes[None], spikes])[:-1]
        currents = currents + (before @ r).astype(currents.dtype)
    if end.spikes is not None:
        fed_back = (g_x[1:] @ r.T).astype(g_x.dtype)
        g_spikes = g_spikes + jnp.concatenate([fed_back, end.spikes[None]])[: len(g_x)]
    left = after_spike(options, vs, spikes.astype(vs.dtype), constants.threshold)
    v_before = jnp.concatenate([start.v[None], left])[:-1]
    drives = currents
    if constants.syn is not None:
        _, drives = jax.lax.scan(
            lambda i, x: (constants.syn * (i + x), i + x), start.i, currents
        )

    def step(after, now):
        g_s, v, s, v_before, drive = now
        g_v, g_i, _, g_before, g_jump = _back(
            options, constants, shape, after, g_s, v, s
        )
        grads = Constants(
            g_before * v_before,
            None if after.i is None else after.i * drive,
            g_before * drive,
            -g_jump - (after.v * s if options.reset == "subtract" else 0.0),
        )
        return State(g_v, g_i, None), grads

    each = g_spikes, vs, spikes, v_before, drives
    end = end._replace(spikes=None)
    _, grads = jax.lax.scan(step, end, each, reverse=True)
    return jax.tree.map(_sum_to, grads, constants)


def _sum_to(grad, constant):
    axes = tuple(range(grad.ndim - jnp.ndim(constant)))
    return jnp.sum(grad, axes).astype(constant.dtype)


def over_time(before: jax.Array, g: jax.Array) -> jax.Array:
    """Σ beforeᵀ g over all axes but the last, ``[n_in, n]``."""
    if not sharded_explicitly():
        return _flat(before).T @ _flat(g)
    axes = tuple(range(g.ndim - 1))
    dims = ((axes, axes), ((), ()))
    return jax.lax.dot_general(before, g, dims, out_sharding=jax.P(None, None))


def sharded_explicitly() -> bool:
    """Merging axes is refused where shardings are part of the type."""
    kinds = jax.sharding.get_abstract_mesh().axis_types
    return jax.sharding.AxisType.Explicit in kinds


def _flat(x):
    return x.reshape(-1, x.shape[-1])
