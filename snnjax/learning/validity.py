"""Which steps count where sequences differ in length, and what is said where none does.

A mask is ``[T, *batch]``, true for valid steps. What is not valid is replaced before
anything is computed from it, so that NaN in the padding reaches neither a value nor a
gradient. A sample without a single valid step is refused; where the mask is traced, and
nothing can be raised, its value is NaN.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from snnjax import check


def valid_steps(what: str, x: jax.Array, mask: Any) -> jax.Array | None:
    """Which steps count, ``[T, *batch, 1]``; None if all do.

    Args:
        what: ``x`` is, for messages.
        x: ``[T, *batch, n]``.
        mask: of truth values ``[T, *batch]``, or None.

    Raises:
        ValueError: for ``x`` without time, neurons or a step; a mask of another shape,
            of other numbers, or without a valid step of some sample.
    """
    check.array(what, x)
    if x.ndim < 2 or len(x) == 0:
        raise ValueError(
            f"{what} must be [T, *batch, n] with T > 0, got shape {x.shape}."
        )
    if mask is None:
        return None
    check.array("mask", mask, finite=True)
    mask = check.truth("A mask", mask)
    if mask.shape != x.shape[:-1]:
        swapped = mask.ndim == 2 and mask.shape == x.shape[1::-1]
        hint = " Batch and time look swapped." if swapped else ""
        raise ValueError(
            f"The mask of {what} must be [T, *batch] = {x.shape[:-1]}, got "
            f"{mask.shape}.{hint}"
        )
    known = check.concrete(mask)
    if known is not None and not np.all(np.any(known, axis=0)):
        raise ValueError("The mask leaves a sample without a single valid step.")
    return mask[..., None]


def masked(x: jax.Array, valid: jax.Array | None, other: float = 0.0) -> jax.Array:
    """The same in single precision at least, with ``other`` where it does not count."""
    x = check.wide(x)
    return x if valid is None else jnp.where(valid, x, jnp.asarray(other, x.dtype))


def some_step(valid: jax.Array | None) -> jax.Array | None:
    """Which samples have a valid step, ``[*batch, 1]``; None if all do."""
    return None if valid is None else jnp.any(valid, axis=0)


def check_some(name: str, x: jax.Array) -> None:
    """Refuses what has no mean.

    Raises:
        ValueError: with the shape that came.
    """
    if x.size == 0:
        raise ValueError(
            f"{name} must hold a sample and a neuron, got shape {x.shape}."
        )
