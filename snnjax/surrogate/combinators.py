"""Shapes made from shapes: scaled, shifted, with a floor, one-sided, truncated."""

from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from snnjax import check
from snnjax.check import Number
from snnjax.exported import exportable
from snnjax.surrogate.derivative import Shape, check_numbers

Norm = Literal["peak", "area"]


@exportable
class Scaled(NamedTuple):
    """h(v) = amplitude · shape(v), for papers whose peak is not 1.

    Example:
        >>> shape = snn.surrogate.Scaled(snn.Triangle(), amplitude=0.5)
        >>> print(shape(jnp.array([-0.5, 0.0, 2.0])))
        [0.25 0.5  0.  ]
        >>> neuron = snn.lif(100, surrogate=shape)
    """

    shape: Any
    amplitude: Number

    def __call__(self, v: jax.Array) -> jax.Array:
        return self.amplitude * self.shape(v)

    @property
    def peak(self) -> Number:
        """Its largest value."""
        return self.amplitude * getattr(self.shape, "peak", 1.0)

    @property
    def area(self) -> Number:
        """∫h dv."""
        return self.amplitude * self.shape.area

    def cdf(self, v: jax.Array) -> jax.Array:
        """The share of the area below v."""
        return self.shape.cdf(v)


@exportable
class Shifted(NamedTuple):
    """h(v) = shape(v - offset), for peaks that are not at threshold."""

    shape: Any
    offset: Number

    def __call__(self, v: jax.Array) -> jax.Array:
        return self.shape(v - self.offset)

    @property
    def area(self) -> Number:
        """∫h dv."""
        return self.shape.area


@exportable
class Floor(NamedTuple):
    """h(v) = shape(v) + floor, a gradient that reaches neurons however far away."""

    shape: Any
    floor: Number

    def __call__(self, v: jax.Array) -> jax.Array:
        return self.shape(v) + self.floor

    @property
    def peak(self) -> Number:
        """Its largest value."""
        return getattr(self.shape, "peak", 1.0) + self.floor


@exportable
class OneSided(NamedTuple):
    """h(v) = shape(v) below threshold, shape(0) above."""

    shape: Any

    def __call__(self, v: jax.Array) -> jax.Array:
        return self.shape(jnp.minimum(v, 0.0))


@exportable
class Sparse(NamedTuple):
    """h(v) = shape(v) for |v| < width, else exactly 0.

    Only neurons near threshold take part in the backward pass (Perez-Nieves & Goodman
    2021, doi:10.48550/arXiv.2105.08810).

    Example:
        >>> shape = snn.surrogate.Sparse(snn.SuperSpike(10.0), width=0.2)
        >>> print(shape(jnp.array([0.0, 0.1, 0.3])))
        [1.   0.25 0.  ]
    """

    shape: Any
    width: Number

    def __call__(self, v: jax.Array) -> jax.Array:
        h = self.shape(v)
        return jnp.where(jnp.abs(v) >= self.width, jnp.zeros_like(h), h)  # NaN stays


def normalized(shape: Shape, by: Norm) -> Scaled:
    """Rescales a shape.

    Args:
        shape: with ``area``, if it is to be scaled by it.
        by: ``"peak"``, so that its largest value is 1, or ``"area"``, so that
            ∫h dv = 1 as for a probability density.

    Returns:
        The shape, scaled; by NaN if a traced size is not finite.

    Raises:
        ValueError: if the shape has no finite peak or area, or for another norm.

    Example:
        >>> shape = snn.surrogate.normalized(snn.Triangle(slope=2.0), by="area")
        >>> print(shape.amplitude)
        2.0
    """
    if not isinstance(by, str) or by not in ("peak", "area"):
        raise ValueError(
            f"A shape is normalized by='peak' or by='area', got {check.told(by)}."
        )
    check_numbers("shape", shape)
    try:
        size = getattr(shape, by, 1.0 if by == "peak" else None)
    except ZeroDivisionError:  # of slope 0
        size = np.inf
    known = None if size is None else check.concrete(size)
    if size is None or (known is not None and not np.all(np.isfinite(known))):
        name = type(shape).__name__
        raise ValueError(
            f"shape {name} has no finite {by} to normalize by, got {size}."
        )
    if known is None:
        return Scaled(shape, check.or_nan(1.0 / size, jnp.isfinite(size)))
    return Scaled(shape, 1.0 / size)
