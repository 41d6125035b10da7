"""Leaky neurons: the integrator (LI) and its firing cousin (LIF).

Between spikes both follow the same linear flow,

    τm dv/dt = -v + i        τs di/dt = -i

integrated exactly, so a subthreshold voltage does not depend on ``dt``
(Rotter & Diesmann 1999, doi:10.1007/s004220050570).
Times are in seconds. Voltages are in units of the distance from rest to threshold.

In a step the input jumps the synaptic current, the neuron flows for ``dt``, fires if
``v > θ``, and resets. Without a synapse (``tau_syn=None``) the input is the current i
itself, held for the step.
"""

from collections.abc import Callable
from functools import partial
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp

from snnjax import check
from snnjax.about import factory
from snnjax.cell import Cell
from snnjax.check import Number
from snnjax.kernels import native
from snnjax.kernels.native import Backend
from snnjax.neurons import layer
from snnjax.neurons.population import check_constants, check_run, population, zeros
from snnjax.neurons.potentials import mean_exp
from snnjax.surrogate import Shape, SuperSpike, check_shape, spike

Reset = Literal["zero", "subtract", "none"]


class LIParams(NamedTuple):
    """Constants of a leaky integrator, each ``[]`` or ``[n]``."""

    tau_mem: Number = 20e-3  # membrane time constant τm [s]
    tau_syn: Number | None = 5e-3  # synaptic time constant τs [s]; None: no synapse


class LIFParams(NamedTuple):
    """Constants of a leaky integrate-and-fire neuron, each ``[]`` or ``[n]``."""

    tau_mem: Number = 20e-3  # membrane time constant τm [s]
    tau_syn: Number | None = 5e-3  # synaptic time constant τs [s]; None: no synapse
    threshold: Number = 1.0  # θ
    refractory: Number | None = None  # silent and frozen after a spike [s]


class LIState(NamedTuple):
    """What a leaky integrator remembers, each ``[*batch, n]``."""

    v: jax.Array  # membrane voltage
    i: jax.Array | None  # synaptic current; None without a synapse


class LIFState(NamedTuple):
    """What a leaky integrate-and-fire neuron remembers, each ``[*batch, n]``."""

    v: jax.Array  # membrane voltage, after the reset
    i: jax.Array | None  # synaptic current; None without a synapse
    silent: jax.Array | None  # refractory time left [s]; None without refractoriness


class Constants(NamedTuple):
    """One step of a leaky neuron, each ``[]`` or ``[n]``."""

    mem: jax.Array  # b, what is left of the voltage
    syn: jax.Array | None  # a, what is left of the current; None without a synapse
    gain: jax.Array  # g, voltage that a unit of current brings
    threshold: jax.Array  # θ
    refractory: jax.Array | None  # [s]
    dt: jax.Array  # [s]


def constants_of(
    params: LIParams | LIFParams, dt: Number, dtype: jnp.dtype
) -> Constants:
    """The exact flow over one step of ``dt`` seconds as factors; and the rest."""
    tau_mem, dt = jnp.asarray(params.tau_mem, dtype), jnp.asarray(dt, dtype)
    threshold = jnp.asarray(getattr(params, "threshold", jnp.inf), dtype)
    refractory = getattr(params, "refractory", None)
    refractory = None if refractory is None else jnp.asarray(refractory, dtype)
    mem = jnp.exp(-dt / tau_mem)
    if params.tau_syn is None:
        syn, gain = None, -jnp.expm1(-dt / tau_mem)
    else:
        tau_syn = jnp.asarray(params.tau_syn, dtype)
        syn = jnp.exp(-dt / tau_syn)
        gain = dt / tau_mem * mean_exp(-dt / tau_mem, -dt / tau_syn)
    return Constants(mem, syn, gain, threshold, refractory, dt)


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
            return (1.0 - cut) * v
        return v - constants.threshold * cut if self.reset == "subtract" else v

    def step(
        self,
        constants: Constants,
        state: LIFState,
        x: jax.Array,
        fire: Callable[[jax.Array], jax.Array],
    ) -> tuple[LIFState, jax.Array, jax.Array]:
        """Takes in a current, flows for one step, fires and resets.

        Args:
            constants: from ``constants_of``.
            state: the neuron before.
            x: current, ``[*batch, n]``.
            fire: distance to threshold -> spikes.

        Returns:
            The neuron after the step, its spikes, and the voltage before the reset.
        """
        v, i = flow(constants, state.v, state.i, x.astype(state.v.dtype))
        if constants.refractory is None:
            s = fire(v - constants.threshold)
            left = None
        else:
            assert state.silent is not None
            free = state.silent < 0.5 * constants.dt
            v = jnp.where(free, v, state.v)
            s = jnp.where(free, fire(v - constants.threshold), 0.0)
            left = jnp.where(
                jax.lax.stop_gradient(s) > 0,
                constants.refractory,
                jnp.maximum(state.silent - constants.dt, 0.0),
            )
        after = self.after_spike(constants, v, s)
        return LIFState(after, i, left), s.astype(x.dtype), v


