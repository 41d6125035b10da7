"""Kernels that slide over lines and images, for a whole sequence at once.

Time and batch are one axis of one convolution.
"""

from collections.abc import Callable
from functools import partial, reduce
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.custom_derivatives import SymbolicZero

from snnjax import check
from snnjax.kernels.convolve_native import convolve_natively
from snnjax.kernels.linear import with_transpose
from snnjax.kernels.native import Backend, available, choose, match_axes
from snnjax.kernels.products import sharded_explicitly
from snnjax.kernels.rasters import Raster, entries
from snnjax.kernels.windows import (
    Window,
    at_once,
    by_convolution,
    by_products,
    padded,
    taps,
)


def convolve(
    x: jax.Array | Raster, w: jax.Array, window: Window, *, backend: Backend = "xla"
) -> jax.Array:
    """Correlates every step of every sample with a kernel.

    Args:
        x: ``[T, *batch, *space, c_in]``, floating point, ``uint8`` or ``bool``; or a
            raster.
        w: ``[*kernel, c_in, c_out]``.
        window: how the kernel slides.
        backend: who slides, from ``native.choose``; native code adds the kernels that
            spikes select.

    Returns:
        ``[T, *batch, *space, c_out]``, space as the window leaves it.
    """
    if backend != "xla":
        return convolve_natively(x, w, window, backend)
    if isinstance(x, Raster):
        x = entries(*x)
    dtype = check.common_dtype(x.dtype, w.dtype)
    if jnp.issubdtype(x.dtype, jnp.floating):
        x = x.astype(dtype)
    way = _on_mesh if sharded_explicitly() else _over_time
    return way(*match_axes(x, w.astype(dtype)), window)


def by_backend(backend: Backend) -> Callable[[Any, jax.Array, Window], jax.Array]:
    """``convolve`` as somebody chose it.

    Raises:
        ValueError: when it is called, if native was asked for and cannot be.
    """

    def slide(x, w, window):
        spikes = x.spikes if isinstance(x, Raster) else x
        who = choose(backend, available(spikes, w))
        return convolve(x, w, window, backend=who)

    return slide


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
    x = padded(x, window.pads, fill)
    first = x.ndim - 1 - len(kernel)
    for k in reversed(range(len(kernel))):
        x = reduce(combine, taps(x, first + k, kernel[k], window.stride[k]))
    return x


@partial(jax.custom_jvp, nondiff_argnums=(2,))
def _over_time(x, w, window):
    """A few steps of a raster at a time, so that it never is one in floating point."""
    if jnp.issubdtype(x.dtype, jnp.floating):
        return at_once(x, w, window)
    return _a_few_at_a_time(x, w, window)


@partial(jax.jit, static_argnums=2, inline=True)
def _a_few_at_a_time(x, w, window):
    y = jax.lax.map(lambda x: at_once(x[None], w, window)[0], x, batch_size=16)
    return match_axes(y, x, w)[0]  # of no step as of some


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
