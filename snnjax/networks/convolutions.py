"""Connections over lines and images: the same weights at every place.

Maps have channels last, ``[*batch, height, width, channels]`` or ``[*batch, length,
channels]``. A neuron reads a map as it is: every place is one more entry of its batch,
so ``lif(c)`` is c channels of neurons with one constant each.

    net = chain(
        *(convolution(2, 16, kernel=(3, 3)), lif(16), pool("sum", (2, 2))),
        *(flatten(), dense(17 * 17 * 16, 10), li(10)),
    )
"""

import math
import operator
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp

from snnjax import check
from snnjax.about import About, factory
from snnjax.cell import Cell
from snnjax.exported import exportable
from snnjax.kernels import native
from snnjax.kernels.convolve import by_backend
from snnjax.kernels.convolve import pool as combined
from snnjax.kernels.native import Backend
from snnjax.kernels.products import align
from snnjax.kernels.rasters import Raster
from snnjax.kernels.windows import Window, at_once
from snnjax.networks.connect import Initializer
from snnjax.networks.initialize import spiking

Padding = Literal["same", "valid"]


@exportable
class ConvolutionWeights(NamedTuple):
    """Weights of a convolution."""

    w: jax.Array  # [*kernel, c_in, c_out]
    b: jax.Array | None  # [c_out]; None without bias


@factory
def convolution(
    c_in: int,
    c_out: int,
    *,
    kernel: tuple[int, ...],
    stride: int | tuple[int, ...] = 1,
    padding: Padding = "same",
    bias: bool = False,
    init: Initializer = spiking,
    backend: Backend = "auto",
) -> Cell:
    """Weights that slide over a line or an image.

        y[p] = Σ_k x[s·p + k] · w[k] + b

    A sequence is one convolution over all of time.

    Args:
        c_in: number of input channels.
        c_out: number of output channels.
        kernel: size, ``(length,)`` for lines or ``(height, width)`` for images.
        stride: s, one number or one for each axis.
        padding: ``"same"``, zeros around the map so that s = 1 keeps its size (sizes
            are divided by s and rounded up), or ``"valid"``, none.
        bias: whether to learn a constant current for each channel, starting from zero.
        init: draws ``w``, ``(key, n_in, n_out) -> [n_in, n_out]``, where n_in is what
            one target sees: the size of the kernel times ``c_in``.
        backend: who convolves a whole sequence: ``"native"``, the kernel of ``snnjax
            kernels build``, which adds up the weights that spikes select (float32 on a
            CPU), ``"xla"``, or ``"auto"``, native where it can be.

    Returns:
        A cell ``[*batch, *space, c_in] -> [*batch, *space, c_out]`` with
        ``ConvolutionWeights`` and no state.

    Raises:
        ValueError: for a width, kernel or stride below one, another padding, an input
            of another rank or number of channels, a map smaller than the kernel,
            weights of another cell, an unknown backend, or a forced native one that
            cannot be taken, with the reason.

    Example:
        >>> net = snn.chain(
        ...     snn.networks.convolution(1, 4, kernel=(3, 3), stride=2),
        ...     snn.networks.flatten(),
        ...     snn.lif(64),
        ... )
        >>> images = jnp.ones((10, 2, 8, 8, 1))  # [T, B, height, width, channels]
        >>> weights = net.init(jax.random.key(0))
        >>> state, spikes = snn.unroll(net, weights, images, dt=1e-3)
        >>> spikes.shape
        (10, 2, 64)
    """
    check.whole("c_in", c_in)
    check.whole("c_out", c_out)
    check.flag("bias", bias)
    check.function("init", init)
    native.check_backend(backend)
    stride = _check_window(kernel, stride, padding)
    shapes = {"w": (*kernel, c_in, c_out), "b": (c_out,) if bias else None}

    def draw(key):
        w = init(key, math.prod(kernel) * c_in, c_out)
        b = jnp.zeros(c_out, w.dtype) if bias else None
        return ConvolutionWeights(w.reshape(*kernel, c_in, c_out), b)

    def rest(x):
        _check_map("convolution", x, kernel, padding)
        check.width("convolution", x, c_in)
        check.raster("The input of convolution", x)
        return ()

    def through(slide):
        def run(weights, state, xs, dt):
            del dt  # passes at once
            maps = xs.spikes if isinstance(xs, Raster) else xs
            rest(maps)
            check.weights("convolution", weights, ConvolutionWeights, shapes)
            y = slide(xs, weights.w, _window(maps, kernel, stride, padding))
            return state, y if weights.b is None else y + align(weights.b, y)

        return run

    step, run = _one_step(through(at_once)), through(by_backend(backend))
    about = About(takes_marks=True)
    return Cell(init=draw, rest=rest, step=step, run=run, about=about)


