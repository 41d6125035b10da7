"""Firing rates of noisy neurons and of networks of them, without simulation.

A leaky neuron under white noise, with a free membrane of mean μ and standard deviation
σ_U (``fluctuations.Membrane``), fires at the rate ν of Siegert's formula,

    1/ν = τr + τm √π ∫ e^{u²} (1 + erf u) du,  from (v_reset - μ)/σ to (θ - μ)/σ

with σ = √2 σ_U. In a network of sparse random connections the input of each neuron is
that of the others, which fire at that same rate: μ and σ depend on ν, and ν is where
both agree (Brunel 2000, doi:10.1023/A:1008925309027). It holds for spikes that jump
the voltage, each little (``lif(…, tau_syn=None), input="voltage"``), in a state that
is asynchronous.
"""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from snnjax import check, loops
from snnjax.check import Number
from snnjax.kernels.products import align
from snnjax.neurons.checks import check_lif
from snnjax.neurons.leaky import LIFParams

_NODES, _SHARES = np.polynomial.legendre.leggauss(96)


def siegert_rate(mean: Number, deviation: Number, params: LIFParams) -> jax.Array:
    """The firing rate of a leaky neuron under white noise.

    Args:
        mean: μ of the free membrane.
        deviation: its standard deviation σ_U over time, as of ``predict_membrane``.
        params: constants of the neuron; its synapse plays no part.

    Returns:
        Rate [Hz], of the shape that both have together.

    Raises:
        ValueError: for a mean that is not finite, a deviation that is not positive, or
            constants that no neuron has.
    """
    check_lif(1, params, "zero")
    check.finite("mean", mean)
    check.positive("deviation", deviation)
    dtype = check.precision(jnp.asarray(mean), jnp.asarray(deviation))
    return _rate(jnp.asarray(mean, dtype), jnp.asarray(deviation, dtype), params)


def _rate(mean, deviation, params):
    sigma = math.sqrt(2.0) * deviation
    low, high = (params.v_reset - mean) / sigma, (params.threshold - mean) / sigma
    nodes, shares = (jnp.asarray(x, mean.dtype) for x in (_NODES, _SHARES))
    half = 0.5 * (high - low)[..., None]
    nodes, shares = align((nodes, shares), half)
    u = 0.5 * (high + low)[..., None] + half * nodes
    area = jnp.sum(half * shares * _exponential_of_square(u), axis=-1)
    pause = 0.0 if params.refractory is None else params.refractory
    return 1.0 / (pause + params.tau_mem * math.sqrt(math.pi) * area)


def _exponential_of_square(u):
    """e^{u²} (1 + erf u), of any u; infinite where it overflows."""
    far = u < -6.0
    near, u = jnp.where(far, 0.0, u), jnp.where(far, u, -6.0)
    square = u**2
    series = 1.0 - 0.5 / square + 0.75 / square**2 - 1.875 / square**3
    tail = -series / (math.sqrt(math.pi) * u)
    return jnp.where(far, tail, jnp.exp(near**2) * jax.scipy.special.erfc(-near))


def sparse_network_rate(
    params: LIFParams,
    *,
    excitatory: int,
    inhibitory: int,
    weight: Number,
    inhibition: Number,
    external: Number,
) -> jax.Array:
    """The rate at which a sparse random network of one kind of neuron fires.

        μ = τm w ((C_E - g C_I) ν + ν_ext)
        2 σ_U² = τm w² ((C_E + g² C_I) ν + ν_ext)

    with ν the rate of neurons that have these μ and σ_U, found by halving. Where
    inhibition does not dominate, C_E > g C_I, the lowest such rate need not be found.

    Args:
        params: constants of the neurons.
        excitatory: C_E, inputs of each neuron from inside that excite.
        inhibitory: C_I, those that inhibit.
        weight: w, how far a spike jumps the voltage.
        inhibition: g, how much further an inhibitory one does.
        external: ν_ext, rate of all external input to a neuron together [Hz].

    Returns:
        Rate ν [Hz].

    Raises:
        ValueError: for sizes below one, or numbers that are not positive.
    """
    check_lif(1, params, "zero")
    check.whole("excitatory", excitatory)
    check.whole("inhibitory", inhibitory)
    given: dict[str, Any] = {"weight": weight, "inhibition": inhibition}
    for name, value in {**given, "external": external}.items():
        check.positive(name, value)
        check.one(name, value)
    dtype = check.precision(*(jnp.asarray(x) for x in (*given.values(), external)))
    w, g, outside = (jnp.asarray(x, dtype) for x in (weight, inhibition, external))
    drift = params.tau_mem * w * jnp.stack([excitatory - g * inhibitory, 1.0 + 0 * g])
    noise = excitatory + g**2 * inhibitory
    spread = params.tau_mem * w**2 * jnp.stack([noise, 1.0 + 0 * g])
    rates = jnp.stack([0.0 * outside, 1e4 + 0.0 * outside])
    constants = drift, spread, outside, LIFParams(*params)
    halvings = jnp.arange(50, dtype=jnp.int32)
    return jnp.mean(loops.scan(_halved, (), constants, rates, halvings)[0])


def _halved(fixed, given, rates, step):
    """An interval of rates, halved: less is fired at the upper end than assumed."""
    drift, spread, outside, params = given
    middle = jnp.mean(rates)
    both = jnp.stack([middle, outside])
    sigma = jnp.sqrt(0.5 * jnp.sum(spread * both))
    fired = _rate(jnp.sum(drift * both), sigma, params)
    low = jnp.where(fired > middle, middle, rates[0])
    high = jnp.where(fired > middle, rates[1], middle)
    return jnp.stack([low, high]), None
