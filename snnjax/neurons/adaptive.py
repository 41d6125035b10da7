"""Neurons that adapt: each spike makes the next one harder.

The threshold rises with every spike (``alif``),

    s = 1[v > θ + β a]        a ← ρ a + s        ρ = e^(-dt/τa)

a counts recent spikes, with a memory far longer than that of the membrane: a network of
such neurons holds what it saw for as long (Bellec et al. 2018, 2020,
doi:10.48550/arXiv.1803.09574, doi:10.1038/s41467-020-17236-y).

Or a second current w pulls the membrane back, after spikes and below threshold
(``adlif``; Bittar & Garner 2022, doi:10.3389/fnins.2022.865897),

    τm dv/dt = -v - w + i        τw dw/dt = -w + a v        w ← w + b s

With a > 0 it may oscillate below threshold, and resonate.
Times are in seconds; θ, β and b in units of the distance from rest to threshold.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from snnjax import check
from snnjax.about import factory
from snnjax.cell import Cell
from snnjax.check import Number
from snnjax.exported import exportable
from snnjax.kernels import native
from snnjax.kernels.native import Backend
from snnjax.neurons import adaptive_layer, backends
from snnjax.neurons.adapting import Adapting, Constants
from snnjax.neurons.checks import check_constants, check_lif, warn_of_units
from snnjax.neurons.flows import Matrix, linear_flow
from snnjax.neurons.leaky import (
    Firing,
    Input,
    LIFParams,
    Reset,
    constants_of,
    lif_rest,
)
from snnjax.neurons.population import population, zeros
from snnjax.surrogate import Shape, SuperSpike, check_shape, spike


@exportable
class ALIFParams(NamedTuple):
    """Constants of a leaky neuron with a threshold that adapts, each ``[]`` or ``[n]``.

    The first five are those of ``LIFParams``.

    Example:
        >>> params = snn.ALIFParams(tau_syn=None, beta=np.array([0.0, 0.2]))
        >>> current = jnp.full((150, 2), 3.0)
        >>> _, spikes = snn.unroll(snn.alif(2, params), (), current, dt=1e-3)
        >>> print(spikes.sum(axis=0))  # the second adapts
        [18. 10.]
    """

    tau_mem: Number = 20e-3  # membrane time constant τm [s]
    tau_syn: Number | None = 5e-3  # synaptic time constant τs [s]; None: no synapse
    threshold: Number = 1.0  # θ, of a neuron that was silent
    refractory: Number | None = None  # silent and frozen after a spike [s]
    v_reset: Number = 0.0  # where reset="zero" takes the voltage, below θ; rest is 0
    tau_adapt: Number = 200e-3  # τa, over which the threshold comes back [s]
    beta: Number = 0.1  # β, by how much a spike raises the threshold; 0: a LIF neuron


@exportable
class ALIFState(NamedTuple):
    """What a neuron with an adaptive threshold remembers, each ``[*batch, n]``."""

    v: jax.Array  # membrane voltage, after the reset
    i: jax.Array | None  # synaptic current; None without a synapse
    refractory: jax.Array | None  # steps left, int32; None without refractoriness
    a: jax.Array  # recent spikes; the threshold of the next step is θ + β a


@factory
def alif(
    n: int,
    params: ALIFParams = ALIFParams(),
    *,
    surrogate: Shape = SuperSpike(),
    reset: Reset = "subtract",
    reset_gradient: bool = False,
    adaptation_gradient: bool = True,
    input: Input = "current",
    backend: Backend = "auto",
) -> Cell:
    """Leaky integrate-and-fire neurons with an adaptive threshold, as in e-prop.

        s = 1[v > θ + β a]        a ← ρ a + s        ρ = e^(-dt/τa)
        zero: v ← (1-s) v + s v_reset    subtract: v ← v - θ s    none: v ← v

    A spike raises the threshold from the next step on. Firing steadily at the rate ν
    ends at about θ + β τa ν.

    Args:
        n: number of neurons.
        params: constants, each ``[]`` or ``[n]``; β = 0 for some of them mixes in
            neurons that do not adapt.
        surrogate: pseudo-derivative of the spike, a function of ``v - θ - β a``.
        reset: ``"subtract"`` (θ, not what was added to it), ``"zero"`` or ``"none"``,
            as of ``lif``.
        reset_gradient: whether the gradient passes through the reset.
        adaptation_gradient: whether it passes through the spike that raises a. Left
            out, a carries no gradient at all.
        input: ``"current"`` or ``"voltage"``, as of ``li``.
        backend: who runs a whole sequence, as of ``lif``.

    Returns:
        A cell ``[*batch, n] -> [*batch, n]`` without weights, of ``ALIFState``. The
        output is 0 or 1 in the dtype of the input. The voltages before the reset can be
        watched as ``"v_before"``. With β = 0 it is ``lif``, bit for bit.

    Raises:
        ValueError: as ``lif``; for a τa that is not positive, a negative β, or one of
            another shape.

    Example:
        >>> neuron = snn.alif(1, snn.ALIFParams(tau_syn=None, beta=0.2))
        >>> _, spikes = snn.unroll(neuron, (), jnp.full((150, 1), 3.0), dt=1e-3)
        >>> print(jnp.diff(jnp.flatnonzero(spikes)))  # from spike to spike [ms]
        [10 11 12 13 14 15 16 17 18]
    """
    check.fields("params", params, "tau_adapt", "beta")
    check_lif(n, params, reset, input)
    check_constants(n, tau_adapt=params.tau_adapt)
    check.positive("beta", params.beta, zero=True)
    check.per_neuron("beta", params.beta, n)
    check_shape("surrogate", surrogate, (n,))
    check.flag("reset_gradient", reset_gradient)
    check.flag("adaptation_gradient", adaptation_gradient)
    native.check_backend(backend)
    leaky = LIFParams(**{k: getattr(params, k) for k in LIFParams._fields})
    neuron = Adapting(Firing(reset, reset_gradient), adaptation_gradient, "a")

    def constants(dt, dtype):
        rate = jnp.asarray(dt, dtype) / jnp.asarray(params.tau_adapt, dtype)
        k = constants_of(leaky, input, dt, dtype)
        return Constants(
            Matrix(k.mem, None, None, jnp.exp(-rate)),
            *(k.gain, None, k.syn, k.threshold),
            beta=jnp.asarray(params.beta, dtype),
            jump=None,
            v_reset=k.v_reset,
            refractory=k.refractory,
        )

    def rest(x):
        of_leaky = lif_rest(n, leaky, x)
        return ALIFState(*of_leaky[:3], jnp.zeros_like(of_leaky.v))

    return _adapting("alif", n, neuron, constants, rest, surrogate, backend)


@exportable
class AdLIFParams(NamedTuple):
    """Constants of a neuron with an adaptation current, each ``[]`` or ``[n]``.

    Example:
        >>> params = snn.neurons.AdLIFParams(a=0.0, b=np.array([0.0, 0.5]))
        >>> current = jnp.full((150, 2), 3.0)
        >>> _, spikes = snn.unroll(snn.neurons.adlif(2, params), (), current, dt=1e-3)
        >>> print(spikes.sum(axis=0))  # the second adapts
        [16.  7.]
    """

    tau_mem: Number = 20e-3  # membrane time constant τm [s]
    tau_adapt: Number = 100e-3  # time constant of the adaptation current τw [s]
    a: Number = 0.5  # how the voltage drives the adaptation current, above -1
    b: Number = 0.2  # by how much a spike raises it
    threshold: Number = 1.0  # θ


@exportable
class AdLIFState(NamedTuple):
    """What a neuron with an adaptation current remembers, each ``[*batch, n]``."""

    v: jax.Array  # membrane voltage, after the reset
    w: jax.Array  # adaptation current


@factory
def adlif(
    n: int,
    params: AdLIFParams = AdLIFParams(),
    *,
    surrogate: Shape = SuperSpike(),
    reset_gradient: bool = False,
    adaptation_gradient: bool = True,
    backend: Backend = "auto",
) -> Cell:
    """Leaky integrate-and-fire neurons with an adaptation current.

        τm dv/dt = -v - w + x        τw dw/dt = -w + a v
        s = 1[v > θ]        v ← (1-s) v        w ← w + b s

    The input x is the current itself, held for the step; the flow is exact, at any
    ``dt`` and whether it oscillates or not. Symplectic Euler steps, as of the paper,
    are an approximation for small ``dt``, with a q for its a and (1 - β) q for its b.

    Args:
        n: number of neurons.
        params: constants, each ``[]`` or ``[n]``.
        surrogate: pseudo-derivative of the spike, a function of ``v - θ``.
        reset_gradient: whether the gradient passes through the reset of v.
        adaptation_gradient: whether it passes through the spike that raises w.
        backend: who runs a whole sequence, as of ``lif``.

    Returns:
        A cell ``[*batch, n] -> [*batch, n]`` without weights, of ``AdLIFState``. The
        output is 0 or 1 in the dtype of the input. The voltages before the reset can be
        watched as ``"v_before"``.

    Raises:
        ValueError: for a τ or threshold that is not positive, an a not above -1, where
            there is no rest, a constant of another shape, and for a state of another
            batch, width or cell.

    Example:
        >>> neuron = snn.neurons.adlif(1)
        >>> _, spikes = snn.unroll(neuron, (), jnp.full((200, 1), 3.0), dt=1e-3)
        >>> print(jnp.diff(jnp.flatnonzero(spikes)))  # from spike to spike [ms]
        [ 9 10 11 12 13 14 15 16 17 17 18 18 18]
    """
    check.fields("params", params, *AdLIFParams._fields)
    positive = "tau_mem", "tau_adapt", "threshold"
    check_constants(n, **{name: getattr(params, name) for name in positive})
    warn_of_units(params.tau_mem)
    check.between("a", params.a, -1.0, jnp.inf, strict=True)
    check.finite("b", params.b)
    for name in ("a", "b"):
        check.per_neuron(name, getattr(params, name), n)
    check_shape("surrogate", surrogate, (n,))
    check.flag("reset_gradient", reset_gradient)
    check.flag("adaptation_gradient", adaptation_gradient)

    native.check_backend(backend)
    neuron = Adapting(Firing("zero", reset_gradient), adaptation_gradient, "w")

    def constants(dt, dtype):
        tau_mem, tau_adapt, a, b, threshold = (jnp.asarray(p, dtype) for p in params)
        rates = Matrix(-1.0 / tau_mem, -1.0 / tau_mem, a / tau_adapt, -1.0 / tau_adapt)
        return Constants(
            linear_flow(rates, jnp.asarray(dt, dtype)),
            *(1.0 / (1.0 + a), a, None, threshold),
            beta=None,
            jump=b,
            v_reset=None,
            refractory=None,
        )

    def rest(x):
        v = zeros("adlif", n, x)
        return AdLIFState(v, jnp.zeros_like(v))

    return _adapting("adlif", n, neuron, constants, rest, surrogate, backend)


def _adapting(name, n, neuron, constants, rest, surrogate, backend):
    """A population that runs, and loops, by the rule of its layer."""
    run = backends.runner(neuron, surrogate, backend, adaptive_layer)

    def advance(given, state, x):
        fire = lambda distance: spike(distance, surrogate)  # noqa: E731
        state, s, found = neuron.step(given, state, x, fire)
        return state, s, {"v_before": found["v_before"]}

    faster = backends.over_sequences(name, n, rest, constants, run)
    return population(
        *(name, n, constants, rest, advance, ("v_before",), faster),
        run_to_marks=faster((), marks_alone=True)["run"],
    )
