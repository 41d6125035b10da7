"""How a surrogate crosses into native code: as a name and three numbers."""

from typing import Any

import jax.numpy as jnp

from snnjax.kernels import leaky as kernel
from snnjax.kernels import native
from snnjax.surrogate import (
    Arctan,
    Boxcar,
    Scaled,
    Shape,
    Sigmoid,
    Sparse,
    SuperSpike,
    Triangle,
)

NAMES = {
    SuperSpike: "SuperSpike",
    Sigmoid: "Sigmoid",
    Triangle: "Triangle",
    Arctan: "Arctan",
    Boxcar: "Boxcar",
}


def supports(surrogate: Shape, *arrays: Any) -> native.Support:
    """Tells whether a layer with this surrogate can run natively, here and now."""
    shape = _inside(surrogate)[0]
    if type(shape) in NAMES:
        return native.available(*arrays)
    names = ", ".join(NAMES.values())
    why = f"{type(shape).__name__} is none of the shapes {names}"
    return native.Support(False, why)


def by_name(surrogate: Shape) -> kernel.Shape:
    """A surrogate that is supported, as native code takes it."""
    shape, height, width = _inside(surrogate)
    return kernel.Shape(NAMES[type(shape)], shape.slope, height, width)


def _inside(surrogate):
    """The shape inside, its height, and the width beyond which it is zero."""
    height: Any = 1.0
    width: Any = jnp.inf
    while isinstance(surrogate, Scaled | Sparse):
        if isinstance(surrogate, Scaled):
            height = height * surrogate.amplitude
        else:
            width = jnp.minimum(width, surrogate.width)
        surrogate = surrogate.shape
    return surrogate, height, width
