"""Neurons whose threshold adapts: each spike makes the next one harder.

    s = 1[v > θ + β a]        a ← ρ a + s        ρ = e^(-dt/τa)

a counts recent spikes, with a memory far longer than that of the membrane: a network of
such neurons holds what it saw for as long (Bellec et al. 2018, 2020,
doi:10.48550/arXiv.1803.09574, doi:10.1038/s41467-020-17236-y).
Times are in seconds, θ and β in units of the distance from rest to threshold.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from snnjax import check
from snnjax.about import factory
from snnjax.cell import Cell
from snnjax.check import Number
from snnjax.neurons.checks import check_constants, check_lif
from snnjax.neurons.leaky import (
    Constants,
    Firing,
    Input,
    LIFParams,
    LIFState,
    Reset,
    constants_of,
    lif_rest,
)
from snnjax.neurons.population import population
from snnjax.surrogate import Shape, SuperSpike, check_shape, spike


class ALIFParams(NamedTuple):
    """Constants of a leaky neuron with a threshold that adapts, each ``[]`` or ``[n]``.

    The first five are those of ``LIFParams``.
    """

    tau_mem: Number = 20e-3  # membrane time constant τm [s]
    tau_syn: Number | None = 5e-3  # synaptic time constant τs [s]; None: no synapse
    threshold: Number = 1.0  # θ, of a neuron that was silent
    refractory: Number | None = None  # silent and frozen after a spike [s]
    v_reset: Number = 0.0  # where reset="zero" takes the voltage, below θ; rest is 0
    tau_adapt: Number = 200e-3  # τa, over which the threshold comes back [s]
    beta: Number = 0.1  # β, by how much a spike raises the threshold; 0: a LIF neuron


class ALIFState(NamedTuple):
    """What a neuron with an adaptive threshold remembers, each ``[*batch, n]``."""

    v: jax.Array  # membrane voltage, after the reset
    i: jax.Array | None  # synaptic current; None without a synapse
    refractory: jax.Array | None  # steps left, int32; None without refractoriness
    a: jax.Array  # recent spikes; the threshold of the next step is θ + β a


class _Constants(NamedTuple):
    leaky: Constants
    beta: jax.Array
    kept: jax.Array  # ρ


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

    Returns:
        A cell ``[*batch, n] -> [*batch, n]`` without weights, of ``ALIFState``. The
        output is 0 or 1 in the dtype of the input. The voltages before the reset can be
        watched as ``"v_before"``. With β = 0 it is ``lif``, bit for bit.

    Raises:
        ValueError: as ``lif``; for a τa that is not positive, a negative β, or one of
            another shape.
    """
    check.fields("params", params, "tau_adapt", "beta")
    check_lif(n, params, reset, input)
    check_constants(n, tau_adapt=params.tau_adapt)
    check.positive("beta", params.beta, zero=True)
    check.per_neuron("beta", params.beta, n)
    check_shape("surrogate", surrogate, (n,))
    check.flag("reset_gradient", reset_gradient)
    check.flag("adaptation_gradient", adaptation_gradient)
    leaky = LIFParams(**{k: getattr(params, k) for k in LIFParams._fields})
    firing = Firing(reset, reset_gradient)

    def constants(dt, dtype):
        rate = jnp.asarray(dt, dtype) / jnp.asarray(params.tau_adapt, dtype)
        of_leaky = constants_of(leaky, input, dt, dtype)
        return _Constants(of_leaky, jnp.asarray(params.beta, dtype), jnp.exp(-rate))

    def rest(x):
        neuron = lif_rest(n, leaky, x)
        return ALIFState(*neuron, jnp.zeros_like(neuron.v))

    def advance(given, state, x):
        added = given.beta * state.a
        fire = lambda v: spike(v - added, surrogate)  # noqa: E731
        neuron, s, v = firing.step(given.leaky, LIFState(*state[:3]), x, fire)
        jump = s if adaptation_gradient else jax.lax.stop_gradient(s)
        a = given.kept * state.a + jump.astype(state.a.dtype)
        return ALIFState(*neuron, a), s, {"v_before": v}

    return population("alif", n, constants, rest, advance, ("v_before",))
