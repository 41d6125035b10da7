"""Errors before harm: what came, what was expected, what to do.

Numbers are checked where they are concrete. A traced number (inside ``jit``, ``vmap``
or ``grad``) has no value yet and passes; its shape and dtype are checked all the same.
Where a wrong one would give a wrong number, the result is NaN instead (``or_nan``), and
the docstring of each function with such a check says what is done.
"""

from collections.abc import Mapping
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

Number: TypeAlias = jax.Array | float  # a scalar or an array, perhaps traced


def concrete(value: Any) -> np.ndarray | None:
    """The value as a numpy array; None while it is traced, or where others hold it."""
    traced = isinstance(value, jax.core.Tracer)
    if traced or not getattr(value, "is_fully_addressable", True):
        return None
    try:
        return np.asarray(value)
    except jax.errors.TracerArrayConversionError:
        return None


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


def truth(what: str, x: Any) -> jax.Array:
    """Truth values, which may come as numbers 0 and 1 as long as these are known.

    Raises:
        ValueError: for other numbers, or numbers that are traced.
    """
    x = jnp.asarray(x)
    if jnp.issubdtype(x.dtype, jnp.bool_):
        return x
    known = concrete(x)
    if known is None or not ((known == 0) | (known == 1)).all():
        raise ValueError(
            f"{what} holds True or False, got {x.dtype}; cast it: mask > 0."
        )
    return x.astype(bool)


def positive(name: str, value: Any, unit: str = "", *, zero: bool = False) -> None:
    """Refuses a constant that is not a finite number above zero.

    Args:
        name: what the constant is called.
        value: a scalar or an array; a traced value passes.
        unit: for the message, for example ``" [s]"``.
        zero: whether zero is fine as well.

    Raises:
        ValueError: naming the constant, its value and what is allowed.
    """
    known = concrete(value)
    if known is None:
        return
    if not jnp.issubdtype(known.dtype, jnp.number):
        raise ValueError(f"{name} must be a number, got {value!r}.")
    good = np.isfinite(known) & ((known >= 0) if zero else (known > 0))
    if not np.all(good):
        allowed = "zero or positive" if zero else "positive"
        raise ValueError(
            f"{name}{unit} must be finite and {allowed}, got {known}. "
            "Times are in seconds, rates in hertz."
        )


def shape(what: str, x: Any, expected: tuple[int, ...]) -> None:
    """Refuses an array of another shape.

    Raises:
        ValueError: with the shape that came and the one expected.
    """
    if np.shape(x) != expected:
        raise ValueError(f"{what} must have shape {expected}, got {np.shape(x)}.")


def finite(what: str, x: Any) -> None:
    """Refuses NaN and infinity, which would read as silence or as a false spike.

    Raises:
        ValueError: saying how many entries are not finite.
    """
    known = concrete(x)
    odd = None if known is None else ~np.isfinite(known)
    if odd is not None and odd.any():
        raise ValueError(f"{what} must be finite, {odd.sum()} of {odd.size} are not.")


def one_of(name: str, value: Any, choices: tuple[str, ...]) -> None:
    """Refuses a word that is not one of the choices.

    Raises:
        ValueError: with the word that came and the choices.
    """
    if value not in choices:
        raise ValueError(f"{name} must be one of {choices}, got {value!r}.")


def key(x: Any) -> None:
    """Refuses what is not a key of ``jax.random.key``, or an array of them.

    Raises:
        ValueError: with what came, and how to make a key.
    """
    dtype = getattr(x, "dtype", None)
    if dtype is None or not jnp.issubdtype(dtype, jax.dtypes.prng_key):
        came = type(x).__name__ if dtype is None else f"{dtype} {x.shape}"
        raise ValueError(f"A key comes from jax.random.key(seed), got {came}.")


def per_neuron(name: str, value: Any, n: int) -> None:
    """Refuses a constant that is neither one number nor one for each of ``n`` neurons.

    Raises:
        ValueError: with the shape that came and those expected.
    """
    if np.shape(value) not in ((), (n,)):
        raise ValueError(
            f"{name} must be one number or one per neuron, shape () or ({n},), "
            f"got shape {np.shape(value)}."
        )


