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

A refractory neuron keeps its voltage, and v̅ with it. The values are those of stepping,
bit for bit; the gradients are those of plain automatic differentiation, to rounding.
The rule can be differentiated again: what it keeps are outputs of its own.
"""

from collections.abc import Collection
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from snnjax import loops
from snnjax.kernels import leaky as kernel
from snnjax.kernels import native
from snnjax.kernels.native import Backend
from snnjax.kernels.products import align, flat, outer, over_time, product
from snnjax.kernels.rasters import entries
from snnjax.neurons.crossing import by_name
from snnjax.seen import Seen
from snnjax.surrogate import Shape, as_pytree, spike
from snnjax.surrogate.derivative import applied


class Options(NamedTuple):
    """What is fixed while tracing."""

    firing: Any  # how the neurons fire and reset, ``leaky.Firing``
    dtype: Any  # of the spikes
    recurrent_gradient: bool = True  # whether it passes through spikes fed back
    backend: Backend = "xla"  # from ``native.choose``
    keep: bool = False  # whether to put out what the backward pass needs
    marks_alone: bool = False  # whether native code tells spikes by marks alone

    def showing(self, names: Collection[str], backend: Backend) -> "Options":
        """Who runs, and what the rule is to show."""
        return self._replace(backend=backend, keep=bool(names))


class Carry(NamedTuple):
    """Between two steps, or its gradient."""

    state: Any  # of the neurons, ``leaky.LIFState``
    spikes: jax.Array | None  # of the last step, [*batch, n]; None without recurrence


class Made(NamedTuple):
    """What a layer computes; the last three if they are kept."""

    end: Carry
    spikes: jax.Array  # [T, *batch, n]
    vs: jax.Array | None = None  # voltages before the reset, [T, *batch, n]
    frozen: jax.Array | None = None  # which neurons were refractory, [T, *batch, n]
    marks: Any = None  # of the spikes, where native code made them


def steps(
    options: Options,
    start: Carry,
    currents: jax.Array,
    r: jax.Array | None,
    constants: Any,
    surrogate: Any,
    names: tuple[str, ...] = (),
    seen: Seen | None = None,
) -> tuple[Carry, tuple[jax.Array, dict[str, jax.Array]]]:
    """Step after step, for any surrogate; to be differentiated automatically.

    Args:
        options: what is fixed while tracing.
        start: where to start.
        currents: drive from outside, ``[T, *batch, n]``, in the dtype of the voltage.
        r: recurrent weights ``[n, n]``, or None.
        constants: of the neurons, ``leaky.Constants``.
        surrogate: pseudo-derivative of the spike.
        names: what else to put out: fields of the state after each step, ``v_before``,
            ``frozen``.
        seen: what a device showed, each ``[T, *batch, n]``.

    Returns:
        The end; spikes ``[T, *batch, n]``, and what was asked for by name.
    """
    fixed, shape = told_apart(surrogate)
    constants = align(constants, start.state.v)
    given = (options, names, fixed), (r, constants, shape)
    return loops.scan(
        _step, *given, start, (currents, Seen() if seen is None else seen)
    )


def _step(fixed, given, before, now):
    (options, names, plain), (r, constants, shape), (x, seen) = fixed, given, now
    surrogate = plain if shape is None else shape
    if r is not None:
        fed_back = detached(before.spikes, options.recurrent_gradient)
        x = x + product(fed_back, r).astype(x.dtype)
    fire = lambda v: spike(v, surrogate)  # noqa: E731
    state, s, v = options.firing.step(constants, before.state, x, fire, seen)
    s = s.astype(options.dtype)
    left = options.firing.paused(before.state, seen)
    frozen = None if left is None else left > 0
    found = {**state._asdict(), "v_before": v, "frozen": frozen}
    after = Carry(state, None if r is None else s)
    return after, (s, {name: found[name] for name in names})


def told_apart(surrogate: Shape) -> tuple[Any, Any]:
    """A surrogate as ``(fixed, given)``: fixed if its numbers are plain."""
    shape = as_pytree(surrogate)
    numbers = jax.tree.leaves(shape)
    plain = numbers and all(isinstance(k, int | float) for k in numbers)
    return (shape, None) if plain else (None, shape)


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def run(
    options: Options,
    start: Carry,
    currents: jax.Array,
    r: jax.Array | None,
    constants: Any,
    shape: Any,
) -> Made:
    """Runs a layer by the rule; arguments as of ``steps``, the shape a pytree."""
    return put_out(options, _made(options, start, currents, r, constants, shape))


def put_out(options: Any, made: Any) -> Any:
    """Of what a layer computed what it puts out."""
    if options.keep:
        return made
    marks = made.marks if options.marks_alone else None
    return type(made)(made.end, made.spikes, marks=marks)


def _made(options, start, currents, r, constants, shape, seen=None):
    given = start, currents, r, constants, shape
    if options.backend == "xla" or seen is not None:
        return _stepped(options, *given, seen)
    return native.run(options.backend, _natively, _elsewhere, options, *given)


def _stepped(options, start, currents, r, constants, shape, seen=None):
    given = start, currents, r, constants, shape, ("v_before", "frozen")
    end, (spikes, found) = steps(options, *given, seen)
    return Made(end, spikes, found["v_before"], found["frozen"])


def _natively(options, start, currents, r, constants, shape):
    del shape
    given, pause = _crossed(start), constants.refractory
    reset, numbers = options.firing.reset, constants[:5]
    given = reset, numbers, pause, given, currents, r
    made = kernel.forward(*given, marks_alone=options.marks_alone)
    return Made(_crossed_back(start, made.end), *made[1:])


def _elsewhere(options, start, currents, r, *given):
    """On other devices, as if native code had made it."""
    made = _stepped(options, start, currents, r, *given)
    return as_native(made, currents, options.marks_alone or r is not None)


def as_native(made: Any, currents: jax.Array, marked: bool) -> Any:
    """What a layer computed, in the types that native code puts out."""
    frozen = None if made.frozen is None else made.frozen.astype(jnp.uint8)
    rows = currents[..., 0].size if marked else 0
    marks = native.no_marks(rows, currents.shape[-1])
    return made._replace(frozen=frozen, marks=marks)


def _run_fwd(options, *given):
    made = run(options._replace(keep=True), *given)
    return put_out(options, made), (given, made)


def _run_bwd(options, kept, cotangents):
    kept = with_spikes(options, kept)
    outputs = outputs_of(options, kept, cotangents)
    grads = _pulled_back(options, kept, outputs)
    return *grads, _of_constants(options, kept, outputs, grads[1]), None


run.defvjp(_run_fwd, _run_bwd)


def with_spikes(options: Any, kept: Any) -> Any:
    """What was kept, with spikes where marks alone told them; dropped if not read."""
    given, made = kept
    if not options.marks_alone:
        return kept
    return given, made._replace(spikes=entries(made.spikes, made.marks))


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def replay(
    options: Options,
    start: Carry,
    currents: jax.Array,
    r: jax.Array | None,
    constants: Any,
    shape: Any,
    seen: Seen,
) -> Made:
    """Runs a layer as a device recorded it, with the backward pass of ``run``.

    That needs the voltages before the reset and the spikes, and nothing else of the
    forward pass; both are of one possible run of the model (Cramer et al. 2022,
    doi:10.1073/pnas.2109194119, put what was measured into a model's graph). Constants
    have no gradient.
    """
    made = _made(options, start, currents, r, constants, shape, seen)
    return put_out(options, made)


def _replay_fwd(options, *given):
    made = replay(options._replace(keep=True), *given)
    return put_out(options, made), (given[:-1], made)


def _replay_bwd(options, kept, cotangents):
    outputs = outputs_of(options, kept, cotangents)
    return *_pulled_back(options, kept, outputs), None, None, None


replay.defvjp(_replay_fwd, _replay_bwd)


def outputs_of(
    options: Options, kept: Any, cotangents: Any
) -> tuple[Carry, jax.Array, jax.Array | None]:
    """Gradients of the end, the spikes and, if they were put out, the voltages."""
    (_, _, r, *_), (_, _, vs, *_) = kept
    looped, end = r is not None and options.recurrent_gradient, cotangents.end
    end = Carry(
        end.state._replace(refractory=None),
        end.spikes.astype(vs.dtype) if looped else None,
    )
    g_spikes = cotangents.spikes.astype(vs.dtype)
    return end, g_spikes, cotangents.vs if options.keep else None


def _pulled_back(options, kept, outputs):
    """Gradients of the start, the drive and the recurrent weights."""
    (start, _, r, constants, shape), made = kept
    looped = r is not None and options.recurrent_gradient
    passes = r if looped else None
    given = constants, shape, *outputs, made.vs, made.spikes, made.frozen, passes
    g_start, g_x = _backward(options, *given)
    marked = options.marks_alone
    g_start, g_r = through_loop(options, start, r, made, g_start, g_x, marked=marked)
    return g_start, g_x, g_r


def _backward(options, constants, *given):
    """Gradients of the start and of the drive, ``[T, *batch, n]``."""
    constants = constants._replace(refractory=None)
    plain: Any = _by_xla if options.backend == "xla" else _by_native
    return plain(options, constants, *given)


def _by_xla(options, constants, shape, end, g_spikes, g_vs, vs, spikes, frozen, r):
    frozen = None if frozen is None else frozen.astype(bool)
    fixed, shape = told_apart(shape)
    constants = align(constants, end.state.v)
    given = (options.firing, fixed), (constants, shape, r)
    over_time = g_spikes, g_vs, vs, spikes, frozen
    return loops.scan(_step_back, *given, end, over_time, reverse=True)


def _step_back(fixed, given, after, now):
    ((firing, plain), (constants, shape, r)), (g_s, *seen) = (fixed, given), now
    shape = plain if shape is None else shape
    g_s = g_s if r is None else g_s + after.spikes
    state, g_x, *_ = _back(firing, constants, shape, after.state, g_s, *seen)
    return Carry(state, None if r is None else product(g_x, r.T).astype(g_x.dtype)), g_x


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _by_native(options, *given):
    return native.run(options.backend, _back_natively, _by_xla, options, *given)


def _back_natively(
    options, constants, shape, end, g_spikes, g_vs, vs, spikes, frozen, r
):
    del spikes  # native code tells them from the voltages
    reset, attached = options.firing.reset, options.firing.reset_gradient
    given = g_spikes, g_vs, vs, frozen, r
    numbers, crossed = constants[:5], (by_name(shape), _crossed(end))
    start, g_x = kernel.backward(reset, attached, numbers, *crossed, *given)
    return _crossed_back(end, start), g_x


@_by_native.defjvp
def _by_native_jvp(options, primals, tangents):
    tangents = jax.jvp(partial(_by_xla, options), primals, tangents)[1]
    return _by_native(options, *primals), tangents


def _back(firing, constants, shape, after, g_s, g_v, v, s, frozen):
    """One step back: gradients of the state, drive, flow and v⁻ - θ."""
    s = detached(s.astype(v.dtype), firing.reset_gradient)
    if firing.reset_gradient and firing.reset == "zero":
        g_s = g_s - after.v * (v - constants.v_reset)
    if firing.reset_gradient and firing.reset == "subtract":
        g_s = g_s - after.v * constants.threshold
    g_jump = g_s * applied(shape, v - constants.threshold)
    if frozen is not None:
        g_jump = jnp.where(frozen, 0.0, g_jump)
    g_before = g_jump + (after.v * (1.0 - s) if firing.reset == "zero" else after.v)
    if g_v is not None:
        g_before = g_before + g_v
    flowed = g_before if frozen is None else jnp.where(frozen, 0.0, g_before)
    g_x = constants.gain * flowed
    if after.i is not None:
        g_x = g_x + constants.syn * after.i
    kept = constants.mem * flowed
    if frozen is not None:
        kept = jnp.where(frozen, g_before, kept)
    state = after._replace(v=kept, i=None if after.i is None else g_x)
    return state, g_x, flowed, g_jump


def through_loop(
    options: Any,
    start: Any,
    r: jax.Array | None,
    made: Any,
    g_start: Any,
    g_x: Any,
    *,
    marked: bool = False,
) -> tuple[Carry, jax.Array | None]:
    """Gradients of the start and of the recurrent weights, None without recurrence.

    Args:
        options: of a layer.
        start: where it started.
        r: recurrent weights.
        made: spikes and marks, among what it computed.
        g_start: gradient of the start, as it left the loop.
        g_x: gradient of the drive.
        marked: whether native code tells spikes by marks alone.
    """
    if r is None:
        return g_start._replace(spikes=None), None
    g_r = _of_loop(options, start.spikes, made, g_x, marked).astype(r.dtype)
    looped, before = options.recurrent_gradient, start.spikes
    before = (g_start.spikes if looped else jnp.zeros_like(before)).astype(before.dtype)
    return g_start._replace(spikes=before), g_r


def _of_loop(options, first, made, g_x, marked):
    """A step meets the spikes of the one before."""
    first, spikes = detached((first, made.spikes), options.recurrent_gradient)
    if options.backend != "xla":
        given = flat(spikes), flat(g_x), first[..., 0].size, made.marks, options.backend
        return outer(*given, marked=marked) + over_time(first, g_x[:1].sum(0))
    return over_time(jnp.concatenate([first[None], spikes])[:-1], g_x)


def _of_constants(options, kept, outputs, g_x):
    """Gradients of the constants: a second pass, dropped where none is learned."""
    (start, currents, r, given, shape), (_, spikes, vs, frozen, _) = kept
    end, g_spikes, g_vs = outputs
    constants = align(given, start.state.v)
    firing = options.firing
    drives = fed(options, start, currents, r, spikes)
    g_spikes = fed_back(end, g_spikes, g_x, r)
    left = firing.after_spike(align(given, vs), vs, spikes.astype(vs.dtype))
    v_before = jnp.concatenate([start.state.v[None], left])[:-1]
    if constants.syn is not None:
        drives = filtered(constants.syn, start.state.i, drives)
    each = (g_spikes, g_vs, vs, spikes, frozen), v_before, drives
    fixed, shape = told_apart(shape)
    numbers = constants._replace(refractory=None), shape
    back = (firing, fixed), numbers, end.state, each
    _, grads = loops.scan(_constants_back, *back, reverse=True)
    return jax.tree.map(sum_to, grads, given._replace(refractory=None))


def fed(
    options: Any, start: Any, currents: jax.Array, r: jax.Array | None, spikes: Any
) -> jax.Array:
    """The drive of each step, with what spikes of the step before feed back."""
    if r is None:
        return currents
    before = jnp.concatenate([start.spikes[None], spikes])[:-1]
    before = detached(before, options.recurrent_gradient)
    return currents + product(before, r).astype(currents.dtype)


def fed_back(end: Carry, g_spikes: jax.Array, g_x: jax.Array, r: Any) -> jax.Array:
    """The gradient of spikes with what they feed back to the step after."""
    if end.spikes is None:
        return g_spikes
    later = product(g_x[1:], r.T).astype(g_x.dtype)
    return g_spikes + jnp.concatenate([later, end.spikes[None]])[: len(g_x)]


def filtered(syn: jax.Array, i: jax.Array, drives: jax.Array) -> jax.Array:
    """The synaptic current in each step, from that at the start."""
    return loops.scan(_drive, None, syn, i, drives)[1]


def _drive(fixed, syn, i, x):
    del fixed
    return syn * (i + x), i + x


def _constants_back(fixed, given, after, now):
    (firing, plain), (constants, shape) = fixed, given
    (g_s, g_v, v, s, frozen), v_before, drive = now
    shape = plain if shape is None else shape
    seen = firing, constants, shape, after, g_s, g_v, v, s, frozen
    state, _, flowed, g_jump = _back(*seen)
    s = detached(s.astype(v.dtype), firing.reset_gradient)
    at_spikes, none = after.v * s, jnp.zeros_like(v)
    grads = constants._replace(
        mem=flowed * v_before,
        syn=None if after.i is None else after.i * drive,
        gain=flowed * drive,
        threshold=-g_jump - (at_spikes if firing.reset == "subtract" else none),
        v_reset=at_spikes if firing.reset == "zero" else none,
        refractory=None,
    )
    return state, grads


def detached(spikes: Any, attached: bool) -> Any:
    """What counts as constant for the gradient does so for the gradient of that."""
    return spikes if attached else jax.lax.stop_gradient(spikes)


def sum_to(grad: jax.Array, constant: jax.Array) -> jax.Array:
    """A gradient of each neuron and sample, summed to the shape of a constant."""
    grad = jnp.sum(grad, range(grad.ndim - jnp.ndim(constant)))
    axes = [k for k, size in enumerate(jnp.shape(constant)) if size == 1]
    return jnp.sum(grad, axes, keepdims=True).astype(constant.dtype)


def _crossed(carry):
    v, i, left, _ = carry.state
    return kernel.State(v, i, carry.spikes, left)


def _crossed_back(like, state):
    v, i, spikes, left = state
    return Carry(like.state._replace(v=v, i=i, refractory=left), spikes)
