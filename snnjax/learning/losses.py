"""Losses over time, with masks.

First a readout turns outputs over time ``[T, B, n]`` into scores ``[B, n]``, then a
loss compares scores with labels ``[B]``. A mask ``[T, B]`` marks the valid steps of
sequences of unequal length; a step that is not valid has neither effect nor gradient,
whatever it holds. Sums are taken in single precision at least.

    loss = cross_entropy(max_over_time(voltages), labels)
"""

import jax
import jax.numpy as jnp
import numpy as np
import optax

from snnjax import check
from snnjax.check import Number
from snnjax.learning.validity import masked, some_step, valid_steps


def max_over_time(y: jax.Array, mask: jax.Array | None = None) -> jax.Array:
    """The highest value of each output; the gradient goes to that one step.

    Where several steps are equally high it is the first (Neftci, Mostafa & Zenke 2019,
    doi:10.1109/MSP.2019.2931595).

    Args:
        y: outputs ``[T, B, n]``.
        mask: valid steps ``[T, B]``.

    Returns:
        ``[B, n]``. Under ``jit``, where the mask is not known, NaN for a sample without
        a valid step.

    Raises:
        ValueError: for another rank, an empty sequence, a mask of another shape or of
            other numbers than 0 and 1, or a sample without a valid step.
    """
    valid = _valid(y, mask)
    y = masked(y, valid, -jnp.inf)
    best = jnp.argmax(y, axis=0, keepdims=True)
    return check.or_nan(jnp.take_along_axis(y, best, axis=0)[0], some_step(valid))


def last(y: jax.Array, mask: jax.Array | None = None) -> jax.Array:
    """Value at the last valid step: ``[T, B, n] -> [B, n]``. See ``max_over_time``."""
    valid = _valid(y, mask)
    y = masked(y, valid)
    if valid is None:
        return y[-1]
    steps = jnp.arange(len(y))[:, None, None]
    end = jnp.max(jnp.where(valid, steps, 0), axis=0, keepdims=True)
    return check.or_nan(jnp.take_along_axis(y, end, axis=0)[0], some_step(valid))


def sum_over_time(y: jax.Array, mask: jax.Array | None = None) -> jax.Array:
    """The sum over valid steps: ``[T, B, n] -> [B, n]``. See ``max_over_time``."""
    valid = _valid(y, mask)
    return check.or_nan(jnp.sum(masked(y, valid), axis=0), some_step(valid))


def mean_over_time(y: jax.Array, mask: jax.Array | None = None) -> jax.Array:
    """The mean over valid steps: ``[T, B, n] -> [B, n]``. See ``max_over_time``."""
    valid = _valid(y, mask)
    return jnp.mean(masked(y, valid), axis=0, where=valid)


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
    check.dt(dt)
    valid = _valid(spikes, mask, "spikes")
    silent = jnp.cumprod(1.0 - masked(spikes, valid), axis=0)
    time = jnp.asarray(dt, silent.dtype) * jnp.sum(silent, axis=0, where=valid)
    return check.or_nan(time, some_step(valid))


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
        ``[]``, the mean over those that count. Under ``jit``, where their numbers are
        not known, NaN for a label out of range or a mask without a single label.

    Raises:
        ValueError: for shapes that do not fit, labels that are not integers, or labels
            out of range; a mask without a single label.
    """
    scores, labels, counts = _looked_at(scores, labels, mask)
    each = optax.softmax_cross_entropy_with_integer_labels(scores, labels)
    return jnp.mean(check.or_nan(each, _in_range(scores, labels)), where=counts)


def accuracy(
    scores: jax.Array, labels: jax.Array, mask: jax.Array | None = None
) -> jax.Array:
    """Share of labels that have the highest score; see ``cross_entropy``.

    NaN where a score is NaN.
    """
    scores, labels, counts = _looked_at(scores, labels, mask)
    hits = jnp.argmax(scores, axis=-1).astype(jnp.int32) == labels
    sure = _in_range(scores, labels) & ~jnp.any(jnp.isnan(scores), axis=-1)
    each = check.or_nan(hits.astype(scores.dtype), sure)
    return jnp.mean(each, where=counts)


def _valid(y, mask, name="y"):
    check.array(name, y)
    if y.ndim != 3 or len(y) == 0:
        raise ValueError(
            f"A readout expects {name}, outputs [T, B, n] with T > 0, got shape "
            f"{y.shape}. "
            "A single sample is y[:, None]."
        )
    return valid_steps(name, y, mask)


def _looked_at(scores, labels, mask):
    """Scores and labels with zeros where they do not count, and where they do."""
    if mask is not None:
        check.array("mask", mask, finite=True)
        mask = check.truth("A mask", mask)
    _check_labels(scores, labels, mask)
    scores, labels = check.wide(scores), labels.astype(jnp.int32)
    if mask is None:
        return scores, labels, None
    return masked(scores, mask[..., None]), jnp.where(mask, labels, 0), mask


def _in_range(scores, labels):
    return (labels >= 0) & (labels < scores.shape[-1])


def _check_labels(scores, labels, mask):
    check.array("scores", scores)
    check.array("labels", labels)
    if scores.ndim not in (2, 3) or labels.shape != scores.shape[:-1]:
        raise ValueError(
            "scores must be [B, n] and labels [B], or [T, B, n] and [T, B], got "
            f"{scores.shape} and {labels.shape}. For a label of each sample, a readout "
            "such as max_over_time comes first."
        )
    if not jnp.issubdtype(labels.dtype, jnp.integer):
        raise ValueError(f"labels must be integers, got {labels.dtype}.")
    if mask is not None and mask.shape != labels.shape:
        raise ValueError(
            f"The mask must be like the labels, {labels.shape}, got {mask.shape}."
        )
    if labels.size == 0:
        raise ValueError("labels must be those of one sample at least, got none.")
    known, counts = check.concrete(labels), check.concrete(mask is None or mask)
    if known is None or counts is None:
        return
    if mask is not None and not counts.any():
        raise ValueError("The mask leaves not a single label.")
    looked_at = known[np.broadcast_to(counts, known.shape)]
    if looked_at.size:
        low, high = looked_at.min(), looked_at.max()
        if low < 0 or high >= scores.shape[-1]:
            raise ValueError(
                f"labels must lie in 0 … {scores.shape[-1] - 1}, got {low} … {high}."
            )
