"""Errors before harm, for weights, paths and losses."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from snnjax import check

Weights = Any  # a pytree of arrays


def same_tree(what: str, tree: Weights, like: Weights) -> None:
    """Refuses a tree that has not the structure and shapes of another.

    Raises:
        ValueError: with both structures, or the first shapes that differ.
    """
    trees = tree, like
    for each in trees:
        check_tree(what, each)
    got, expected = (str(jax.tree.structure(t)) for t in trees)
    if got == expected:
        got, expected = (str([jnp.shape(x) for x in jax.tree.leaves(t)]) for t in trees)
    if got != expected:
        raise ValueError(
            f"{what} must be a tree like the other: {expected}, not {got}."
        )


def check_tree(what: str, tree: Weights) -> None:
    """Refuses what is no tree of arrays of numbers.

    Raises:
        ValueError: naming what it is.
    """
    leaves = jax.tree.leaves(tree)
    if not leaves or not all(hasattr(leaf, "dtype") for leaf in leaves):
        raise ValueError(f"{what} must be a tree of arrays, got {check.told(tree)}.")
    for leaf in leaves:
        check.array(f"Every leaf of {what}", leaf)


def check_batch_size(batch_size: int | None) -> None:
    """Refuses what is no number of points to compute at a time.

    Raises:
        ValueError: naming the argument.
    """
    if batch_size is not None:
        check.whole("batch_size", batch_size)


def path_points(name: str, values: Any) -> jax.Array:
    """Where a path is looked at, ``[K]``.

    Raises:
        ValueError: for fewer than two points, or points that are not finite.
    """
    check.finite(name, values)
    points = check.wide(values)
    if points.ndim != 1 or len(points) < 2:
        raise ValueError(
            f"{name} must be two points or more, [K], got shape {points.shape}."
        )
    return points


def all_finite(what: str, values: jax.Array) -> jax.Array:
    """The values, unless one of them is known to be NaN or infinite.

    Traced, they come as they are.

    Raises:
        ValueError: with their number and the index of the first.
    """
    known = check.concrete(values)
    if known is not None and not np.all(np.isfinite(known)):
        bad = np.argwhere(~np.isfinite(known))
        raise ValueError(
            f"{len(bad)} of {known.size} {what} are not finite, the first at index "
            f"{bad[0].tolist()}. Look at the loss there, or stay closer to the weights."
        )
    return values
