"""Shapes that are negative in parts, so that they are no densities; h(0) = 1."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from snnjax.check import Number
from snnjax.exported import exportable


@exportable
class SquareWave(NamedTuple):
    """h(v) = Σ cos((2m - 1) x) / n over m = 1 … n, with x = 2π v / period.

    The derivative of the first n harmonics of a square wave, summed in closed form:
    sin(2n x) / (2n sin x). It has negative side lobes and never ends.
    """

    period: Number = 8.0
    harmonics: Number = 1.0  # n, a whole number

    def __call__(self, v: jax.Array) -> jax.Array:
        x = 2.0 * jnp.pi / self.period * v
        n, sine = self.harmonics, jnp.sin(x)
        near = jnp.abs(sine) < 1e-3 / n  # sin(2n x) / sin x there, by its limit
        ratio = jnp.sin(2.0 * n * x) / jnp.where(near, 1.0, 2.0 * n * sine)
        return jnp.where(near, jnp.cos(x), ratio)


@exportable
class MultiGaussian(NamedTuple):
    """A Gaussian with two wide negative ones beside it, scaled to h(0) = 1.

        h(v) ∝ (1 + h₀) g(x) - h₀/s [g((x - 1) / s) + g((x + 1) / s)]

    with x = k·v and g(x) = exp(-x² / 2). Its tails are negative.
    Yin, Corradi & Bohté 2021, doi:10.1038/s42256-021-00397-w.
    """

    slope: Number = 2.0
    height: Number = 0.15  # h₀
    width: Number = 6.0  # s

    def __call__(self, v: jax.Array) -> jax.Array:
        return self._profile(self.slope * v) / self.amplitude

    @property
    def amplitude(self) -> Number:
        """What the bracket is at threshold."""
        return self._profile(jnp.zeros(()))

    @property
    def area(self) -> Number:
        """∫h dv, negative parts included."""
        share = (1.0 - self.height) / self.amplitude
        return share * jnp.sqrt(2.0 * jnp.pi) / self.slope

    def _profile(self, x):
        def bump(x):
            return jnp.exp(-(x**2) / 2.0)

        sides = bump((x - 1.0) / self.width) + bump((x + 1.0) / self.width)
        return (1.0 + self.height) * bump(x) - self.height / self.width * sides
