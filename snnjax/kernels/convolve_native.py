"""Convolutions of rasters natively: spikes add the kernels that they meet.

    forward    y_p = Σ_k x_{s·p + k} w_k      with stride s, image by image
    backward   ∂x = the transposed convolution      ∂w_k = Σ_p x_{s·p + k}ᵀ ∂y_p

An image is read by its events where it is mostly zero, densely where it is crowded or
no raster at all, which each image decides as it comes. Marks of where it is not zero
are kept for ∂w, or come in its place. Either way sums are taken in one order: results
do not depend on it.
"""

import math
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_derivatives import SymbolicZero

from snnjax.kernels import native
from snnjax.kernels.linear import with_transpose
from snnjax.kernels.native import Backend, call, floats, is_float, match_axes, readable
from snnjax.kernels.rasters import Raster, entries
from snnjax.kernels.windows import Window, at_once, by_convolution, by_products

_IMAGES = 256  # of a raster that are in floating point at a time


class Slide(NamedTuple):
    """A convolution of images, fixed while tracing."""

    images: int
    space: tuple[int, ...]  # height and width of an image
    window: Window  # of two axes
    kernel: tuple[int, ...]  # shape of the weights, of four axes
    backend: Backend  # from ``native.choose``
    marked: bool = False  # whether marks tell all of the images, which are of ones

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
        y = at_once(self.pixels(x), w, self.window)
        return y.reshape(self.rows(self.places), self.kernel[-1])

    def told(self, x, marks):
        """Rows of pixels as they are, whoever tells them."""
        return entries(x, marks) if self.marked else x

    def unmarked(self, x):
        """What native code reads of them beside marks."""
        return x[:0] if self.marked else readable(x)

    def pixels(self, x):
        """Images ``[images, *space, c_in]`` of rows."""
        return x.reshape(self.images, *self.space, self.kernel[-2])


def convolve_natively(
    x: jax.Array | Raster, w: jax.Array, window: Window, backend: Backend
) -> jax.Array:
    """``convolve`` of float32 weights with float32, ``uint8`` or ``bool``, natively.

    Pixels are rows in native code, as neurons have them: nothing is copied in between.
    """
    marks: tuple[jax.Array, ...] = ()
    if isinstance(x, Raster):
        x, marks = x
    dimensions = w.ndim - 2
    lead, space = x.shape[: -1 - dimensions], x.shape[-1 - dimensions : -1]
    one = (1,) * (2 - dimensions)  # a line is an image of one row
    both = Window((*one, *window.stride), (*((0, 0) for _ in one), *window.pads))
    kernel = *one, *w.shape
    slide = Slide(math.prod(lead), (*one, *space), both, kernel, backend, bool(marks))
    rows = x.reshape(slide.rows(slide.space), w.shape[-2])
    x, w = match_axes(rows, w.reshape(slide.kernel))
    mapped = native.mapped_by_hand()
    y = _slid_mapped(slide, x, w) if mapped else _slid(slide, x, w, *marks)[0]
    return y.reshape(*lead, *slide.places[2 - dimensions :], w.shape[-1])


def _forward(slide, x, w, *marks):
    """What comes out, and marks of where ``x`` is not zero if they are far smaller."""
    if marks:
        y = native.run(slide.backend, _by_marks, _of_told, slide, x, w, *marks)
        return y, *marks
    return native.run(slide.backend, _by_events, _at_once, slide, x, w)


def _by_marks(slide, x, w, bits, told):
    del x, told
    made = [floats(slide.rows(slide.places), slide.kernel[-1])]
    return call("snnjax_convolve_marks", made, bits, w, window=slide.numbers)[0]


def _of_told(slide, x, w, *marks):
    del marks
    return slide.slide(x, w)


