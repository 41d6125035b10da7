"""Losses, with masks.

First a readout turns outputs over time ``[T, *batch, n]`` into scores ``[*batch, n]``,
then a loss compares scores with labels ``[*batch]``, or with numbers.

    loss = cross_entropy(max_over_time(voltages), labels)

Where each step has its target, or a spike train has another, time is the first axis of
both. A mask marks what counts; what does not has neither effect nor gradient, whatever
it holds. Sums are taken in single precision at least.
"""

import jax
import jax.numpy as jnp
import numpy as np
import optax

from snnjax import check, loops
from snnjax.check import Number
from snnjax.learning.validity import check_some, masked, some_step, valid_steps


def cross_entropy(
    scores: jax.Array, labels: jax.Array, mask: jax.Array | None = None
) -> jax.Array:
    """Mean cross entropy of softmax scores, in nats.

    Args:
        scores: ``[*batch, n]``, for example ``max_over_time(voltages)``, numbers of
            spikes ``sum_over_time(spikes)`` or, for the earliest spike to win,
            ``-first_spike(spikes, dt=dt) / tau``; or ``[T, *batch, n]`` where every
            step has a label of its own.
        labels: ``[*batch]`` or ``[T, *batch]``, integers in 0 … n-1.
        mask: which of them count, as ``labels`` in shape; labels of others are not
            looked at.

    Returns:
        ``[]``, the mean over those that count. Under ``jit``, where their numbers are
        not known, NaN for a label out of range or a mask without a single label.

    Raises:
        ValueError: for shapes that do not fit, labels that are not integers, or labels
            out of range; a mask without a single label.

    Example:
        >>> scores = jnp.array([[2.0, 0.0], [0.0, 1.0]])  # of two samples
        >>> print(f"{snn.cross_entropy(scores, jnp.array([0, 0])):.2f}")
        0.72
        >>> print(f"{snn.cross_entropy(scores, jnp.array([0, 1])):.2f}")
        0.22
    """
    scores, labels, counts = _looked_at(scores, labels, mask)
    each = optax.softmax_cross_entropy_with_integer_labels(scores, labels)
    return jnp.mean(check.or_nan(each, _in_range(scores, labels)), where=counts)


def accuracy(
    scores: jax.Array, labels: jax.Array, mask: jax.Array | None = None
) -> jax.Array:
    """Share of labels that have the highest score; see ``cross_entropy``.

    NaN where a score is NaN.

    Example:
        >>> scores = jnp.array([[2.0, 0.0], [0.0, 1.0]])
        >>> print(snn.accuracy(scores, jnp.array([0, 0])))
        0.5
    """
    scores, labels, counts = _looked_at(scores, labels, mask)
    hits = jnp.argmax(scores, axis=-1).astype(jnp.int32) == labels
    sure = _in_range(scores, labels) & ~jnp.any(jnp.isnan(scores), axis=-1)
    each = check.or_nan(hits.astype(scores.dtype), sure)
    return jnp.mean(each, where=counts)


def mse(y: jax.Array, target: jax.Array, mask: jax.Array | None = None) -> jax.Array:
    """Mean squared error, ``mean (y - target)²``.

    Args:
        y: outputs ``[T, *batch, n]`` where every step has a target, or ``[*batch, n]``,
            for example ``last(voltages)`` or numbers of spikes
            ``sum_over_time(spikes)``.
        target: what they should be, as ``y`` in shape; its precision is that of ``y``.
        mask: which of them count, ``[T, *batch]`` or ``[*batch]``.

    Returns:
        ``[]``, the mean over those that count, each the same. NaN where one of them is,
        and under ``jit`` for a mask that leaves nothing.

    Raises:
        ValueError: for shapes that do not fit or hold nothing, a mask of other numbers
            than 0 and 1, or one that leaves nothing.

    Example:
        >>> y, target = jnp.zeros((4, 1, 2)), jnp.ones((4, 1, 2))
        >>> print(snn.mse(y, target))
        1.0
        >>> valid = jnp.array([1, 1, 0, 0])[:, None]  # the first two steps
        >>> print(snn.mse(y.at[3].set(9.0), target, valid))
        1.0
    """
    check.array("y", y, "[*batch, n]")
    _check_like("y", y, target)
    check_some("y", y)
    counts = _counted("y", y, mask)
    y = masked(y, counts)
    return jnp.mean((y - masked(target, counts).astype(y.dtype)) ** 2, where=counts)


