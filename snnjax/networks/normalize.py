"""Keeping activity in range: normalisation with statistics one sees, and dropout.

    y = gain · (x - μ) / sqrt(σ² + ε) + bias

``layer_norm`` takes μ and σ² over the neurons of a step, of one place or of a map.
``batch_norm`` takes those of each neuron over time and samples, which no step can know:
they are measured by ``channel_statistics`` and lie among the weights, so that a run is
the scan of its steps and no run changes them.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from snnjax import check
from snnjax.about import factory
from snnjax.cell import Cell
from snnjax.check import Number
from snnjax.exported import exportable
from snnjax.kernels.products import align
from snnjax.masks import zeroed

SMALL = 1e-5  # ε, so that what never changes stays finite


@exportable
class Statistics(NamedTuple):
    """Of each neuron over time and samples, each ``[n]``."""

    mean: jax.Array
    variance: jax.Array


@exportable
class LayerNormWeights(NamedTuple):
    """What ``layer_norm`` learns, each ``[n]``."""

    gain: jax.Array
    bias: jax.Array


@exportable
class BatchNormWeights(NamedTuple):
    """What ``batch_norm`` learns, each ``[n]``, and what was measured."""

    gain: jax.Array
    bias: jax.Array
    statistics: Statistics  # without gradient; an optimizer leaves them as they are


@exportable
class DropoutState(NamedTuple):
    """Randomness of a trial."""

    key: jax.Array  # of ``jax.random.key``, []; it stays the same all along


@factory
def layer_norm(n: int, *, space: int = 0, gain: Number = 1.0) -> Cell:
    """Normalises over the neurons of each step (Ba, Kiros & Hinton 2016).

    Args:
        n: number of neurons, or of channels.
        space: how many axes of space stand before the channels and belong to the same
            layer: 2 for images ``[*batch, height, width, n]``. With 0 each place is
            normalised by itself, which makes one event as strong as many.
        gain: where gains start.

    Returns:
        A cell ``[*batch, n] -> [*batch, n]`` with ``LayerNormWeights`` and no state.

    Raises:
        ValueError: for a size below one, a gain that is not one positive number, an
            input of another width or with fewer axes, or weights of another cell.

    References:
        Ba, Kiros & Hinton (2016), Layer normalization, doi:10.48550/arXiv.1607.06450.
    """
    check.whole("space", space, least=0, most=3)
    check.positive("gain", gain)
    check.one("gain", gain)
    shapes = {"gain": (n,), "bias": (n,)}
    axes = tuple(range(-1 - space, 0))

    def normalized(weights, x):
        check.weights("layer_norm", weights, LayerNormWeights, shapes)
        x = x.astype(check.precision(x, weights))
        if x.ndim <= space:
            raise ValueError(
                f"layer_norm of space={space} needs [*batch, *space, {n}], got shape "
                f"{x.shape}."
            )
        mean = jnp.mean(x, axis=axes, keepdims=True)
        variance = jnp.mean((x - mean) ** 2, axis=axes, keepdims=True)
        return _scaled(weights, (x - mean) / jnp.sqrt(variance + SMALL))

    def draw(key):
        one, zero = _one_and_zero(n)
        return LayerNormWeights(gain * one, zero)

    return _step_by_step("layer_norm", n, draw, normalized)


@factory
def batch_norm(n: int) -> Cell:
    """Normalises each neuron by its statistics over time and samples.

        statistics = channel_statistics(currents)
        weights = weights._replace(statistics=statistics)

    They are 0 and 1 when drawn. What is normalised by them has no gradient through
    them. An optimizer that lets weights decay must leave them out.

    Args:
        n: number of neurons.

    Returns:
        A cell ``[*batch, n] -> [*batch, n]`` with ``BatchNormWeights`` and no state.

    Raises:
        ValueError: for a size below one, an input of another width, or weights of
            another cell.

    References:
        Ioffe & Szegedy (2015), doi:10.48550/arXiv.1502.03167; over time as well, Zheng
        et al. (2021), doi:10.1609/aaai.v35i12.17320.
    """
    shapes = {"gain": (n,), "bias": (n,)}

    def normalized(weights, x):
        check.weights("batch_norm", weights, BatchNormWeights, shapes)
        known = weights.statistics
        both = {"mean": (n,), "variance": (n,)}
        check.weights("The statistics of batch_norm", known, Statistics, both)
        x = x.astype(check.precision(x, weights))
        known = align(jax.lax.stop_gradient(known), x)
        return _scaled(weights, (x - known.mean) / jnp.sqrt(known.variance + SMALL))

    def draw(key):
        one, zero = _one_and_zero(n)
        statistics = Statistics(*reversed(_one_and_zero(n)))
        return BatchNormWeights(one, zero, statistics)

    return _step_by_step("batch_norm", n, draw, normalized)


def _one_and_zero(n):
    dtype = jnp.result_type(float)
    return jnp.ones(n, dtype), jnp.zeros(n, dtype)


def _scaled(weights, x):
    return align(weights.gain, x) * x + align(weights.bias, x)


def _step_by_step(name, n, draw, normalized):
    """A cell that treats all steps alike."""
    check.whole("n", n)

    def rest(x):
        check.width(name, x, n)
        check.raster(f"The input of {name}", x)
        return ()

    def step(weights, state, x, dt):
        del dt  # passes at once
        rest(x)
        return state, normalized(weights, jnp.asarray(x))

    return Cell(init=draw, rest=rest, step=step, run=step)


def channel_statistics(xs: jax.Array, *, mask: jax.Array | None = None) -> Statistics:
    """Mean and variance of each channel over time and samples.

    Args:
        xs: ``[T, *batch, n]``.
        mask: valid steps ``[T, *batch]``; all if omitted.

    Returns:
        ``Statistics``, each ``[n]``, in single precision at least.

    Raises:
        ValueError: for an input without a time axis, one that is not finite, a mask of
            another shape, or one without a valid step; NaN if that is traced.
    """
    check.array("xs", xs, "[T, *batch, n]", finite=mask is None)
    if xs.ndim < 2 or xs.size == 0:
        raise ValueError(f"xs must be [T, *batch, n] of some steps, got {xs.shape}.")
    xs = check.wide(xs)
    axes = tuple(range(xs.ndim - 1))
    valid: Any = jnp.ones(xs.shape[:-1], bool)
    if mask is not None:
        check.array("mask", mask, "[T, *batch]")
        valid = check.truth("A mask", mask)
        check.shape("The mask of xs", valid, xs.shape[:-1])
    known = check.concrete(valid)
    if known is not None and not known.any():
        raise ValueError("mask must leave some steps valid, got none.")
    count = jnp.sum(valid).astype(xs.dtype)  # none is NaN
    mean = jnp.sum(zeroed(valid, xs), axis=axes) / count
    off = zeroed(valid, xs - align(mean, xs))
    return Statistics(mean, jnp.sum(off**2, axis=axes) / count)


@factory
def dropout(n: int, rate: Number, *, key: jax.Array) -> Cell:
    """Silences some channels of each sample for a whole trial.

        net = chain(dense(70, 50), lif(50), dropout(50, 0.3, key=key), dense(50, 2))

    One mask a trial: a channel that came and went would be noise to the neurons behind.
    The others are multiplied by 1 / (1 - rate). A state goes on with its mask; another
    trial gets another one by ``unroll(…, key=key)``. To test, leave it out or take a
    rate of 0.

    Args:
        n: number of channels.
        rate: probability of silence, in [0, 1); data, so it may be traced.
        key: randomness of runs that are given none.

    Returns:
        A cell ``[*batch, n] -> [*batch, n]`` without weights, of state
        ``DropoutState``. Its output is in single precision at least.

    Raises:
        ValueError: for a rate that is not from 0 to below 1 or not one number, a key of
            another kind, or an input of another width. A traced rate of 1 or more, or
            below 0, gives NaN.

    References:
        Srivastava et al. (2014), Dropout, Journal of Machine Learning Research 15.
    """
    check.whole("n", n)
    check.key(key)
    check.between("rate", rate, 0.0, 1.0 - 1e-6)
    check.one("rate", rate)

    def rest(x):
        check.width("dropout", x, n)
        check.raster("The input of dropout", x)
        return DropoutState(check.copied(key, x))

    def through(lead):
        def advance(weights, state, x, dt):
            del weights, dt
            rest(x)
            x = check.wide(x)
            left = 1.0 - jnp.asarray(rate, x.dtype)
            drawn = jax.random.uniform(state.key, x.shape[lead:], x.dtype)
            kept = jnp.where(drawn < left, 1.0 / left, jnp.zeros_like(left))
            kept = check.or_nan(kept, (left > 0.0) & (left <= 1.0))
            return state, x * (kept[None] if lead else kept)

        return advance

    return Cell(lambda key: (), rest, through(0), through(1))
