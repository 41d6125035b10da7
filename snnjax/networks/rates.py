"""Weights scaled on data until each layer fires at its target rate.

The theory of ``fluctuations.py`` takes inputs to be independent and of known rate. Real
inputs are neither, and errors grow from layer to layer. Here rates are measured: layer
by layer, from the input on, the weights are multiplied by one factor, found by
bisection.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from snnjax import check
from snnjax.cell import Cell, unroll
from snnjax.check import Number
from snnjax.compose import chain

_POWER = 10  # factors lie between 2^-10 and 2^10
_HALVINGS = 20


class ScaledWeights(NamedTuple):
    """What ``scale_to_rates`` found."""

    weights: tuple[Any, ...]  # one entry for each cell, as they came but scaled
    factors: jax.Array  # of each layer with a target, [L]
    reached: jax.Array  # what was measured of each in the end, [L]


def scale_to_rates(
    cells: Sequence[Cell],
    weights: Sequence[Any],
    xs: jax.Array,
    *,
    dt: Number,
    targets: Sequence[Number | None],
    measure: Callable[[jax.Array], jax.Array] | None = None,
    tolerance: float = 0.05,
) -> ScaledWeights:
    """Scales the weights of each layer until its population rate is on target.

        cells = dense(9, 64), lif(64), recurrent(64, 64, lif(64)), dense(64, 2), li(2)
        targets = [None, 10.0, 10.0, None, None]
        scaled = scale_to_rates(cells, weights, xs, dt=dt, targets=targets)

    A cell with a target ends a layer: all that lies between it and the layer below, and
    the cell itself, is scaled by one positive factor, so that signs stay. Matrices and
    kernels are scaled, that is all weights with two axes or more; biases and learned
    constants stay. The factor is the one at which the measure passes the target from
    below, between 2^-10 and 2^10; the measure should grow with the weights.

    Args:
        cells: the links of a chain.
        weights: one entry for each cell, from ``chain(*cells).init``.
        xs: inputs ``[T, *batch, n_in]``, as the network will see.
        dt: time step [s].
        targets: one for each cell: its mean rate [Hz] over all neurons, samples and
            steps, or None.
        measure: of what a cell puts out ``[T, *batch, n]``, in place of the rate: one
            number in the units of the targets.
        tolerance: relative distance from the target that passes as reached.

    Returns:
        ``ScaledWeights(weights, factors, reached)``. Where the inputs are traced
        nothing can be raised: compare ``reached`` with the targets.

    Raises:
        ValueError: if cells, weights and targets differ in number, no target is given
            or one is not positive, a layer has nothing to scale, or a layer cannot
            reach its target; then with what it reached.
    """
    layers = _layers(cells, weights, targets)
    measure = measure or (lambda spikes: jnp.mean(spikes) / dt)
    made, factors, reached = list(weights), [], []
    for rows, target in layers:
        layer, part = chain(*cells[rows]), tuple(weights[rows])

        def run(factor, layer=layer, part=part, xs=xs):
            return unroll(layer, _scaled(part, factor), xs, dt=dt)[1]

        factor = _factor(lambda factor, run=run: measure(run(factor)), target)
        made[rows] = _scaled(part, factor)
        xs = run(factor)
        factors.append(factor)
        reached.append(measure(xs))
        _check_reached(rows, factor, reached[-1], target, tolerance)
    return ScaledWeights(tuple(made), jnp.stack(factors), jnp.stack(reached))


def _factor(measured, target):
    """Where a growing function of the factor passes the target, by bisection."""

    def halve(_, span):
        low, high = span
        middle = (low + high) / 2.0
        below = measured(2.0**middle) < target
        return jnp.where(below, middle, low), jnp.where(below, high, middle)

    span = jnp.asarray(-_POWER, float), jnp.asarray(_POWER, float)
    return 2.0 ** jax.lax.fori_loop(0, _HALVINGS, halve, span)[1]


def _scales(leaf):
    return jnp.ndim(leaf) >= 2


def _scaled(weights, factor):
    return jax.tree.map(
        lambda leaf: leaf * factor.astype(leaf.dtype) if _scales(leaf) else leaf,
        weights,
    )


def _layers(cells, weights, targets):
    """Which cells make up each layer, and its target."""
    if not len(cells) == len(weights) == len(targets):
        raise ValueError(
            "scale_to_rates expects weights and a target (or None) for each cell, got "
            f"{len(cells)} cells, {len(weights)} weights, {len(targets)} targets."
        )
    layers, first = [], 0
    for last, target in enumerate(targets):
        if target is not None:
            check.positive("A target", target)
            rows = slice(first, last + 1)
            if not any(map(_scales, jax.tree.leaves(tuple(weights[rows])))):
                raise ValueError(f"Cells {first} to {last} have no weights to scale.")
            layers.append((rows, target))
            first = last + 1
    if not layers:
        raise ValueError("scale_to_rates expects at least one target, got none.")
    return layers


def _check_reached(rows, factor, reached, target, tolerance):
    known = check.concrete(jnp.abs(reached - target) <= tolerance * target)
    if known is not None and not known:
        raise ValueError(
            f"Cells {rows.start} to {rows.stop - 1} reach {reached:.4g} at factor "
            f"{factor:.4g}, not {target:.4g}. Is the input silent, or so short that "
            "one spike more or less matters? Can the neurons do it, and does the "
            "measure grow with the weights?"
        )