def weights(
    name: str,
    given: Any,
    kind: type,
    shapes: Mapping[str, tuple[int, ...] | None],
) -> None:
    """Refuses weights that were made for another cell.

    Args:
        name: of the cell.
        given: what came.
        kind: what it should be, a named tuple of arrays.
        shapes: of each field; None where there is nothing.

    Raises:
        ValueError: for another type, shape or dtype, or dtypes that differ, with what
            came and what was expected.
    """
    expected = ", ".join(
        f"{field} {None if shape is None else list(shape)}"
        for field, shape in shapes.items()
    )
    expects = f"{name} expects weights {kind.__name__}({expected})"
    if not isinstance(given, kind):
        raise ValueError(f"{expects}, got {_told(given)}.")
    leaves = {field: getattr(given, field) for field in shapes}
    for field, shape in shapes.items():
        came = leaves[field]
        if (came is None) != (shape is None) or getattr(came, "shape", None) != shape:
            hint = _transposed(came, shape)
            raise ValueError(f"{expects}, got {field} {_told(came)}{hint}.")
    present = [came for came in leaves.values() if came is not None]
    dtypes = sorted({str(jnp.result_type(came)) for came in present})
    if len(dtypes) > 1 or not jnp.issubdtype(dtypes[0], jnp.floating):
        raise ValueError(
            f"{expects} of one floating-point dtype, got {', '.join(dtypes)}."
        )


def state(name: str, state: Any, like: Any) -> None:
    """Refuses a state that was made for another cell, width, batch or dtype.

    Args:
        name: of the cell.
        state: what came.
        like: a state as it should be, of arrays or ``jax.ShapeDtypeStruct``.

    Raises:
        ValueError: with what came and what was expected.
    """
    came, expected = _leaves(state), _leaves(like)
    trees: list[Any] = [jax.tree.structure(tree) for tree in (state, like)]
    if came != expected or trees[0] != trees[1]:
        odd = [leaf for leaf in came if leaf not in expected] or came
        raise ValueError(
            f"The state does not fit {name}: got {'; '.join(odd) or _told(state)}, "
            f"expected {'; '.join(expected)}. Start from the state that a run of the "
            "same cell and batch returned, or from none."
        )


def _transposed(came, shape):
    """A hint, if the last two axes are swapped."""
    if shape is None or len(shape) < 2 or not hasattr(came, "shape"):
        return ""
    swapped = (*shape[:-2], shape[-1], shape[-2])
    return "; it looks transposed" if swapped == came.shape else ""


def _leaves(tree):
    return [
        f"{jax.tree_util.keystr(path)} {np.shape(leaf)} {jnp.result_type(leaf)}"
        for path, leaf in jax.tree_util.tree_leaves_with_path(tree)
    ]


def _told(x):
    if hasattr(x, "shape") and hasattr(x, "dtype"):
        return f"{x.dtype} {list(x.shape)}"
    return "None" if x is None else f"a {type(x).__name__}"


def width(what: str, x: jax.Array, n: int) -> None:
    """Refuses an input whose last axis is not ``n`` channels wide.

    Raises:
        ValueError: with the shape that came and the one expected.
    """
    if x.ndim < 1 or x.shape[-1] != n:
        raise ValueError(
            f"{what} expects {n} channels in the last axis, [*batch, {n}], "
            f"got shape {x.shape}. Time comes first, channels last."
        )


def floating(what: str, x: jax.Array) -> None:
    """Refuses integers and booleans, which would round voltages away.

    Raises:
        ValueError: with the dtype that came, and the cast that helps.
    """
    if not jnp.issubdtype(x.dtype, jnp.floating):
        raise ValueError(
            f"{what} must be floating point, got {x.dtype}. "
            "Convert a raster with raster.astype(jnp.float32)."
        )


def signal(what: str, x: jax.Array) -> None:
    """Refuses what is neither floating point, nor a raster, nor a list of events.

    Rasters of ``bool`` or ``uint8`` and indices of ``int32`` stay as small as they are:
    the connection that reads them makes currents of them.

    Raises:
        ValueError: with the dtype that came, and the cast that helps.
    """
    if x.dtype not in (bool, jnp.uint8, jnp.int32):
        floating(what, x)


def raster(what: str, x: jax.Array) -> None:
    """Refuses what is neither floating point nor a raster of ``bool`` or ``uint8``.

    Raises:
        ValueError: with the dtype that came, and the cast that helps.
    """
    if x.dtype not in (bool, jnp.uint8):
        floating(what, x)


def whole(name: str, value: Any, *, least: int = 1) -> None:
    """Refuses anything but a whole number of at least ``least``.

    Raises:
        ValueError: naming the argument and what came.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise ValueError(f"{name} must be a whole number, got {value!r}.")
    if value < least:
        raise ValueError(f"{name} must be at least {least}, got {value}.")
