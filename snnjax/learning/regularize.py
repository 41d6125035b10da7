"""Regularizers: penalties on firing rates, operations, voltages and weights.

    loss = cross_entropy(max_over_time(voltages), labels)
    loss += 1e-3 * upper_rate_bound(spikes, rate=50.0, dt=dt)

Bounds on rates are in hertz, with penalties in Hz or Hz² (Zenke & Vogels 2021,
doi:10.1162/neco_a_01367); bounds on voltages are in units of the threshold; synaptic
operations are counted, in a sample or in a second. All are means over samples, so that
they do not change with the batch size, nor, but for the operations of a sample, with
the duration or ``dt``.
"""

from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np

from snnjax import check
from snnjax.check import Number
from snnjax.learning.validity import check_some, masked, some_step, valid_steps

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
        Rates ``[*batch, n]`` [Hz], in single precision at least. Under ``jit``, where
        the mask is not known, NaN for a sample without a valid step.

    Raises:
        ValueError: for spikes without time and neurons, an empty sequence, a mask of
            another shape or without a valid step, or a ``dt`` that is not positive.

    Example:
        >>> spikes = jnp.zeros((100, 2)).at[::10, 0].set(1.0)
        >>> print(snn.firing_rate(spikes, dt=1e-3).round())  # [Hz]
        [100.   0.]
    """
    check.dt(dt)
    valid = valid_steps("spikes", spikes, mask)
    spikes = masked(spikes, valid)
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
    """Penalizes firing below a rate, ``mean [rate - ν]₊ᵖ``.

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

    Example:
        >>> spikes = jnp.zeros((100, 2)).at[::10, 0].set(1.0)  # 100 Hz and silence
        >>> print(f"{snn.lower_rate_bound(spikes, rate=10.0, dt=1e-3):.1f}")
        50.0
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
    """Penalizes firing above a rate, mean [ν - rate]₊ᵖ; see ``lower_rate_bound``.

    Example:
        >>> spikes = jnp.zeros((100, 2)).at[::10, 0].set(1.0)  # 100 Hz and silence
        >>> print(f"{snn.upper_rate_bound(spikes, rate=90.0, dt=1e-3):.1f}")
        50.0
    """
    return _penalty(lambda nu, bound: nu - bound, spikes, rate, dt, power, over, mask)


def fan_out(w: jax.Array) -> jax.Array:
    """How many targets each input of a connection has: its weights that are not zero.

    Args:
        w: weights ``[n_in, n_out]``.

    Returns:
        Counts ``[n_in]``; NaN is no zero.

    Raises:
        ValueError: for weights of another rank.

    Example:
        >>> print(snn.learning.fan_out(jnp.array([[0.5, 0.0, 1.0], [0.0, 0.0, 2.0]])))
        [2 1]
    """
    check.array("w", w, finite=True)
    if w.ndim != 2:
        raise ValueError(f"w, weights, must be [n_in, n_out], got shape {w.shape}.")
    return jnp.count_nonzero(w, axis=1)


def synaptic_operations(
    spikes: jax.Array,
    fan_out: jax.Array | float,
    *,
    dt: Number | None = None,
    mask: jax.Array | None = None,
) -> jax.Array:
    """Counts the additions that spikes cause: a spike is added once for each target.

        operations = Σ_t Σ_j s_j(t) · fan_out_j

    The price of a spike on neuromorphic hardware, and what NeuroBench calls effective
    accumulates (Yik et al. 2025, doi:10.1038/s41467-025-56739-4). As a penalty it
    weighs each neuron's firing by what it costs; the count of targets is a constant.

        targets = fan_out(weights["readout"].w) + fan_out(weights["hidden"].recurrent)
        synaptic_operations(spikes, targets, dt=dt)

    Args:
        spikes: ``[T, *batch, n]``.
        fan_out: targets of each neuron, ``[n]``, or of every one, ``[]``.
        dt: time step [s]; counts in a second of valid time if given.
        mask: valid steps ``[T, *batch]``; spikes elsewhere do not count.

    Returns:
        Operations in a sample, or in a second, a mean over samples, ``[]``.

    Raises:
        ValueError: as ``firing_rate``; for a fan-out that is negative or does not fit.
    """
    valid = valid_steps("spikes", spikes, mask)
    check_some("spikes", spikes)
    check.positive("fan_out", fan_out, zero=True)
    check.per_neuron("fan_out", fan_out, spikes.shape[-1])
    if dt is None:
        spikes = masked(spikes, valid)
        fired = check.or_nan(jnp.sum(spikes, axis=0), some_step(valid))
    else:
        fired = firing_rate(spikes, dt=dt, mask=mask)
    each = jax.lax.stop_gradient(_beside(fan_out, fired))
    return jnp.mean(jnp.sum(fired * each, axis=-1))


