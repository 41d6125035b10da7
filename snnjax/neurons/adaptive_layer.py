"""A layer of neurons that adapt over all of time, with its own gradient.

Nothing but the spike is nonlinear in the step of ``adapting.py``, so the backward pass
needs one number for each neuron and step, the distance d to threshold (and the voltage
v⁻, where the gradient passes through a reset to zero). In its symbols, with y̅ what
comes from outside, p = A_vv δv⁻ + A_wv w̅ and q = A_vw δv⁻ + A_ww w̅,

    forward    i ← i + x + s·r       (v⁻, w⁻) ← flow       d ← v⁻ - θ - β w
               s ← 1[d > 0]          v ← reset(v⁻, s)      w ← w⁻ + b s
    backward   δs ← y̅ + δx·rᵀ + b w̅  (with the reset's share, where it is asked for)
               δd ← h(d) δs          δv⁻ ← δd + (∂v/∂v⁻) v̅
               δx ← c i̅ + g δv⁻      coupled: g (δv⁻ - p + a (w̅ - q))
               v̅ ← p        w̅ ← q - β δd        i̅ ← δx        ∂r = Σ_t s_{t-1}ᵀ δx_t

b w̅ is left out of δs where the gradient does not pass through adaptation. A refractory
neuron keeps its voltage, and v̅ with it. The values are those of stepping, the gradients
those of plain automatic differentiation, to rounding. The rule can be differentiated
again: what it keeps are outputs of its own.
"""

from collections.abc import Collection
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from snnjax import loops
from snnjax.kernels import adaptive as kernel
from snnjax.kernels import native
from snnjax.kernels.native import Backend
from snnjax.kernels.products import align, product
from snnjax.neurons.adapting import Adapting, Constants, Parts, flowed
from snnjax.neurons.crossing import by_name
from snnjax.neurons.layer import (
    Carry,
    as_native,
    detached,
    fed,
    fed_back,
    put_out,
    sum_to,
    through_loop,
    told_apart,
    with_spikes,
)
from snnjax.surrogate import spike
from snnjax.surrogate.derivative import applied


class Options(NamedTuple):
    """What is fixed while tracing."""

    neuron: Adapting
    dtype: Any  # of the spikes
    recurrent_gradient: bool = True  # whether it passes through spikes fed back
    backend: Backend = "xla"  # from ``native.choose``
    keep: bool = False  # whether to put out what the backward pass needs
    volts: bool = False  # whether the voltages before the reset are asked for
    marks_alone: bool = False  # whether native code tells spikes by marks alone

    @property
    def needs_volts(self) -> bool:
        """Whether these voltages are put out."""
        reset, attached = self.neuron.firing
        return self.volts or (attached and reset == "zero")

    def showing(self, names: Collection[str], backend: Backend) -> "Options":
        """Who runs, and what the rule is to show."""
        shown = bool(names)
        return self._replace(backend=backend, keep=shown, volts=shown)


class Made(NamedTuple):
    """What a layer computes; all but the first two if they are kept."""

    end: Carry
    spikes: jax.Array  # [T, *batch, n]
    distances: jax.Array | None = None  # to threshold, [T, *batch, n]
    vs: jax.Array | None = None  # voltages before the reset, [T, *batch, n]
    frozen: jax.Array | None = None  # which neurons were refractory, [T, *batch, n]
    marks: Any = None  # of the spikes, where native code made them


def steps(
    options: Options,
    start: Carry,
    currents: jax.Array,
    r: jax.Array | None,
    constants: Constants,
    surrogate: Any,
    names: tuple[str, ...] = (),
) -> tuple[Carry, tuple[jax.Array, dict[str, jax.Array]]]:
    """Step after step, for any surrogate; to be differentiated automatically.

    Args:
        options: what is fixed while tracing.
        start: where to start.
        currents: drive from outside, ``[T, *batch, n]``, in the dtype of the voltage.
        r: recurrent weights ``[n, n]``, or None.
        constants: of the neurons.
        surrogate: pseudo-derivative of the spike.
        names: what else to put out: fields of the state after each step, ``v_before``,
            ``distance``, ``frozen``.

    Returns:
        The end; spikes ``[T, *batch, n]``, and what was asked for by name.
    """
    fixed, shape = told_apart(surrogate)
    constants = align(constants, start.state.v)
    given = (options, names, fixed), (r, constants, shape)
    return loops.scan(_step, *given, start, currents)


def _step(fixed, given, before, x):
    (options, names, plain), (r, constants, shape) = fixed, given
    surrogate = plain if shape is None else shape
    if r is not None:
        spikes = detached(before.spikes, options.recurrent_gradient)
        x = x + product(spikes, r).astype(x.dtype)
    fire = lambda distance: spike(distance, surrogate)  # noqa: E731
    state, s, found = options.neuron.step(constants, before.state, x, fire)
    s = s.astype(options.dtype)
    found = {**state._asdict(), **found}
    after = Carry(state, None if r is None else s)
    return after, (s, {name: found[name] for name in names})


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def run(
    options: Options,
    start: Carry,
    currents: jax.Array,
    r: jax.Array | None,
    constants: Constants,
    shape: Any,
) -> Made:
    """Runs a layer by the rule; arguments as of ``steps``, the shape a pytree."""
    return put_out(options, _made(options, start, currents, r, constants, shape))


