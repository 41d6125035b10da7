"""Weights as a chip can hold them: a few steps to either side of zero.

A synapse of ``bits`` bits, its sign included, has 2^bits - 1 levels, from -L to L times
a step, L = 2^(bits-1) - 1. Networks are trained through the rounding (``quantize`` has
gradient 1), or their float weights are kept in range and rounded by the device:

    net = chain(input=using(dense(256, 246), partial(quantize, bits=4)), …)
    weights = within_range(optax.apply_updates(weights, updates), bits=7, step=1 / 63)
"""

import itertools
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from snnjax import check
from snnjax.about import factory
from snnjax.cell import Cell, Weights, check_cell
from snnjax.check import Number
from snnjax.hardware.checks import check_weights
from snnjax.hardware.wrapped import wrapped
from snnjax.replay import splice

_MOST_BITS = 24  # of a float32


def quantize(
    w: Any, bits: int, *, step: Number | None = None, axis: int | None = None
) -> Any:
    """Rounds weights to the nearest level of a synapse; beyond the last it saturates.

        q = step · clip(round(w / step), -L, L)        ∂q/∂w := 1

    The gradient is 1 everywhere, the straight-through estimator (Bengio et al. 2013,
    doi:10.48550/arXiv.1308.3432), also where a weight saturates: ``within_range`` keeps
    it from that. Halves are rounded to the even level.

    Args:
        w: an array of weights, or a tree of them, each rounded by itself.
        bits: of a synapse, its sign included, from 2 to 24.
        step: between two levels; if omitted, such that the largest weight has the last
            level. It has no gradient.
        axis: over which axis the largest weight is looked for, as in ``jnp.max``: 0 of
            ``[n_in, n]`` gives each neuron a step of its own. All of the array if
            omitted.

    Returns:
        Levels, in the dtype of ``w``. Under ``jit`` a step that is not positive gives
        NaN, and so does a NaN among the weights, wherever it takes part.

    Raises:
        ValueError: for weights that are not finite or not floating point, other bits, a
            step that is not one positive number, an axis that there is not, or both a
            step and an axis.

    Example:
        >>> w = jnp.array([0.1, -0.6, 2.0])
        >>> print(snn.hardware.quantize(w, bits=3, step=0.25))  # levels up to 3 steps
        [ 0.   -0.5   0.75]
    """
    check.whole("bits", bits, least=2, most=_MOST_BITS)
    check_weights("w", w)
    if step is not None:
        check.positive("step", step)
        check.one("step", step)
        if axis is not None:
            raise ValueError("quantize takes a step or an axis to find it, not both.")
    one = partial(_quantized, _levels(bits), step, axis)
    return jax.tree.map(one, jax.tree.map(jnp.asarray, w))


def _quantized(most, step, axis, w):
    exact = check.wide(w)
    if step is None:
        _check_axis(axis, w)
        top = jnp.max(jnp.abs(exact), axis=axis, keepdims=True, initial=0.0)
        step = jnp.where(top == 0.0, 1.0, top / most)  # of zeros any step will do
    else:
        step = _sure(step, exact.dtype)
    return _rounded(most, exact, jax.lax.stop_gradient(step)).astype(w.dtype)


def _rounded(most, w, step):
    steps = jax.lax.stop_gradient(jnp.clip(jnp.round(w / step), -most, most))
    return splice(w, jnp.broadcast_to(step, w.shape) * steps)


def within_range(weights: Any, bits: int, step: Number) -> Any:
    """Brings weights to the nearest that a synapse can hold, from -L to L times a step.

    To be called after an update. They are not rounded: small updates would be lost.

    Args:
        weights: an array, or a tree of them.
        bits: of a synapse, its sign included, from 2 to 24.
        step: between two levels.

    Returns:
        The weights, in their dtype. Under ``jit`` a step that is not positive gives
        NaN.

    Raises:
        ValueError: as ``quantize``.
    """
    check.whole("bits", bits, least=2, most=_MOST_BITS)
    check_weights("weights", weights)
    check.positive("step", step)
    check.one("step", step)

    def one(w):
        end = _levels(bits) * _sure(step, w.dtype)
        return jnp.clip(w, -end, end)

    return jax.tree.map(one, jax.tree.map(jnp.asarray, weights))


