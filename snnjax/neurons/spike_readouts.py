"""What inputs at given times do to membranes that do not fire, in closed form.

Functions of times, without steps: their gradients with respect to the times of the
spikes that they read are exact, and there are no jumps in them. ``voltage_at`` and
``exp_weighted_voltage`` are readouts, ``peak_voltage`` says how far a neuron that never
fires is from doing so.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from snnjax import check, loops
from snnjax.check import Number
from snnjax.kernels.products import align
from snnjax.neurons.leaky import LIFParams, LIParams
from snnjax.neurons.membrane import curvature, flow, moved, top
from snnjax.neurons.spike_inputs import (
    Inputs,
    in_order,
    layer,
    membranes,
    spoiled,
    weights_of,
)


def voltage_at(
    params: LIParams | LIFParams,
    times: jax.Array,
    weights: jax.Array,
    at: jax.Array,
    *,
    delay: Number | None = None,
) -> jax.Array:
    """Voltages of leaky integrators at given times, ``v(t) = Σ_j w_j ε(t - t_j)``.

    Args:
        params: constants; what belongs to firing is not used. No leak:
            ``LIFParams(tau_mem=None)``.
        times: of the inputs [s], ``[*batch, n_in]``; ∞ for none.
        weights: ``[n_in, n]``.
        at: when [s], ``[*T]``, the same for all samples; moments have a gradient too.
        delay: as of ``first_spike_time``.

    Returns:
        ``[*T, *batch, n]``, time first, as readouts such as ``max_over_time`` take it.
        Everything is NaN, and every gradient, if a time, a weight or a traced constant
        is.

    Raises:
        ValueError: as ``first_spike_time``, or for times at which there is no voltage.
    """
    check.array("at", at, finite=True)
    given = layer(params, times, weights, delay, fires=False)
    at = jnp.asarray(at, given.inputs.times.dtype)
    wrong = given.wrong | ~jnp.all(jnp.isfinite(at))
    inputs, moments = spoiled((given.inputs, at), wrong)
    shape = inputs.times.shape[0], inputs.weights.shape[1]

    _, v = loops.scan(_voltages, shape, inputs, (), moments.reshape(-1))
    return v.reshape(*at.shape, *given.batch, shape[1])


def _voltages(shape, inputs, carry, t):
    """At one moment."""
    look = lambda inputs, t: membranes(inputs, jnp.broadcast_to(t, shape))[0]  # noqa: E731
    return carry, loops.remade(look)(inputs, t)


def exp_weighted_voltage(
    params: LIParams | LIFParams,
    times: jax.Array,
    weights: jax.Array,
    *,
    tau: Number,
    delay: Number | None = None,
) -> jax.Array:
    """Voltages of leaky integrators over all time, early ones more than late ones.

        ∫₀^∞ e^(-t/τ) v(t) dt = Σ_j w_j e^(-t_j/τ) τs τ² / ((τm + τ) (τs + τ))

    and Σ_j w_j e^(-t_j/τ) τ²/(τs + τ) without leak. A readout that no spike can leave
    without losing something: its gradient does not fade with time since the spike, as
    that of a voltage does (Nowotny, Turner & Knight 2025,
    doi:10.48550/arXiv.2212.01232).

    Args:
        params: as of ``voltage_at``.
        times: of the inputs [s], from 0 on, ``[*batch, n_in]``; ∞ for none.
        weights: ``[n_in, n]``.
        tau: τ [s], ``[]`` or ``[n]``.
        delay: as of ``first_spike_time``.

    Returns:
        Scores ``[*batch, n]`` [s]; divided by τ they are mean voltages. Everything is
        NaN, and every gradient, if a time, a weight or a traced constant is, or if a
        traced time is negative.

    Raises:
        ValueError: as ``first_spike_time``; for a negative time, or a τ that is not
            positive.
    """
    check.positive("tau", tau, " [s]")
    given = layer(params, times, weights, delay, fires=False)
    check.per_neuron("tau", tau, given.inputs.weights.shape[1])
    known = check.concrete(times)
    if known is not None and np.any(known < 0.0):
        raise ValueError(
            f"times must not be negative: the integral begins at 0; got {known.min()}."
        )
    tau = jnp.asarray(tau, given.inputs.times.dtype)
    wrong = given.wrong | jnp.any(given.inputs.times < 0.0) | ~jnp.all(tau > 0.0)
    (constants, arrive, w), tau = spoiled((given.inputs, tau), wrong)
    gain = tau**2 / (constants.tau_syn + tau)
    if constants.tau_mem is not None:
        gain = gain * constants.tau_syn / (constants.tau_mem + tau)
    comes = arrive < jnp.inf
    decay = jnp.exp(-jnp.where(comes, arrive, 0.0) / align(tau, arrive))
    decay = jnp.where(comes, decay, 0.0)
    if decay.shape[-1] == 1:
        total = decay[..., 0] @ w
    else:
        total = jnp.sum(decay * w[None], axis=1)
    return given.outputs(total * align(gain, total))


def peak_voltage(
    params: LIParams | LIFParams,
    times: jax.Array,
    weights: jax.Array,
    *,
    delay: Number | None = None,
) -> jax.Array:
    """How high each membrane would rise if it did not fire, ``max_t v(t)``.

    What a neuron that never fires lacks is θ less its peak, and that has a gradient
    where its spike time has none:

        peaks = peak_voltage(params, times, weights)
        loss = loss + 0.1 * voltage_band(peaks, lower=1.1, upper=jnp.inf)

    Args:
        params: as of ``voltage_at``.
        times: of the inputs [s], ``[*batch, n_in]``; ∞ for none.
        weights: ``[n_in, n]``.
        delay: as of ``first_spike_time``.

    Returns:
        ``[*batch, n]``; 0, rest, with gradient zero, where it never rises above that.
        Without leak that may be where it ends, Σ w. Everything is NaN, and every
        gradient, if a time, a weight or a traced constant is.

    Raises:
        ValueError: as ``first_spike_time``.
    """
    given = layer(params, times, weights, delay, fires=False)
    best = _highest(jax.lax.stop_gradient(given.inputs))
    inputs = spoiled(given.inputs, given.wrong)
    return given.outputs(_at_the_highest(inputs, best))


class _Peak(NamedTuple):
    """The highest point so far, ``[B, n]``."""

    v: jax.Array
    t: jax.Array  # [s], ∞ where it is what everything ends with
    turns: jax.Array  # whether the membrane turns there by itself, bool
    at: jax.Array  # else the input that ends the rise, int32


def _highest(inputs: Inputs) -> _Peak:
    times, order = in_order(inputs)
    shape = inputs.times.shape[0], inputs.weights.shape[1]
    zero = jnp.zeros(shape, inputs.times.dtype)
    begun = jnp.broadcast_to(times[0], shape)
    best = _Peak(zero, begun, zero > 0.0, jnp.zeros(shape, jnp.int32))
    start = (begun, zero, zero), best
    (now, best), _ = loops.scan(_up_to, None, inputs, start, (times, order))
    t, v, i = now
    ahead = top(align(inputs.params, v), v, i, jnp.inf)
    at_last = _Peak(ahead.v, t + ahead.s, ahead.peak, best.at)
    return _higher(at_last, best)


def _up_to(fixed, inputs, state, x):
    """From one input to the next."""
    del fixed
    ((t, v, i), best), (time, who) = state, x
    params = align(inputs.params, v)
    span = jnp.broadcast_to(time, v.shape) - t
    ahead = top(params, v, i, span)
    who_ = jnp.broadcast_to(who, v.shape).astype(jnp.int32)
    best = _higher(_Peak(ahead.v, t + ahead.s, ahead.peak, who_), best)
    v, i = flow(params, v, i, span)
    return ((t + span, v, i + weights_of(inputs, who)), best), None


def _higher(new, best):
    return jax.tree.map(lambda a, b: jnp.where(new.v > best.v, a, b), new, best)


def _at_the_highest(inputs, best):
    """The voltage there, as a function of the inputs."""
    leakless, end = inputs.params.tau_mem is None, jnp.isinf(best.t)
    t = jnp.where(end, 0.0, best.t)
    kink = jnp.broadcast_to(inputs.times, (*inputs.times.shape[:2], t.shape[1]))
    kink = jnp.take_along_axis(kink, best.at[:, None], axis=1)[:, 0]
    kink = jnp.where(best.turns | end | (best.v == 0.0), t, kink)
    t = kink if leakless else jnp.where(best.turns, _turn(inputs, t), kink)
    v = membranes(inputs, t)[0]
    comes = jnp.where(inputs.times < jnp.inf, inputs.weights[None], 0.0)
    v = jnp.where(end, jnp.sum(comes, axis=1), v)
    return jnp.where(best.v > 0.0, v, 0.0)


def _turn(inputs, t):
    """When a membrane turns, i = v, as a function of the inputs."""
    v, i = membranes(inputs, t)
    params = align(inputs.params, t)
    falling = -i / params.tau_syn  # di/dt
    rate = falling - (i - v) / params.tau_mem
    rate = jnp.where(rate < 0.0, rate, -1.0)  # elsewhere nothing turns
    bend = -falling / params.tau_syn - curvature(params, (i - v) / params.tau_mem, i)
    return moved(t, i - v, rate, bend)
