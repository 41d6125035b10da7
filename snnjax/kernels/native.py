"""The native backend: C++ on a CPU, driven by events.

Needs the library that ``snnjax kernels build`` compiles; everything works without. The
arithmetic is that of the XLA backend, sums are taken in another order: a voltage within
rounding of the threshold may fall on the other side of it.
"""

from collections.abc import Callable, Hashable
from functools import partial
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp

from snnjax import check
from snnjax.kernels import build
from snnjax.loops import types

Backend = Literal["auto", "native", "xla"]
DTYPES = ("float32", "uint8", "bool")


class Support(NamedTuple):
    """Whether the native backend can be taken, and if not, why."""

    works: bool
    why: str


def available(*arrays: Any) -> Support:
    """Tells whether arrays like these can be handled natively, where a CPU runs it."""
    mesh = jax.sharding.get_abstract_mesh()
    wide = sorted({str(a.dtype) for a in arrays} - {*DTYPES})
    if wide:
        why = f"arrays are {', '.join(wide)}, not float32"
    elif any(kind != jax.sharding.AxisType.Manual for kind in mesh.axis_types):
        why = "a mesh is set whose axes are not manual; shard_map makes them so"
    else:
        why = build.load()
    return Support(not why, why)


def check_backend(backend: str) -> None:
    """Refuses an unknown backend.

    Raises:
        ValueError: with the backends that there are.
    """
    check.one_of("backend", backend, ("auto", "native", "xla"))


def choose(backend: Backend, support: Support) -> Backend:
    """Who is to run: ``"auto"`` remains where the device decides, see ``run``.

    Raises:
        ValueError: if native code was asked for and cannot be, with the reason.
    """
    if backend == "native" and (why := support.why or _other_device()):
        raise ValueError(f"The native backend cannot be taken: {why}.")
    return backend if support.works else "xla"


def _other_device():
    here = usual_platform()
    return "" if here == "cpu" else f"the device is {here}, not cpu"


def usual_platform() -> str:
    """Where programs run if no argument of theirs lies elsewhere."""
    config: Any = jax.config
    device = config.jax_default_device or jax.default_backend()
    return getattr(device, "platform", device)


def run(
    backend: Backend,
    natively: Callable[..., Any],
    by_xla: Callable[..., Any],
    fixed: Hashable,
    *args: Any,
) -> Any:
    """Runs one of two ways to compute the same; in doubt, as the device wants it.

    A program is told for which device it is when it is lowered, not when it is traced.
    Both ways are traced then, and the one that is not taken leaves nothing behind.

    Args:
        backend: from ``choose``.
        natively: ``(fixed, *args) -> arrays``, the same function at every call.
        by_xla: the same by operations of XLA, for other devices.
        fixed: what both depend on while tracing.
        *args: trees of arrays.
    """
    if backend != "auto":
        return (natively if backend == "native" else by_xla)(fixed, *args)
    return _by_platform(natively, by_xla, fixed, types(fixed), *args)


@partial(jax.jit, static_argnums=(0, 1, 2, 3), inline=True)
def _by_platform(natively, by_xla, fixed, kinds, *args):
    del kinds  # tell programs apart

    def alike(way):
        return lambda *args: _vary(way(fixed, *args), args)

    ways = {"cpu": alike(natively), "default": alike(by_xla)}
    return jax.lax.platform_dependent(*args, **ways)


def match_axes(*trees: Any) -> Any:
    """Makes arrays vary over the same mesh axes where ``shard_map`` keeps count.

    A derivative rule must return gradients that vary as its arguments do, rasters of
    bytes among them. Elsewhere nothing is done.
    """
    if not mapped_by_hand():
        return trees
    return _vary(trees, trees, only=is_float)


def _vary(tree, like, only=lambda x: True):
    """Makes arrays vary over the mesh axes of others."""
    if not mapped_by_hand():
        return tree
    none = (jnp.ravel(leaf)[:0].astype(float) for leaf in jax.tree.leaves(like))
    zero = sum(map(jnp.sum, none), jnp.zeros(()))
    mark = lambda x: x + zero.astype(x.dtype) if only(x) else x  # noqa: E731
    return jax.tree.map(mark, tree)


def mapped_by_hand() -> bool:
    """Whether this is inside ``shard_map``."""
    kinds = jax.sharding.get_abstract_mesh().axis_types
    return jax.sharding.AxisType.Manual in kinds


def call(
    name: str,
    made: list[jax.ShapeDtypeStruct],
    *args: jax.Array,
    in_place: dict[int, int] | None = None,
    **attributes: Any,
) -> Any:
    """Calls the library; under ``vmap`` one after another, each on all threads."""
    target = jax.ffi.ffi_call(
        name, made, vmap_method="sequential", input_output_aliases=in_place
    )
    return match_axes(target(*args, **attributes), args)[0]


def floats(*shape: int) -> jax.ShapeDtypeStruct:
    """An array of single precision, for ``call`` to make."""
    return jax.ShapeDtypeStruct(shape, jnp.float32)


def mark_shapes(rows: int, n: int) -> list[jax.ShapeDtypeStruct]:
    """A bit for each entry that is not zero, and whether these are set and tell all."""
    bits = jax.ShapeDtypeStruct((rows, -(-n // 16)), jnp.uint16)
    return [bits, jax.ShapeDtypeStruct((1,), jnp.uint8)]


def no_marks(rows: int, n: int) -> list[jax.Array]:
    """Marks that tell nothing, where nobody made any."""
    return [jnp.zeros(made.shape, made.dtype) for made in mark_shapes(rows, n)]


def is_float(x: Any) -> bool:
    """Whether ``x`` is floating point."""
    return jnp.issubdtype(x.dtype, jnp.floating)


def readable(x: jax.Array) -> jax.Array:
    """A raster as kernels read it: ``bool`` as bytes."""
    return x.astype(jnp.uint8) if x.dtype == bool else x