@factory
def using(cell: Cell, change: Callable[[Weights], Weights]) -> Cell:
    """A cell with other weights in place of those that it is given.

        using(dense(256, 246), partial(quantize, bits=4))

    Weights are drawn, kept and learned as they are, and changed at each run. Gradients
    pass the change.

    Args:
        cell: any cell.
        change: weights -> weights of the same structure and shapes; pure.

    Returns:
        A cell with the weights and state of ``cell``, which is its part ``"cell"``.
        Outputs by name are found with ``"cell."`` before them or without.

    Raises:
        ValueError: for what is no cell or no function; when it runs, for weights of
            another structure or shape.
    """
    check_cell("cell", cell)
    check.function("change", change)
    again = partial(using, change=change)
    return wrapped("cell", cell, again, weights=partial(_changed, change))


def _changed(change, weights):
    """Changed weights, refused if they are no longer those of the cell."""
    new = change(weights)
    came, expected = (jax.tree.map(jnp.shape, each) for each in (new, weights))
    if came != expected:
        raise ValueError(
            f"change must keep structure and shapes of the weights, {expected}, got "
            f"{came}."
        )
    return new


class Budget(NamedTuple):
    """What a chip has."""

    neurons: int = 512
    rows: int = 256  # of synapses, for each neuron
    signed_pairs: bool = True  # whether an input takes two rows, one of each sign


def fits(budget: Budget, sizes: Sequence[int]) -> int:
    """How many of the chip's neurons a feed-forward network takes, refused if too many.

    A neuron with more inputs than rows is made of several:

        Σ n · ⌈2 · fan_in / rows⌉ ≤ neurons

        fits(Budget(), (256, 246, 10))      # 512: all of the chip

    Args:
        budget: of the chip.
        sizes: of the layers, the inputs first. A recurrent layer has itself as input as
            well: ``(70 + 186, 186, 20)``.

    Raises:
        ValueError: for a network that does not fit, saying by how much, or sizes that
            are no whole numbers.
    """
    _check_budget(budget)
    _check_sizes(sizes)
    each = 2 if budget.signed_pairs else 1
    layers = itertools.pairwise(sizes)
    taken = sum(n * -(-each * fan_in // budget.rows) for fan_in, n in layers)
    if taken > budget.neurons:
        raise ValueError(
            f"sizes {tuple(sizes)} take {taken} neurons of {budget.rows} rows, "
            f"{taken - budget.neurons} more than the {budget.neurons} of the chip. "
            "Take fewer neurons or inputs."
        )
    return taken


def _levels(bits):
    """Levels above zero."""
    return 2 ** (bits - 1) - 1


def _sure(step, dtype):
    step = jnp.asarray(step, dtype)
    return check.or_nan(step, step > 0)


def _check_axis(axis, w):
    if axis is not None:
        check.whole("axis", axis, least=-w.ndim, most=w.ndim - 1)


def _check_budget(budget):
    if not isinstance(budget, Budget):
        raise ValueError(f"budget must be a Budget, got {check.told(budget)}.")
    check.whole("neurons", budget.neurons)
    check.whole("rows", budget.rows)
    check.flag("signed_pairs", budget.signed_pairs)


def _check_sizes(sizes):
    if isinstance(sizes, str) or not isinstance(sizes, Sequence) or len(sizes) < 2:
        raise ValueError(
            f"sizes must be two whole numbers or more, such as (256, 246, 10), got "
            f"{sizes!r}."
        )
    for size in sizes:
        check.whole("sizes", size)
