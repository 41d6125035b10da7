"""Shapes of unbounded area: they do not decay, or too slowly, on one side or both.

They are no densities, so that no noise and no smooth step belongs to them. The largest
value is 1 unless ``peak`` says otherwise.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from snnjax.check import Number
from snnjax.exported import exportable


@exportable
class StraightThrough(NamedTuple):
    """h(v) = 1 (Bengio, Léonard & Courville 2013, doi:10.48550/arXiv.1308.3432).

    Example:
        >>> print(snn.surrogate.StraightThrough()(jnp.array([-5.0, 0.0, 5.0])))
        [1. 1. 1.]
    """

    def __call__(self, v: jax.Array) -> jax.Array:
        return jnp.ones_like(v)


@exportable
class Step(NamedTuple):
    """h(v) = 1 at and above threshold, else ε: a leaky ReLU for ε > 0."""

    below: Number = 0.0  # ε

    def __call__(self, v: jax.Array) -> jax.Array:
        return jnp.where(v >= 0, 1.0, self.below)


@exportable
class Ramp(NamedTuple):
    """h(v) = (1 + k·v) / 2 held within 0 to 1: no bump, it rises once."""

    slope: Number = 1.0

    def __call__(self, v: jax.Array) -> jax.Array:
        return jnp.clip(0.5 + 0.5 * self.slope * v, 0.0, 1.0)


@exportable
class LogTail(NamedTuple):
    """h(v) = ε up to threshold, 1 for 0 < v <= 1, 1/v beyond.

    Cai et al. 2017, doi:10.48550/arXiv.1702.00953.
    """

    below: Number = 0.0  # ε

    def __call__(self, v: jax.Array) -> jax.Array:
        return jnp.where(v > 0, 1.0 / jnp.maximum(v, 1.0), self.below)


@exportable
class Hyperbola(NamedTuple):
    """h(v) = min(1, 1 / (k·|v|)): flat near the threshold, area without bound."""

    slope: Number = 0.3

    def __call__(self, v: jax.Array) -> jax.Array:
        return 1.0 / jnp.maximum(1.0, self.slope * jnp.abs(v))


@exportable
class LeakyBoxcar(NamedTuple):
    """h(v) = 1 for |v| < 1/(2k), else ε."""

    slope: Number = 1.0
    outside: Number = 0.02  # ε

    def __call__(self, v: jax.Array) -> jax.Array:
        return jnp.where(2.0 * self.slope * jnp.abs(v) < 1.0, 1.0, self.outside)


@exportable
class S2NN(NamedTuple):
    """h(v) = 4 σ(k·v) σ(-k·v) below threshold, c / (1 + v) above.

    Suetake et al. 2022, doi:10.48550/arXiv.2201.10879. It jumps at threshold if c ≠ 1.
    """

    slope: Number = 4.0
    above: Number = 1.0  # c

    def __call__(self, v: jax.Array) -> jax.Array:
        x = self.slope * v
        below = 4.0 * jax.nn.sigmoid(x) * jax.nn.sigmoid(-x)
        return jnp.where(v < 0, below, self.above / (1.0 + jnp.maximum(v, 0.0)))

    @property
    def peak(self) -> Number:
        """The larger of both sides."""
        return jnp.maximum(1.0, self.above)


@exportable
class EscapeRate(NamedTuple):
    """h(v) = exp(k·v), of a firing rate that grows exponentially with the voltage.

    It has no bound above threshold and overflows far above (in float32 at k·v = 88).
    Gerstner & Kistler 2002, doi:10.1017/CBO9780511815706.
    """

    slope: Number = 7.5

    def __call__(self, v: jax.Array) -> jax.Array:
        return jnp.exp(self.slope * v)

    @property
    def peak(self) -> Number:
        """Unbounded."""
        return jnp.inf


@exportable
class Periodic(NamedTuple):
    """h(v) = exp(-k·|v|) below threshold, above it one such bump for each spike.

    For neurons that fire several spikes in a step, one for each θ: bumps stand at
    v = 0, θ, 2θ, … (Weidel & Sheik 2021, doi:10.48550/arXiv.2111.01456).
    """

    slope: Number = 2.0
    threshold: Number = 1.0  # θ

    def __call__(self, v: jax.Array) -> jax.Array:
        phase = jnp.mod(v / self.threshold + 0.5, 1.0)
        away = jnp.where(v < 0, v, self.threshold * (2.0 * phase - 1.0))
        return jnp.exp(-self.slope * jnp.abs(away))
