"""Convolutions of rasters natively: spikes add the kernels that they meet.

    forward    y_p = Σ_k x_{s·p + k} w_k      with stride s, image by image
    backward   ∂x = the transposed convolution      ∂w_k = Σ_p x_{s·p + k}ᵀ ∂y_p

An image is read by its events where it is mostly zero, densely where it is crowded or
no raster at all, which each image decides as it comes. Marks of where it is not zero
are kept for ∂w. Either way sums are taken in one order: results do not depend on it.
"""

import math
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_derivatives import SymbolicZero

from snnjax.kernels.linear import with_transpose
from snnjax.kernels.native import call, floats, is_float, match_axes, readable
from snnjax.kernels.products import mapped_by_hand
from snnjax.kernels.windows import Window, at_once, by_products


class Slide(NamedTuple):
    """A convolution of images, fixed while tracing."""

    images: int
    space: tuple[int, ...]  # height and width of an image
    window: Window  # of two axes
    kernel: tuple[int, ...]  # shape of the weights, of four axes

    @property
    def numbers(self):
        """Images; of each axis its size, stride, and zeros in front and behind."""
        axes = zip(self.space, *self.window, strict=True)
        each = [n for size, stride, pads in axes for n in (size, stride, *pads)]
        return np.array([self.images, *each], np.int64)

    @property
    def places(self):
        """The space that comes out."""
        axes = zip(self.space, self.kernel[:2], *self.window, strict=True)
        return tuple(max(0, (n + sum(p) - k) // s + 1) for n, k, s, p in axes)

    def rows(self, space):
        """How many pixels of such a space there are."""
        return self.images * math.prod(space)

    def slide(self, x, w):
        """The same by XLA, of rows of pixels."""
        images = x.reshape(self.images, *self.space, self.kernel[-2])
        y = at_once(images, w, self.window)
        return y.reshape(self.rows(self.places), self.kernel[-1])


def convolve_natively(x: jax.Array, w: jax.Array, window: Window) -> jax.Array:
    """``convolve`` of float32 weights with float32, ``uint8`` or ``bool``, natively.

    Pixels are rows in native code, as neurons have them: nothing is copied in between.
    """
    dimensions = w.ndim - 2
    lead, space = x.shape[: -1 - dimensions], x.shape[-1 - dimensions : -1]
    one = (1,) * (2 - dimensions)  # a line is an image of one row
    both = Window((*one, *window.stride), (*((0, 0) for _ in one), *window.pads))
    slide = Slide(math.prod(lead), (*one, *space), both, (*one, *w.shape))
    rows = x.reshape(slide.rows(slide.space), w.shape[-2])
    x, w = match_axes(rows, w.reshape(slide.kernel))
    y = _slid_mapped(slide, x, w) if mapped_by_hand() else _slid(slide, x, w)[0]
    return y.reshape(*lead, *slide.places[2 - dimensions :], w.shape[-1])


def _forward(slide, x, w):
    """What comes out, and marks of where ``x`` is not zero if they are far smaller."""
    rows, c = x.shape
    groups = -(-c // 16)
    small = c * x.dtype.itemsize >= 8 * 2 * groups
    bits = jax.ShapeDtypeStruct((rows, groups) if small else (0, 0), jnp.uint16)
    ones = jax.ShapeDtypeStruct((1,), jnp.uint8)
    made = [floats(slide.rows(slide.places), slide.kernel[-1]), bits, ones]
    return tuple(call("snnjax_convolve", made, readable(x), w, window=slide.numbers))


_slid = jax.custom_jvp(_forward, nondiff_argnums=(0,))


@partial(_slid.defjvp, symbolic_zeros=True)
def _slid_jvp(slide, primals, tangents):
    (x, w), (d_x, d_w) = primals, tangents
    y, *marks = _slid(slide, x, w)
    d_y = jnp.zeros_like(y)
    if is_float(x) and not isinstance(d_x, SymbolicZero):
        d_y = d_y + with_transpose(_OfInputs(slide), _ToInputs(slide), w, d_x, y)
    if not isinstance(d_w, SymbolicZero):
        d_y = d_y + with_transpose(
            _OfWeights(slide), _ToWeights(slide), (x, marks), d_w, y
        )
    none = [np.zeros(mark.shape, jax.dtypes.float0) for mark in marks]
    return (y, *marks), (d_y, *none)


@dataclass(frozen=True)  # told apart by class and slide
class _OfInputs:
    slide: Slide

    def __call__(self, w, x):
        return self.slide.slide(x, w)


@dataclass(frozen=True)
class _ToInputs:
    slide: Slide

    def __call__(self, w, g):
        return _to_inputs(self.slide, g, w)


@dataclass(frozen=True)
class _OfWeights:
    slide: Slide

    def __call__(self, kept, w):
        return self.slide.slide(kept[0], w)


@dataclass(frozen=True)
class _ToWeights:
    slide: Slide

    def __call__(self, kept, g):
        x, marks = kept
        return _to_weights(self.slide, x, g, *marks)


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _slid_mapped(slide, x, w):
    """The same where ``shard_map`` keeps count of axes: in reverse mode, once."""
    return _forward(slide, x, w)[0]


def _slid_mapped_fwd(slide, x, w):
    y, *marks = _forward(slide, x, w)
    return y, (x, w, marks)


def _slid_mapped_bwd(slide, kept, g):
    x, w, marks = kept
    return _to_inputs(slide, g, w) if is_float(x) else None, _to_weights(
        slide, x, g, *marks
    )


_slid_mapped.defvjp(_slid_mapped_fwd, _slid_mapped_bwd)


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _to_inputs(slide, g, w):
    """∂x, always dense: what comes back to spikes is no raster."""
    made = [floats(slide.rows(slide.space), slide.kernel[-2])]
    return call("snnjax_convolve_inputs", made, g, w, window=slide.numbers)[0]


@partial(_to_inputs.defjvp, symbolic_zeros=True)
def _to_inputs_jvp(slide, primals, tangents):
    (g, w), (d_g, d_w) = primals, tangents
    x = jnp.zeros((slide.rows(slide.space), slide.kernel[-2]), g.dtype)
    d_x = x
    if not isinstance(d_g, SymbolicZero):
        d_x = d_x + _transposed(slide, x, w, d_g)
    if not isinstance(d_w, SymbolicZero):
        d_x = d_x + _transposed(slide, x, d_w, g)
    return _to_inputs(slide, g, w), d_x


def _transposed(slide, x, w, g):
    x, w, g = match_axes(x, w, g)
    return jax.linear_transpose(lambda x: slide.slide(x, w), x)(g)[0]


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _to_weights(slide, x, g, *marks):
    """∂w, from marks in place of ``x`` where that holds ones only."""
    made = [floats(*slide.kernel)]
    args = readable(x), *marks, g
    return call("snnjax_convolve_weights", made, *args, window=slide.numbers)[0]


@partial(_to_weights.defjvp, symbolic_zeros=True)
def _to_weights_jvp(slide, primals, tangents):
    (x, g, *_), (d_x, d_g, *_) = primals, tangents
    d_w = jnp.zeros(slide.kernel, g.dtype)
    if is_float(x) and not isinstance(d_x, SymbolicZero):
        d_w = d_w + _products(slide, d_x, g)
    if not isinstance(d_g, SymbolicZero):
        d_w = d_w + _products(slide, x, d_g)
    return _to_weights(slide, *primals), d_w


def _products(slide, x, g):
    x = x.reshape(slide.images, *slide.space, slide.kernel[-2])
    g = g.reshape(slide.images, *slide.places, slide.kernel[-1])
    return by_products(slide.window, x, jnp.zeros(slide.kernel, g.dtype), g)