def voltage_band(
    v: jax.Array,
    *,
    lower: Number,
    upper: Number,
    threshold: Number = 1.0,
    power: int = 2,
    mask: jax.Array | None = None,
) -> jax.Array:
    """Penalizes membranes outside a band, ``mean [lower - u]₊ᵖ + [u - upper]₊ᵖ``.

    With u = v/θ, so that bounds are in units of the threshold: ``lower=-1`` asks
    inhibition to go no further below rest than the threshold lies above it. Voltages
    are those that ``record`` keeps, after the reset.

    Args:
        v: voltages ``[T, *batch, n]``.
        lower: lowest voltage without penalty [θ], ``[]`` or ``[n]``; -∞ for none.
        upper: highest voltage without penalty [θ], ``[]`` or ``[n]``; ∞ for none.
        threshold: θ, ``[]`` or ``[n]``.
        power: p, 1 (L1) or 2 (L2).
        mask: valid steps ``[T, *batch]``; each counts the same.

    Returns:
        The penalty [θᵖ], ``[]``. Zero, with zero gradient, inside the band. Under
        ``jit`` NaN where the mask leaves a sample without a valid step, or for a band
        upside down.

    Raises:
        ValueError: for voltages without time and neurons, a mask that does not fit or
            leaves a sample without a valid step, constants that are not ``[]`` or
            ``[n]``, a threshold that is not positive, a band upside down, or another
            power.
    """
    valid = valid_steps("v", v, mask)
    check_some("v", v)
    check.positive("threshold", threshold)
    for name, value in (("lower", lower), ("upper", upper), ("threshold", threshold)):
        check.per_neuron(name, value, v.shape[-1])
    for name, value in (("lower", lower), ("upper", upper)):
        check.finite(name, value, infinity=True)
    low, high = check.concrete(lower), check.concrete(upper)
    if low is not None and high is not None and not np.all(low <= high):
        raise ValueError(f"lower must not be above upper, got {low} and {high}.")
    v = masked(v, valid)
    below, above, threshold = (_beside(c, v) for c in (lower, upper, threshold))
    u = v / threshold
    outside = beyond(below - u, power) + beyond(u - above, power)
    sure = jnp.all(below <= above)
    if valid is not None:
        sure &= jnp.all(jnp.any(valid, axis=0))
    return check.or_nan(jnp.mean(outside, where=valid), sure)


def weight_penalty(weights: Any, *, power: int = 2) -> jax.Array:
    """Penalizes large weights, ``mean |w|ᵖ`` of each connection, added up.

    A mean, so that it does not grow with the width of a layer. A connection is any
    array of two axes or more; biases and learned constants do not count.

    Args:
        weights: a tree of arrays, of a whole network or a part of it.
        power: p, 1 (L1, makes weights sparse) or 2 (L2).

    Returns:
        The penalty, ``[]``.

    Raises:
        ValueError: for a tree without any connection, or another power.
    """
    _check_power(power)
    leaves = jax.tree.leaves(weights)
    for w in leaves:
        check.array("Every leaf of weights", w)
    connections = [check.wide(w) for w in leaves if jnp.ndim(w) >= 2]
    for w in connections:
        check_some("Each connection of weights", w)
    if not connections:
        shapes = [jnp.shape(w) for w in jax.tree.leaves(weights)]
        raise ValueError(
            "weight_penalty found no connection [n_in, n_out] in weights of shapes "
            f"{shapes}."
        )
    sizes = [w * jax.lax.stop_gradient(jnp.sign(w)) for w in connections]  # 0 at 0
    means = [jnp.mean(size**power) for size in sizes]
    return jnp.sum(jnp.stack(means))


def _penalty(excess, spikes, rate, dt, power, over, mask):
    check.positive("rate", rate, " [Hz]", zero=True)
    _check_power(power)
    check.one_of("over", over, ("neuron", "population"))
    rates = firing_rate(spikes, dt=dt, mask=mask)
    check_some("spikes", spikes)
    if over == "population":
        check.per_neuron("rate", rate, 1)
        rates = jnp.mean(rates, axis=-1)[..., None]
    else:
        check.per_neuron("rate", rate, rates.shape[-1])
    return jnp.mean(beyond(excess(rates, _beside(rate, rates)), power))


def _beside(constant, x):
    """A constant ``[]`` or ``[n]`` in dtype and rank of ``[..., n]``."""
    constant = jnp.asarray(constant, x.dtype)
    return constant.reshape(*(x.ndim - 1) * (1,), -1)


def beyond(excess, power):
    """[excess]₊ᵖ, without gradient where it is zero; NaN stays."""
    _check_power(power)
    return jnp.where(excess <= 0.0, 0.0, excess) ** power


def _check_power(power):
    if not isinstance(power, int | float) or power not in (1, 2):
        raise ValueError(f"power must be 1 (L1) or 2 (L2), got {power!r}.")
