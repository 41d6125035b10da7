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

from snnjax.kernels import leaky as kernel
from snnjax.kernels import native
from snnjax.kernels.native import Backend, Support, match_axes
from snnjax.kernels.products import flat, outer, over_time
from snnjax.surrogate import (
    Arctan,
    Boxcar,
    ForwardMode,
    Learnable,
    Scaled,
    Shape,
    Sigmoid,
    Sparse,
    SuperSpike,
    Triangle,
    as_pytree,
    spike,
)

NATIVE = {  # the shapes that native code has, by its names for them
    SuperSpike: "SuperSpike",
    Sigmoid: "Sigmoid",
    Triangle: "Triangle",
    Arctan: "Arctan",
    Boxcar: "Boxcar",
}


class Options(NamedTuple):
    """What is fixed while tracing."""

    firing: Any  # how the neurons fire and reset, ``leaky.Firing``
    backend: Backend = "auto"
    dtype: Any = None  # of the spikes
    recurrent_gradient: bool = True
    native: bool = False  # whether the backend is native, once that is known


class Carry(NamedTuple):
    """Between two steps, or its gradient."""

    state: Any  # of the neurons, ``leaky.LIFState``
    spikes: jax.Array | None  # of the last step, [*batch, n]; None without recurrence


def run(
    options: Options,
    state: Any,
    currents: jax.Array,
    r: jax.Array | None,
    spikes: jax.Array | None,
    constants: Any,
    surrogate: Shape,
) -> tuple[Any, jax.Array]:
    """Runs a layer by its own rule.

    Args:
        options: what is fixed while tracing.
        state: where to start.
        currents: drive from outside, ``[T, *batch, n]``.
        r: recurrent weights ``[n, n]``, or None.
        spikes: of the step before the first; None without recurrence.
        constants: of the neurons, ``leaky.Constants``.
        surrogate: pseudo-derivative of the spike.

    Returns:
        The state after the last step, and spikes ``[T, *batch, n]``.
    """
    arrays = [x for x in (currents, r, spikes, state.v) if x is not None]
    by_events = native.use_native(options.backend, _support(surrogate, *arrays))
    drive = currents.astype(state.v.dtype)
    constants = constants._replace(refractory=None, dt=None)
    given = match_axes(Carry(state, spikes), drive, r, constants)
    options = options._replace(native=by_events)
    end, spikes = _run(options, *given, as_pytree(surrogate))
    return end.state, spikes


def scan(
    options: Options,
    state: Any,
    currents: jax.Array,
    r: jax.Array | None,
    spikes: jax.Array | None,
    constants: Any,
    surrogate: Shape,
) -> tuple[Any, jax.Array]:
    """The same for any surrogate and any neuron, by automatic differentiation."""
    drive = currents.astype(state.v.dtype)
    given = Carry(state, spikes), drive, r, constants, surrogate
    end, (spikes, _) = _steps(options, *given)
    return end.state, spikes


def has_rule(surrogate: Shape) -> bool:
    """Whether the rule is that of this surrogate: one for reverse mode alone."""
    return not isinstance(surrogate, ForwardMode | Learnable)


def _support(surrogate, *arrays):
    """Whether a layer with this surrogate can run natively, here and now."""
    shape = _inside(surrogate)[0]
    if type(shape) in NATIVE:
        return native.available(*arrays)
    names = ", ".join(NATIVE.values())
    return Support(False, f"{type(shape).__name__} is none of the shapes {names}")


def _inside(surrogate):
    """The shape inside, its height, and the width beyond which it is zero."""
    height: Any = 1.0
    width: Any = jnp.inf
    while isinstance(surrogate, Scaled | Sparse):
        if isinstance(surrogate, Scaled):
            height = height * surrogate.amplitude
        else:
            width = jnp.minimum(width, surrogate.width)
        surrogate = surrogate.shape
    return surrogate, height, width


def _by_name(surrogate):
    """A surrogate as a name and numbers: how it crosses into native code."""
    shape, height, width = _inside(surrogate)
    return kernel.Shape(NATIVE[type(shape)], shape.slope, height, width)


def _steps(options, start, currents, r, constants, surrogate):
    """Step after step: the end, the spikes and the voltages before the reset."""

    def step(before, x):
        if r is not None:
            seen = before.spikes
            if not options.recurrent_gradient:
                seen = jax.lax.stop_gradient(seen)
            x = x + (seen @ r).astype(x.dtype)
        fire = lambda v: spike(v, surrogate)  # noqa: E731
        state, s, v = options.firing.step(constants, before.state, x, fire)
        s = s.astype(options.dtype)
        return Carry(state, None if r is None else s), (s, v)

    return jax.lax.scan(step, start, currents)


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _run(options, start, currents, r, constants, shape):
    return _forward(options, start, currents, r, constants, shape)[:2]


