"""Leaky neurons: the integrator (LI) and its firing cousin (LIF).

Between spikes both follow the same linear flow,

    τm dv/dt = -v + i        τs di/dt = -i

integrated exactly, so a subthreshold voltage does not depend on ``dt``
(Rotter & Diesmann 1999, doi:10.1007/s004220050570).
Times are in seconds. Voltages are in units of the distance from rest to threshold.

In a step the input jumps the synaptic current, the neuron flows for ``dt``, fires if
``v > θ``, and resets. Without a synapse (``tau_syn=None``) the input x is the current i
itself, held for the step, or it jumps the voltage (a delta synapse):

    input="current"    v ← e^(-dt/τm) v + (1 - e^(-dt/τm)) x
    input="voltage"    v ← e^(-dt/τm) (v + x)

This is NEST's ``iaf_psc_exp``, spike for spike. Its ``iaf_psc_delta`` compares before
the decay what we compare after it, where θ and v_reset are e^(-dt/τm) times as high.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp

from snnjax import check
from snnjax.about import factory
from snnjax.cell import Cell
from snnjax.check import Number
from snnjax.exported import exportable
from snnjax.kernels import native
from snnjax.kernels.integrator import integrate
from snnjax.kernels.native import Backend
from snnjax.neurons import backends, event_prop_cell
from snnjax.neurons.checks import check_flow, check_lif, state_check
from snnjax.neurons.population import Replay, population, zeros
from snnjax.neurons.potentials import mean_exp
from snnjax.replay import check_seen, measured_voltage, not_learned, splice
from snnjax.seen import Seen
from snnjax.surrogate import EventProp, Shape, SuperSpike, check_shape, spike

Reset = Literal["zero", "subtract", "none"]
Input = Literal["current", "voltage"]


@exportable
class LIParams(NamedTuple):
    """Constants of a leaky integrator, each ``[]`` or ``[n]``.

    Example:
        >>> params = snn.LIParams(tau_mem=np.array([10e-3, 20e-3]), tau_syn=None)
        >>> _, v = snn.unroll(snn.li(2, params), (), jnp.ones((10, 2)), dt=1e-3)
        >>> print(np.asarray(v[-1]).round(2))  # 1 - 1/e after one time constant
        [0.63 0.39]
    """

    tau_mem: Number = 20e-3  # membrane time constant τm [s]
    tau_syn: Number | None = 5e-3  # synaptic time constant τs [s]; None: no synapse


@exportable
class LIFParams(NamedTuple):
    """Constants of a leaky integrate-and-fire neuron, each ``[]`` or ``[n]``.

    Example:
        >>> params = snn.LIFParams(tau_mem=np.array([1e-2, 2e-2, 4e-2]), tau_syn=None)
        >>> current = jnp.full((200, 3), 2.0)
        >>> _, spikes = snn.unroll(snn.lif(3, params), (), current, dt=1e-3)
        >>> print(spikes.sum(axis=0))
        [28. 14.  7.]
    """

    tau_mem: Number | None = 20e-3  # membrane time constant τm [s]; None: no leak
    tau_syn: Number | None = 5e-3  # synaptic time constant τs [s]; None: no synapse
    threshold: Number = 1.0  # θ
    refractory: Number | None = None  # silent and frozen after a spike [s]
    v_reset: Number = 0.0  # where reset="zero" takes the voltage, below θ; rest is 0


@exportable
class LIState(NamedTuple):
    """What a leaky integrator remembers, each ``[*batch, n]``."""

    v: jax.Array  # membrane voltage
    i: jax.Array | None  # synaptic current; None without a synapse


@exportable
class LIFState(NamedTuple):
    """What a leaky integrate-and-fire neuron remembers, each ``[*batch, n]``."""

    v: jax.Array  # membrane voltage, after the reset
    i: jax.Array | None  # synaptic current; None without a synapse
    refractory: jax.Array | None  # steps left, int32; None without refractoriness
    mark: jax.Array | None = None  # of the last spikes, for EventProp; read by nobody


class Constants(NamedTuple):
    """One step of a leaky neuron, each ``[]`` or ``[n]``."""

    mem: jax.Array  # b, what is left of the voltage
    syn: jax.Array | None  # a, what is left of the current; None without a synapse
    gain: jax.Array  # g, voltage that a unit of current brings
    threshold: jax.Array  # θ
    v_reset: jax.Array  # where a spike takes the voltage
    refractory: jax.Array | None  # whole steps, int32


def constants_of(
    params: LIParams | LIFParams,
    input: Input,
    dt: Number,
    dtype: jnp.dtype,
) -> Constants:
    """One step of ``dt`` seconds: the exact flow as factors, and the rest."""
    tau_mem, dt = jnp.asarray(params.tau_mem, dtype), jnp.asarray(dt, dtype)
    mem = jnp.exp(-dt / tau_mem)
    if params.tau_syn is None:
        syn, gain = None, mem if input == "voltage" else -jnp.expm1(-dt / tau_mem)
    else:
        tau_syn = jnp.asarray(params.tau_syn, dtype)
        syn = jnp.exp(-dt / tau_syn)
        gain = dt / tau_mem * mean_exp(-dt / tau_mem, -dt / tau_syn)
    threshold = jnp.asarray(getattr(params, "threshold", jnp.inf), dtype)
    v_reset = jnp.asarray(getattr(params, "v_reset", 0.0), dtype)
    refractory = getattr(params, "refractory", None)
    pause = None if refractory is None else whole_steps(refractory, dt)
    return Constants(mem, syn, gain, threshold, v_reset, pause)


def whole_steps(time: Number, dt: jax.Array) -> jax.Array:
    """A time [s] in steps, rounded; what exceeds 2^30 steps lasts for ever or so."""
    steps = jnp.floor(jnp.asarray(time, dt.dtype) / dt + 0.5)
    return jnp.minimum(steps, 2.0**30).astype(jnp.int32)


def flow(
    constants: Constants, v: jax.Array, i: jax.Array | None, x: jax.Array
) -> tuple[jax.Array, jax.Array | None]:
    """Takes in ``x``, then decays for one step: from ``(v, i)`` to ``(v, i)``."""
    if constants.syn is None or i is None:
        return constants.mem * v + constants.gain * x, None
    i = i + x
    return constants.mem * v + constants.gain * i, constants.syn * i


class Firing(NamedTuple):
    """How a leaky neuron fires and resets, fixed while tracing."""

    reset: Reset = "zero"
    reset_gradient: bool = False

    def after_spike(
        self, constants: Constants, v: jax.Array, s: jax.Array
    ) -> jax.Array:
        """The voltage that the reset leaves."""
        cut = s if self.reset_gradient else jax.lax.stop_gradient(s)
        if self.reset == "zero":
            return (1.0 - cut) * v + cut * constants.v_reset
        return v - constants.threshold * cut if self.reset == "subtract" else v

    def step(
        self,
        constants: Constants,
        state: LIFState,
        x: jax.Array,
        fire: Callable[[jax.Array], jax.Array],
        seen: Seen = Seen(),
    ) -> tuple[LIFState, jax.Array, jax.Array]:
        """Takes in a current, flows for one step, fires and resets.

        Args:
            constants: from ``constants_of``.
            state: the neuron before.
            x: current, ``[*batch, n]``.
            fire: distance to threshold -> spikes.
            seen: what a device showed of this step. The voltage before the reset is
                then the nearest to what is known that agrees with the spike.

        Returns:
            The neuron after the step, its spikes, and the voltage before the reset.
        """
        v, i = flow(constants, state.v, state.i, x.astype(state.v.dtype))
        left = self.paused(state, seen)
        if left is not None:
            v = jnp.where(left > 0, state.v, v)
        if any(each is not None for each in seen):
            frozen = None if left is None else left > 0
            v = splice(v, _agreeing(v, constants.threshold, seen, frozen))
        s = fire(v - constants.threshold)
        if left is not None:
            assert constants.refractory is not None
            s = jnp.where(left > 0, jnp.zeros_like(s), s)
            fired = jax.lax.stop_gradient(s) > 0
            left = jnp.where(fired, constants.refractory, jnp.maximum(left - 1, 0))
        after = self.after_spike(constants, v, s)
        if seen.v is not None:
            after = splice(after, measured_voltage(after, seen))
        return LIFState(after, i, left), s.astype(x.dtype), v

    @staticmethod
    def paused(state: LIFState, seen: Seen) -> jax.Array | None:
        """Steps for which a neuron stays frozen: none if it was seen to fire."""
        left = state.refractory
        if left is None or seen.spikes is None:
            return left
        return jnp.where(seen.spikes > 0, jnp.zeros_like(left), left)


def _agreeing(
    v: jax.Array, threshold: jax.Array, seen: Seen, frozen: jax.Array | None
) -> jax.Array:
    """The voltage before the reset, on the side of the threshold where the spike is.

    u = v̂ where it is known and ŝ = 0, else v      ŝ = 1[v > θ] if it is not known
    v⁻ = max(u, θ⁺) where ŝ = 1, min(u, θ) where ŝ = 0     θ⁺ the next number

    A neuron that is frozen stays silent wherever it is, v⁻ = u.
    """
    fired = v > threshold if seen.spikes is None else seen.spikes > 0
    u = measured_voltage(v, seen)
    silent = jnp.minimum(u, threshold)
    if frozen is not None:
        fired, silent = fired & ~frozen, jnp.where(frozen, u, silent)
    return jnp.where(fired, jnp.maximum(v, jnp.nextafter(threshold, jnp.inf)), silent)


@factory
def li(
    n: int,
    params: LIParams | LIFParams = LIParams(),
    *,
    input: Input = "current",
    backend: Backend = "auto",
) -> Cell:
    """A population of ``n`` leaky integrators: currents to voltages.

    Args:
        n: number of neurons.
        params: constants, each ``[]`` or ``[n]``.
        input: what the input is, ``"current"``, or ``"voltage"``, which it jumps by the
            weight of a spike, the same at every ``dt``; without a synapse only.
        backend: who runs a whole sequence: ``"native"``, the CPU kernel of ``snnjax
            kernels build`` (float32), ``"xla"``, or ``"auto"``, native where it can be.

    Returns:
        A cell ``[*batch, n] -> [*batch, n]`` without weights, of state ``LIState``. The
        output is the voltage at the end of the step, at least in single precision.

    Raises:
        ValueError: for a τ that is not positive and finite or of another shape, a jump
            of the voltage behind a synapse, an unknown backend, a forced native backend
            that cannot be taken, with the reason, and for a state of another batch,
            width or cell.

    Example:
        >>> jump = jnp.zeros((50, 1)).at[0].set(1.0)  # one input spike
        >>> state, v = snn.unroll(snn.li(1), (), jump, dt=1e-3)
        >>> print(f"{v.max():.3f} after {v.argmax() + 1} ms")
        0.157 after 9 ms
    """
    check_flow(n, params, input)
    native.check_backend(backend)

    def rest(x):
        v = zeros("li", n, x)
        return LIState(v, None if params.tau_syn is None else jnp.zeros_like(v))

    fixed: Any = partial(constants_of, params, input)
    by_steps: Any = population(
        "li", n, fixed, rest, _integrate, replay=Replay(_integrate_seen)
    )
    refuse = state_check("li", n, rest)

    def faster(names, replaying=False):
        if not {*names} <= {"v"}:
            return {}
        plain = by_steps.replay if replaying else by_steps
        plain = plain.about.watch(names)

        def run(weights, state, given, dt):
            xs, seen = given if replaying else (given, Seen())
            refuse(state, xs, lead=1)
            support = native.available(*jax.tree.leaves((state, xs)))
            who = native.choose(backend, support)
            if who == "xla":
                return plain.run(weights, state, given, dt)
            k, xs = fixed(dt, state.v.dtype), xs.astype(state.v.dtype)
            if replaying:
                _check_seen(seen, xs)
                k = not_learned(k)
            start = k.mem, k.syn, k.gain, state.v, state.i
            volts, known = map(_array_or_none, seen[1:])
            v, i, ys = integrate(*start, xs, volts, known, who)
            return LIState(v, i), (ys, {"v": ys}) if names else ys

        return {"run": run}

    replay = Replay(_integrate_seen, partial(faster, replaying=True))
    return population(
        *("li", n, fixed, rest, _integrate),
        faster=faster,
        replay=replay,
        puts_out=lambda state, x: state.v,
    )


def _array_or_none(x):
    return None if x is None else jnp.asarray(x)


def _check_seen(seen, like):
    check_seen("li", seen, like)
    if seen.spikes is not None:
        raise ValueError(
            "li does not fire: what is seen of it are voltages, Seen(v=…)."
        )


def _integrate(constants, state, x):
    state = LIState(*flow(constants, state.v, state.i, x.astype(state.v.dtype)))
    return state, state.v


def _integrate_seen(constants, state, given):
    x, seen = given
    _check_seen(seen, x)
    v, i = flow(constants, state.v, state.i, x.astype(state.v.dtype))
    state = LIState(splice(v, measured_voltage(v, seen)), i)
    return state, state.v


@factory
def lif(
    n: int,
    params: LIFParams = LIFParams(),
    *,
    surrogate: Shape | EventProp = SuperSpike(),
    reset: Reset = "zero",
    reset_gradient: bool = False,
    input: Input = "current",
    backend: Backend = "auto",
) -> Cell:
    """A population of ``n`` leaky integrate-and-fire neurons: currents to spikes.

        s = 1[v > θ]
        zero: v ← (1-s) v + s v_reset    subtract: v ← v - θ s    none: v ← v

    During the refractory time, rounded to whole steps, the voltage stays where the
    reset left it and no spike is fired; the synaptic current goes on.

    To fit a constant or a gain to the voltage of neurons that fire, ask for
    ``reset_gradient=True`` and a wide surrogate, such as ``Sigmoid(4.0)``. Left out, a
    neuron that fires late lies above a voltage that was reset already, which less input
    alone would mend: descent ends in silence (``docs/how-to/constants.md``).

    Args:
        n: number of neurons.
        params: constants, each ``[]`` or ``[n]``.
        surrogate: pseudo-derivative of the spike, a function of ``v - θ``; or
            ``EventProp()``, the gradient through times of spikes, which needs a synapse
            and one of the first two resets and takes no refractory time.
        reset: ``"zero"`` (to rest, or to ``v_reset``), ``"subtract"`` (the threshold)
            or ``"none"``.
        reset_gradient: whether the gradient passes through the reset. Left out by
            default, as it makes gradients explode for steep surrogates (Zenke &
            Vogels 2021, doi:10.1162/neco_a_01367).
        input: ``"current"`` or ``"voltage"``, as of ``li``.
        backend: who runs a whole sequence: ``"native"``, the event-driven CPU kernel of
            ``snnjax kernels build`` (float32; SuperSpike, sigmoid, triangle, arctan or
            boxcar, scaled or cut off), ``"xla"``, or ``"auto"``, native where it can
            be. A surrogate that is zero for most neurons (``Sparse``, a narrow
            ``Triangle``) can be faster, where few fire.

    Returns:
        A cell ``[*batch, n] -> [*batch, n]`` without weights, of state ``LIFState``.
        The output is 0 or 1 in the dtype of the input. The voltages before the reset
        can be watched as ``"v_before"``.

    Raises:
        ValueError: for a constant that is not positive and finite (refractory may be
            zero, v_reset anything below threshold) or of another shape, an unknown
            reset or backend, a v_reset that the reset does not use, a forced native
            backend that cannot be taken, with the reason, and for a state of another
            batch, width or cell.

    Example:
        >>> neuron = snn.lif(1, snn.LIFParams(tau_syn=None))
        >>> current = jnp.full((100, 1), 2.0)  # for 100 ms, twice what it takes to fire
        >>> state, spikes = snn.unroll(neuron, (), current, dt=1e-3)
        >>> print(jnp.flatnonzero(spikes))  # [ms]
        [13 27 41 55 69 83 97]
    """
    check_lif(n, params, reset, input)
    check.flag("reset_gradient", reset_gradient)
    native.check_backend(backend)
    firing, rest = Firing(reset, reset_gradient), partial(lif_rest, n, params)
    constants = partial(constants_of, params, input)
    if isinstance(surrogate, EventProp):
        event_prop_cell.check_options(n, surrogate, params, reset, reset_gradient)
        marked, tau_mem = partial(_marked, rest), params.tau_mem
        given = n, surrogate, firing, tau_mem, constants, marked, backend
        return event_prop_cell.cell(*given)
    check_shape("surrogate", surrogate, (n,))
    run = backends.runner(firing, surrogate, backend)

    def advance(given, state, x):
        state, s, v = firing.step(given, state, x, lambda v: spike(v, surrogate))
        return state, s, {"v_before": v}

    def advance_seen(given, state, x):
        x, seen = x
        state, s, v = firing.step(given, state, x, lambda v: spike(v, surrogate), seen)
        return state, s, {"v_before": v}

    faster = backends.over_sequences("lif", n, rest, constants, run)
    also, replay = ("v_before",), Replay(advance_seen, partial(faster, paired=True))
    like = lambda x: check.common_dtype(x.dtype)  # noqa: E731  # as JAX has it
    return population(
        *("lif", n, constants, rest, advance, also, faster, replay),
        puts_out=lambda state, x: jax.ShapeDtypeStruct(x.shape, like(x)),
        run_to_marks=faster((), marks_alone=True)["run"],
    )


def _marked(rest, x):
    state = rest(x)
    return state._replace(mark=jnp.zeros_like(state.v))


def lif_rest(n: int, params: LIFParams, x: jax.Array) -> LIFState:
    """The neuron before anything happened, for inputs like ``x``."""
    v = zeros("lif", n, x)
    return LIFState(
        v,
        None if params.tau_syn is None else jnp.zeros_like(v),
        None if params.refractory is None else jnp.zeros_like(v, jnp.int32),
    )