def _made(options, *given):
    if options.backend == "xla":
        return _stepped(options, *given)
    return native.run(options.backend, _natively, _elsewhere, options, *given)


def _stepped(options, start, currents, r, constants, shape):
    names = ("distance", "frozen", *(["v_before"] if options.needs_volts else []))
    given = start, currents, r, constants, shape, names
    end, (spikes, found) = steps(options, *given)
    vs = found.get("v_before")
    return Made(end, spikes, found["distance"], vs, found["frozen"])


def _natively(options, start, currents, r, constants, shape):
    del shape
    neuron, volts = options.neuron, options.needs_volts
    reset, given = neuron.firing.reset, _crossed(neuron, start)
    given = reset, *_rows(constants), given, currents, r, volts
    made = kernel.forward(*given, marks_alone=options.marks_alone)
    return Made(_crossed_back(neuron, start, made.end), *made[1:])


def _elsewhere(options, start, currents, r, *given):
    """On other devices, as if native code had made it."""
    made = _stepped(options, start, currents, r, *given)
    return as_native(made, currents, options.marks_alone or r is not None)


def _run_fwd(options, *given):
    made = run(options._replace(keep=True), *given)
    return put_out(options, made), (given, made)


def _run_bwd(options, kept, cotangents):
    kept = with_spikes(options, kept)
    (start, _, r, constants, shape), made = kept
    outputs = _outputs(options, kept, cotangents)
    looped = r is not None and options.recurrent_gradient
    seen = made.distances, made.vs, made.spikes, made.frozen, r if looped else None
    given = constants._replace(refractory=None), shape, *outputs, *seen
    back: Any = _by_xla if options.backend == "xla" else _by_native
    g_start, g_x = back(options, *given)
    marked = options.marks_alone
    g_start, g_r = through_loop(options, start, r, made, g_start, g_x, marked=marked)
    return g_start, g_x, g_r, _of_constants(options, kept, outputs, g_x), None


run.defvjp(_run_fwd, _run_bwd)


def _outputs(options, kept, cotangents):
    """Gradients of the end, the spikes and, if they were put out, of what was kept."""
    (_, _, r, *_), (_, _, distances, *_) = kept
    looped, end = r is not None and options.recurrent_gradient, cotangents.end
    parts = options.neuron.parts(end.state)._replace(refractory=None)
    end = Carry(
        options.neuron.state(end.state, parts),
        end.spikes.astype(distances.dtype) if looped else None,
    )
    g_spikes = cotangents.spikes.astype(distances.dtype)
    return end, g_spikes, cotangents.distances, cotangents.vs


def _by_xla(options, k, shape, end, g_s, g_d, g_v, distances, vs, spikes, frozen, r):
    frozen = None if frozen is None else frozen.astype(bool)
    fixed, shape = told_apart(shape)
    given = (options.neuron, fixed), (align(k, end.state.v), shape, r)
    over_time = g_s, g_d, g_v, distances, vs, spikes, frozen
    return loops.scan(_step_back, *given, end, over_time, reverse=True)


def _step_back(fixed, given, after, now):
    ((neuron, plain), (k, shape, r)), (g_s, *seen) = (fixed, given), now
    shape = plain if shape is None else shape
    g_s = g_s if r is None else g_s + after.spikes
    parts, g_x, *_ = _back(neuron, k, shape, neuron.parts(after.state), g_s, *seen)
    state = neuron.state(after.state, parts)
    return Carry(state, None if r is None else product(g_x, r.T).astype(g_x.dtype)), g_x


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _by_native(options, *given):
    return native.run(options.backend, _back_natively, _by_xla, options, *given)


def _back_natively(
    options, k, shape, end, g_s, g_d, g_v, distances, vs, spikes, frozen, r
):
    del spikes  # native code tells them from the distances
    (reset, attached), neuron = options.neuron.firing, options.neuron
    through = attached and reset != "none", neuron.adaptation_gradient
    crossed = *_rows(k)[:2], by_name(shape), _crossed(neuron, end)
    given = g_s, g_d, g_v, distances, vs, frozen, r
    start, g_x = kernel.backward(reset, through, *crossed, *given)
    return _crossed_back(neuron, end, start), g_x


@_by_native.defjvp
def _by_native_jvp(options, primals, tangents):
    tangents = jax.jvp(partial(_by_xla, options), primals, tangents)[1]
    return _by_native(options, *primals), tangents