def _forward(options, start, currents, r, constants, shape):
    """The end, the spikes, the voltages before the reset, and marks of the spikes."""
    if not options.native:
        given = start, currents, r, constants, shape
        end, (spikes, vs) = _steps(options, *given)
        return end, spikes, vs, None
    reset, given = options.firing.reset, _crossed(start)
    end, *made = kernel.forward(reset, constants[:4], given, currents, r)
    return _crossed_back(start, end), *made


def _run_fwd(options, start, currents, r, constants, shape):
    end, spikes, vs, marks = _forward(options, start, currents, r, constants, shape)
    return (end, spikes), (start, currents, spikes, vs, r, constants, shape, marks)


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
    """Gradients of the start and of the drive, ``[T, *batch, n]``."""
    if options.native:
        firing = options.firing
        given = constants[:4], _by_name(shape), _crossed(end), g_spikes, vs, r
        start, g_x = kernel.backward(firing.reset, firing.reset_gradient, *given)
        return _crossed_back(end, start), g_x

    def step(after, now):
        g_s, v, s = now
        g_s = g_s if r is None else g_s + after.spikes
        given = options.firing, constants, shape, after.state
        state, g_x, *_ = _back(*given, g_s, v, s)
        return Carry(state, None if r is None else (g_x @ r.T).astype(v.dtype)), g_x

    return jax.lax.scan(step, end, (g_spikes, vs, spikes), reverse=True)


def _back(firing, constants, shape, after, g_s, v, s):
    """One step back: gradients of the state, drive, v⁻ and v⁻ - θ."""
    s = s.astype(v.dtype)
    if firing.reset_gradient and firing.reset != "none":
        g_s = g_s - after.v * (v if firing.reset == "zero" else constants.threshold)
    g_jump = g_s * shape(v - constants.threshold).astype(v.dtype)
    g_before = g_jump + (after.v * (1.0 - s) if firing.reset == "zero" else after.v)
    g_x = constants.gain * g_before
    if after.i is not None:
        g_x = g_x + constants.syn * after.i
    g_i = None if after.i is None else g_x
    state = after._replace(v=constants.mem * g_before, i=g_i)
    return state, g_x, g_before, g_jump


def _of_loop(options, first, spikes, g_x, marks):
    """Gradient of the recurrent weights: a step meets the spikes of the one before."""
    if options.native:
        later = outer(flat(spikes), flat(g_x), first[..., 0].size, marks)
        return later + over_time(first, g_x[:1].sum(0))
    return over_time(jnp.concatenate([first[None], spikes])[:-1], g_x)


def _of_constants(options, kept, end, g_spikes, g_x):
    """Gradients of the constants: a second pass, dropped where none is learned."""
    start, currents, spikes, vs, r, constants, shape, _ = kept
    firing = options.firing
    if r is not None:
        before = jnp.concatenate([start.spikes[None], spikes])[:-1]
        currents = currents + (before @ r).astype(currents.dtype)
    if end.spikes is not None:
        fed_back = (g_x[1:] @ r.T).astype(g_x.dtype)
        g_spikes = g_spikes + jnp.concatenate([fed_back, end.spikes[None]])[: len(g_x)]
    left = firing.after_spike(constants, vs, spikes.astype(vs.dtype))
    v_before = jnp.concatenate([start.state.v[None], left])[:-1]
    drives = currents
    if constants.syn is not None:
        _, drives = jax.lax.scan(
            lambda i, x: (constants.syn * (i + x), i + x), start.state.i, currents
        )

    def step(after, now):
        g_s, v, s, v_before, drive = now
        given = firing, constants, shape, after
        state, _, g_before, g_jump = _back(*given, g_s, v, s)
        grads = constants._replace(
            mem=g_before * v_before,
            syn=None if after.i is None else after.i * drive,
            gain=g_before * drive,
            threshold=-g_jump - (after.v * s if firing.reset == "subtract" else 0.0),
        )
        return state, grads

    each = g_spikes, vs, spikes, v_before, drives
    _, grads = jax.lax.scan(step, end.state, each, reverse=True)
    return jax.tree.map(_sum_to, grads, constants)


def _sum_to(grad, constant):
    axes = tuple(range(grad.ndim - jnp.ndim(constant)))
    return jnp.sum(grad, axes).astype(constant.dtype)


def _crossed(carry):
    return kernel.State(carry.state.v, carry.state.i, carry.spikes)


def _crossed_back(like, state):
    return Carry(like.state._replace(v=state.v, i=state.i), state.spikes)
