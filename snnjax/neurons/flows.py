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

from typing import NamedTuple

import jax
import jax.numpy as jnp

from snnjax.check import Number


class Matrix(NamedTuple):
    """Two by two, each ``[]`` or ``[n]``."""

    aa: jax.Array
    ab: jax.Array
    ba: jax.Array
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
    near, above = jnp.abs(z) < 1.0, z >= 1.0
    series_c, series_s = _series(jnp.where(near, z, 0.0))
    r = jnp.sqrt(jnp.where(near, 1.0, jnp.abs(z)))
    grown, shrunk = jnp.where(above, r, 0.0), jnp.exp(jnp.where(above, -2.0 * r, 0.0))
    c = jnp.where(above, (1.0 + shrunk) / 2.0, jnp.cos(r))
    s = jnp.where(above, (1.0 - shrunk) / 2.0, jnp.sin(r)) / r
    scale = jnp.exp(m + grown)
    return scale * jnp.where(near, series_c, c), scale * jnp.where(near, series_s, s)


def _series(z):
    """cosh(√z) and sinhc(√z) for |z| ≤ 1, by ten terms: to 1e-18."""
    c = s = jnp.ones_like(z)
    for k in range(9, 0, -1):
        c = 1.0 + z / ((2 * k - 1) * (2 * k)) * c
        s = 1.0 + z / ((2 * k) * (2 * k + 1)) * s
    return c, s
