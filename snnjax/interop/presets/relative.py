"""A surrogate as wide as a share of the threshold, which may move."""

from typing import Any, NamedTuple

import jax

from snnjax.check import Number
from snnjax.exported import exportable
from snnjax.surrogate import from_library as surrogate_of


@exportable
class RelativeExponential(NamedTuple):
    """h(v) = g/(w θ) · exp(-|v|/(w θ)), as wide as a share of the threshold θ.

    This is the SingleExponential of sinabs; called by itself it is that of θ = 1.
    """

    grad_width: Number = 0.5  # w
    grad_scale: Number = 1.0  # g

    def __call__(self, v: jax.Array) -> jax.Array:
        return self.at(1.0)(v)

    def at(self, threshold: Number) -> Any:
        """The shape at a threshold."""
        width, scale = self.grad_width, self.grad_scale
        made = surrogate_of("sinabs.SingleExponential", grad_width=width)
        rate = made.shape._replace(slope=made.shape.slope / threshold)
        return made._replace(shape=rate, amplitude=scale * made.amplitude / threshold)
