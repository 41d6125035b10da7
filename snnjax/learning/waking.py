"""What wakes silent neurons, whose spike times have no gradient: explicit choices.

A hinge on ``neurons.peak_voltage`` is another, by ``voltage_band``; a cap on the norm
of gradients (``optax.clip_by_global_norm``) keeps those that fire from being silenced
by one batch. ``docs/explanation/exact-gradients.md`` compares them.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from snnjax import check
from snnjax.check import Number
from snnjax.exported import exportable


def raise_silent(
    weights: jax.Array, times: jax.Array, *, by: Number, most: Number = 0.3
) -> jax.Array:
    """Raises all weights of neurons that are silent in too many samples of a batch.

    To be called after each update by gradients, which do not see silence (Göltz et al.
    2021, doi:10.1038/s42256-021-00388-x).

    Args:
        weights: that lead to the neurons, ``[n_in, n]``.
        times: of their spikes, first ones or others [s], ``[*batch, n]``; ∞ for none.
        by: how much is added to each weight.
        most: share of the samples in which a neuron may be silent, 0 to 1.

    Returns:
        ``[n_in, n]``. Those of a neuron with a time that is NaN are NaN.

    Raises:
        ValueError: for weights and times of other numbers of neurons, integers for
            weights, no sample, a ``by`` that is negative or a ``most`` out of range.

    Example:
        >>> times = jnp.array([[5e-3, jnp.inf]])  # the second neuron is silent
        >>> print(snn.learning.raise_silent(jnp.zeros((3, 2)), times, by=0.1))
        [[0.  0.1]
         [0.  0.1]
         [0.  0.1]]
    """
    check.array("weights", weights, "[n_in, n]")
    check.floating("weights", weights)
    check.array("times", times, "[*batch, n]")
    check.width("times", times, weights.shape[1])
    if times.size == 0 and weights.shape[1]:
        raise ValueError(f"times must hold a sample at least, got {times.shape}.")
    for name, value in (("by", by), ("most", most)):
        check.positive(name, value, zero=True)
        check.one(name, value)
    known = check.concrete(most)
    if known is not None and known > 1.0:
        raise ValueError(f"most is a share of samples, at most 1; got {most}.")
    weights, samples = jnp.asarray(weights), tuple(range(times.ndim - 1))
    often = jnp.mean(jnp.isposinf(times), axis=samples, dtype=jnp.float32) > most
    raised = jnp.where(often, weights + jnp.asarray(by, weights.dtype), weights)
    return jnp.where(jnp.isnan(times).any(axis=samples), jnp.nan, raised)


@exportable
class Forced(NamedTuple):
    """Inputs of a layer, with one more that makes all fire."""

    times: jax.Array  # [*batch, n_in + 1], s
    weights: jax.Array  # [n_in + 1, n]


def force(
    times: jax.Array, weights: jax.Array, *, at: Number, weight: Number
) -> Forced:
    """Adds one input, late in the trial, that makes every neuron fire.

    For ``first_spike_time(params, *force(times, weights, at=15e-3, weight=6.0))``.
    So no spike vanishes: one that is pushed back over the peak of its voltage comes
    after the forcing input instead, and still has a gradient. What the input adds is
    not learned.

    Args:
        times: of the other inputs [s], ``[*batch, n_in]``.
        weights: of those, ``[n_in, n]``.
        at: when [s].
        weight: to each neuron; in a leaky one it must exceed threshold by more than its
            PSP falls short of it, by e where τm = τs, and what inhibits.

    Returns:
        Times and weights with that input, the last one; times in single precision at
        least.

    Raises:
        ValueError: for times and weights of other numbers of inputs, integers for
            weights, or an ``at`` or ``weight`` that is not positive.
    """
    check.array("weights", weights, "[n_in, n]")
    check.floating("weights", weights)
    check.array("times", times, "[*batch, n_in]")
    check.width("times", times, weights.shape[0])
    for name, value in (("at", at), ("weight", weight)):
        check.positive(name, value)
        check.one(name, value)
    times, weights = check.wide(times), jnp.asarray(weights)
    late = jnp.full_like(times[..., :1], at)
    row = jnp.full_like(weights[:1], weight)
    return Forced(
        jnp.concatenate([times, late], axis=-1), jnp.concatenate([weights, row])
    )
