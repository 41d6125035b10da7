"""Spikes, and the derivatives we pretend they have.

A spike is a step, so its true derivative is zero almost everywhere. The backward
pass uses a *shape* h(v) instead, where v is the distance to threshold. A shape is a
callable pytree: its slope is data, so it can be swept with ``vmap`` and changed
without recompiling. Every shape here peaks at h(0) = 1; its slope k sets the width.

Of your own: any function ``v -> h(v)`` will do. Make it a ``NamedTuple`` with
``__call__``, as those below, if its numbers are to be swept or traced.
"""

from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
from jax.tree_util import Partial

from snnjax import check
from snnjax.check import Number


class Shape(Protocol):
    """A pseudo-derivative, ``v -> h(v)`` with v the distance to threshold."""

    def __call__(self, v: jax.Array, /) -> jax.Array: ...


def spike(v: jax.Array, shape: Shape) -> jax.Array:
    """Fires wherever the membrane is above threshold.

        forward    s = 1[v > 0]
        backward   ∂s/∂v := shape(v)

    The forward pass is the same, bit for bit, whatever the shape.

    Args:
        v: distance to threshold, ``[...]``. Exactly at threshold is silent, and so
            is NaN.
        shape: the pseudo-derivative, for example ``SuperSpike(slope=10.0)``. Wrap it
            in ``ForwardMode`` to differentiate with ``jvp`` or ``jacfwd``.

    Returns:
        Spikes in {0, 1}, with the shape and dtype of ``v``.

    Raises:
        ValueError: if ``v`` is not floating point.
    """
    v = jnp.asarray(v)
    check.floating("The distance to threshold", v)
    if isinstance(shape, ForwardMode):
        return _spike_either_way(v, as_pytree(shape.shape))
    return _spike(v, as_pytree(shape))


@jax.custom_vjp
def _spike(v, shape):
    del shape  # speaks in the backward pass only
    return (v > 0).astype(v.dtype)


def _spike_fwd(v, shape):
    return _spike(v, shape), (v, shape)


def _spike_bwd(residuals, g):
    v, shape = residuals
    none = None  # the shape never touches the output
    return g * shape(v).astype(v.dtype), none


_spike.defvjp(_spike_fwd, _spike_bwd)


@jax.custom_jvp
def _spike_either_way(v, shape):
    del shape
    return (v > 0).astype(v.dtype)


@_spike_either_way.defjvp
def _spike_jvp(primals, tangents):
    v, shape = primals
    return _spike_either_way(v, shape), tangents[0] * shape(v).astype(v.dtype)


def as_pytree(shape: Shape) -> Any:
    """A bare function is no pytree; ``Partial`` makes it one without leaves."""
    leaves = jax.tree.leaves(shape)
    return Partial(shape) if any(callable(leaf) for leaf in leaves) else shape


class ForwardMode(NamedTuple):
    """The forward-mode twin of a shape: the same numbers through ``jvp``.

    ``custom_vjp`` knows reverse mode only. With ``surrogate=ForwardMode(shape)`` a
    network can be differentiated with ``jax.jvp``, ``jax.jacfwd`` and
    ``jax.hessian`` as well; ``jax.grad`` gives what the bare shape gives.
    """

    shape: Shape

    def __call__(self, v: jax.Array) -> jax.Array:
        return self.shape(v)


class Scaled(NamedTuple):
    """h(v) = amplitude · shape(v), for papers whose peak is not 1."""

    shape: Shape
    amplitude: Number

    def __call__(self, v: jax.Array) -> jax.Array:
        return self.amplitude * self.shape(v)


class SuperSpike(NamedTuple):
    """h(v) = 1 / (1 + k·|v|)² (Zenke & Ganguli 2018, doi:10.1162/neco_a_01086)."""

    slope: Number = 10.0

    def __call__(self, v: jax.Array) -> jax.Array:
        return 1.0 / (1.0 + self.slope * jnp.abs(v)) ** 2

    @property
    def area(self) -> Number:
        """∫h dv = 2/k."""
        return 2.0 / self.slope


class Sigmoid(NamedTuple):
    """h(v) = 4 σ(k·v) σ(-k·v), σ the logistic function.

    Neftci, Mostafa & Zenke 2019, doi:10.1109/MSP.2019.2931595.
    """

    slope: Number = 10.0

    def __call__(self, v: jax.Array) -> jax.Array:
        return 4.0 * jax.nn.sigmoid(self.slope * v) * jax.nn.sigmoid(-self.slope * v)

    @property
    def area(self) -> Number:
        """∫h dv = 4/k."""
        return 4.0 / self.slope


class Triangle(NamedTuple):
    """h(v) = max(0, 1 - k·|v|) (Esser et al. 2016, doi:10.1073/pnas.1604850113)."""

    slope: Number = 1.0

    def __call__(self, v: jax.Array) -> jax.Array:
        return jnp.maximum(0.0, 1.0 - self.slope * jnp.abs(v))

    @property
    def area(self) -> Number:
        """∫h dv = 1/k."""
        return 1.0 / self.slope


class Arctan(NamedTuple):
    """h(v) = 1 / (1 + (k·v)²) (Fang et al. 2021, doi:10.1109/ICCV48922.2021.00266)."""

    slope: Number = 3.0

    def __call__(self, v: jax.Array) -> jax.Array:
        return 1.0 / (1.0 + (self.slope * v) ** 2)

    @property
    def area(self) -> Number:
        """∫h dv = π/k."""
        return jnp.pi / self.slope


class Gaussian(NamedTuple):
    """h(v) = exp(-(k·v)² / 2), of standard deviation 1/k.

    Yin, Corradi & Bohté 2021, doi:10.1038/s42256-021-00397-w.
    """

    slope: Number = 2.0

    def __call__(self, v: jax.Array) -> jax.Array:
        return jnp.exp(-((self.slope * v) ** 2) / 2.0)

    @property
    def area(self) -> Number:
        """∫h dv = √(2π)/k."""
        return jnp.sqrt(2.0 * jnp.pi) / self.slope


class Boxcar(NamedTuple):
    """h(v) = 1[|v| < 1/(2k)] (Wu et al. 2018, doi:10.3389/fnins.2018.00331)."""

    slope: Number = 1.0

    def __call__(self, v: jax.Array) -> jax.Array:
        return (2.0 * self.slope * jnp.abs(v) < 1.0).astype(v.dtype)

    @property
    def area(self) -> Number:
        """∫h dv = 1/k."""
        return 1.0 / self.slope


class StraightThrough(NamedTuple):
    """h(v) = 1 (Bengio, Léonard & Courville 2013, doi:10.48550/arXiv.1308.3432)."""

    def __call__(self, v: jax.Array) -> jax.Array:
        return jnp.ones_like(v)

    @property
    def area(self) -> Number:
        """∫h dv diverges."""
        return jnp.inf


def unit_area(shape: Any) -> Scaled:
    """Rescales a shape from peak 1 to ∫h dv = 1, a probability density.

    Raises:
        ValueError: if the shape states no finite ``area``.
    """
    area = getattr(shape, "area", None)
    known = None if area is None else check.concrete(area)
    if area is None or (known is not None and not jnp.all(jnp.isfinite(known))):
        raise ValueError(
            f"{type(shape).__name__} has no finite area to normalise by, got {area}."
        )
    return Scaled(shape, 1.0 / area)
