"""Products of spikes and weights over all of time, and their gradients.

    y = x·w + b        ∂x = g·wᵀ        ∂w = Σ_t x_tᵀ g_t

Most entries of a raster are zero. Natively a product with it adds up the few rows of w
that spikes select, and marks of where they were are kept for ∂w.
"""

import math
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.custom_derivatives import SymbolicZero

from snnjax import check
from snnjax.kernels import native
from snnjax.kernels.linear import with_transpose
from snnjax.kernels.native import Backend, call, floats, is_float, match_axes, readable
from snnjax.kernels.rasters import Raster, entries

_ROWS = 4096  # of a raster that are in floating point at a time


def project(
    x: jax.Array | Raster,
    w: jax.Array,
    b: jax.Array | None = None,
    *,
    backend: Backend = "xla",
) -> jax.Array:
    """Currents ``x·w + b`` that spikes ``[..., n_in]`` bring, over all of time at once.

    Args:
        x: spikes, ``[..., n_in]``, floating point, ``uint8`` or ``bool``; or a raster.
        w: weights ``[n_in, n]``.
        b: constant currents ``[n]``, or None.
        backend: who multiplies, from ``native.choose``; the native kernel adds up the
            rows of ``w`` that spikes select, in place of a dense product.
    """
    marks: tuple[jax.Array, ...] = ()
    if isinstance(x, Raster):
        x, marks = (entries(*x), ()) if backend == "xla" else x
    if backend != "xla":
        given = backend, *match_axes(flat(x), w)
        mapped = native.mapped_by_hand()
        y = _project_mapped(*given) if mapped else _project(*given, *marks)[0]
        y = y.reshape(*x.shape[:-1], w.shape[-1])
    elif not is_float(x):
        y = _from_raster(x, w)
    else:
        y = _dense(x, w)
    return y if b is None else y + align(b, y)


def _dense(x, w):
    dtype = check.common_dtype(x.dtype, w.dtype)
    x, w = x.astype(dtype), w.astype(dtype)
    if x.ndim == 1 or sharded_explicitly():
        return x @ w
    # flat, so that the gradient of w is a flat product as well
    return (flat(x) @ w).reshape(*x.shape[:-1], w.shape[-1])


def _from_raster(x, w):
    """A few steps at a time, so that a long raster never exists in floating point."""
    step = jax.checkpoint(lambda x: x.astype(w.dtype) @ w)
    return step(x) if x.ndim < 3 else jax.lax.map(step, x, batch_size=16)


_from_raster = jax.jit(_from_raster, inline=True)


def _product(backend, x, w, *marks):
    """The product, and marks of where ``x`` is not zero."""
    if marks:
        y = native.run(backend, _by_marks, _of_told, None, x, w, *marks)
        return y, *marks
    return native.run(backend, _by_events, _by_rows, None, x, w)


def _by_marks(_, x, w, bits, told):
    del told
    made = [floats(len(x), w.shape[1])]
    return call("snnjax_project_marks", made, bits, w)[0]


def _of_told(_, x, w, *marks):
    del marks
    return x @ w


def _by_events(_, x, w):
    made = [floats(len(x), w.shape[1]), *native.mark_shapes(*x.shape)]
    return tuple(call("snnjax_project", made, readable(x), w))


def _by_rows(_, x, w):
    step = lambda x: x.astype(w.dtype) @ w  # noqa: E731
    y = step(x) if is_float(x) else jax.lax.map(step, x, batch_size=_ROWS)
    return y, *native.no_marks(*x.shape)


_project = jax.custom_jvp(_product, nondiff_argnums=(0,))


@partial(_project.defjvp, symbolic_zeros=True)
def _project_jvp(backend, primals, tangents):
    (x, w, *told), (d_x, d_w, *_) = primals, tangents
    y, *marks = _project(backend, x, w, *told)
    d_y = jnp.zeros_like(y)
    if is_float(x) and not isinstance(d_x, SymbolicZero):
        d_y = d_y + with_transpose(_times_w, _TimesTransposed(backend), w, d_x, y)
    if not isinstance(d_w, SymbolicZero):
        ways = _Times(bool(told)), _Outer(backend, bool(told))
        d_y = d_y + with_transpose(*ways, (x, marks), d_w, y)
    none = [np.zeros(mark.shape, jax.dtypes.float0) for mark in marks]
    return (y, *marks), (d_y, *none)


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _project_mapped(backend, x, w):
    """The same where ``shard_map`` keeps count of axes: in reverse mode, once."""
    return _product(backend, x, w)[0]


def _project_mapped_fwd(backend, x, w):
    y, *marks = _product(backend, x, w)
    return y, (x, w, marks)


def _project_mapped_bwd(backend, kept, g):
    x, w, marks = kept
    g_x = _product(backend, g, w.T)[0] if is_float(x) else None
    return g_x, outer(x, g, 0, marks, backend)


