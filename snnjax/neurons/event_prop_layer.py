"""A layer of leaky neurons over all of time, with the gradient of its spikes' times.

Forward it is the layer of ``layer.py``, bit for bit. Backward a spike has no
pseudo-derivative. What it is worth changes from step to step, and moving it by one step
changes the loss by the slope ḡ_{k+1} - ḡ_k, ḡ the gradient of the raster with the share
of what spikes feed back; how far it moves with the voltage is 1/V̇:

    spike      v̄⁻ = -(ḡ_{k+1} - ḡ_k) / D + v̄ (1 + Δ y / D)      y = dt/τm
    no spike   v̄⁻ = v̄                       D = max(v⁻_k - v_{k-1}, slowest · θ y)

with Δ = θ - v_reset what a reset takes away. The rest is the backward pass of any
layer. A spike that moves moves its reset along, so the last term is no choice here.

At the end of a sequence ḡ_{k+1} belongs to whoever continues it. It arrives as the
gradient of ``mark``, a field of the state: a copy of the last spikes that nobody reads.
So a sequence has the same gradient in parts, and step after step. Where nobody
continues it is zero.
"""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from snnjax import loops
from snnjax.kernels import leaky as kernel
from snnjax.kernels import native
from snnjax.kernels.products import align, product
from snnjax.neurons import layer
from snnjax.neurons.layer import Carry, Made, Options
from snnjax.surrogate import SuperSpike


class Constants(NamedTuple):
    """One step, and what makes a voltage out of a time, each ``[]`` or ``[n]``."""

    step: Any  # ``leaky.Constants``
    pace: jax.Array  # y = dt/τm
    slowest: jax.Array  # D counts as this share of θ y at least


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def run(
    options: Options,
    start: Carry,
    currents: jax.Array,
    r: jax.Array | None,
    constants: Constants,
) -> Made:
    """Runs a layer.

    Args:
        options: what is fixed while tracing.
        start: where to start, its state with a mark.
        currents: drive from outside, ``[T, *batch, n]``, in the dtype of the voltage.
        r: recurrent weights ``[n, n]``, or None.
        constants: of the neurons and of the rule.
    """
    made = _made(options, start, currents, r, constants)
    return made if options.keep else Made(made.end, made.spikes)


def _made(options, start, currents, r, constants):
    state, mark = start.state._replace(mark=None), start.state.mark
    given = start._replace(state=state), currents, r, constants.step, SuperSpike()
    made = layer.run(options._replace(keep=True), *given)
    if len(currents):
        mark = made.spikes[-1].astype(mark.dtype)
    state = made.end.state._replace(mark=mark)
    return made._replace(end=made.end._replace(state=state))


def _run_fwd(options, *given):
    made = _made(options, *_once(given))
    return made if options.keep else Made(made.end, made.spikes), (given, made)


@jax.custom_jvp
def _once(given):
    """What is here is no function whose derivative would be a second one."""
    return given


@_once.defjvp
def _once_jvp(primals, tangents):
    raise ValueError(
        "EventProp has first derivatives only. Second ones are those of spike times: "
        "first_spike_time, spike_times."
    )


def _run_bwd(options, kept, cotangents):
    (start, currents, r, constants), made = kept
    end, *outputs = layer.outputs_of(options, kept, cotangents)
    passes = None if end.spikes is None else r
    given = constants, start.state.v, passes, end, (*outputs, made.vs)
    if options.backend == "xla":
        g_start, g_x = _by_xla(options.firing, *given)
    else:
        g_start, g_x = _by_native(options, *given)
    drives = layer.fed(options, start, currents, r, made.spikes)
    syn = align(constants.step.syn, start.state.i)
    drives = layer.filtered(syn, start.state.i, drives)
    g_constants = _of_constants(options.firing, *given, drives)
    g_start, g_r = layer.through_loop(options, start, r, made, g_start, g_x)
    return g_start, g_x, g_r, g_constants


run.defvjp(_run_fwd, _run_bwd)


class _Seen(NamedTuple):
    """Of all of time, and read at two steps: the voltages before the reset."""

    vs: jax.Array  # [T, *batch, n]
    first: jax.Array  # voltage at the start
    constants: Constants
    r: jax.Array | None  # recurrent weights that the gradient passes


def _seen(vs, first, constants, r):
    vs = vs if len(vs) else first[None]  # of no step, something to read
    return _Seen(vs, first, align(constants, first), r)


