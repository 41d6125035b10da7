"""The native path: leaky layers on a CPU in C++, driven by events (``leaky.cc``).

Needs the library that ``snnjax kernels build`` compiles; everything works without. The
arithmetic is that of the XLA path, sums are taken in another order: a voltage within
rounding of the threshold may fall on the other side of it.
"""

import math
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from snnjax.kernels import build
from snnjax.surrogate import Arctan, Scaled, Shape, Sigmoid, SuperSpike, Triangle

Path = Literal["auto", "native", "xla"]
SHAPES = (SuperSpike, Sigmoid, Triangle, Arctan)  # in the order of leaky.cc
RESETS = ("zero", "subtract", "none")
DTYPES = ("float32", "uint8", "bool")


class Support(NamedTuple):
    """Whether the native path can be taken, and if not, why."""

    works: bool
    why: str


def available(*arrays: Any) -> Support:
    """Tells whether arrays like these can be handled natively, here and now."""
    mesh = jax.sharding.get_abstract_mesh()
    wide = sorted({str(a.dtype) for a in arrays} - {*DTYPES})
    if wide:
        why = f"arrays are {', '.join(wide)}, not float32"
    elif any(kind != jax.sharding.AxisType.Manual for kind in mesh.axis_types):
        why = "a mesh is set whose axes are not manual; shard_map makes them so"
    elif jax.default_backend() != "cpu":
        why = f"the device is {jax.default_backend()}, not cpu"
    else:
        why = build.load()
    return Support(not why, why)


def supports(shape: Shape, *arrays: Any) -> Support:
    """Tells whether a layer with this surrogate can run natively, here and now."""
    inner = shape.shape if isinstance(shape, Scaled) else shape
    if type(inner) in SHAPES:
        return available(*arrays)
    names = ", ".join(kind.__name__ for kind in SHAPES)
    return Support(False, f"{type(inner).__name__} is none of the shapes {names}")


def known(path: str) -> None:
    """Refuses an unknown path.

    Raises:
        ValueError: with the paths that there are.
    """
    if path not in ("auto", "native", "xla"):
        raise ValueError(f"path must be auto, native or xla, got {path!r}.")


def chosen(path: Path, support: Support) -> bool:
    """Whether to go natively.

    Raises:
        ValueError: if that was asked for and cannot be, with the reason.
    """
    if path == "native" and not support.works:
        raise ValueError(f"The native path cannot be taken: {support.why}.")
    return path != "xla" and support.works


def alike(*trees: Any) -> Any:
    """Makes arrays vary over the same mesh axes where ``shard_map`` keeps count.

    A derivative rule must return gradients that vary as its arguments do. Elsewhere
    nothing is done.
    """
    if jax.sharding.AxisType.Manual not in jax.sharding.get_abstract_mesh().axis_types:
        return trees
    leaves = [leaf for leaf in jax.tree.leaves(trees) if _is_float(leaf)]
    zero = sum((jnp.sum(jnp.ravel(leaf)[:0]) for leaf in leaves), jnp.zeros(()))
    mark = lambda x: x + zero.astype(x.dtype) if _is_float(x) else x  # noqa: E731
    return jax.tree.map(mark, trees)


def project(x: jax.Array, w: jax.Array) -> jax.Array:
    """Spikes times weights, ``[rows, n_in], [n_in, n] -> [rows, n]``."""
    return _project(*alike(x, w))


@jax.custom_vjp
def _project(x, w):
    return _call("snnjax_project", (len(x), w.shape[1]), _readable(x), w)


def _project_fwd(x, w):
    return _project(x, w), (x, w)


def _project_bwd(kept, g):
    x, w = kept
    g_x = None
    if jnp.issubdtype(x.dtype, jnp.floating):
        g_x = (g @ w.T).astype(x.dtype)
    return g_x, outer(x, g, 0)


_project.defvjp(_project_fwd, _project_bwd)


def outer(x: jax.Array, g: jax.Array, shift: int) -> jax.Array:
    """Σ x[k]ᵀ g[k + shift] over rows, ``[n_in, n]``."""
    shape = (x.shape[1], g.shape[1])
    return _call("snnjax_outer", shape, _readable(x), g, shift=np.int64(shift))


def forward(options, state, currents, r, constants):
    """As ``layer._forward``."""
    x, n = _three(currents), currents.shape[-1]
    v, i, s = (_two(part, x) for part in state)
    each = (*[x.shape] * 2, *[v.shape] * 2)
    spikes, vs, v, i = _call(
        "snnjax_forward",
        each,
        *(x, _matrix(r), v, i, s, _rows(n, *constants)),
        reset=np.int64(RESETS.index(options.reset)),
    )
    spikes, vs = spikes.reshape(currents.shape), vs.reshape(currents.shape)
    last = spikes[-1] if len(spikes) else state.spikes
    end = state._replace(
        v=v.reshape(state.v.shape),
        i=None if state.i is None else i.reshape(state.v.shape),
        spikes=None if r is None else last,
    )
    return end, spikes, vs


def backward(options, constants, shape, end, g_spikes, vs, spikes, r):
    """As ``layer._backward``."""
    n, volts = vs.shape[-1], _three(vs)
    v, i, s = (_two(part, volts) for part in end)
    height = 1.0
    if isinstance(shape, Scaled):
        shape, height = shape.shape, shape.amplitude
    g_x, v, i, s = _call(
        "snnjax_backward",
        (volts.shape, *[v.shape] * 3),
        *(_three(g_spikes), volts, _three(spikes), _matrix(r)),
        *(_rows(n, *constants), _rows(n, shape.slope, height), v, i, s),
        reset=np.int64(RESETS.index(options.reset)),
        reset_gradient=options.reset_gradient,
        synapse=constants.syn is not None,
        shape=np.int64(SHAPES.index(type(shape))),
    )
    start = end._replace(
        v=v.reshape(end.v.shape),
        i=None if end.i is None else i.reshape(end.v.shape),
        spikes=None if r is None else s.reshape(end.v.shape),
    )
    return start, g_x.reshape(vs.shape)


def _call(name, shapes, *args, **attributes):
    """Calls ``leaky.cc``; under ``vmap`` one after another, each on all threads."""
    made = jax.tree.map(
        lambda shape: jax.ShapeDtypeStruct(shape, jnp.float32),
        shapes,
        is_leaf=lambda shape: all(isinstance(k, int) for k in shape),
    )
    found = jax.ffi.ffi_call(name, made, vmap_method="sequential")(*args, **attributes)
    return alike(found, args)[0]


def _is_float(x):
    return jnp.issubdtype(x.dtype, jnp.floating)


def _readable(x):
    return x.astype(jnp.uint8) if x.dtype == bool else x


def _three(x):
    return x.reshape(len(x), math.prod(x.shape[1:-1]), x.shape[-1])


def _two(part, like):
    return (
        jnp.zeros_like(like, shape=like.shape[1:])
        if part is None
        else part.reshape(like.shape[1:])
    )


def _matrix(r):
    return jnp.zeros((0, 0), jnp.float32) if r is None else r


def _rows(n, *constants):
    """Constants as rows ``[k, n]``; none is zero."""
    rows = [jnp.zeros(n) if c is None else jnp.broadcast_to(c, (n,)) for c in constants]
    return jnp.stack([row.astype(jnp.float32) for row in rows])