_project_mapped.defvjp(_project_mapped_fwd, _project_mapped_bwd)


def _times_w(w, x):
    return x @ w


@dataclass(frozen=True)  # told apart by class and field
class _TimesTransposed:
    backend: Backend

    def __call__(self, w, g):
        return _project(self.backend, g, w.T)[0]


@dataclass(frozen=True)
class _Times:
    marked: bool

    def __call__(self, kept, w):
        x, marks = kept
        x = entries(x, marks) if self.marked else x
        return x.astype(w.dtype) @ w


@dataclass(frozen=True)
class _Outer:
    backend: Backend
    marked: bool

    def __call__(self, kept, g):
        x, marks = kept
        return outer(x, g, 0, marks, self.backend, marked=self.marked)


def outer(
    x: jax.Array,
    g: jax.Array,
    shift: int,
    marks: Any = None,
    backend: Backend = "native",
    *,
    marked: bool = False,
) -> jax.Array:
    """Σ x[k]ᵀ g[k + shift] over rows, ``[n_in, n]``.

    ``marks`` of the entries of ``x`` that are not zero, as ``snnjax_project`` leaves
    them, are read natively in its place: a bit for each. ``marked`` says that they tell
    all: natively ``x`` is not looked at then.
    """
    marks = native.no_marks(0, 0) if marks is None else marks
    return _outer(backend, (shift, marked), x, g, *marks)


@partial(jax.custom_jvp, nondiff_argnums=(0, 1))
def _outer(backend, fixed, x, g, *marks):
    return native.run(backend, _sum_by_events, _sum_by_rows, fixed, x, g, *marks)


def _sum_by_events(fixed, x, g, *marks):
    shift, marked = fixed
    made = [floats(x.shape[1], g.shape[1])]
    args = x[:0] if marked else readable(x), *marks, g
    return call("snnjax_outer", made, *args, shift=np.int64(shift))[0]


def _sum_by_rows(fixed, x, g, *marks):
    del marks
    shift, _ = fixed
    x, g = x[: max(0, len(x) - shift)], g[shift:]
    if is_float(x) or len(x) <= _ROWS:
        return x.astype(g.dtype).T @ g
    some = len(x) % _ROWS
    parts = (part[some:].reshape(-1, _ROWS, part.shape[1]) for part in (x, g))
    step = lambda total, now: (total + now[0].astype(g.dtype).T @ now[1], None)  # noqa: E731
    return jax.lax.scan(step, x[:some].astype(g.dtype).T @ g[:some], tuple(parts))[0]


@partial(_outer.defjvp, symbolic_zeros=True)
def _outer_jvp(backend, fixed, primals, tangents):
    (x, g, *marks), (d_x, d_g, *_) = primals, tangents
    shift, marked = fixed
    x = entries(x, marks) if marked else x
    rows = max(0, len(x) - shift)
    d_w = jnp.zeros((x.shape[1], g.shape[1]), g.dtype)
    if is_float(x) and not isinstance(d_x, SymbolicZero):
        d_w = d_w + d_x[:rows].T @ g[shift:]
    if not isinstance(d_g, SymbolicZero):
        d_w = d_w + x[:rows].astype(g.dtype).T @ d_g[shift:]
    return _outer(backend, fixed, *primals), d_w


def over_time(before: jax.Array, g: jax.Array) -> jax.Array:
    """Σ beforeᵀ g over all axes but the last, ``[n_in, n]``."""
    dtype = check.common_dtype(before.dtype, g.dtype)
    before, g = before.astype(dtype), g.astype(dtype)
    if not sharded_explicitly():
        return flat(before).T @ flat(g)
    axes = tuple(range(g.ndim - 1))
    dims = ((axes, axes), ((), ()))
    return jax.lax.dot_general(before, g, dims, out_sharding=jax.P(None, None))


def product(a: jax.Array, b: jax.Array) -> jax.Array:
    """A product of matrices in the dtype that holds both."""
    dtype = check.common_dtype(a.dtype, b.dtype)
    return a.astype(dtype) @ b.astype(dtype)


def sharded_explicitly() -> bool:
    """Merging axes is refused where shardings are part of the type."""
    kinds = jax.sharding.get_abstract_mesh().axis_types
    return jax.sharding.AxisType.Explicit in kinds


def align(constants: Any, x: jax.Array, lead: int = 0) -> Any:
    """Constants ``[n]`` beside arrays like ``x``, less its first ``lead`` axes.

    They get axes of one, so that none is promoted in rank.
    """

    def beside(c):
        missing = x.ndim - lead - jnp.ndim(c)
        return jnp.expand_dims(c, tuple(range(missing))) if jnp.ndim(c) > 0 else c

    return jax.tree.map(beside, constants)


def flat(x: jax.Array) -> jax.Array:
    """All axes but the last as one."""
    return x.reshape(math.prod(x.shape[:-1]), x.shape[-1])
