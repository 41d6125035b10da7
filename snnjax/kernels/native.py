"""The native backend: C++ on a CPU, driven by events.

Needs the library that ``snnjax kernels build`` compiles; everything works without. The
arithmetic is that of the XLA backend, sums are taken in another order: a voltage within
rounding of the threshold may fall on the other side of it.
"""

from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp

from snnjax import check
from snnjax.kernels import build

Backend = Literal["auto", "native", "xla"]
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


def check_backend(backend: str) -> None:
    """Refuses an unknown backend.

    Raises:
        ValueError: with the backends that there are.
    """
    check.one_of("backend", backend, ("auto", "native", "xla"))


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
    leaves = [leaf for leaf in jax.tree.leaves(trees) if is_float(leaf)]
    zero = sum((jnp.sum(jnp.ravel(leaf)[:0]) for leaf in leaves), jnp.zeros(()))
    mark = lambda x: x + zero.astype(x.dtype) if is_float(x) else x  # noqa: E731
    return jax.tree.map(mark, trees)


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


def is_float(x: Any) -> bool:
    """Whether ``x`` is floating point."""
    return jnp.issubdtype(x.dtype, jnp.floating)


def readable(x: jax.Array) -> jax.Array:
    """A raster as kernels read it: ``bool`` as bytes."""
    return x.astype(jnp.uint8) if x.dtype == bool else x