def _by_xla(firing, constants, first, r, end, over_time):
    """Gradients of the start and of the drive, ``[T, *batch, n]``."""
    g_spikes, g_vs, vs = over_time
    seen = _seen(vs, first, constants, r)
    each = jnp.arange(len(vs), dtype=jnp.int32), g_spikes, g_vs, vs
    return loops.scan(_step_back, firing, seen, end, each, reverse=True)


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _by_native(options, *given):
    ways = _back_natively, _by_xla
    return native.run(options.backend, *ways, options.firing, *given)


def _back_natively(firing, constants, first, r, end, over_time):
    numbers, *paces = constants
    after = kernel.State(end.state.v, end.state.i, end.spikes, None)
    given = numbers[:5], paces, after, end.state.mark, *over_time, first, r
    (v, i, spikes, _), mark, g_x = kernel.moved_back(firing.reset, *given)
    return Carry(end.state._replace(v=v, i=i, mark=mark), spikes), g_x


@_by_native.defjvp
def _by_native_jvp(options, primals, tangents):
    tangents = jax.jvp(partial(_by_xla, options.firing), primals, tangents)[1]
    return _by_native(options, *primals), tangents


def _step_back(firing, seen, after, now):
    state, g_x, _ = _back(firing, seen, after, now)
    if seen.r is None:
        return Carry(state, None), g_x
    return Carry(state, product(g_x, seen.r.T).astype(g_x.dtype)), g_x


class _Found(NamedTuple):
    """Of one step."""

    before: jax.Array  # v_{k-1}
    flowed: jax.Array  # gradient of v⁻
    moved: jax.Array  # its share through the spike, zero where there is none
    reset: jax.Array  # gradient of the voltage after a spike


def _back(firing, seen, after, now):
    """One step back: gradients of the state and the drive, what they are of."""
    k, g_s, g_v, v = now
    (constants, pace, slowest), state = seen.constants, after.state
    g_s = g_s if seen.r is None else g_s + after.spikes
    before = _voltage_after(firing, seen, k - 1)
    rise = jnp.maximum(v - before, slowest * constants.threshold * pace)
    taken = constants.threshold
    if firing.reset == "zero":
        taken = taken - constants.v_reset
    moved = (g_s - state.mark) / rise + state.v * (1.0 + taken * pace / rise)
    fired = v - constants.threshold > 0
    moved = jnp.where(fired, moved, 0.0)
    flowed = moved + jnp.where(fired, 0.0, state.v)
    flowed = flowed if g_v is None else flowed + g_v
    g_x = constants.gain * flowed + constants.syn * state.i
    reset = jnp.where(fired, state.v, 0.0)
    state = state._replace(v=constants.mem * flowed, i=g_x, mark=g_s)
    return state, g_x, _Found(before, flowed, moved, reset)


def _voltage_after(firing, seen, k):
    """After the reset of step k; at the start for k = -1."""
    v = jax.lax.dynamic_index_in_dim(seen.vs, jnp.maximum(k, 0), keepdims=False)
    constants = seen.constants.step
    s = (v - constants.threshold > 0).astype(v.dtype)
    return jnp.where(k < 0, seen.first, firing.after_spike(constants, v, s))


def _of_constants(firing, constants, first, r, end, over_time, drives):
    """Gradients of the constants: a second pass, dropped where none is learned."""
    g_spikes, g_vs, vs = over_time
    seen = _seen(vs, first, constants, r)
    each = jnp.arange(len(vs), dtype=jnp.int32), g_spikes, g_vs, vs
    none = jnp.zeros_like(first)
    sums = constants.step._replace(
        **dict.fromkeys(("mem", "syn", "gain", "threshold", "v_reset"), none)
    )
    start = end, sums
    (_, sums), _ = loops.scan(
        _constants_back, firing, seen, start, (each, drives), reverse=True
    )
    step = jax.tree.map(layer.sum_to, sums, constants.step)
    pace, slowest = map(jnp.zeros_like, constants[1:])  # scale nothing that is learned
    return Constants(step, pace, slowest)


def _constants_back(firing, seen, after, now):
    (after, sums), (now, drive) = after, now
    state, g_x, found = _back(firing, seen, after, now)
    grads = sums._replace(
        mem=found.flowed * found.before,
        syn=after.state.i * drive,
        gain=found.flowed * drive,
        threshold=-found.moved,
        v_reset=found.reset if firing.reset == "zero" else jnp.zeros_like(drive),
    )
    spikes = None
    if seen.r is not None:
        spikes = product(g_x, seen.r.T).astype(g_x.dtype)
    return (Carry(state, spikes), jax.tree.map(jnp.add, sums, grads)), None
