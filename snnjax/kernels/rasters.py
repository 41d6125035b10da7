"""Spikes of a whole sequence as marks, a bit for each neuron and step.

A layer whose spikes one connection alone reads need not write them out in floating
point, 32 times as long, nor keep them so for the backward pass.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from snnjax.kernels import native


class Raster(NamedTuple):
    """Spikes as native code hands them on: marks that tell all.

    Where other code ran, ``spikes`` are told and marks are not; who reads them asks by
    ``native.run`` as who made them did.
    """

    spikes: jax.Array  # [T, *batch, n]; where marks tell all, what gradients pass alone
    marks: tuple[jax.Array, jax.Array]  # of ``native.mark_shapes``


def entries(spikes: jax.Array, marks: Any) -> jax.Array:
    """Zeros and ones of a raster, with the gradient of ``spikes``, in their shape."""
    told = native.run("auto", _of_marks, _as_told, None, spikes, *marks)
    told, same = jax.lax.stop_gradient((told, spikes))
    return told + (spikes - same)


def spikes_and_last(
    spikes: jax.Array | None, marks: Any, like: jax.Array, before: jax.Array | None
) -> tuple[jax.Array, jax.Array | None]:
    """Spikes that a kernel put out, and those of the last step if any are fed back.

    Args:
        spikes: what it put out; None where marks alone tell them, zeros then.
        marks: of them.
        like: of their shape, ``[T, *batch, n]``.
        before: spikes of the step before the first, or None.
    """
    made = jnp.zeros_like(like) if spikes is None else spikes
    if before is None or not len(like):
        return made, before
    if spikes is not None:
        return made, spikes[-1]
    return made, unpacked(_latest(marks[0], len(like)), like[0])


def unpacked(bits: jax.Array, like: jax.Array) -> jax.Array:
    """Zeros and ones of marks, in the shape and type of ``like``."""
    places = jnp.arange(16, dtype=bits.dtype)
    ones = bits[:, :, None] >> places[None, None] & jnp.ones((), bits.dtype)
    rows = ones.reshape(len(bits), -1)[:, : like.shape[-1]]
    return rows.reshape(like.shape).astype(like.dtype)


def last_of(spikes: jax.Array | Raster, before: jax.Array) -> jax.Array:
    """Spikes of the last step, or those ``before`` the first if there is none."""
    marks: Any = None
    if isinstance(spikes, Raster):
        spikes, marks = spikes
    if not len(spikes):
        return before
    if marks is None:
        return spikes[-1]
    bits, told = marks
    return entries(spikes[-1], (_latest(bits, len(spikes)), told))


def _latest(bits, steps):
    return bits[len(bits) - len(bits) // steps :]


def _of_marks(_, spikes, bits, told):
    del told
    return unpacked(bits, spikes)


def _as_told(_, spikes, *marks):
    del marks
    return spikes
