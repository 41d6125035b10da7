"""Kernels that slide over lines and images: what XLA makes of them.

On a CPU the gradient of the weights is slow as a convolution (its kernel would be as
large as the image) and slower still in a loop, so there it is a sum of matrix products,
one for each step t and tap k:

    forward    y_p = Σ_k x_{s·p + k} w_k      with stride s
    backward   ∂x = the transposed convolution      ∂w_k = Σ_t Σ_p x_{s·p + k}ᵀ ∂y_p
"""

import math
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from snnjax import check
from snnjax.kernels.native import match_axes
from snnjax.kernels.products import over_time, sharded_explicitly


class Window(NamedTuple):
    """How a kernel slides, fixed while tracing; one entry for each axis of space."""

    stride: tuple[int, ...]
    pads: tuple[tuple[int, int], ...]  # in front, behind


def at_once(x: jax.Array, w: jax.Array, window: Window) -> jax.Array:
    """Correlates as one convolution, differentiated by JAX itself."""
    dtype = check.common_dtype(x.dtype, w.dtype)
    x, w = x.astype(dtype), w.astype(dtype)
    lead = x.shape[: x.ndim - w.ndim + 1]
    if not sharded_explicitly():  # else axes cannot be merged
        x = x.reshape(math.prod(lead), *x.shape[len(lead) :])
    y = _slide(x, w, window)
    return y.reshape(*lead, *y.shape[y.ndim - w.ndim + 1 :])


def _slide(x, w, window):
    """A convolution ``[*lead, *space, c]``; leading axes but the last have one tap."""
    lead = x.ndim - w.ndim + 1
    ones, rank = (1,) * (lead - 1), x.ndim
    spec = (lead - 1, rank - 1, *range(lead - 1), *range(lead, rank - 1))
    w = w.reshape(*ones, *w.shape)
    return jax.lax.conv_general_dilated(
        x,
        w,
        (*ones, *window.stride),
        ((0, 0),) * (lead - 1) + window.pads,
        dimension_numbers=jax.lax.ConvDimensionNumbers(
            spec, (w.ndim - 1, w.ndim - 2, *range(w.ndim - 2)), spec
        ),
    )


def by_convolution(
    window: Window, x: jax.Array, w: jax.Array, g: jax.Array
) -> jax.Array:
    """The gradient of ``w`` as one convolution with ``g``; see ``by_products``."""
    x, w, g = match_axes(x, w, g)  # or it would be summed over devices here
    return jax.linear_transpose(lambda w: at_once(x, w, window), w)(g)[0]


@partial(jax.jit, static_argnums=0, inline=True)
def by_products(window: Window, x: jax.Array, w: jax.Array, g: jax.Array) -> jax.Array:
    """The gradient of ``w`` as a matrix product for each step and tap.

    Args:
        window: how the kernel slides.
        x: ``[T, *batch, *space, c_in]``.
        w: ``[*kernel, c_in, c_out]``.
        g: gradient of what the convolution puts out, ``[T, *batch, *space, c_out]``.

    Returns:
        ``[*kernel, c_in, c_out]``.
    """
    kernel = w.shape[:-2]

    def step(total, now):
        x, g = now
        x = padded(x.astype(w.dtype), window.pads, 0.0)
        products = []
        for offsets in np.ndindex(*kernel):
            seen = x
            for k, offset in enumerate(offsets):
                axis = x.ndim - 1 - len(kernel) + k
                seen = tap(seen, axis, offset, kernel[k], window.stride[k])
            products.append(over_time(seen, g))
        return total + jnp.stack(products).reshape(w.shape), None

    nothing, *_ = match_axes(jnp.zeros_like(w), x, g)
    return jax.lax.scan(step, nothing, (x, g))[0]


def padded(x: jax.Array, pads: tuple[tuple[int, int], ...], fill: float) -> jax.Array:
    """Maps ``[..., *space, c]`` with pixels of one value around them."""
    around = [(0, 0)] * (x.ndim - 1 - len(pads))
    return jnp.pad(x, [*around, *pads, (0, 0)], constant_values=fill)


def taps(x: jax.Array, axis: int, size: int, stride: int) -> list[jax.Array]:
    """What each tap of a kernel of ``size`` sees along an axis, in order.

    Windows that do not overlap are cut up, so that what goes back to them is put
    together instead of added up.
    """
    if size != stride or sharded_explicitly():
        return [tap(x, axis, offset, size, stride) for offset in range(size)]
    windows = x.shape[axis] // size
    x = jax.lax.slice_in_dim(x, 0, windows * size, axis=axis)
    x = x.reshape(*x.shape[:axis], windows, size, *x.shape[axis + 1 :])
    parts = jax.lax.split(x, (1,) * size, axis + 1)
    return [jax.lax.squeeze(part, (axis + 1,)) for part in parts]


def tap(x: jax.Array, axis: int, offset: int, size: int, stride: int) -> jax.Array:
    """What one tap of a kernel of ``size`` sees along an axis as it slides."""
    last = x.shape[axis] - size + offset
    return jax.lax.slice_in_dim(x, offset, last + 1, stride, axis)
