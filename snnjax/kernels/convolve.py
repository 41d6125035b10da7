"""Kernels that slide over lines and images, for a whole sequence at once.

Time and batch are one axis of one convolution. On a CPU the gradient of the weights is
slow as a convolution (its kernel would be as large as the image) and slower still in a
loop, so there it is a sum of matrix products, one for each step t and tap k:

    forward    y_p = Σ_k x_{s·p + k} w_k      with stride s
    backward   ∂x = the transposed convolution      ∂w_k = Σ_t Σ_p x_{s·p + k}ᵀ ∂y_p
"""

import math
from collections.abc import Callable
from functools import partial, reduce
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_derivatives import SymbolicZero

from snnjax import check
from snnjax.kernels.linear import with_transpose
from snnjax.kernels.native import match_axes
from snnjax.kernels.products import over_time, sharded_explicitly


class Window(NamedTuple):
    """How a kernel slides, fixed while tracing; one entry for each axis of space."""

    stride: tuple[int, ...]
    pads: tuple[tuple[int, int], ...]  # in front, behind


def convolve(x: jax.Array, w: jax.Array, window: Window) -> jax.Array:
    """Correlates every step of every sample with a kernel.

    Args:
        x: ``[T, *batch, *space, c_in]``, floating point, ``uint8`` or ``bool``.
        w: ``[*kernel, c_in, c_out]``.
        window: how the kernel slides.

    Returns:
        ``[T, *batch, *space, c_out]``, space as the window leaves it.
    """
    dtype = check.common_dtype(x.dtype, w.dtype)
    if jnp.issubdtype(x.dtype, jnp.floating):
        x = x.astype(dtype)
    way = _on_mesh if sharded_explicitly() else _over_time
    return way(*match_axes(x, w.astype(dtype)), window)


def at_once(x: jax.Array, w: jax.Array, window: Window) -> jax.Array:
    """The same as one convolution, with the gradients of automatic differentiation."""
    dtype = check.common_dtype(x.dtype, w.dtype)
    x, w = x.astype(dtype), w.astype(dtype)
    lead = x.shape[: x.ndim - w.ndim + 1]
    if not sharded_explicitly():  # else axes cannot be merged
        x = x.reshape(math.prod(lead), *x.shape[len(lead) :])
    y = _slide(x, w, window)
    return y.reshape(*lead, *y.shape[y.ndim - w.ndim + 1 :])


def pool(
    x: jax.Array,
    combine: Callable[[jax.Array, jax.Array], jax.Array],
    kernel: tuple[int, ...],
    window: Window,
    fill: float,
) -> jax.Array:
    """Combines the pixels of each window, axis by axis.

    Args:
        x: ``[..., *space, c]``.
        combine: two arrays of pixels -> one, associative.
        kernel: size of the window.
        window: how it slides.
        fill: what lies beyond the border.

    Returns:
        ``[..., *space, c]``, space as the window leaves it.
    """
    x = _padded(x, window.pads, fill)
    first = x.ndim - 1 - len(kernel)
    for k in reversed(range(len(kernel))):
        lines = [
            _tap(x, first + k, offset, kernel[k], window.stride[k])
            for offset in range(kernel[k])
        ]
        x = reduce(combine, lines)
    return x


@partial(jax.custom_jvp, nondiff_argnums=(2,))
def _over_time(x, w, window):
    """A few steps of a raster at a time, so that it never is one in floating point."""
    if jnp.issubdtype(x.dtype, jnp.floating):
        return at_once(x, w, window)
    return _a_few_at_a_time(x, w, window)


@partial(jax.jit, static_argnums=2, inline=True)
def _a_few_at_a_time(x, w, window):
    return jax.lax.map(lambda x: at_once(x[None], w, window)[0], x, batch_size=16)


@partial(_over_time.defjvp, symbolic_zeros=True)
def _over_time_jvp(window, primals, tangents):
    (x, w), (d_x, d_w) = primals, tangents
    y = _over_time(x, w, window)
    d_y = jnp.zeros_like(y)
    if not isinstance(d_x, SymbolicZero) and jnp.issubdtype(x.dtype, jnp.floating):
        d_y = d_y + at_once(d_x, w, window)
    if not isinstance(d_w, SymbolicZero):
        ways = _Slid(window), _OfWeights(window, w.shape, w.dtype)
        d_y = d_y + with_transpose(*ways, x, d_w, y)
    return y, d_y


class _Slid(NamedTuple):
    """A convolution as a function of its weights, told apart by its window."""

    window: Window

    def __call__(self, x, w):
        return at_once(x, w, self.window)


class _OfWeights(NamedTuple):
    """The gradient of the weights, of which only shape and type matter."""

    window: Window
    shape: tuple[int, ...]
    dtype: Any

    def __call__(self, x, g):
        ways = partial(by_products, self.window), partial(by_convolution, self.window)
        w = jnp.zeros(self.shape, self.dtype)
        return jax.lax.platform_dependent(x, w, g, cpu=ways[0], default=ways[1])


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def _on_mesh(x, w, window):
    """The same where shardings are part of the type: in reverse mode, once."""
    return at_once(x, w, window)


def _on_mesh_fwd(x, w, window):
    return at_once(x, w, window), (x, w)


def _on_mesh_bwd(window, kept, g):
    x, w = kept
    g_x = None
    if jnp.issubdtype(x.dtype, jnp.floating):
        (g_x,) = jax.linear_transpose(lambda x: at_once(x, w, window), x)(g)
    return g_x, by_products(window, x, w, g)


_on_mesh.defvjp(_on_mesh_fwd, _on_mesh_bwd)


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
        x = _padded(x.astype(w.dtype), window.pads, 0.0)
        products = []
        for offsets in np.ndindex(*kernel):
            seen = x
            for k, offset in enumerate(offsets):
                axis = x.ndim - 1 - len(kernel) + k
                seen = _tap(seen, axis, offset, kernel[k], window.stride[k])
            products.append(over_time(seen, g))
        return total + jnp.stack(products).reshape(w.shape), None

    nothing, *_ = match_axes(jnp.zeros_like(w), x, g)
    return jax.lax.scan(step, nothing, (x, g))[0]


def _padded(x, pads, fill):
    around = [(0, 0)] * (x.ndim - 1 - len(pads))
    return jnp.pad(x, [*around, *pads, (0, 0)], constant_values=fill)


def _tap(x, axis, offset, size, stride):
    """What one tap of a kernel of ``size`` sees along an axis as it slides."""
    last = x.shape[axis] - size + offset
    return jax.lax.slice_in_dim(x, offset, last + 1, stride, axis)
