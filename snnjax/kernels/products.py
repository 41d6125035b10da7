"""Products of spikes and weights over all of time, and their gradients.

    y = x·w + b        ∂x = g·wᵀ        ∂w = Σ_t x_tᵀ g_t

Most entries of a raster are zero. Natively a product with it adds up the few rows of w
that spikes select, and marks of where they were are kept for ∂w.
"""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from snnjax.kernels.native import call, floats, is_float, mark_shapes, match_axes


def project(
    x: jax.Array, w: jax.Array, b: jax.Array | None = None, *, by_events: bool = False
) -> jax.Array:
    """Currents ``x·w + b`` that spikes ``[..., n_in]`` bring, over all of time at once.

    Args:
        x: spikes, ``[..., n_in]``, floating point, ``uint8`` or ``bool``.
        w: weights ``[n_in, n]``.
        b: constant currents ``[n]``, or None.
        by_events: whether the native kernel adds up the rows of ``w`` that spikes
            select, in place of a dense product.
    """
    if by_events:
        y = _project(*match_axes(flat(x), w)).reshape(*x.shape[:-1], w.shape[-1])
    elif not is_float(x):
        y = _from_raster(x, w)
    elif x.ndim == 1 or sharded_explicitly():
        y = x @ w
    else:  # flat, so that the gradient of w is a flat product as well
        y = (flat(x) @ w).reshape(*x.shape[:-1], w.shape[-1])
    return y if b is None else y + b


def _from_raster(x, w):
    """A few steps at a time, so that a long raster never exists in floating point."""
    step = jax.checkpoint(lambda x: x.astype(w.dtype) @ w)
    return step(x) if x.ndim < 3 else jax.lax.map(step, x, batch_size=16)


@jax.custom_vjp
def _project(x, w):
    return _project_fwd(x, w)[0]


def _project_fwd(x, w):
    made = [floats(len(x), w.shape[1]), *mark_shapes(*x.shape)]
    y, *marks = call("snnjax_project", made, _readable(x), w)
    return y, (x, w, marks)


def _project_bwd(kept, g):
    x, w, marks = kept
    g_x = _project_fwd(g, w.T)[0] if is_float(x) else None
    return g_x, outer(x, g, 0, marks)


_project.defvjp(_project_fwd, _project_bwd)


def outer(x: jax.Array, g: jax.Array, shift: int, marks: Any = None) -> jax.Array:
    """Σ x[k]ᵀ g[k + shift] over rows, ``[n_in, n]``, natively.

    ``marks`` of the entries of ``x`` that are not zero, as ``snnjax_project`` leaves
    them, are read in its place: a bit for each.
    """
    if marks is None:
        marks = jnp.zeros((0, 0), jnp.uint16), jnp.zeros(1, jnp.uint8)
    made = [floats(x.shape[1], g.shape[1])]
    args = _readable(x), *marks, g
    return call("snnjax_outer", made, *args, shift=np.int64(shift))[0]


def over_time(before: jax.Array, g: jax.Array) -> jax.Array:
    """Σ beforeᵀ g over all axes but the last, ``[n_in, n]``."""
    if not sharded_explicitly():
        return flat(before).T @ flat(g)
    axes = tuple(range(g.ndim - 1))
    dims = ((axes, axes), ((), ()))
    return jax.lax.dot_general(before, g, dims, out_sharding=jax.P(None, None))


def sharded_explicitly() -> bool:
    """Merging axes is refused where shardings are part of the type."""
    kinds = jax.sharding.get_abstract_mesh().axis_types
    return jax.sharding.AxisType.Explicit in kinds


def flat(x: jax.Array) -> jax.Array:
    """All axes but the last as one."""
    return x.reshape(math.prod(x.shape[:-1]), x.shape[-1])


def _readable(x):
    return x.astype(jnp.uint8) if x.dtype == bool else x
