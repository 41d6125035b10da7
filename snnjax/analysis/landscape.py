"""Landscapes: a loss along paths and over planes through weight space.

A *path* is a function ``s -> weights``, a *plane* a function ``(x, y) -> weights``. All
points are one program: they run one after another, or ``batch_size`` at a time.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from snnjax import check, loops
from snnjax.analysis.checks import (
    Weights,
    all_finite,
    check_batch_size,
    path_points,
    same_tree,
)
from snnjax.check import Number

Path = Callable[[jax.Array], Weights]
Plane = Callable[[jax.Array, jax.Array], Weights]


def line(start: Weights, end: Weights) -> Path:
    """The straight line w(s) = (1 - s)·start + s·end, which goes on beyond both.

    Raises:
        ValueError: for trees that do not match.

    Example:
        >>> path = snn.analysis.landscape.line({"w": jnp.zeros(2)}, {"w": jnp.ones(2)})
        >>> print(path(0.25)["w"])
        [0.25 0.25]
    """
    same_tree("From start: the end of a line", end, start)
    return lambda s: jax.tree.map(partial(_between, s), start, end)


def plane(center: Weights, first: Weights, second: Weights) -> Plane:
    """The plane w(x, y) = center + x·first + y·second.

    The plane through three weights a, b, c has the directions ``optax.tree.sub(b, a)``
    and ``optax.tree.sub(c, a)``.

    Raises:
        ValueError: for trees that do not match.

    Example:
        >>> from snnjax.analysis import landscape
        >>> first, second = jnp.eye(2)
        >>> through = landscape.plane(jnp.zeros(2), first, second)
        >>> print(through(0.5, 2.0))
        [0.5 2. ]
    """
    same_tree("From center: the first direction", first, center)
    same_tree("From center: the second direction", second, center)

    def at(x, y):
        def moved(c, f, s):
            dtype = check.precision(c, f, s)
            x_, y_, c, f, s = (jnp.asarray(term, dtype) for term in (x, y, c, f, s))
            return c + x_ * f + y_ * s

        return jax.tree.map(moved, center, first, second)

    return at


def circle(through: Plane, radius: Number) -> Path:
    """The closed path (x, y) = radius·(cos 2πs, sin 2πs) in a plane, s from 0 to 1.

    It is round, and ``radius`` a distance, if the directions are ``orthonormal``.

    Raises:
        ValueError: for a radius that is not positive.

    Example:
        >>> from snnjax.analysis import landscape
        >>> first, second = jnp.eye(2)
        >>> through = landscape.plane(jnp.zeros(2), first, second)
        >>> path = landscape.circle(through, 2.0)
        >>> print(path(0.0))
        [2. 0.]
    """
    check.function("through", through)
    check.positive("radius", radius)
    check.one("radius", radius)

    def at(s):
        dtype = check.precision(s, radius)
        r, angle = jnp.asarray(radius, dtype), 2.0 * jnp.pi * jnp.asarray(s, dtype)
        return through(r * jnp.cos(angle), r * jnp.sin(angle))

    return at


def polygon(*corners: Weights) -> Path:
    """The closed path from corner to corner; corner k of n lies at s = k/n.

    Raises:
        ValueError: for fewer than three corners, or trees that do not match.
    """
    n = len(corners)
    if n < 3:
        raise ValueError(f"A polygon has three corners or more, got {n}.")
    for corner in corners[1:]:
        same_tree("corners: a corner", corner, corners[0])

    def at(s):
        corner = jnp.clip(jnp.floor(s * n), 0, n - 1)
        edge, passed = corner.astype(int), s * n - corner

        def between(*leaves):
            stack = jnp.stack(leaves)
            return _between(passed, stack[edge], stack[(edge + 1) % n])

        return jax.tree.map(between, *corners)

    return at


def loss_on_path(
    loss: Callable[[Weights], jax.Array],
    path: Path,
    at: Any,
    *,
    batch_size: int | None = None,
) -> jax.Array:
    """The loss along a path.

    Args:
        loss: ``weights -> scalar``.
        path: ``s -> weights``.
        at: values of s, ``[K]``.
        batch_size: how many points are computed at a time; one if omitted.

    Returns:
        Losses, ``[K]``.

    Raises:
        ValueError: for fewer than two points, a loss that is no scalar, or losses that
            are not finite.

    Example:
        >>> from snnjax.analysis import landscape
        >>> path = landscape.line(jnp.zeros(2), jnp.ones(2))
        >>> print(landscape.loss_on_path(jnp.sum, path, jnp.array([0.0, 0.5, 1.0])))
        [0. 1. 2.]
    """
    check.function("loss", loss)
    check.function("path", path)
    check_batch_size(batch_size)
    points = path_points("at", at)
    return _losses(lambda s: loss(path(s)), points, points.shape, batch_size)


def loss_on_plane(
    loss: Callable[[Weights], jax.Array],
    through: Plane,
    xs: Any,
    ys: Any,
    *,
    batch_size: int | None = None,
) -> jax.Array:
    """The loss over a plane.

    Args:
        loss: ``weights -> scalar``.
        through: ``(x, y) -> weights``.
        xs: coordinates along the first direction, ``[K]``.
        ys: coordinates along the second, ``[M]``.
        batch_size: how many points are computed at a time; one if omitted.

    Returns:
        Losses, ``[M, K]``: one row for each y, as ``plot.loss_plane`` draws them.

    Raises:
        ValueError: as ``loss_on_path``.

    Example:
        >>> from snnjax.analysis import landscape
        >>> first, second = jnp.eye(2)
        >>> through = landscape.plane(jnp.zeros(2), first, second)
        >>> xs, ys = jnp.array([0.0, 1.0]), jnp.array([0.0, 10.0, 20.0])
        >>> print(landscape.loss_on_plane(jnp.sum, through, xs, ys))
        [[ 0.  1.]
         [10. 11.]
         [20. 21.]]
    """
    check.function("loss", loss)
    check.function("through", through)
    check_batch_size(batch_size)
    y, x = jnp.meshgrid(path_points("ys", ys), path_points("xs", xs), indexing="ij")
    points = x.ravel(), y.ravel()
    return _losses(lambda at: loss(through(*at)), points, x.shape, batch_size)


def _losses(loss, points, shape, batch_size):
    at_all = partial(jax.lax.map, lambda at: _scalar(loss(at)), batch_size=batch_size)
    return all_finite("losses", loops.forgotten(at_all, points).reshape(shape))


def _between(s, a, b):
    """A point of a line, as precise as its ends, whatever the coordinate is."""
    s, a, b = (jnp.asarray(x, check.precision(a, b)) for x in (s, a, b))
    return (1.0 - s) * a + s * b


def _scalar(loss):
    if jnp.shape(loss) != ():
        raise ValueError(
            f"The loss must be one number, got shape {jnp.shape(loss)}. Take its mean, "
            "and leave out what else it returns."
        )
    return loss
