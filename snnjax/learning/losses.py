"""Losses over time, with masks.

First a readout turns outputs over time ``[T, B, n]`` into scores ``[B, n]``, then a
loss compares scores with labels ``[B]``. A mask ``[T, B]`` marks the valid steps of
sequences of unequal length; a step that is not valid has neither effect nor gradient.

    loss = cross_entropy(max_over_time(voltages), labels)
"""

import jax
import jax.numpy as jnp
import numpy as np
import optax

from snnjax import check
from snnjax.check import Number


def max_over_time(y: jax.Array, mask: jax.Array | None = None) -> jax.Array:
    """The highest value of each output; the gradient goes to that one step.

    Where several steps are equally high it is the first (Neftci, Mostafa & Zenke 2019,
    doi:10.1109/MSP.2019.2931595).

    Args:
        y: outputs ``[T, B, n]``.
        mask: valid steps ``[T, B]``.

    Returns:
        ``[B, n]``.

    Raises:
        ValueError: for another rank, an empty sequence, or a mask of another shape.
    """
    valid = _valid(y, mask)
    best = jnp.argmax(jnp.where(valid, y, -jnp.inf), axis=0, keepdims=True)
    return jnp.take_along_axis(y, best, axis=0)[0]


def last(y: jax.Array, mask: jax.Array | None = None) -> jax.Array:
    """Value at the last valid step: ``[T, B, n] -> [B, n]``. See ``max_over_time``."""
    valid = _valid(y, mask)
    steps = jnp.arange(len(y))[:, None, None]
    end = jnp.max(jnp.where(valid, steps, 0), axis=0, keepdims=True)
    return jnp.take_along_axis(y, end, axis=0)[0]


def sum_over_time(y: jax.Array, mask: jax.Array | None = None) -> jax.Array:
    """The sum over valid steps: ``[T, B, n] -> [B, n]``. See ``max_over_time``."""
    return jnp.sum(y, axis=0, where=_valid(y, mask))


def mean_over_time(y: jax.Array, mask: jax.Array | None = None) -> jax.Array:
    """The mean over valid steps: ``[T, B, n] -> [B, n]``. See ``max_over_time``."""
    return jnp.mean(y, axis=0, where=_valid(y, mask))


def first_spike(
    spikes: jax.Array, *, dt: Number, mask: jax.Array | None = None
) -> jax.Array:
    """How long each neuron stays silent before its first spike.

        t = dt · Σ_t Π_{s≤t} (1 - S_s)

    A spike in the first step counts as time 0; a neuron that never fires has the whole
    duration. The gradient with respect to each spike is exact for this sum: what a
    spike there would have changed.

    Args:
        spikes: ``[T, B, n]`` in {0, 1}.
        dt: time step [s].
        mask: valid steps ``[T, B]``; spikes elsewhere do not count.

    Returns:
        Times ``[B, n]`` [s].

    Raises:
        ValueError: as ``max_over_time``, or for a ``dt`` that is not positive.
    """
    check.positive("dt", dt, " [s]")
    valid = _valid(spikes, mask)
    silent = jnp.cumprod(jnp.where(valid, 1.0 - spikes, 1.0), axis=0)
    return jnp.asarray(dt, spikes.dtype) * jnp.sum(silent, axis=0, where=valid)


def cross_entropy(
    scores: jax.Array, labels: jax.Array, mask: jax.Array | None = None
) -> jax.Array:
    """Mean cross entropy of softmax scores, in nats.

    Args:
        scores: ``[B, n]``, for example ``max_over_time(voltages)`` or, for the earliest
            spike to win, ``-first_spike(spikes, dt=dt) / tau``; or ``[T, B, n]`` where
            every step has a label of its own.
        labels: ``[B]`` or ``[T, B]``, integers in 0 … n-1.
        mask: which of them count, as ``labels`` in shape; labels of others are not
            looked at.

    Returns:
        ``[]``, the mean over those that count.

    Raises:
        ValueError: for shapes that do not fit, labels that are not integers, or labels
            out of range; a mask without a single label.
    """
    _check_labels(scores, labels, mask)
    known = labels if mask is None else jnp.where(mask.astype(bool), labels, 0)
    each = optax.softmax_cross_entropy_with_integer_labels(scores, known)
    return jnp.mean(each, where=None if mask is None else mask.astype(bool))


def accuracy(
    scores: jax.Array, labels: jax.Array, mask: jax.Array | None = None
) -> jax.Array:
    """Share of labels that have the highest score; see ``cross_entropy``."""
    _check_labels(scores, labels, mask)
    found = jnp.argmax(scores, axis=-1)
    hits = (found == labels.astype(found.dtype)).astype(scores.dtype)
    return jnp.mean(hits, where=None if mask is None else mask.astype(bool))


def _valid(y, mask):
    if y.ndim != 3 or len(y) == 0:
        raise ValueError(
            f"A readout expects outputs [T, B, n] with T > 0, got shape {y.shape}. "
            "A single sample is y[:, None]."
        )
    if mask is None:
        return jnp.ones((len(y), 1, 1), bool)
    if mask.shape != y.shape[:2]:
        swapped = (
            " Batch and time look swapped." if mask.shape == y.shape[1::-1] else ""
        )
        raise ValueError(
            f"The mask must be [T, B] = {y.shape[:2]}, got {mask.shape}.{swapped}"
        )
    known = check.concrete(mask)
    if known is not None and not np.all(np.any(known, axis=0)):
        raise ValueError("The mask leaves a sample without a single valid step.")
    return mask.astype(bool)[:, :, None]


def _check_labels(scores, labels, mask):
    if scores.ndim not in (2, 3) or labels.shape != scores.shape[:-1]:
        raise ValueError(
            "Scores must be [B, n] and labels [B], or [T, B, n] and [T, B], got "
            f"{scores.shape} and {labels.shape}. For a label of each sample, a readout "
            "such as max_over_time comes first."
        )
    if not jnp.issubdtype(labels.dtype, jnp.integer):
        raise ValueError(f"Labels must be integers, got {labels.dtype}.")
    if mask is not None and mask.shape != labels.shape:
        raise ValueError(
            f"The mask must be like the labels, {labels.shape}, got {mask.shape}."
        )
    known, counts = check.concrete(labels), True if mask is None else mask.astype(bool)
    counts = check.concrete(counts)
    if known is None or counts is None:
        return
    if mask is not None and not counts.any():
        raise ValueError("The mask leaves not a single label.")
    looked_at = known[np.broadcast_to(counts, known.shape)]
    if looked_at.size:
        low, high = looked_at.min(), looked_at.max()
        if low < 0 or high >= scores.shape[-1]:
            raise ValueError(
                f"Labels must lie in 0 … {scores.shape[-1] - 1}, got {low} … {high}."
            )