def mse_count(
    spikes: jax.Array,
    labels: jax.Array,
    *,
    correct: Number,
    incorrect: Number = 0.0,
    mask: jax.Array | None = None,
) -> jax.Array:
    """Mean squared error of numbers of spikes, told by labels.

    The neuron of the label should fire ``correct`` times, every other ``incorrect``
    times: the spike rate loss of SLAYER (Shrestha & Orchard 2018, arXiv:1810.08646),
    and the mse_count_loss of snnTorch, which takes shares of steps and divides by their
    number. Counts of your own go to ``mse``; their cross entropy is ``cross_entropy``
    of ``sum_over_time(spikes)``.

    Args:
        spikes: of one neuron a class, ``[T, *batch, n]``.
        labels: ``[*batch]``, integers in 0 … n-1.
        correct: spikes in a sample of the neuron of the label; more than zero, so that
            silence is no solution.
        incorrect: of every other.
        mask: valid steps ``[T, *batch]``; spikes elsewhere do not count.

    Returns:
        ``[]``, in spikes². Under ``jit`` NaN for a label out of range or a sample
        without a valid step.

    Raises:
        ValueError: for spikes, labels or a mask that do not fit, a label out of range,
            a sample without a valid step, or counts below zero.
    """
    for name, value in (("correct", correct), ("incorrect", incorrect)):
        check.positive(name, value, " spikes", zero=True)
        check.one(name, value)
    valid = valid_steps("spikes", spikes, mask)
    check_some("spikes", spikes)
    counts = check.or_nan(jnp.sum(masked(spikes, valid), axis=0), some_step(valid))
    _check_labels(counts, labels, None)
    chosen = jax.nn.one_hot(labels, counts.shape[-1], dtype=bool)
    right, wrong = (jnp.asarray(x, counts.dtype) for x in (correct, incorrect))
    known = _in_range(counts, labels)[..., None]
    return mse(check.or_nan(counts, known), jnp.where(chosen, right, wrong))


def van_rossum(
    spikes: jax.Array,
    target: jax.Array,
    *,
    tau: Number,
    dt: Number,
    mask: jax.Array | None = None,
) -> jax.Array:
    """Squared distance of spike trains, each spike an exponential of length τ.

        D² = 1/τ ∫ (f - g)² dt      f(t) = Σ exp(-(t - tᵢ)/τ) over spikes tᵢ ≤ t

    without end in time and integrated exactly, whatever ``dt`` is; for spikes at tᵢ and
    uⱼ it is a sum over pairs:

        D² = ½ Σ exp(-|tᵢ - tⱼ|/τ) + ½ Σ exp(-|uᵢ - uⱼ|/τ) - Σ exp(-|tᵢ - uⱼ|/τ)

    A spike too many costs ½, one that comes δ late ``1 - exp(-δ/τ)``; with τ short it
    counts what does not coincide, with τ long D is a difference of numbers of spikes
    over sqrt(2). The root is left to you, as its slope at zero has no end.

    Args:
        spikes: ``[T, *batch, n]``; weighted ones will do.
        target: the trains they should be, of the same shape.
        tau: τ [s], ``[]`` or ``[n]``.
        dt: time step [s].
        mask: valid steps ``[T, *batch]``; spikes elsewhere do not count, in neither.

    Returns:
        D², the mean over samples and neurons, ``[]``. Under ``jit`` NaN for a sample
        without a valid step.

    Raises:
        ValueError: for spikes and targets that are not alike, a mask that does not fit
            or leaves a sample without a valid step, or times that are not positive.

    References:
        van Rossum (2001), A novel spike distance, doi:10.1162/089976601300014321.

    Example:
        >>> spikes = jnp.zeros((50, 1)).at[10].set(1.0)
        >>> late = jnp.zeros((50, 1)).at[15].set(1.0)  # 5 ms
        >>> distance = snn.learning.van_rossum(spikes, late, tau=10e-3, dt=1e-3)
        >>> print(f"{distance:.2f}")  # 1 - exp(-5/10)
        0.39
    """
    check.dt(dt)
    check.positive("tau", tau, " [s]")
    valid = valid_steps("spikes", spikes, mask)
    _check_like("spikes", spikes, target)
    check_some("spikes", spikes)
    check.per_neuron("tau", tau, spikes.shape[-1])
    spikes = masked(spikes, valid)
    difference = spikes - masked(target, valid).astype(spikes.dtype)
    steps = jnp.asarray(dt, spikes.dtype) / jnp.asarray(tau, spikes.dtype)
    steps = steps.reshape(*(spikes.ndim - 2) * (1,), -1)
    start = jnp.zeros_like(difference[0])
    end, trace = loops.scan(_filtered, None, jnp.exp(-steps), start, difference)
    within = -jnp.expm1(-2.0 * steps) * jnp.sum(trace**2, axis=0)
    after = jnp.exp(-2.0 * steps) * end**2
    return jnp.mean(check.or_nan(0.5 * (within + after), some_step(valid)))


def _filtered(_, decay, trace, jump):
    trace = decay * trace + jump
    return trace, trace


def _check_like(name, x, target):
    check.array("target", target)
    if target.shape != x.shape:
        raise ValueError(
            f"{name} and target must have one shape, got {x.shape} and {target.shape}."
        )


def _counted(name, y, mask):
    """Which rows count, ``[..., 1]``; None if all do."""
    if mask is None:
        return None
    check.array("mask", mask, finite=True)
    mask = check.truth("A mask", mask)
    if mask.shape != y.shape[:-1]:
        raise ValueError(
            f"The mask of {name} must be {y.shape[:-1]}, got {mask.shape}."
        )
    known = check.concrete(mask)
    if known is not None and not known.any():
        raise ValueError(f"The mask leaves nothing of {name}.")
    return mask[..., None]


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
    if scores.ndim < 1 or labels.shape != scores.shape[:-1]:
        raise ValueError(
            "scores must be [*batch, n] and labels [*batch], or both with time first, "
            f"got {scores.shape} and {labels.shape}. For a label of each sample, a "
            "readout such as max_over_time comes first."
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
