"""Directions in weight space in which a landscape is worth a look."""

from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree

from snnjax import check
from snnjax.analysis.checks import Weights, check_tree, same_tree
from snnjax.exported import exportable


def random_direction(
    key: jax.Array,
    weights: Weights,
    *,
    normalize: Literal["filter", "layer"] | None = "filter",
) -> Weights:
    """A random direction, d ~ N(0, 1), scaled to the weights it is to change.

    The same step means little to large weights and much to small ones. A direction with
    the norm of the weights makes networks comparable (Li et al. 2018,
    doi:10.48550/arXiv.1712.09913):

        filter   d_j ← d_j ‖w_j‖ / ‖d_j‖    for all weights onto one target neuron j
        layer    d ← d ‖w‖ / ‖d‖            for each array

    Args:
        key: randomness.
        weights: where to start from; arrays ``[..., n_out]``.
        normalize: ``"filter"``, ``"layer"`` or ``None``.

    Returns:
        A tree like the weights.

    Raises:
        ValueError: for another normalization.
    """
    check.key(key)
    check_tree("weights", weights)
    if normalize is not None:
        check.one_of("normalize", normalize, ("filter", "layer"))
    leaves, tree = jax.tree.flatten(jax.tree.map(jnp.asarray, weights))

    def draw(key, w):
        d = jax.random.normal(key, w.shape, w.dtype)
        if normalize is None:
            return d
        axes = tuple(range(w.ndim - 1)) if normalize == "filter" else None
        of, to = (jnp.sqrt(jnp.sum(x**2, axes, keepdims=True)) for x in (d, w))
        return d * (to / jnp.where(of > 0, of, 1))  # nothing where there is none

    keys = jax.random.split(key, len(leaves))
    return jax.tree.unflatten(tree, list(map(draw, keys, leaves)))


def orthonormal(first: Weights, *others: Weights) -> tuple[Weights, ...]:
    """Directions of length 1 at right angles that span what these span.

    The first keeps its course, each other one only what is at right angles to those
    before (Gram and Schmidt). Under ``jit``, where nothing can be raised, directions
    that span fewer dimensions come out as NaN.

    Raises:
        ValueError: for trees that do not match, or directions of which one lies in the
            span of the others.

    Example:
        >>> from snnjax.analysis import directions
        >>> a, b = directions.orthonormal(jnp.array([2.0, 0.0]), jnp.array([1.0, 3.0]))
        >>> print(abs(a), b)
        [1. 0.] [0. 1.]
    """
    check_tree("first", first)
    for other in others:
        same_tree("others: a direction", other, first)
    _, unravel = ravel_pytree(first)
    columns = jnp.stack([ravel_pytree(d)[0] for d in (first, *others)], axis=1)
    basis, upper = jnp.linalg.qr(columns)
    lengths, diagonal = jnp.linalg.norm(columns, axis=0), jnp.diagonal(upper)
    shares = jnp.abs(diagonal) / lengths[: len(diagonal)]
    enough = jnp.all(shares > 1e3 * jnp.finfo(shares.dtype).eps)
    known = check.concrete(enough)
    if len(shares) < len(lengths) or (known is not None and not known):
        raise ValueError(
            f"{len(lengths)} directions of length {lengths} span fewer dimensions: "
            "one of them is zero, or a sum of the others."
        )
    basis = check.or_nan(basis * jnp.sign(diagonal)[None], enough)
    return tuple(unravel(column) for column in basis.T)


@exportable
class Principal(NamedTuple):
    """The plane in which a trajectory lies, as far as it lies in one."""

    directions: tuple[Weights, ...]  # of length 1, at right angles
    coordinates: jax.Array  # of each point, from the last one: [T, count]
    share: jax.Array  # of the variance, of each direction: [count]


def principal_directions(trajectory: Weights, count: int = 2) -> Principal:
    """The directions in which weights moved most, by principal components.

    Args:
        trajectory: weights over training, each array ``[T, ...]``, as ``lax.scan``
            stacks them.
        count: number of directions.

    Returns:
        The directions, where each point of the trajectory lies in the plane that they
        span through the last one, and which share of the variance each explains. The
        shares of a traced trajectory that stands still are NaN.

    Raises:
        ValueError: for fewer than ``count + 1`` points, or weights that did not move.
    """
    check.whole("count", count)
    check_tree("trajectory", trajectory)
    for leaf in jax.tree.leaves(trajectory):
        check.finite("trajectory", leaf)
    lengths = {jnp.shape(leaf)[:1] for leaf in jax.tree.leaves(trajectory)}
    if len(lengths) != 1 or lengths == {()} or (length := max(lengths)[0]) <= count:
        raise ValueError(
            f"count={count} principal directions need a trajectory of {count + 1} "
            f"points or more, arrays [T, ...] of one T; first axes are "
            f"{sorted(lengths)}."
        )
    _, unravel = ravel_pytree(jax.tree.map(lambda leaf: leaf[-1], trajectory))
    points = jax.vmap(lambda weights: ravel_pytree(weights)[0])(trajectory)
    centred = points - points.mean(axis=0, keepdims=True)
    _, values, rows = jnp.linalg.svd(centred, full_matrices=False)
    total = jnp.sum(values**2)
    known = check.concrete(total)
    if known is not None and not known > 0:
        raise ValueError(f"The {length} points of the trajectory are all the same.")
    return Principal(
        tuple(unravel(row) for row in rows[:count]),
        (points - points[-1:]) @ rows[:count].T,
        values[:count] ** 2 / total,
    )
