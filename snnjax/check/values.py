"""What a value is, as far as it is known, and the dtype that numbers are taken in."""

from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

Number: TypeAlias = jax.Array | float  # a scalar or an array, perhaps traced


def concrete(value: Any) -> np.ndarray | None:
    """The value as a numpy array; None while it is traced, or where others hold it.

    What is no array, such as a key or a ragged list, is one entry of type object.
    """
    traced = isinstance(value, jax.core.Tracer)
    if traced or not getattr(value, "is_fully_addressable", True):
        return None
    try:
        return np.asarray(value)
    except jax.errors.TracerArrayConversionError:
        return None
    except (TypeError, ValueError):
        odd = np.empty((), object)
        odd[()] = value
        return odd


def told(x: Any) -> str:
    """What came, in a few words."""
    if hasattr(x, "shape") and hasattr(x, "dtype"):
        return f"{x.dtype} {list(x.shape)}"
    if x is None or isinstance(x, str | int | float | complex):
        return repr(x)
    return f"a {type(x).__name__}"


def real(dtype: Any) -> bool:
    """Whether numbers of this dtype are real: whole or floating point."""
    return any(jnp.issubdtype(dtype, kind) for kind in (jnp.floating, jnp.integer))


def numbers(name: str, value: Any) -> np.ndarray | None:
    """The known value, refused unless it is one real number or an array of them.

    Raises:
        ValueError: naming the argument and what came.
    """
    known = concrete(value)
    if not real(value.dtype if known is None else known.dtype):
        raise ValueError(f"{name} must be a number, got {told(value)}.")
    return known


def common_dtype(*dtypes: Any) -> np.dtype:
    """The dtype that holds all of these, whatever promotion of dtypes is.

    Double precision of the host is single where jax has no other.
    """
    known = [jax.dtypes.canonicalize_dtype(dtype) for dtype in dtypes]
    with jax.numpy_dtype_promotion("standard"):
        return jnp.result_type(*known)


def precision(*trees: Any) -> np.dtype:
    """Single precision, or double where a floating-point array of these trees has it.

    What defaults are, such as ``jax_enable_x64``, does not matter.
    """
    leaves = [leaf for leaf in jax.tree.leaves(trees) if hasattr(leaf, "dtype")]
    floats = [x.dtype for x in leaves if jnp.issubdtype(x.dtype, jnp.floating)]
    return common_dtype(jnp.float32, *floats)


def wide(x: Any) -> jax.Array:
    """The array in single precision at least, whatever promotion of dtypes is.

    Sums, rates and times are taken so: a raster of bytes, bits, whole or half numbers
    becomes float32, also where double precision is on; float64 stays.
    """
    x = jnp.asarray(x)
    return x.astype(common_dtype(x.dtype, jnp.float32))


def copied(key: jax.Array, like: Any) -> jax.Array:
    """A key for a state like ``like``: another array than the cell's, as that may go.

    Where ``like`` is traced, results are arrays of their own in any case.
    """
    return key if isinstance(like, jax.core.Tracer) else jnp.copy(key)


def as_precise(tree: Any, dtype: Any) -> Any:
    """Arrays of single or double precision brought to one of these; others as they are.

    Rasters, and numbers of half precision, stay what they are.
    """

    def cast(x):
        exact = jnp.issubdtype(x.dtype, jnp.floating) and x.dtype.itemsize >= 4
        return jnp.asarray(x).astype(dtype) if exact else x

    return jax.tree.map(cast, tree)


def or_nan(result: Any, sure: jax.Array | None) -> jax.Array:
    """The result, and NaN wherever ``sure`` is false; None: it is everywhere."""
    return result if sure is None else jnp.where(sure, result, jnp.nan)