@factory
def li(n: int, params: LIParams | LIFParams = LIParams()) -> Cell:
    """A population of ``n`` leaky integrators: currents to voltages.

    Args:
        n: number of neurons.
        params: constants, each ``[]`` or ``[n]``.

    Returns:
        A cell ``[*batch, n] -> [*batch, n]`` without weights, of state ``LIState``. The
        output is the voltage at the end of the step, at least in single precision.

    Raises:
        ValueError: for a τ that is not positive and finite or of another shape, and
            for a state of another batch, width or cell.
    """
    check_constants(n, tau_mem=params.tau_mem, tau_syn=params.tau_syn)

    def advance(constants, state, x):
        state = LIState(*flow(constants, state.v, state.i, x.astype(state.v.dtype)))
        return state, state.v

    def rest(x):
        v = zeros("li", n, x)
        return LIState(v, None if params.tau_syn is None else v)

    return population("li", n, partial(constants_of, params), rest, advance)


@factory
def lif(
    n: int,
    params: LIFParams = LIFParams(),
    *,
    surrogate: Shape = SuperSpike(),
    reset: Reset = "zero",
    reset_gradient: bool = False,
    backend: Backend = "auto",
) -> Cell:
    """A population of ``n`` leaky integrate-and-fire neurons: currents to spikes.

        s = 1[v > θ]        zero: v ← (1-s) v    subtract: v ← v - θ s    none: v ← v

    During the refractory time, rounded to whole steps, the voltage stays where the
    reset left it and no spike is fired; the synaptic current goes on.

    Args:
        n: number of neurons.
        params: constants, each ``[]`` or ``[n]``.
        surrogate: pseudo-derivative of the spike, a function of ``v - θ``.
        reset: ``"zero"`` (to rest), ``"subtract"`` (the threshold) or ``"none"``.
        reset_gradient: whether the gradient passes through the reset. Left out by
            default, as it makes gradients explode for steep surrogates (Zenke &
            Vogels 2021, doi:10.1162/neco_a_01367).
        backend: who runs a whole sequence: ``"native"``, the event-driven CPU kernel of
            ``snnjax kernels build`` (float32; SuperSpike, sigmoid, triangle, arctan or
            boxcar, scaled or cut off; no refractory time), ``"xla"``, or ``"auto"``,
            native where it can be. A surrogate that is zero for most neurons
            (``Sparse``, a narrow ``Triangle``) can be faster, where few fire.

    Returns:
        A cell ``[*batch, n] -> [*batch, n]`` without weights, of state ``LIFState``.
        The output is 0 or 1 in the dtype of the input.

    Raises:
        ValueError: for a constant that is not positive and finite (refractory may be
            zero) or of another shape, an unknown reset or backend, a forced native
            backend that cannot be taken, with the reason, and for a state of another
            batch, width or cell.
    """
    check_lif(n, params, reset)
    check_shape("surrogate", surrogate, (n,))
    native.check_backend(backend)
    firing, rest = Firing(reset, reset_gradient), partial(lif_rest, n, params)
    by_rule = params.refractory is None and layer.has_rule(surrogate)
    if backend == "native" and not by_rule:
        raise ValueError(
            "The native backend has no refractory time, forward mode or learnable "
            "surrogate."
        )
    run = layer.run if by_rule else layer.scan

    def advance(constants, state, x):
        return firing.step(constants, state, x, lambda v: spike(v, surrogate))[:2]

    def through(state, currents, r, spikes, options, dt):
        check_run("lif", n, rest, state, currents)
        constants = constants_of(params, dt, state.v.dtype)
        return run(options, state, currents, r, spikes, constants, surrogate)

    def run_alone(weights, state, xs, dt):
        del weights
        options = layer.Options(firing, backend, xs.dtype)
        return through(state, xs, None, None, options, dt)

    def loop(weights, state, currents, loop, dt):
        del weights
        r, spikes, gradient = loop
        check.shape("The recurrent weights of lif", r, (n, n))
        check.shape("The spikes before a loop of lif", spikes, currents.shape[1:])
        options = layer.Options(firing, backend, spikes.dtype, gradient)
        return through(state, currents, r, spikes, options, dt)

    given = partial(constants_of, params)
    cell = population("lif", n, given, rest, advance)
    return cell._replace(run=run_alone, loop=loop)


def lif_rest(n: int, params: LIFParams, x: jax.Array) -> LIFState:
    """The neuron before anything happened, for inputs like ``x``."""
    v = zeros("lif", n, x)
    return LIFState(
        v,
        None if params.tau_syn is None else v,
        None if params.refractory is None else v,
    )


def check_lif(n: int, params: LIFParams, reset: Reset) -> None:
    """Refuses what no leaky integrate-and-fire neuron can have, as ``lif`` does."""
    check_constants(
        n, tau_mem=params.tau_mem, tau_syn=params.tau_syn, threshold=params.threshold
    )
    if params.refractory is not None:
        check.positive("refractory", params.refractory, " [s]", zero=True)
        check.per_neuron("refractory", params.refractory, n)
    check.one_of("reset", reset, ("zero", "subtract", "none"))
