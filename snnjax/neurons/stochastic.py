"""Stochastic neurons: escape noise, and the surrogate gradients it explains.

A noise on the threshold lets a neuron fire with a probability that grows with its
voltage, p = F(v - θ). Its *expected* output has a derivative, the density f = F', so
that for one neuron a surrogate gradient is the gradient of an expectation:

    ∂E[s]/∂v = f(v - θ)

(Gygax & Zenke 2025, doi:10.1162/neco_a_01752). In deeper networks it is not: there the
spikes of one layer are drawn before the next layer responds to them. A ``smooth_lif``
neuron puts out the probability itself, so that its output has a true derivative.
"""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from snnjax import check
from snnjax.about import factory
from snnjax.cell import Cell
from snnjax.exported import exportable
from snnjax.neurons.checks import check_lif
from snnjax.neurons.leaky import (
    Firing,
    LIFParams,
    LIFState,
    Reset,
    constants_of,
    lif_rest,
)
from snnjax.neurons.population import population
from snnjax.replay import splice
from snnjax.surrogate import Sigmoid, check_density
from snnjax.surrogate.derivative import applied


@exportable
class StochasticState(NamedTuple):
    """What a neuron with escape noise remembers."""

    neuron: LIFState
    key: jax.Array  # of ``jax.random.key``, for the noise of the steps to come, []


def escape_noise(key: jax.Array, v: jax.Array, noise: Any) -> jax.Array:
    """Fires with probability F(v), the share of the noise that lies below v.

        forward    s ~ Bernoulli(F(v))
        backward   ∂s/∂v := f(v) = F'(v)

    Args:
        key: randomness.
        v: distance to threshold, ``[...]``.
        noise: a shape with ``cdf``: ``Sigmoid`` (logistic noise), ``Gaussian``,
            ``SuperSpike``, ``Boxcar`` (uniform) … Its amplitude does not matter: the
            derivative always has area 1.

    Returns:
        Spikes in {0, 1}, with the shape and dtype of ``v``; NaN is silent.

    Raises:
        ValueError: if ``v`` is not floating point or NaN, for a shape that is no
            density, or a key of another kind.
    """
    check.key(key)
    check.floating("v, the distance to threshold,", v)
    check.finite("v", v, infinity=True)
    v = jnp.asarray(v)
    check_density("noise", noise, v.shape)
    return _draw(key, v, noise)


def _probability(v, noise):
    return applied(noise.cdf, v)


def _draw(key, v, noise):
    probability = _probability(check.wide(v), noise)
    drawn = jax.random.uniform(key, v.shape, probability.dtype) < probability
    return splice(probability.astype(v.dtype), drawn.astype(v.dtype))


@factory
def stochastic_lif(
    n: int,
    params: LIFParams = LIFParams(),
    *,
    key: jax.Array,
    noise: Any = Sigmoid(10.0),
    reset: Reset = "zero",
    reset_gradient: bool = False,
) -> Cell:
    """Leaky integrate-and-fire neurons with escape noise: currents to spikes.

    As ``lif``, but they fire with probability F(v - θ) in each step, as in
    ``escape_noise``. The noise goes to zero, and the neuron to ``lif``, as the slope of
    F grows.

    The state holds the key of the steps to come, so a run from rest draws the same
    noise every time. For other noise give the run a key of its own, ``unroll(…,
    key=key)``; ``reseed`` gives one to a state. A run from the state that another
    returned goes on with its noise. Under ``vmap`` or ``shard_map`` over samples each
    needs its own key.

    Args:
        n: number of neurons.
        params: constants, each ``[]`` or ``[n]``.
        key: randomness of runs that are given none, from ``jax.random.key``.
        noise: a shape with ``cdf``.
        reset: ``"zero"``, ``"subtract"`` or ``"none"``, as in ``lif``.
        reset_gradient: whether the gradient passes through the reset.

    Returns:
        A cell ``[*batch, n] -> [*batch, n]`` without weights, of ``StochasticState``.

    Raises:
        ValueError: as ``lif`` and ``escape_noise``, and for a key of another kind.

    Example:
        >>> neuron = snn.neurons.stochastic_lif(3, key=jax.random.key(0))
        >>> xs = jnp.full((100, 3), 0.3)
        >>> _, spikes = snn.unroll(neuron, (), xs, dt=1e-3)
        >>> _, others = snn.unroll(neuron, (), xs, dt=1e-3, key=jax.random.key(1))
        >>> bool((spikes == others).all())
        False
    """
    check_lif(n, params, reset)
    check_density("noise", noise, (n,))
    check.key(key)
    check.flag("reset_gradient", reset_gradient)
    firing = Firing(reset, reset_gradient)

    def advance(constants, state, x):
        after, now = jax.random.split(state.key)
        fire = lambda v: _draw(now, v, noise)  # noqa: E731
        neuron, s, v = firing.step(constants, state.neuron, x, fire)
        return StochasticState(neuron, after), s, {"v": neuron.v, "v_before": v}

    def rest(x):
        return StochasticState(lif_rest(n, params, x), check.copied(key, x))

    given = partial(constants_of, params, "current")
    return population("stochastic_lif", n, given, rest, advance, ("v", "v_before"))


@factory
def smooth_lif(
    n: int,
    params: LIFParams = LIFParams(),
    *,
    noise: Any = Sigmoid(10.0),
    reset: Reset = "zero",
) -> Cell:
    """Leaky neurons that put out their firing probability: currents to F(v - θ).

        s = F(v - θ)        zero: v ← (1-s) v    subtract: v ← v - θ s    none: v ← v

    This is ``lif`` with a smooth step F in place of 1[v > θ]: its gradient, which
    passes through the reset as well, is the true derivative of its output. Gradients
    of spiking networks are compared to that (``analysis.compare_gradients``). It goes
    to ``lif`` as the slope of F grows.

    Args:
        n: number of neurons.
        params: constants, each ``[]`` or ``[n]``; no refractory time, which a whole
            spike would have to begin.
        noise: a shape with ``cdf``, which is F.
        reset: ``"zero"``, ``"subtract"`` or ``"none"``, as in ``lif``.

    Returns:
        A cell ``[*batch, n] -> [*batch, n]`` without weights, of ``LIFState``.

    Raises:
        ValueError: as ``lif`` and ``escape_noise``, and for a refractory time.
    """
    check_lif(n, params, reset)
    check_density("noise", noise, (n,))
    if params.refractory is not None:
        raise ValueError(
            "smooth_lif has no spikes, so no refractory time can follow them: leave "
            f"refractory out, got {params.refractory}."
        )
    firing = Firing(reset, reset_gradient=True)

    def advance(constants, state, x):
        fire = lambda v: _probability(v, noise)  # noqa: E731
        state, s, v = firing.step(constants, state, x, fire)
        return state, s, {"v_before": v}

    given, rest = partial(constants_of, params, "current"), partial(lif_rest, n, params)
    return population("smooth_lif", n, given, rest, advance, ("v_before",))
