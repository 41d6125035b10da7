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
from snnjax.neurons.checks import check_lif, with_leak
from snnjax.neurons.leaky import LIFParams

_NODES, _SHARES = np.polynomial.legendre.leggauss(96)
_FAR = -6.0  # below it the integrand is its asymptotic series
_MOST = 30.0  # σ from mean to threshold, beyond which nothing fires in 1e300 s
_FASTEST = 1e6  # up to which the rate of a network is looked for [Hz]


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
    """With e^{h²} of the upper end h left out of the integral: nothing overflows."""
    sigma = math.sqrt(2.0) * deviation
    low, high = (params.v_reset - mean) / sigma, (params.threshold - mean) / sigma
    never = high > _MOST
    low, high = jnp.where(never, 0.0, low), jnp.where(never, _MOST, high)
    largest = jnp.maximum(high, 0.0)
    scale = jnp.exp(-(largest**2))
    area = _near(jnp.maximum(low, _FAR), jnp.maximum(high, _FAR), largest)
    area = area + scale * _far(low, jnp.minimum(high, _FAR))
    pause = 0.0 if params.refractory is None else params.refractory
    return scale / (scale * pause + params.tau_mem * math.sqrt(math.pi) * area)


def _near(low, high, largest):
    """∫ e^{u² - h²} (1 + erf u) du from low to high, by Gauss and Legendre."""
    nodes, shares = (jnp.asarray(x, high.dtype) for x in (_NODES, _SHARES))
    half, end = 0.5 * (high - low)[..., None], largest[..., None]
    nodes, shares = align((nodes, shares), half)
    u = high[..., None] + half * (nodes - 1.0)
    each = jnp.exp((u - end) * (u + end)) * jax.scipy.special.erfc(-u)
    return jnp.sum(half * shares * each, axis=-1)


def _far(low, high):
    """∫ e^{u²} (1 + erf u) du below -6, in closed form; 0 where low is above high."""
    low = jnp.minimum(low, high)
    area = jnp.log1p((low - high) / high) + _series(low) - _series(high)
    return area / math.sqrt(math.pi)


def _series(u):
    x = u**-2
    return x * (1.0 / 4.0 - x * (3.0 / 16.0 - x * (5.0 / 16.0 - x * 105.0 / 128.0)))


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
        ValueError: for sizes below one, numbers that are not positive, constants that
            differ between neurons, or rates without bound, above 1 MHz, as excitation
            without refractory time may have them. Traced, such rates give NaN.
    """
    check_lif(1, params, "zero")
    for name, value in params._asdict().items():
        check.one(name, value)
    check.whole("excitatory", excitatory)
    check.whole("inhibitory", inhibitory)
    given: dict[str, Any] = {"weight": weight, "inhibition": inhibition}
    for name, value in {**given, "external": external}.items():
        check.positive(name, value)
        check.one(name, value)
    dtype = check.precision(*(jnp.asarray(x) for x in (*given.values(), external)))
    w, g, outside = (jnp.asarray(x, dtype) for x in (weight, inhibition, external))
    tau_mem = with_leak(params.tau_mem)
    drift = tau_mem * w * jnp.stack([excitatory - g * inhibitory, 1.0 + 0 * g])
    noise = excitatory + g**2 * inhibitory
    spread = tau_mem * w**2 * jnp.stack([noise, 1.0 + 0 * g])
    constants = drift, spread, outside, LIFParams(*params)
    return _bounded(_agreed(constants, dtype))


def _bounded(rate):
    known = check.concrete(rate)
    if known is not None and np.isnan(known):
        raise ValueError(
            f"The network fires at more than {_FASTEST:g} Hz: nothing bounds what "
            "excitation brings. Give a refractory time, or more inhibition."
        )
    return rate


def _agreed(constants, dtype):
    """Halving, and one step of Newton's for its last digits and its derivatives."""
    fixed = jax.lax.stop_gradient(constants)
    rates = jnp.asarray([0.0, 1.01 * _FASTEST], dtype) + 0.0 * fixed[2]
    halvings = jnp.arange(60, dtype=jnp.int32)
    rate = jnp.mean(loops.scan(_halved, (), fixed, rates, halvings)[0])
    rate = jax.lax.stop_gradient(check.or_nan(rate, rate < _FASTEST))
    slope = jax.grad(lambda rate: _fired(fixed, rate))(rate)
    return rate + (_fired(constants, rate) - rate) / (1.0 - slope)


def _fired(given, rate):
    """The rate of neurons whose input fires at a rate."""
    drift, spread, outside, params = given
    both = jnp.stack([rate, outside])
    sigma = jnp.sqrt(0.5 * jnp.sum(spread * both))
    return _rate(jnp.sum(drift * both), sigma, params)


def _halved(fixed, given, rates, step):
    """An interval of rates, halved: less is fired at the upper end than assumed."""
    middle = jnp.mean(rates)
    fired = _fired(given, middle)
    low = jnp.where(fired > middle, middle, rates[0])
    high = jnp.where(fired > middle, rates[1], middle)
    return jnp.stack([low, high]), None
