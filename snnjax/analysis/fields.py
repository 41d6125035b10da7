"""Fields: what a gradient pretends a loss to be, and whether it is one at all.

A *field* is a function ``weights -> gradient``, for example ``jax.grad(loss)``. The
loss of a spiking network is flat between jumps, yet its surrogate field g has a slope
everywhere. What it pretends the loss to be along a path w(s) is

    L(w(0)) + ∫ g(w(s)) · dw/ds ds

Were g the gradient of any function, the integral would not depend on the path and would
be zero along a closed one. That of a surrogate is not (Gygax & Zenke 2025,
doi:10.1162/neco_a_01752).
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from snnjax import check, loops
from snnjax.analysis.checks import (
    Weights,
    all_finite,
    check_batch_size,
    path_points,
    same_tree,
)
from snnjax.analysis.landscape import Path
from snnjax.exported import exportable

Field = Callable[[Weights], Weights]


@exportable
class Integral(NamedTuple):
    """An integral of a field, and how far it can be trusted.

    Example:
        >>> from snnjax.analysis import fields, landscape
        >>> path = landscape.line(jnp.zeros(2), jnp.ones(2))
        >>> at = jnp.linspace(0.0, 1.0, 5)
        >>> integral = fields.line_integral(lambda w: w**2, path, at)
        >>> print(f"{integral.value[-1]:.2f}", integral.error[-1] < 0.02)
        0.67 True
    """

    value: jax.Array  # ∫ g · dw
    error: jax.Array  # against the same at a third of the points; without rounding


def line_integral(
    field: Field,
    path: Path,
    at: Any,
    *,
    batch_size: int | None = None,
) -> Integral:
    """The integral ∫ g(w(s)) · dw/ds ds of a field along a path, up to each point.

    By the midpoint rule with three midpoints in each interval; the error is its
    distance to the rule with one. A smooth integrand has an eighth of it, one that
    jumps about as much.

    Args:
        field: ``weights -> gradient``, a tree like the weights.
        path: ``s -> weights``, differentiable inside each interval.
        at: values of s, ``[K]``, in the order in which they are passed.
        batch_size: how many points are computed at a time; one if omitted.

    Returns:
        The integral from the first point to each, ``[K]``, and its error, ``[K]``.

    Raises:
        ValueError: for fewer than two points, a gradient unlike the weights, or an
            integral that is not finite.

    Example:
        >>> from snnjax.analysis import fields, landscape
        >>> def loss(w):
        ...     return jnp.sum(w**3)
        ...
        >>> at = jnp.linspace(0.0, 1.0, 11)
        >>> path = landscape.line(jnp.zeros(2), jnp.ones(2))
        >>> pretended = fields.line_integral(jax.grad(loss), path, at)
        >>> print(f"{pretended.value[-1]:.2f}")  # as the loss itself has risen
        2.00
    """
    check.function("field", field)
    check.function("path", path)
    check_batch_size(batch_size)
    points = path_points("at", at)
    width = jnp.diff(points)
    sixths = jnp.array([[1.0, 3.0, 5.0]], points.dtype)
    inside = points[:-1, None] + width[:, None] * sixths / 6.0

    def power(s):
        weights, velocity = jax.jvp(path, (s,), (jnp.ones_like(s),))
        gradient = field(weights)
        same_tree("The gradient", gradient, weights)
        return jnp.asarray(optax.tree.vdot(gradient, velocity), s.dtype)

    along = partial(jax.lax.map, power, batch_size=batch_size)
    powers = loops.forgotten(along, inside.ravel()).reshape(inside.shape)
    fine, coarse = (
        jnp.concatenate([jnp.zeros_like(width[:1]), jnp.cumsum(width * mean)])
        for mean in (powers.mean(axis=1), powers[:, 1])
    )
    return Integral(all_finite("integrals", fine), jnp.abs(fine - coarse))


def loop_integral(
    field: Field,
    path: Path,
    points: int,
    *,
    batch_size: int | None = None,
) -> Integral:
    """The integral ∮ g · dw around a closed path: zero for a gradient.

    Args:
        field: ``weights -> gradient``.
        path: ``s -> weights``, closed as s goes from 0 to 1.
        points: number of intervals, each with three points; for a polygon best a
            multiple of its corners.
        batch_size: how many points are computed at a time; one if omitted.

    Returns:
        The integral and its error, both ``[]``; NaN for a traced path that is not
        closed.

    Raises:
        ValueError: as ``line_integral``, and for a path that is not closed.

    Example:
        >>> from snnjax.analysis import fields, landscape
        >>> def turning(w):  # no gradient of anything
        ...     return jnp.stack([-w[1], w[0]])
        ...
        >>> first, second = jnp.eye(2)
        >>> through = landscape.plane(jnp.zeros(2), first, second)
        >>> path = landscape.circle(through, 1.0)
        >>> print(f"{fields.loop_integral(turning, path, 100).value:.2f}")  # 2π
        6.28
        >>> integral = fields.loop_integral(jax.grad(jnp.sum), path, 100)
        >>> print(abs(integral.value) < 1e-4)
        True
    """
    check.function("field", field)
    check.function("path", path)
    check_batch_size(batch_size)
    check.whole("points", points, least=2, most=2**24)
    start = path(jnp.zeros(()))
    dtype = check.precision(start)
    others = [path(jnp.asarray(s, dtype)) for s in (1.0 / 3.0, 2.0 / 3.0, 1.0)]
    *ways, gap = (optax.tree.norm(optax.tree.sub(w, start)) for w in others)
    closed = gap / sum(ways) < 0.01
    known = check.concrete(closed)
    if known is not None and not known:
        raise ValueError(
            f"The path is no loop: it goes {sum(ways):.3g} away from where it began at "
            f"s = 0, and at s = 1 it ends {gap:.3g} from there. Take a circle or a "
            "polygon, or line_integral for an open path."
        )
    integral = line_integral(
        field,
        path,
        jnp.linspace(0.0, 1.0, points + 1, dtype=dtype),
        batch_size=batch_size,
    )
    return Integral(*(check.or_nan(each[-1], closed) for each in integral))
