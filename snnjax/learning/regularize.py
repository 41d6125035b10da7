"""Firing-rate homeostasis: penalties for neurons that fire too little or too much.

Bounds are in hertz and penalties in Hz or Hz², means over samples and neurons, so that
they do not change with the batch size, the duration or ``dt``
(Zenke & Vogels 2021, doi:10.1162/neco_a_01367).
"""

from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np

from snnjax import check
from snnjax.check import Number

Over = Literal["neuron", "population"]


def firing_rate(
    spikes: jax.Array, *, dt: Number, mask: jax.Array | None = None
) -> jax.Array:
    """Mean firing rate over time.

    Args:
        spikes: ``[T, *batch, n]``.
        dt: time step [s].
        mask: valid steps ``[T, *batch]``; others do not count.

    Returns:
        Rates ``[*batch, n]`` [Hz].

    Raises:
        ValueError: for spikes without time and neurons, an empty sequence, a mask of
            another shape or without a valid step, or a ``dt`` that is not positive.
    """
    check.positive("dt", dt, " [s]")
    if spikes.ndim < 2 or len(spikes) == 0:
        raise ValueError(
            f"Spikes must be [T, *batch, n] with T > 0, got shape {spikes.shape}."
        )
    if mask is not None and mask.shape != spikes.shape[:-1]:
        raise ValueError(
            f"The mask must be [T, *batch] = {spikes.shape[:-1]}, got {mask.shape}."
        )
    known = None if mask is None else check.concrete(mask)
    if known is not None and not np.all(np.any(known, axis=0)):
        raise ValueError("The mask leaves a sample without a single valid step.")
    valid = None if mask is None else mask.astype(bool)[..., None]
    return jnp.mean(spikes, axis=0, where=valid) / jnp.asarray(dt, spikes.dtype)


def lower_rate_bound(
    spikes: jax.Array,
    *,
    rate: Number,
    dt: Number,
    power: int = 2,
    over: Over = "neuron",
    mask: jax.Array | None = None,
) -> jax.Array:
    """Penalises firing below a rate, ``mean [rate - ν]₊ᵖ``.

    Args:
        spikes: ``[T, *batch, n]``.
        rate: lowest rate without penalty [Hz], ``[]`` or, over neurons, ``[n]``.
        dt: time step [s].
        power: p, 1 (L1) or 2 (L2).
        over: whether ν is each neuron's rate or the mean over the population.
        mask: valid steps ``[T, *batch]``.

    Returns:
        The penalty [Hzᵖ], ``[]``. Zero, with zero gradient, inside the bound.

    Raises:
        ValueError: as ``firing_rate``; for another power or ``over``; a negative rate.
    """
    return _penalty(lambda nu, bound: bound - nu, spikes, rate, dt, power, over, mask)


def upper_rate_bound(
    spikes: jax.Array,
    *,
    rate: Number,
    dt: Number,
    power: int = 2,
    over: Over = "neuron",
    mask: jax.Array | None = None,
) -> jax.Array:
    """Penalises firing above a rate, mean [ν - rate]₊ᵖ; see ``lower_rate_bound``."""
    return _penalty(lambda nu, bound: nu - bound, spikes, rate, dt, power, over, mask)


def _penalty(excess, spikes, rate, dt, power, over, mask):
    check.positive("rate", rate, " [Hz]", zero=True)
    if power not in (1, 2):
        raise ValueError(f"power must be 1 (L1) or 2 (L2), got {power!r}.")
    if over not in ("neuron", "population"):
        raise ValueError(f"over must be 'neuron' or 'population', got {over!r}.")
    rates = firing_rate(spikes, dt=dt, mask=mask)
    if over == "population":
        check.per_neuron("rate", rate, 1)
        rates = jnp.mean(rates, axis=-1)
    else:
        check.per_neuron("rate", rate, rates.shape[-1])
    beyond = excess(rates, jnp.asarray(rate, rates.dtype))
    return jnp.mean(jnp.where(beyond > 0.0, beyond, 0.0) ** power)
