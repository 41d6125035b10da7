"""Readouts: from outputs over time ``[T, *batch, n]`` to scores ``[*batch, n]``.

A mask ``[T, *batch]`` marks the valid steps of sequences of unequal length; a step
that is not valid has neither effect nor gradient, whatever it holds. Sums are taken in
single precision at least.
"""

from typing import Literal

import jax
import jax.numpy as jnp

from snnjax import check
from snnjax.check import Number
from snnjax.learning.validity import masked, some_step, valid_steps


def max_over_time(y: jax.Array, mask: jax.Array | None = None) -> jax.Array:
    """The highest value of each output; the gradient goes to that one step.

    Where several steps are equally high it is the first (Neftci, Mostafa & Zenke 2019,
    doi:10.1109/MSP.2019.2931595).

    Args:
        y: outputs ``[T, *batch, n]``.
        mask: valid steps ``[T, *batch]``.

    Returns:
        ``[*batch, n]``. Under ``jit``, where the mask is not known, NaN for a sample
        without a valid step.

    Raises:
        ValueError: for outputs without time and neurons, an empty sequence, a mask of
            another shape or of other numbers than 0 and 1, or a sample without a valid
            step.

    Example:
        >>> voltages = jnp.array([[[0.0, 1.0]], [[3.0, 0.5]], [[9.0, 9.0]]])
        >>> voltages.shape  # [T, B, n]
        (3, 1, 2)
        >>> print(snn.max_over_time(voltages))
        [[9. 9.]]
        >>> print(snn.max_over_time(voltages, jnp.array([[1], [1], [0]])))
        [[3. 1.]]
    """
    valid = valid_steps("y", y, mask)
    y = masked(y, valid, -jnp.inf)
    return check.or_nan(highest(y), some_step(valid))


def highest(y: jax.Array) -> jax.Array:
    """The first of the highest values over time; NaN where there is one.

    The step is told by two plain reductions: XLA's ``argmax`` goes through values and
    steps at once, which takes a CPU ten times as long.
    """
    known = jax.lax.stop_gradient(y)
    top = (known == jnp.max(known, axis=0, keepdims=True)) | jnp.isnan(known)
    steps = jnp.arange(len(y)).reshape(-1, *(y.ndim - 1) * (1,))
    best = jnp.min(jnp.where(top, steps, len(y) - 1), axis=0, keepdims=True)
    return jnp.take_along_axis(y, best, axis=0)[0]


def last(y: jax.Array, mask: jax.Array | None = None) -> jax.Array:
    """Value at the last valid step, ``[*batch, n]``; see ``max_over_time``."""
    valid = valid_steps("y", y, mask)
    y = masked(y, valid)
    if valid is None:
        return y[-1]
    steps = jnp.arange(len(y)).reshape(-1, *(y.ndim - 1) * (1,))
    end = jnp.max(jnp.where(valid, steps, 0), axis=0, keepdims=True)
    return check.or_nan(jnp.take_along_axis(y, end, axis=0)[0], some_step(valid))


def sum_over_time(y: jax.Array, mask: jax.Array | None = None) -> jax.Array:
    """The sum over valid steps, ``[*batch, n]``; see ``max_over_time``."""
    valid = valid_steps("y", y, mask)
    return check.or_nan(jnp.sum(masked(y, valid), axis=0), some_step(valid))


def mean_over_time(y: jax.Array, mask: jax.Array | None = None) -> jax.Array:
    """The mean over valid steps, ``[*batch, n]``; see ``max_over_time``.

    Example:
        >>> voltages = jnp.array([[[0.0, 1.0]], [[3.0, 0.5]], [[9.0, 9.0]]])
        >>> voltages.shape  # [T, B, n]
        (3, 1, 2)
        >>> print(snn.learning.mean_over_time(voltages))
        [[4.  3.5]]
        >>> print(snn.learning.mean_over_time(voltages, jnp.array([[1], [1], [0]])))
        [[1.5  0.75]]
    """
    valid = valid_steps("y", y, mask)
    return jnp.mean(masked(y, valid), axis=0, where=valid)