def _back(neuron, k, shape, after, g_s, g_d, g_v, distance, v, s, frozen):
    """One step back: gradients of the state, drive, flow and d."""
    reset, attached = neuron.firing
    s = detached(s.astype(distance.dtype), attached)
    if attached and reset == "zero":
        g_s = g_s - after.v * (v if k.v_reset is None else v - k.v_reset)
    if attached and reset == "subtract":
        g_s = g_s - after.v * k.threshold
    if neuron.adaptation_gradient:
        g_s = g_s + (after.w if k.jump is None else k.jump * after.w)
    g_jump = g_s * applied(shape, distance)
    if frozen is not None:
        g_jump = jnp.where(frozen, 0.0, g_jump)
    g_jump = g_jump if g_d is None else g_jump + g_d
    g_before = g_jump + (after.v * (1.0 - s) if reset == "zero" else after.v)
    g_before = g_before if g_v is None else g_before + g_v
    g_flow = g_before if frozen is None else jnp.where(frozen, 0.0, g_before)
    g_v, g_w, g_x = _flowed_back(k, g_flow, after.w)
    if k.syn is not None:
        g_x = g_x + k.syn * after.i
    if frozen is not None:
        g_v = jnp.where(frozen, g_before, g_v)
    if k.beta is not None:
        g_w = g_w - k.beta * g_jump
    return Parts(g_v, g_w, None if k.syn is None else g_x, None), g_x, g_flow, g_jump


def _flowed_back(k, g_v, g_w):
    """Through the flow: gradients of v, w and the current."""
    if k.slope is None:
        return k.flow.aa * g_v, k.flow.bb * g_w, k.gain * g_v
    p = k.flow.aa * g_v + k.flow.ba * g_w
    q = k.flow.ab * g_v + k.flow.bb * g_w
    return p, q, k.gain * ((g_v - p) + k.slope * (g_w - q))


def _of_constants(options, kept, outputs, g_x):
    """Gradients of the constants: a second pass, dropped where none is learned.

    Voltage and adaptation are made again from the distances and the spikes.
    """
    (start, currents, r, given, shape), (_, spikes, distances, vs, frozen, _) = kept
    (end, g_spikes, *more), neuron = outputs, options.neuron
    each_its_own = lambda c: jnp.zeros_like(start.state.v) + c  # noqa: E731
    k = align(given._replace(refractory=None), start.state.v)
    k = jax.tree.map(each_its_own, k)  # summed over time first
    drives = fed(options, start, currents, r, spikes)
    g_spikes = fed_back(end, g_spikes, g_x, r)
    first = neuron.parts(start.state)._replace(refractory=None)
    seen = drives, distances, vs, spikes
    _, before = loops.scan(_again, neuron, k, first, seen)
    fixed, shape = told_apart(shape)
    last = neuron.parts(end.state), jax.tree.map(jnp.zeros_like, k)
    each = (g_spikes, *more, distances, vs, spikes, frozen), before
    back = (neuron, fixed), (k, shape), last, each
    (_, grads), _ = loops.scan(_constants_back, *back, reverse=True)
    return jax.tree.map(sum_to, grads, given._replace(refractory=None))


def _again(neuron, k, state, seen):
    """One step of which distance and spikes are known; puts out what it began from."""
    x, distance, v, s = seen
    current = x if k.syn is None else state.i + x
    if v is None:
        v = distance + k.threshold
        v = v if k.beta is None else v + k.beta * state.w
    s = s.astype(v.dtype)
    w = neuron.jumped(k, flowed(k, state.v, state.w, current)[1], s)
    i = None if k.syn is None else k.syn * current
    return Parts(neuron.after_spike(k, v, s), w, i, None), (state.v, state.w, current)


def _constants_back(fixed, given, after, now):
    ((neuron, plain), (k, shape)), (after, sums) = (fixed, given), after
    (*_, s, _), (v, w, current) = now
    shape = plain if shape is None else shape
    given = neuron, k, shape, after, *now[0]
    parts, _, g_flow, g_jump = _back(*given)
    flow = lambda k: flowed(k, v, w, current)  # noqa: E731
    (found,) = jax.vjp(flow, k)[1]((g_flow, after.w))
    s = detached(s.astype(v.dtype), neuron.firing.reset_gradient)
    at_spikes = after.v * s
    raised = after.w * detached(s, neuron.adaptation_gradient)
    found = found._replace(
        threshold=-g_jump - (at_spikes if neuron.firing.reset == "subtract" else 0.0),
        syn=None if k.syn is None else after.i * current,
        beta=None if k.beta is None else -g_jump * w,
        jump=None if k.jump is None else raised,
    )
    if k.v_reset is not None and neuron.firing.reset == "zero":
        found = found._replace(v_reset=at_spikes)
    return (parts, jax.tree.map(jnp.add, sums, found)), None


def _rows(k: Constants) -> tuple[bool, tuple[Any, ...], Any]:
    """Whether the flow is coupled, its constants, and whole steps of a pause."""
    jump = jnp.ones_like(k.threshold) if k.jump is None else k.jump
    rows = *k.flow, k.gain, k.slope, k.syn, k.threshold, k.beta, jump, k.v_reset
    return k.slope is not None, rows, k.refractory


def _crossed(neuron, carry):
    v, w, i, left = neuron.parts(carry.state)
    return kernel.State(v, w, i, carry.spikes, left)


def _crossed_back(neuron, like, state):
    v, w, i, spikes, left = state
    return Carry(neuron.state(like.state, Parts(v, w, i, left)), spikes)
