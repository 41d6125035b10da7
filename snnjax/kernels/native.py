"""The native backend: leaky layers on a CPU in C++, driven by events (``leaky.cc``).

Needs the library that ``snnjax kernels build`` compiles; everything works without. The
arithmetic is that of the XLA backend, sums are taken in another order: a voltage within
rounding of the threshold may fall on the other side of it.
"""

import math
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from snnjax.check import Number
from snnjax.kernels import build
from snnjax.surrogate import (
    Arctan,
    Boxcar,
    Scaled,
    Shape,
    Sigmoid,
    Sparse,
    SuperSpike,
    Triangle,
)

Backend = Literal["auto", "native", "xla"]
SHAPES = (SuperSpike, Sigmoid, Triangle, Arctan, Boxcar)  # in the order of leaky.cc
RESETS = ("zero", "subtract", "none")
DTYPES = ("float32", "uint8", "bool")


class Support(NamedTuple):
    """Whether the native backend can be taken, and if not, why."""

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
    inner = _taken_apart(shape)[0]
    if type(inner) in SHAPES:
        return available(*arrays)
    names = ", ".join(kind.__name__ for kind in SHAPES)
    return Support(False, f"{type(inner).__name__} is none of the shapes {names}")


def check_backend(backend: str) -> None:
    """Refuses an unknown backend.

    Raises:
        ValueError: with the backends that there are.
    """
    if backend not in ("auto", "native", "xla"):
        raise ValueError(f"backend must be auto, native or xla, got {backend!r}.")


def use_native(backend: Backend, support: Support) -> bool:
    """Whether to go natively.

    Raises:
        ValueError: if that was asked for and cannot be, with the reason.
    """
    if backend == "native" and not support.works:
        raise ValueError(f"The native backend cannot be taken: {support.why}.")
    return backend != "xla" and support.works


def match_axes(*trees: Any) -> Any:
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
    return _project(*match_axes(x, w))


@jax.custom_vjp
def _project(x, w):
    return _project_fwd(x, w)[0]


def _project_fwd(x, w):
    y, *marks = _call(
        "snnjax_project",
        [_float(len(x), w.shape[1]), *_marks(*x.shape)],
        *(_readable(x), w),
    )
    return y, (x, w, marks)


def _project_bwd(kept, g):
    x, w, marks = kept
    g_x = None
    if jnp.issubdtype(x.dtype, jnp.floating):
        g_x = _project_fwd(g, w.T)[0]
    return g_x, outer(x, g, 0, marks)


_project.defvjp(_project_fwd, _project_bwd)


def outer(x: jax.Array, g: jax.Array, shift: int, marks: Any = None) -> jax.Array:
    """Σ x[k]ᵀ g[k + shift] over rows, ``[n_in, n]``.

    ``marks`` of the entries of ``x`` that are not zero, as ``snnjax_project`` leaves
    them, are read in its place: a bit for each.
    """
    if marks is None:
        marks = jnp.zeros((0, 0), jnp.uint16), jnp.zeros(1, jnp.uint8)
    args = _readable(x), *marks, g
    made = [_float(x.shape[1], g.shape[1])]
    return _call("snnjax_outer", made, *args, shift=np.int64(shift))[0]


def forward(options, state, currents, r, constants):
    """As ``layer._forward``."""
    x, n = _flat(currents), currents.shape[-1]
    v, i, s = (_rows_of(part, state.v) for part in state)
    over_time, once = [_float(*x.shape)] * 2, [_float(*v.shape)] * 2
    marks = _marks(0 if r is None else len(x), n)
    vs, spikes, *marks, v, i = _call(
        "snnjax_forward",
        [*over_time, *marks, *once],
        *(x, _matrix(r), v, i, s, _constants(n, *constants)),
        in_place={0: 0},
        reset=np.int64(RESETS.index(options.reset)),
    )
    spikes, vs = spikes.reshape(currents.shape), vs.reshape(currents.shape)
    last = spikes[-1] if len(spikes) else state.spikes
    end = state._replace(
        v=v.reshape(state.v.shape),
        i=None if state.i is None else i.reshape(state.v.shape),
        spikes=None if r is None else last,
    )
    return end, spikes, vs, marks


def backward(options, constants, shape, end, g_spikes, vs, r):
    """As ``layer._backward``."""
    n, volts = vs.shape[-1], _flat(vs)
    v, i, s = (_rows_of(part, end.v) for part in end)
    shape, height, width = _taken_apart(shape)
    g_x, v, i, s = _call(
        "snnjax_backward",
        [_float(*volts.shape), *[_float(*v.shape)] * 3],
        *(_flat(g_spikes), volts, _matrix(r), _constants(n, *constants)),
        *(_constants(n, shape.slope, height, width), v, i, s),
        in_place={0: 0},
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


def _taken_apart(shape):
    """The shape inside, its height, and the width beyond which it is zero."""
    height: Number = 1.0
    width: Number = jnp.inf
    while isinstance(shape, Scaled | Sparse):
        if isinstance(shape, Scaled):
            height = height * shape.amplitude
        else:
            width = jnp.minimum(width, shape.width)
        shape = shape.shape
    return shape, height, width


def _call(name, made, *args, in_place=None, **attributes):
    """Calls ``leaky.cc``; under ``vmap`` one after another, each on all threads."""
    call = jax.ffi.ffi_call(
        name, made, vmap_method="sequential", input_output_aliases=in_place
    )
    return match_axes(call(*args, **attributes), args)[0]


def _float(*shape):
    return jax.ShapeDtypeStruct(shape, jnp.float32)


def _marks(rows, n):
    """A bit for each entry, and whether these are set and tell all."""
    bits = jax.ShapeDtypeStruct((rows, -(-n // 16)), jnp.uint16)
    return bits, jax.ShapeDtypeStruct((1,), jnp.uint8)


def _is_float(x):
    return jnp.issubdtype(x.dtype, jnp.floating)


def _readable(x):
    return x.astype(jnp.uint8) if x.dtype == bool else x


def _flat(x):
    return x.reshape(math.prod(x.shape[:-1]), x.shape[-1])


def _rows_of(part, like):
    return _flat(jnp.zeros_like(like) if part is None else part)


def _matrix(r):
    return jnp.zeros((0, 0), jnp.float32) if r is None else r


def _constants(n, *constants):
    """As rows ``[k, n]``; none is zero."""
    rows = [jnp.zeros(n) if c is None else jnp.broadcast_to(c, (n,)) for c in constants]
    return jnp.stack([row.astype(jnp.float32) for row in rows])
