"""Arrays: their axes, what lies along the last one, and what they hold."""

import re
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from snnjax.check.constants import all_finite
from snnjax.check.values import concrete, real, told


def array(name: str, x: Any, axes: str = "[...]", *, finite: bool = False) -> None:
    """Refuses what is no array of real numbers or truth values with these axes.

    Args:
        name: what the argument is called.
        x: what came.
        axes: as docstrings write them, ``"[T, *batch, n]"``: how many, or at least how
            many where one begins with ``*`` or is ``...``.
        finite: whether NaN and infinity are refused as well; traced values pass.

    Raises:
        ValueError: naming the argument, with what came and the axes expected.
    """
    dtype = getattr(x, "dtype", None)
    known = dtype is not None and (real(dtype) or jnp.issubdtype(dtype, jnp.bool_))
    if not known or not _has(axes, x.ndim):
        raise ValueError(f"{name} must be an array {axes}, got {told(x)}.")
    if finite:
        all_finite(name, x)


def _has(axes, ndim):
    names = re.findall(r"[^\[\], ]+", axes)
    fixed = [each for each in names if each[0] not in "*."]
    return ndim == len(fixed) if fixed == names else ndim >= len(fixed)


def arrays(name: str, tree: Any, *, numbers: bool = False) -> None:
    """Refuses a tree of something else than arrays; keys are arrays too.

    Args:
        name: of the tree.
        tree: what came.
        numbers: whether plain numbers will do.

    Raises:
        ValueError: naming the tree, with what came.
    """
    for leaf in jax.tree.leaves(tree):
        if numbers and isinstance(leaf, bool | int | float):
            continue
        if not hasattr(leaf, "dtype") or not hasattr(leaf, "shape"):
            raise ValueError(f"{name} must be a tree of arrays, got {told(leaf)}.")


def shape(what: str, x: Any, expected: tuple[int, ...]) -> None:
    """Refuses an array of another shape.

    Raises:
        ValueError: with the shape that came and the one expected.
    """
    if np.shape(x) != expected:
        raise ValueError(f"{what} must have shape {expected}, got {np.shape(x)}.")


def width(what: str, x: jax.Array, n: int) -> None:
    """Refuses an input whose last axis is not ``n`` channels wide.

    Raises:
        ValueError: with the shape that came and the one expected.
    """
    array(what, x)
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
    array(what, x)
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
    array(what, x)
    if x.dtype not in (bool, jnp.uint8, jnp.int32):
        floating(what, x)


def raster(what: str, x: jax.Array) -> None:
    """Refuses what is neither floating point nor a raster of ``bool`` or ``uint8``.

    Raises:
        ValueError: with the dtype that came, and the cast that helps.
    """
    array(what, x)
    if x.dtype not in (bool, jnp.uint8):
        floating(what, x)


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


def rows(value: Any, n: int) -> np.ndarray:
    """Which of ``n`` samples are meant, by their numbers or by a mask ``[n]``.

    Raises:
        ValueError: for other numbers, or a mask of another length.
    """
    known = np.asarray(value)
    if known.dtype == bool and known.shape == (n,):
        return np.flatnonzero(known)
    whole = known.dtype.kind in "iu" or known.size == 0
    if not whole or known.ndim != 1 or not ((known >= -n) & (known < n)).all():
        raise ValueError(
            f"rows must be numbers of samples, 0 … {n - 1}, or a mask ({n},), got "
            f"{told(value)}."
        )
    return np.arange(n)[known.astype(int)]
