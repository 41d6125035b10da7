"""Flows in closed form: what neurons do between spikes, for any length of time.

A linear flow of two variables, x' = A x, ends at

    exp(A t) = e^{mt} [cosh(√z) I + t sinhc(√z) (A - m I)]
    m = tr A / 2        z = t² (m² - det A)        sinhc(r) = sinh(r) / r

cosh(√z) and sinhc(√z) are entire in z, for z < 0 they are cos and sin: one formula for
overdamped, critical and oscillating, and its derivatives.

An exponential term, y' = κ + g e^y, is linear in e^{-y}; a quadratic one,
y' = k y² + q, is a quotient of two linear flows, a Möbius map. Both reach infinity in
finite time: that is the spike, and the time at which it happens is known.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from snnjax.check import Number
from snnjax.neurons.potentials import mean_exp


class Matrix(NamedTuple):
    """Two by two, each ``[]`` or ``[n]``; None in a corner is a zero, for reading."""

    aa: jax.Array
    ab: Any
    ba: Any
    bb: jax.Array

    def times(self, a: jax.Array, b: jax.Array) -> tuple[jax.Array, jax.Array]:
        """The product with (a, b)."""
        return self.aa * a + self.ab * b, self.ba * a + self.bb * b


def linear_flow(rates: Matrix, t: Number) -> Matrix:
    """exp(A t) of a flow that does not grow (tr A ≤ 0 ≤ det A).

    Args:
        rates: A, in 1/s.
        t: how long [s].
    """
    aa, ab, ba, bb = (rate * t for rate in rates)
    half = (aa - bb) / 2.0
    c, s = damped_roots((aa + bb) / 2.0, half**2 + ab * ba)
    return Matrix(c + s * half, s * ab, s * ba, c - s * half)


def damped_roots(m: jax.Array, z: jax.Array) -> tuple[jax.Array, jax.Array]:
    """e^m cosh(√z) and e^m sinhc(√z), smooth in both; no power above e^(m + √z)."""
    near, above = jnp.abs(z) < _SMALL, z >= _SMALL
    series_c, series_s = _series(jnp.where(near, z, 0.0))
    r = jnp.sqrt(jnp.where(near, 1.0, jnp.abs(z)))
    grown, shrunk = jnp.where(above, r, 0.0), jnp.exp(jnp.where(above, -2.0 * r, 0.0))
    c = jnp.where(above, (1.0 + shrunk) / 2.0, jnp.cos(r))
    s = jnp.where(above, (1.0 - shrunk) / 2.0, jnp.sin(r)) / r
    scale = jnp.exp(m + grown)
    return scale * jnp.where(near, series_c, c), scale * jnp.where(near, series_s, s)


def _series(z):
    """cosh(√z) and sinhc(√z) for |z| ≤ 0.01, by six terms: to 1e-20."""
    c = s = jnp.ones_like(z)
    for k in range(5, 0, -1):
        c = 1.0 + z / ((2 * k - 1) * (2 * k)) * c
        s = 1.0 + z / ((2 * k) * (2 * k + 1)) * s
    return c, s


def exponential_flow(
    y: jax.Array,
    kappa: jax.Array,
    g: jax.Array,
    peak: jax.Array,
    t: jax.Array,
    reached: jax.Array | bool,
) -> jax.Array:
    """Y' = κ + g e^y from ``y`` on, up to a peak.

        y(t) = y + κ t - ln(1 - g e^y (e^{κt} - 1)/κ)

    Args:
        y: where it starts, at most ``peak``.
        kappa: κ, of any sign [1/s].
        g: positive [1/s].
        peak: below 80, so that e^y can be written in single precision.
        t: how long [s].
        reached: where the peak comes before t (``exponential_time``).

    Returns:
        y(t), and the peak where that was reached.
    """
    used = g * jnp.exp(y) * t * mean_exp(0.0, jnp.minimum(kappa * t, _MOST))
    left = jnp.where(reached, 0.0, jnp.minimum(used, 1.0 - jnp.finfo(y.dtype).eps))
    end = jnp.minimum(y + kappa * t - jnp.log1p(-left), peak)
    return jnp.where(reached, peak, end)


def exponential_time(
    y: jax.Array, kappa: jax.Array, g: jax.Array, peak: jax.Array
) -> jax.Array:
    """When ``exponential_flow`` is at its peak [s]; infinity if it never is.

    ln(1 + κ r)/κ        r = (e^(p-y) - 1)/(κ + g e^p)
    """
    speed = kappa + g * jnp.exp(peak)
    upward = speed > 0
    r = jnp.expm1(jnp.minimum(peak - y, _MOST)) / jnp.where(upward, speed, 1.0)
    comes = upward & (kappa * r > -1.0)
    r = jnp.where(comes, r, 0.0)
    return jnp.where(comes, r * log1p_ratio(kappa * r), jnp.inf)


def log1p_ratio(x):
    """ln(1 + x)/x, 1 at x = 0."""
    near = jnp.abs(x) < _NEAR
    small, apart = jnp.where(near, x, 0.0), jnp.where(near, 1.0, x)
    return jnp.where(near, _alternating(small, 1), jnp.log1p(apart) / apart)


def quadratic_flow(
    y: jax.Array,
    k: jax.Array,
    q: jax.Array,
    peak: jax.Array,
    t: jax.Array,
    reached: jax.Array | bool,
) -> jax.Array:
    """Y' = k y² + q from ``y`` on, up to a peak: a Möbius map of y.

        y(t) = (C y + S q t) / (C - S k t y)        C, S = cosh, sinhc of √(-k q) t

    Args:
        y: where it starts, at most ``peak``.
        k: positive.
        q: of any sign; below zero there are two fixed points.
        peak: positive, above both.
        t: how long [s].
        reached: where the peak comes before t (``quadratic_time``).

    Returns:
        y(t), and the peak where that was reached.
    """
    z = -k * q * t**2
    scale = jax.lax.stop_gradient(-jnp.sqrt(jnp.maximum(z, 0.0)))  # of the quotient
    c, s = damped_roots(scale, z)
    below = jnp.where(reached, 1.0, c - s * k * t * y)
    below = jnp.maximum(below, jnp.finfo(y.dtype).tiny)
    end = jnp.minimum((c * y + s * t * q) / below, peak)
    return jnp.where(reached, peak, end)


def quadratic_time(
    y: jax.Array, k: jax.Array, q: jax.Array, peak: jax.Array
) -> jax.Array:
    """When ``quadratic_flow`` is at its peak p [s]; infinity if it never is.

    For q > 0 √(kq) t is the angle of the point (q + k y p, √(kq) (p - y)), for q < 0
    its hyperbolic angle.
    """
    ahead, along = peak - y, q + k * y * peak
    root = jnp.sqrt(jnp.where(q == 0, 1.0, jnp.abs(k * q)))
    upward = along > 0
    r = ahead / jnp.where(upward, along, 1.0)
    near = upward & (jnp.abs(k * q) * r**2 < _NEAR)
    bent = r * _alternating(jnp.where(near, k * q * r**2, 0.0), 2)
    oscillates, comes = q > 0, along > root * ahead
    up, right = jnp.where(near, 1.0, root * ahead), jnp.where(near, 1.0, along)
    angle = jnp.arctan2(up, right) / root
    rest = jnp.where(comes & ~near, along - root * ahead, 1.0)
    area = 0.5 * jnp.log1p(2.0 * up / rest) / root
    far = jnp.where(oscillates, angle, jnp.where(comes, area, jnp.inf))
    return jnp.where(near, bent, far)


def _alternating(x, every):
    """Σ (-x)^j / (every j + 1) for |x| ≤ 0.001: ln(1 + x)/x, or arctan(√x)/√x."""
    total = jnp.zeros_like(x)
    for j in range(5, -1, -1):
        total = 1.0 / (every * j + 1) - x * total
    return total


_SMALL = 1e-2  # of z, below which the power series is taken
_NEAR = 1e-3  # below this quotients lose digits and a power series takes over
_MOST = 80.0  # of an exponent, in single precision