def _marked(x):
    """Rows and columns of these marks."""
    small = x.shape[1] * x.dtype.itemsize >= 8 * 2 * -(-x.shape[1] // 16)
    return x.shape if small else (0, 0)


def _by_events(slide, x, w):
    marks = native.mark_shapes(*_marked(x))
    made = [floats(slide.rows(slide.places), slide.kernel[-1]), *marks]
    return tuple(call("snnjax_convolve", made, readable(x), w, window=slide.numbers))


def _at_once(slide, x, w):
    marks = native.no_marks(*_marked(x))
    if is_float(x):
        return slide.slide(x, w), *marks
    each = lambda x: at_once(x[None], w, slide.window)[0]  # noqa: E731
    y = jax.lax.map(each, slide.pixels(x), batch_size=_IMAGES)
    return y.reshape(slide.rows(slide.places), slide.kernel[-1]), *marks


_slid = jax.custom_jvp(_forward, nondiff_argnums=(0,))


@partial(_slid.defjvp, symbolic_zeros=True)
def _slid_jvp(slide, primals, tangents):
    (x, w, *marks), (d_x, d_w, *_) = primals, tangents
    y, *marks = _slid(slide, x, w, *marks)
    d_y = jnp.zeros_like(y)
    of_x = is_float(x) and not isinstance(d_x, SymbolicZero)
    of_w = not isinstance(d_w, SymbolicZero)
    if of_x and of_w:
        given, change = (x, w, marks), (d_x, d_w)
        d_y = d_y + with_transpose(_OfBoth(slide), _ToBoth(slide), given, change, y)
    elif of_x:
        d_y = d_y + with_transpose(_OfInputs(slide), _ToInputs(slide), w, d_x, y)
    elif of_w:
        kept = x, marks
        d_y = d_y + with_transpose(_OfWeights(slide), _ToWeights(slide), kept, d_w, y)
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
        return self.slide.slide(self.slide.told(*kept), w)


@dataclass(frozen=True)
class _ToWeights:
    slide: Slide

    def __call__(self, kept, g):
        x, marks = kept
        return _to_weights(self.slide, x, g, *marks)


@dataclass(frozen=True)
class _OfBoth:
    slide: Slide

    def __call__(self, kept, changes):
        (x, w, marks), (d_x, d_w) = kept, changes
        x = self.slide.told(x, marks)
        return self.slide.slide(d_x, w) + self.slide.slide(x, d_w)


@dataclass(frozen=True)
class _ToBoth:
    slide: Slide

    def __call__(self, kept, g):
        x, w, marks = kept
        return _to_both(self.slide, x, w, g, *marks)


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _slid_mapped(slide, x, w):
    """The same where ``shard_map`` keeps count of axes: in reverse mode, once."""
    return _forward(slide, x, w)[0]


def _slid_mapped_fwd(slide, x, w):
    y, *marks = _forward(slide, x, w)
    return y, (x, w, marks)


def _slid_mapped_bwd(slide, kept, g):
    x, w, marks = kept
    if is_float(x):
        return _to_both(slide, x, w, g, *marks)
    return None, _to_weights(slide, x, g, *marks)


_slid_mapped.defvjp(_slid_mapped_fwd, _slid_mapped_bwd)


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _to_both(slide, x, w, g, *marks):
    """∂x and ∂w of one pass over ∂y."""
    return native.run(slide.backend, _both_natively, _apart, slide, x, w, g, *marks)


def _both_natively(slide, x, w, g, *marks):
    made = [floats(*x.shape), floats(*slide.kernel)]
    args = slide.unmarked(x), *marks, g, w
    one = {3: 0} if x.shape == g.shape else None  # ∂x in the place of ∂y
    name, window = "snnjax_convolve_back", slide.numbers
    return tuple(call(name, made, *args, in_place=one, window=window))


def _apart(slide, x, w, g, *marks):
    """The same one by one."""
    return _to_inputs(slide, g, w), _to_weights(slide, x, g, *marks)


@_to_both.defjvp
def _to_both_jvp(slide, primals, tangents):
    tangents = jax.jvp(partial(_apart, slide), primals, tangents)[1]
    return _to_both(slide, *primals), tangents


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def _to_inputs(slide, g, w):
    """∂x, always dense: what comes back to spikes is no raster."""
    return native.run(slide.backend, _inputs_natively, _inputs_by_xla, slide, g, w)


def _inputs_natively(slide, g, w):
    made = [floats(slide.rows(slide.space), slide.kernel[-2])]
    return call("snnjax_convolve_inputs", made, g, w, window=slide.numbers)[0]


def _inputs_by_xla(slide, g, w):
    x = jnp.zeros((slide.rows(slide.space), slide.kernel[-2]), g.dtype)
    return _transposed(slide, x, w, g)


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
    ways = _weights_natively, _weights_by_xla
    return native.run(slide.backend, *ways, slide, x, g, *marks)


def _weights_natively(slide, x, g, *marks):
    made = [floats(*slide.kernel)]
    args = slide.unmarked(x), *marks, g
    return call("snnjax_convolve_weights", made, *args, window=slide.numbers)[0]


def _weights_by_xla(slide, x, g, *marks):
    del marks
    return _products(slide, x, g, by_convolution)


@partial(_to_weights.defjvp, symbolic_zeros=True)
def _to_weights_jvp(slide, primals, tangents):
    (x, g, *marks), (d_x, d_g, *_) = primals, tangents
    x, d_w = slide.told(x, marks), jnp.zeros(slide.kernel, g.dtype)
    if is_float(x) and not isinstance(d_x, SymbolicZero):
        d_w = d_w + _products(slide, d_x, g)
    if not isinstance(d_g, SymbolicZero):
        d_w = d_w + _products(slide, x, d_g)
    return _to_weights(slide, *primals), d_w


def _products(slide, x, g, made=by_products):
    g = g.reshape(slide.images, *slide.places, slide.kernel[-1])
    w = jnp.zeros(slide.kernel, g.dtype)
    return made(slide.window, slide.pixels(x), w, g)
