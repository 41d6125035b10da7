"""How far a gradient can be trusted: layer by layer, against a reference.

A reference is any tree of the same shape: the gradient of the same loss with another
surrogate or by another learning rule, or finite differences. Those of a spiking network
are zero wherever no spike appears or moves; take them of its smooth twin, the same
network of ``smooth_lif`` neurons.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax.flatten_util import ravel_pytree

from snnjax import check, loops
from snnjax.analysis.checks import Weights, check_batch_size, check_tree, same_tree
from snnjax.check import Number
from snnjax.exported import exportable


@exportable
class GradientComparison(NamedTuple):
    """How a gradient g compares to a reference r, each ``[]``."""

    cosine: jax.Array  # g·r / (‖g‖ ‖r‖)
    relative_error: jax.Array  # ‖g - r‖ / ‖r‖
    same_sign: jax.Array  # share of the weights, of those with r ≠ 0


def compare_gradients(
    gradient: Weights, reference: Weights
) -> dict[str, GradientComparison]:
    """Compares two gradients, layer by layer.

    A layer is an entry of the outermost container of the weights, such as a cell of a
    chain; cells without weights have none. To compare all weights at once, hand over
    ``[gradient]`` and ``[reference]``.

    Args:
        gradient: g, a tree.
        reference: r, a tree like it.

    Returns:
        For each layer, by its index, key or field name, how both agree. Under
        ``jit`` the cosine is NaN where one of them is zero everywhere.

    Raises:
        ValueError: for trees that do not match, or a layer where g or r is zero
            everywhere and so has no direction.
    """
    check_tree("gradient", gradient)
    check_tree("reference", reference)
    same_tree("The gradient", gradient, reference)
    layers: dict[str, list] = {}
    pairs = zip(
        jax.tree.leaves_with_path(gradient), jax.tree.leaves(reference), strict=True
    )
    for (path, g), r in pairs:
        name = jax.tree_util.keystr(path[:1], simple=True)
        layers.setdefault(name, []).append((g, r))
    return {
        name: _agree(name, *zip(*both, strict=True)) for name, both in layers.items()
    }


def _agree(name, g, r):
    g, r = ([check.wide(leaf) for leaf in x] for x in (g, r))
    sizes = optax.tree.norm(g), optax.tree.norm(r)
    for what, size in zip(("gradient", "reference"), sizes, strict=True):
        known = check.concrete(size)
        if known is not None and not known > 0:
            raise ValueError(
                f"The {what} of layer {name!r} has no direction, its norm is {known}. "
                "Leave the layer out of both trees."
            )
    ours, theirs = (jnp.concatenate([jnp.ravel(leaf) for leaf in x]) for x in (g, r))
    same = jnp.sign(ours) == jnp.sign(theirs)
    return GradientComparison(
        jnp.vdot(ours, theirs) / (sizes[0] * sizes[1]),
        jnp.linalg.norm(ours - theirs) / sizes[1],
        jnp.mean(same.astype(ours.dtype), where=theirs != 0),
    )


def finite_differences(
    loss: Callable[[Weights], jax.Array],
    weights: Weights,
    *,
    step: Number,
    batch_size: int | None = None,
) -> Weights:
    """The gradient by central differences along every weight.

        ∂L/∂w ≈ (L(w + step) - L(w - step)) / (2 step)

    Two losses for each weight: meant for small networks. Take float64 and a step of
    about 1e-5, or in float32 about 1e-2.

    Args:
        loss: ``weights -> scalar``.
        weights: where, a tree.
        step: distance to both sides, in weights.
        batch_size: how many losses are computed at a time; one if omitted.

    Returns:
        A tree like the weights.

    Raises:
        ValueError: for a step that is not positive.
    """
    check_tree("weights", weights)
    flat, unravel = ravel_pytree(weights)

    def one(k):
        return unravel(jnp.zeros_like(flat).at[k].set(1.0))

    return unravel(_differences(loss, weights, one, len(flat), step, batch_size))


def directional_derivatives(
    loss: Callable[[Weights], jax.Array],
    weights: Weights,
    directions: Weights,
    *,
    step: Number,
    batch_size: int | None = None,
) -> jax.Array:
    """The slope of a loss along directions, by central differences.

    To be compared to ``jax.vmap(lambda d: optax.tree.vdot(gradient, d))(directions)``
    where there are too many weights for ``finite_differences``.

    Args:
        loss: ``weights -> scalar``.
        weights: where, a tree.
        directions: a tree like the weights with one more axis in front, ``[K, ...]``.
        step: distance to both sides, in lengths of the direction.
        batch_size: how many losses are computed at a time; one if omitted.

    Returns:
        Slopes, ``[K]``.

    Raises:
        ValueError: for a step that is not positive, or trees that do not match.
    """
    check_tree("weights", weights)
    check_tree("directions", directions)
    counts = {(*jnp.shape(leaf), -1)[0] for leaf in jax.tree.leaves(directions)}
    if len(counts) != 1 or counts == {-1}:
        raise ValueError(
            f"directions are arrays [K, ...] of one K, got first axes {sorted(counts)}."
        )
    directions = jax.tree.map(jnp.asarray, directions)
    first = jax.tree.map(
        lambda d: jax.ShapeDtypeStruct(d.shape[1:], d.dtype), directions
    )
    same_tree("directions: a direction", first, weights)

    def one(k):
        return jax.tree.map(lambda d: d[k], directions)

    return _differences(loss, weights, one, counts.pop(), step, batch_size)


def _moved(away, w, d):
    dtype = check.precision(w)  # half precision is widened, or it would not move
    away, w, d = (jnp.asarray(x, dtype) for x in (away, w, d))
    return w + away * d


def _differences(loss, weights, direction, count, step, batch_size):
    check.function("loss", loss)
    check.positive("step", step)
    check.one("step", step)
    check_batch_size(batch_size)
    if count == 0:
        return jnp.zeros(0)

    def at(point):  # both sides by the same code, so that equal losses are equal bits
        k, away = point
        return loss(jax.tree.map(partial(_moved, away), weights, direction(k)))

    step = check.wide(step)
    both = jnp.tile(jnp.stack([step, -step]), count)
    sides = jnp.repeat(jnp.arange(count), 2), both
    at_all = partial(jax.lax.map, at, batch_size=batch_size)
    losses = check.wide(loops.forgotten(at_all, sides).reshape(count, 2))
    return (losses[:, 0] - losses[:, 1]) / jnp.asarray(2.0 * step, losses.dtype)
