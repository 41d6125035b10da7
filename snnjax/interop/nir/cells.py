"""What NIR has beside neurons and no other cell here does: maps, scales, thresholds.

Maps have channels last, as everywhere here; NIR has them first.
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp

from snnjax import check
from snnjax.about import factory
from snnjax.cell import Cell
from snnjax.check import Number
from snnjax.exported import exportable
from snnjax.kernels import native
from snnjax.kernels.convolve import by_backend
from snnjax.kernels.convolve import pool as combined
from snnjax.kernels.native import Backend
from snnjax.kernels.products import align
from snnjax.kernels.windows import Window, at_once
from snnjax.networks.connect import Initializer
from snnjax.networks.convolutions import ConvolutionWeights
from snnjax.networks.initialize import spiking
from snnjax.surrogate import Shape, SuperSpike, check_shape, spike

Pads = tuple[tuple[int, int], ...]


@exportable
class ScaleWeights(NamedTuple):
    """Weights of ``scale``."""

    s: jax.Array  # of the shape of the signal


@factory
def scale(shape: tuple[int, ...]) -> Cell:
    """Weighs each number of a signal by itself, ``y = s x``; s begins at 1.

    Args:
        shape: of the signal without batch, ``(n,)`` or ``(*space, c)``.

    Returns:
        A cell ``[*batch, *shape] -> [*batch, *shape]`` with ``ScaleWeights``.

    Raises:
        ValueError: for a shape of sizes below one, an input of another one, or weights
            of another cell.
    """
    _check_sizes("shape", shape)

    def rest(x):
        _check_end("scale", x, shape)
        return ()

    def run(weights, state, x, dt):
        del dt
        _check_end("scale", x, shape)
        check.weights("scale", weights, ScaleWeights, {"s": tuple(shape)})
        dtype = check.common_dtype(x.dtype, weights.s.dtype)
        return state, x.astype(dtype) * align(weights.s.astype(dtype), x)

    def draw(key):
        del key
        return ScaleWeights(jnp.ones(shape, jnp.result_type(float)))

    return Cell(init=draw, rest=rest, step=run, run=run)


@factory
def heaviside(
    n: int, threshold: Number = 1.0, *, surrogate: Shape = SuperSpike()
) -> Cell:
    """A step of each number without memory, ``y = 1[x > θ]``.

    Args:
        n: number of channels.
        threshold: θ, ``[]`` or ``[n]``, of any sign.
        surrogate: pseudo-derivative, a function of ``x - θ``.

    Returns:
        A cell ``[*batch, n] -> [*batch, n]`` without weights and state.

    Raises:
        ValueError: for a threshold that is not finite or of another shape, or an input
            of another width.
    """
    check.whole("n", n)
    check.finite("threshold", threshold)
    check.per_neuron("threshold", threshold, n)
    check_shape("surrogate", surrogate, (n,))

    def rest(x):
        check.width("heaviside", x, n)
        check.floating("The input of heaviside", x)
        return ()

    def run(weights, state, x, dt):
        del weights, dt
        check.width("heaviside", x, n)
        x = jnp.asarray(x)
        return state, spike(x - align(jnp.asarray(threshold, x.dtype), x), surrogate)

    return Cell(init=lambda key: (), rest=rest, step=run, run=run)


@factory
def relay() -> Cell:
    """Hands on what comes in: where several edges meet, they add up."""

    def rest(x):
        check.raster("The input of relay", x)
        return ()

    def run(weights, state, x, dt):
        del weights, dt
        raster = not jnp.issubdtype(x.dtype, jnp.floating)
        return state, check.wide(x) if raster else x

    return Cell(init=lambda key: (), rest=rest, step=run, run=run)


@factory
def padded_convolution(
    c_in: int,
    c_out: int,
    *,
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    pads: Pads,
    dilation: tuple[int, ...],
    groups: int = 1,
    bias: bool = False,
    init: Initializer = spiking,
    backend: Backend = "auto",
) -> Cell:
    """A convolution with zeros around the map, gaps in the kernel, or in groups.

        y[p] = Σ_k x[s·p + d·k] · w[k] + b

    ``convolution`` is the same without gaps and groups, and faster in training.

    Args:
        c_in: number of input channels.
        c_out: number of output channels.
        kernel: size, ``(length,)`` or ``(height, width)``.
        stride: s, one for each axis.
        pads: zeros in front of and behind each axis.
        dilation: d, one for each axis.
        groups: parts of the channels that see one another only.
        bias: whether to learn a constant current for each channel, from zero.
        init: draws ``w``, ``(key, n_in, n_out) -> [n_in, n_out]``.
        backend: who convolves a whole sequence, as ``convolution`` has it.

    Returns:
        A cell ``[*batch, *space, c_in] -> [*batch, *space, c_out]`` with
        ``ConvolutionWeights``, w ``[*kernel, c_in / groups, c_out]``, and no state.

    Raises:
        ValueError: for sizes below one, pads below zero, groups that do not divide the
            channels, an input of another rank or number of channels, or smaller than
            the kernel, weights of another cell, an unknown backend, or a forced native
            one that cannot be taken.
    """
    native.check_backend(backend)
    check.whole("c_in", c_in)
    check.whole("c_out", c_out)
    check.whole("groups", groups)
    check.flag("bias", bias)
    check.function("init", init)
    _check_window(kernel, stride, pads)
    _check_sizes("dilation", dilation, len(kernel))
    if c_in % groups or c_out % groups:
        raise ValueError(f"groups must divide {c_in} and {c_out} channels: {groups}.")
    inner = c_in // groups
    shapes = {"w": (*kernel, inner, c_out), "b": (c_out,) if bias else None}
    wide = tuple(d * (k - 1) + 1 for d, k in zip(dilation, kernel, strict=True))

    def draw(key):
        w = init(key, math.prod(kernel) * inner, c_out)
        b = jnp.zeros(c_out, w.dtype) if bias else None
        return ConvolutionWeights(w.reshape(*kernel, inner, c_out), b)

    def rest(x):
        _check_map("padded_convolution", x, wide, pads)
        check.width("padded_convolution", x, c_in)
        return ()

    def through(slide):
        def run(weights, state, xs, dt):
            del dt
            rest(xs)
            check.weights("padded_convolution", weights, ConvolutionWeights, shapes)
            w = _spread(weights.w, dilation, groups)
            y = slide(xs, w, Window(tuple(stride), tuple(pads)))
            return state, y if weights.b is None else y + align(weights.b, y)

        return run

    def step(weights, state, x, dt):
        state, y = through(at_once)(weights, state, jnp.asarray(x)[None], dt)
        return state, y[0]

    run = through(by_backend(backend))
    return Cell(init=draw, rest=rest, step=step, run=run)


def _spread(w, dilation, groups):
    """A kernel as one without gaps and groups, zeros where nothing is connected."""
    *kernel, inner, c_out = w.shape
    if groups > 1:
        source, target = jnp.arange(groups * inner), jnp.arange(c_out)
        same = (source // inner)[:, None] == (target // (c_out // groups))[None]
        tiled = jnp.tile(w, (*[1] * len(kernel), groups, 1))
        w = jnp.where(align(same, tiled), tiled, jnp.zeros_like(tiled))
    if set(dilation) == {1}:
        return w
    wide = [d * (k - 1) + 1 for d, k in zip(dilation, kernel, strict=True)]
    gaps = tuple(slice(None, None, d) for d in dilation)
    return jnp.zeros((*wide, *w.shape[-2:]), w.dtype).at[gaps].set(w)


@factory
def padded_sum(kernel: tuple[int, ...], *, stride: tuple[int, ...], pads: Pads) -> Cell:
    """Adds up the pixels of every window, with zeros around the map.

    Args:
        kernel: size of the window, ``(height, width)``.
        stride: from one window to the next, one for each axis.
        pads: zeros in front of and behind each axis.

    Returns:
        A cell ``[*batch, *space, c] -> [*batch, *space, c]`` without weights or state.

    Raises:
        ValueError: for sizes below one, pads below zero, or a map smaller than the
            window.
    """
    _check_window(kernel, stride, pads)

    def rest(x):
        _check_map("padded_sum", x, kernel, pads)
        return ()

    def run(weights, state, x, dt):
        del weights, dt
        rest(x)
        window = Window(tuple(stride), tuple(pads))
        return state, combined(check.wide(x), jnp.add, kernel, window, 0.0)

    return Cell(init=lambda key: (), rest=rest, step=run, run=run)


@factory
def channels_first(dimensions: int = 2) -> Cell:
    """From maps to neurons, channel by channel: the order in which NIR flattens.

    Args:
        dimensions: of space, 1 for lines or 2 for images.

    Returns:
        A cell ``[*batch, *space, c] -> [*batch, n]`` without weights or state.

    Raises:
        ValueError: for another number of dimensions, or an input of lower rank.
    """
    check.one_of("dimensions", str(dimensions), ("1", "2"))

    def rest(x):
        _check_map("channels_first", x, (1,) * dimensions, ((0, 0),) * dimensions)
        return ()

    def run(weights, state, x, dt):
        del weights, dt
        rest(x)
        lead = x.shape[: x.ndim - dimensions - 1]
        y = jnp.moveaxis(x, -1, len(lead))
        return state, y.reshape(*lead, math.prod(y.shape[len(lead) :]))

    return Cell(init=lambda key: (), rest=rest, step=run, run=run)


def _check_sizes(name, sizes, count=None):
    if not isinstance(sizes, tuple) or count not in (None, len(sizes)) or not sizes:
        raise ValueError(
            f"{name} must be a tuple of {count or 'one or more'} sizes, got {sizes!r}."
        )
    for size in sizes:
        check.whole(f"Each size of {name}", size)


def _check_window(kernel, stride, pads):
    _check_sizes("kernel", kernel)
    if len(kernel) > 2:
        raise ValueError(f"kernel must be (length,) or (height, width), got {kernel}.")
    _check_sizes("stride", stride, len(kernel))
    if not isinstance(pads, tuple) or len(pads) != len(kernel):
        raise ValueError(
            f"pads must be a pair for each of {len(kernel)} axes, got {pads!r}."
        )
    for pair in pads:
        if not isinstance(pair, tuple) or len(pair) != 2:
            raise ValueError(f"pads must be pairs (in front, behind), got {pair!r}.")
        for size in pair:
            check.whole("Each of pads", size, least=0)


def _check_end(what, x, shape):
    if x.ndim < len(shape) or x.shape[x.ndim - len(shape) :] != tuple(shape):
        raise ValueError(f"{what} expects [*batch, *{tuple(shape)}], got {x.shape}.")
    check.raster(f"The input of {what}", x)


def _check_map(what, x, kernel, pads):
    if x.ndim <= len(kernel):
        raise ValueError(
            f"{what} expects maps [*batch, *space, channels] with {len(kernel)} axes "
            f"of space, got shape {x.shape}."
        )
    check.raster(f"The input of {what}", x)
    space = x.shape[x.ndim - 1 - len(kernel) : -1]
    for size, window, pad in zip(space, kernel, pads, strict=True):
        if size + sum(pad) < window:
            raise ValueError(
                f"{what}: a map of {space} is smaller than its kernel {kernel}."
            )