@factory
def pool(
    by: Literal["sum", "mean", "max"],
    kernel: tuple[int, ...],
    *,
    stride: int | tuple[int, ...] | None = None,
    padding: Padding = "valid",
) -> Cell:
    """Makes one pixel of every window of pixels, channel by channel.

    Args:
        by: ``"sum"``, ``"mean"`` (over the pixels inside the map) or ``"max"``, whose
            gradient goes to one pixel: of equal ones to the first, row by row.
        kernel: size of the window, ``(length,)`` or ``(height, width)``.
        stride: from one window to the next, one number or one for each axis; the size
            of the window if omitted, so that windows neither overlap nor leave gaps.
        padding: ``"valid"``, only windows inside the map, or ``"same"``, windows that
            reach beyond the border as well.

    Returns:
        A cell ``[*batch, *space, c] -> [*batch, *space, c]`` without weights or state.
        Sums and means are taken in single precision at least.

    Raises:
        ValueError: for another ``by`` or padding, a kernel or stride below one, an
            input of another rank, or a map smaller than the kernel.

    Example:
        >>> spikes = jnp.ones((10, 2, 8, 8, 4))
        >>> pool = snn.networks.pool("sum", (2, 2))
        >>> _, counts = snn.unroll(pool, (), spikes, dt=1e-3)
        >>> counts.shape
        (10, 2, 4, 4, 4)
        >>> print(counts.max())
        4.0
    """
    check.one_of("by", by, ("sum", "mean", "max"))
    stride = _check_window(kernel, kernel if stride is None else stride, padding)
    add, highest = (operator.add, 0.0), (_first_of_highest, -jnp.inf)
    combine, fill = highest if by == "max" else add

    def rest(x):
        _check_map("pool", x, kernel, padding)
        check.raster("The input of pool", x)
        return ()

    def over(x):
        return combined(x, combine, kernel, _window(x, kernel, stride, padding), fill)

    def run(weights, state, xs, dt):
        del weights, dt
        rest(xs)
        y = over(
            xs
            if by == "max" and jnp.issubdtype(xs.dtype, jnp.floating)
            else check.wide(xs)
        )
        if by == "mean":
            y = y / align(over(jnp.ones((*_space(xs, kernel), 1), y.dtype)), y)
        return state, y

    return Cell(init=lambda key: (), rest=rest, step=_one_step(run), run=run)


@factory
def flatten(dimensions: int = 2) -> Cell:
    """From maps to neurons, row by row: what ``dense`` needs to read a map.

    Args:
        dimensions: of space, 1 for lines or 2 for images.

    Returns:
        A cell ``[*batch, *space, c] -> [*batch, n]`` without weights or state, n the
        product of the sizes of space and c.

    Raises:
        ValueError: for another number of dimensions, or an input of lower rank.

    Example:
        >>> maps = jnp.ones((10, 2, 8, 8, 4))
        >>> _, flat = snn.unroll(snn.networks.flatten(), (), maps, dt=1e-3)
        >>> flat.shape
        (10, 2, 256)
    """
    check.whole("dimensions", dimensions)
    if dimensions > 2:
        raise ValueError(
            f"flatten expects 1 for lines or 2 for images, got {dimensions}."
        )
    kernel = (1,) * dimensions

    def rest(x):
        _check_map("flatten", x, kernel, "valid")
        return ()

    def run(weights, state, xs, dt):
        del weights, dt
        rest(xs)
        lead = xs.shape[: xs.ndim - dimensions - 1]
        return state, xs.reshape(*lead, math.prod(xs.shape[len(lead) :]))

    return Cell(init=lambda key: (), rest=rest, step=_one_step(run), run=run)


def _one_step(run):
    def step(weights, state, x, dt):
        state, ys = run(weights, state, x[None], dt)
        return state, ys[0]

    return step


def _first_of_highest(a, b):
    """The maximum; its gradient goes to ``a`` where both are equal. NaN stays."""
    return jnp.where((a >= b) | jnp.isnan(a), a, b)


def _space(x, kernel):
    return x.shape[x.ndim - 1 - len(kernel) : -1]


def _window(x, kernel, stride, padding):
    pads = jax.lax.padtype_to_pads(_space(x, kernel), kernel, stride, padding.upper())
    return Window(stride, tuple(pads))


def _check_window(kernel, stride, padding):
    """The stride, one for each axis, of a window that can slide."""
    if not isinstance(kernel, tuple) or len(kernel) not in (1, 2):
        raise ValueError(
            f"kernel must be (length,) or (height, width), got {kernel!r}."
        )
    stride = stride if isinstance(stride, tuple) else (stride,) * len(kernel)
    if len(stride) != len(kernel):
        raise ValueError(
            f"stride must be one number or one for each of the {len(kernel)} axes of "
            f"the kernel, got {stride}."
        )
    for name, sizes in (("kernel", kernel), ("stride", stride)):
        for size in sizes:
            check.whole(f"Each size of {name}", size)
    if padding not in ("same", "valid"):
        raise ValueError(f"padding must be 'same' or 'valid', got {padding!r}.")
    return stride


def _check_map(what, x, kernel, padding):
    """Refuses what has no place for the kernel."""
    axes = ("length",) if len(kernel) == 1 else ("height", "width")
    wanted = f"[*batch, {', '.join(axes)}, channels]"
    if x.ndim <= len(kernel):
        raise ValueError(f"{what} expects maps {wanted}, got shape {x.shape}.")
    space = _space(x, kernel)
    if padding == "valid" and any(n < k for n, k in zip(space, kernel, strict=True)):
        raise ValueError(
            f"{what} expects maps {wanted} no smaller than its kernel {kernel}, got "
            f"{space}. Make the kernel smaller, or take padding='same'."
        )