def exp_weighted_over_time(
    y: jax.Array, *, tau: Number, dt: Number, mask: jax.Array | None = None
) -> jax.Array:
    """The mean over time in which early values count most.

        1/τ Σ_k e^(-(k+1) dt/τ) y_k dt

    over steps k from 0 that count, whose values are those at their ends. What a spike
    adds to it depends on when the spike comes, however late the trial ends; of a sum
    over time the gradient of early spike times fades (Nowotny, Turner & Knight 2025,
    doi:10.48550/arXiv.2212.01232). ``neurons.exp_weighted_voltage`` divided by τ is
    what it tends to as ``dt`` falls and the trial grows.

    Args:
        y: outputs ``[T, *batch, n]``.
        tau: τ [s], ``[]`` or ``[n]``.
        dt: time step [s].
        mask: valid steps ``[T, *batch]``.

    Returns:
        ``[*batch, n]``.

    Raises:
        ValueError: as ``max_over_time``; for a τ or a ``dt`` that is not positive, or a
            τ of another shape.

    Example:
        >>> early = jnp.zeros((50, 1)).at[5].set(1.0)
        >>> late = jnp.zeros((50, 1)).at[25].set(1.0)  # 20 ms
        >>> both = jnp.concatenate([early, late], axis=1)
        >>> a, b = snn.learning.exp_weighted_over_time(both, tau=20e-3, dt=1e-3)
        >>> print(f"{b / a:.2f}")
        0.37
    """
    check.dt(dt)
    check.positive("tau", tau, " [s]")
    valid = valid_steps("y", y, mask)
    check.per_neuron("tau", tau, y.shape[-1])
    y = masked(y, valid)
    n = y.shape[-1]
    share = jnp.asarray(dt, y.dtype) / jnp.broadcast_to(jnp.asarray(tau, y.dtype), n)
    counted = jnp.ones((len(y), *(y.ndim - 1) * (1,)), bool) if valid is None else valid
    steps = jnp.cumsum(counted, axis=0, dtype=y.dtype)
    share = share.reshape(*(y.ndim - 1) * (1,), n)
    weights = share * jnp.exp(-steps * share)
    return check.or_nan(jnp.sum(weights * y, axis=0), some_step(valid))


def first_spike(
    spikes: jax.Array,
    *,
    dt: Number,
    mask: jax.Array | None = None,
    gradient: Literal["appear", "move"] = "appear",
) -> jax.Array:
    """How long each neuron stays silent before its first spike.

        t = dt · Σ_t Π_{s≤t} (1 - S_s)

    A spike in the first step counts as time 0; a neuron that never fires has the whole
    duration.

    Args:
        spikes: ``[T, *batch, n]`` in {0, 1}.
        dt: time step [s].
        mask: valid steps ``[T, *batch]``; spikes elsewhere do not count.
        gradient: with respect to each spike. ``"appear"`` is exact for this sum, what a
            spike there would have changed, and for surrogates. ``"move"`` is for
            neurons of ``surrogate=EventProp()``: the first spike is worth its time, and
            dt less than one a step later; surrogates would read it the wrong way round.

    Returns:
        Times ``[*batch, n]`` [s].

    Raises:
        ValueError: as ``max_over_time``, for a ``dt`` that is not positive, or another
            gradient.

    Example:
        >>> spikes = jnp.zeros((50, 1, 2)).at[3, 0, 0].set(1.0)  # the second is silent
        >>> print((1e3 * snn.learning.first_spike(spikes, dt=1e-3)).round())  # [ms]
        [[ 3. 50.]]
    """
    check.dt(dt)
    check.one_of("gradient", gradient, ("appear", "move"))
    valid = valid_steps("spikes", spikes, mask)
    spikes = masked(spikes, valid)
    silent = jnp.cumprod(1.0 - spikes, axis=0)
    if gradient == "move":
        silent = _moving(jax.lax.stop_gradient(silent), spikes)
    time = jnp.asarray(dt, silent.dtype) * jnp.sum(silent, axis=0, where=valid)
    return check.or_nan(time, some_step(valid))


def _moving(silent, spikes):
    """The same numbers, with gradient -1 to the first spike and none elsewhere."""
    before = jnp.concatenate([jnp.ones_like(silent[:1]), silent[:-1]])
    return silent - (before - silent) * (spikes - jax.lax.stop_gradient(spikes))
