"""Shapes that are densities: bumps with h(0) = 1 whose slope k sets the width.

Each states its area ∫h dv and its ``cdf``, the share of that area below v. So each is
also the derivative of a smooth step, and the density of a noise on the threshold: a
neuron that fires with probability ``cdf(v)`` has it as derivative
(``neurons.escape_noise``).

A slope ``[n]`` is one for each neuron. In ``spike`` it stands beside v of any rank;
called on its own, with ``jax_numpy_rank_promotion="raise"``, a shape needs numbers of
the rank of v.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from snnjax.check import Number
from snnjax.exported import exportable


@exportable
class SuperSpike(NamedTuple):
    """h(v) = 1 / (1 + k·|v|)² (Zenke & Ganguli 2018, doi:10.1162/neco_a_01086).

    Example:
        >>> print(snn.SuperSpike(slope=10.0)(jnp.array([-0.1, 0.0, 0.4])))
        [0.25 1.   0.04]
    """

    slope: Number = 10.0

    def __call__(self, v: jax.Array) -> jax.Array:
        return 1.0 / (1.0 + self.slope * jnp.abs(v)) ** 2

    @property
    def area(self) -> Number:
        """∫h dv = 2/k."""
        return 2.0 / self.slope

    def cdf(self, v: jax.Array) -> jax.Array:
        """(1 + k·v / (1 + k·|v|)) / 2, the fast sigmoid."""
        return 0.5 + 0.5 * self.slope * v / (1.0 + self.slope * jnp.abs(v))


@exportable
class Sigmoid(NamedTuple):
    """h(v) = 4 σ(k·v) σ(-k·v) = 1 - tanh²(k·v / 2), σ the logistic function.

    Neftci, Mostafa & Zenke 2019, doi:10.1109/MSP.2019.2931595.

    Example:
        >>> h = snn.Sigmoid(slope=4.0)(jnp.array([-0.5, 0.0, 1.0]))
        >>> print(np.asarray(h).round(2))
        [0.42 1.   0.07]
    """

    slope: Number = 10.0

    def __call__(self, v: jax.Array) -> jax.Array:
        return 4.0 * jax.nn.sigmoid(self.slope * v) * jax.nn.sigmoid(-self.slope * v)

    @property
    def area(self) -> Number:
        """∫h dv = 4/k."""
        return 4.0 / self.slope

    def cdf(self, v: jax.Array) -> jax.Array:
        """σ(k·v)."""
        return jax.nn.sigmoid(self.slope * v)


@exportable
class Triangle(NamedTuple):
    """h(v) = max(0, 1 - k·|v|) (Esser et al. 2016, doi:10.1073/pnas.1604850113).

    Example:
        >>> print(snn.Triangle(slope=1.0)(jnp.array([-0.5, 0.0, 2.0])))
        [0.5 1.  0. ]
    """

    slope: Number = 1.0

    def __call__(self, v: jax.Array) -> jax.Array:
        return jnp.maximum(0.0, 1.0 - self.slope * jnp.abs(v))

    @property
    def area(self) -> Number:
        """∫h dv = 1/k."""
        return 1.0 / self.slope

    def cdf(self, v: jax.Array) -> jax.Array:
        """1/2 + x - x·|x| / 2 with x = k·v held within -1 to 1."""
        x = jnp.clip(self.slope * v, -1.0, 1.0)
        return 0.5 + x - 0.5 * x * jnp.abs(x)


@exportable
class Arctan(NamedTuple):
    """h(v) = 1 / (1 + (k·v)²) (Fang et al. 2021, doi:10.1109/ICCV48922.2021.00266).

    Example:
        >>> print(snn.surrogate.Arctan(slope=2.0)(jnp.array([-0.5, 0.0, 1.0])))
        [0.5 1.  0.2]
    """

    slope: Number = 3.0

    def __call__(self, v: jax.Array) -> jax.Array:
        return 1.0 / (1.0 + (self.slope * v) ** 2)

    @property
    def area(self) -> Number:
        """∫h dv = π/k."""
        return jnp.pi / self.slope

    def cdf(self, v: jax.Array) -> jax.Array:
        """1/2 + arctan(k·v) / π."""
        return 0.5 + jnp.arctan(self.slope * v) / jnp.pi


@exportable
class Gaussian(NamedTuple):
    """h(v) = exp(-(k·v)² / 2), of standard deviation 1/k.

    Yin, Corradi & Bohté 2021, doi:10.1038/s42256-021-00397-w.

    Example:
        >>> h = snn.surrogate.Gaussian(slope=2.0)(jnp.array([-0.5, 0.0, 1.0]))
        >>> print(np.asarray(h).round(2))
        [0.61 1.   0.14]
    """

    slope: Number = 2.0

    def __call__(self, v: jax.Array) -> jax.Array:
        return jnp.exp(-((self.slope * v) ** 2) / 2.0)

    @property
    def area(self) -> Number:
        """∫h dv = √(2π)/k."""
        return jnp.sqrt(2.0 * jnp.pi) / self.slope

    def cdf(self, v: jax.Array) -> jax.Array:
        """Φ(k·v), Φ that of the standard normal distribution."""
        return jax.scipy.special.ndtr(self.slope * v)


@exportable
class Boxcar(NamedTuple):
    """h(v) = 1[|v| < 1/(2k)] (Wu et al. 2018, doi:10.3389/fnins.2018.00331).

    Example:
        >>> print(snn.surrogate.Boxcar(slope=1.0)(jnp.array([-0.4, 0.0, 0.6])))
        [1. 1. 0.]
    """

    slope: Number = 1.0

    def __call__(self, v: jax.Array) -> jax.Array:
        return (2.0 * self.slope * jnp.abs(v) < 1.0).astype(v.dtype)

    @property
    def area(self) -> Number:
        """∫h dv = 1/k."""
        return 1.0 / self.slope

    def cdf(self, v: jax.Array) -> jax.Array:
        """1/2 + k·v held within 0 to 1."""
        return jnp.clip(0.5 + self.slope * v, 0.0, 1.0)


@exportable
class Exponential(NamedTuple):
    """h(v) = exp(-k·|v|) (Shrestha & Orchard 2018, doi:10.48550/arXiv.1810.08646)."""

    slope: Number = 5.0

    def __call__(self, v: jax.Array) -> jax.Array:
        return jnp.exp(-self.slope * jnp.abs(v))

    @property
    def area(self) -> Number:
        """∫h dv = 2/k."""
        return 2.0 / self.slope

    def cdf(self, v: jax.Array) -> jax.Array:
        """h(v)/2 below threshold, 1 - h(v)/2 above."""
        tail = 0.5 * self(v)
        return jnp.where(v < 0, tail, 1.0 - tail)


@exportable
class InverseRoot(NamedTuple):
    """h(v) = (1 + (k·v)²)^(-3/2), the derivative of k·v / √(1 + (k·v)²).

    Pehle & Pedersen 2021 (Norse's ``circ``), doi:10.5281/zenodo.4422025.
    """

    slope: Number = 2.0

    def __call__(self, v: jax.Array) -> jax.Array:
        return (1.0 + (self.slope * v) ** 2) ** -1.5

    @property
    def area(self) -> Number:
        """∫h dv = 2/k."""
        return 2.0 / self.slope

    def cdf(self, v: jax.Array) -> jax.Array:
        """(1 + k·v / √(1 + (k·v)²)) / 2."""
        x = self.slope * v
        return 0.5 + 0.5 * x / jnp.sqrt(1.0 + x**2)


@exportable
class PowerLaw(NamedTuple):
    """h(v) = (1 + k·|v|)^(-p): SuperSpike for p = 2, heavier tails below.

    Herranz-Celotti & Rouat 2022 (q-pseudo-spike), doi:10.48550/arXiv.2202.00282.
    """

    slope: Number = 10.0
    exponent: Number = 2.0

    def __call__(self, v: jax.Array) -> jax.Array:
        return (1.0 + self.slope * jnp.abs(v)) ** -self.exponent

    @property
    def area(self) -> Number:
        """∫h dv = 2 / (k (p - 1)) for p > 1, else it diverges."""
        excess = jnp.asarray(self.exponent) - 1.0
        finite = excess > 0
        return jnp.where(
            finite, 2.0 / (self.slope * jnp.where(finite, excess, 1.0)), jnp.inf
        )

    def cdf(self, v: jax.Array) -> jax.Array:
        """(1 + k·|v|)^(1-p) / 2 below threshold, 1 minus that above; for p > 1."""
        tail = 0.5 * (1.0 + self.slope * jnp.abs(v)) ** (1.0 - self.exponent)
        return jnp.where(v < 0, tail, 1.0 - tail)
