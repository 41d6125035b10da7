"""Spikes that reach a layer at given times, and the membranes that they draw.

    v_n(t) = Σ_j w_jn ε(t - t_j)        i_n(t) = Σ_j w_jn e^(-(t - t_j)/τs)

over the inputs with t_j < t. An input that never comes has t_j = ∞. What is not a
number makes everything not a number: NaN compares as "no spike", and would read as
silence in the next layer.
"""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from snnjax import check
from snnjax.check import Number
from snnjax.kernels.products import align
from snnjax.neurons.leaky import LIFParams, LIParams
from snnjax.neurons.membrane import Constants, response


class Inputs(NamedTuple):
    """What a layer is made of and what reaches it."""

    params: Constants  # each [] or [n]
    times: jax.Array  # [B, n_in, 1 or n], ∞ for never
    weights: jax.Array  # [n_in, n]


class Layer(NamedTuple):
    """Inputs as they came, checked."""

    inputs: Inputs
    batch: tuple[int, ...]
    wrong: jax.Array  # whether something is no number, or no constant, []

    def outputs(self, x: jax.Array, wrong: jax.Array | None = None) -> jax.Array:
        """Gives ``[B, ...]`` the batch back, and NaN if something is wrong."""
        x = spoiled(x, self.wrong if wrong is None else wrong)
        return x.reshape(*self.batch, *x.shape[1:])


def layer(
    params: LIParams | LIFParams,
    times: jax.Array,
    weights: jax.Array,
    delay: Number | None,
    *,
    fires: bool,
) -> Layer:
    """Checks what came, and brings it to one precision and to three axes.

    Args:
        params: constants.
        times: ``[*batch, n_in]``.
        weights: ``[n_in, n]``.
        delay: ``[]``, ``[n_in]`` or ``[n_in, n]``.
        fires: whether the neurons have a threshold.
    """
    dtype = check_inputs(times, weights, "[*batch, n_in]")
    n_in, n = weights.shape
    check.width("times", times, n_in)
    constants = check_continuous(n, params, dtype, fires=fires)
    batch = times.shape[:-1]
    arrive = jnp.asarray(times, dtype).reshape(math.prod(batch), n_in, 1)
    wrong = jnp.any(jnp.isnan(arrive) | jnp.isneginf(arrive))
    if delay is not None:
        delay = delays("delay", delay, (n_in, n), dtype)
        arrive = arrive + delay[None]
        wrong |= ~jnp.all(delay >= 0.0)
    weights = jnp.asarray(weights, dtype)
    if n_in == 0:  # as if one never came
        arrive = jnp.full((len(arrive), 1, 1), jnp.inf, dtype)
        weights = jnp.zeros((1, n), dtype)
    wrong |= ~jnp.all(jnp.isfinite(weights)) | ~sound(constants)
    return Layer(Inputs(constants, arrive, weights), batch, wrong)


def check_inputs(times: jax.Array, weights: jax.Array, axes: str) -> Any:
    """Refuses times and weights that no inputs have; the dtype that holds both.

    Args:
        times: of the inputs.
        weights: ``[n_in, n]``.
        axes: of the times, in words.
    """
    check.array("weights", weights, "[n_in, n]")
    check.floating("weights", weights)
    check.finite("weights", weights)
    check.array("times", times, axes)
    check.finite("times", times, infinity=True)
    known = check.concrete(times)
    if known is not None and np.any(known == -np.inf):
        raise ValueError("times must not be -∞; an input that never comes is +∞.")
    return check.common_dtype(check.wide(times).dtype, weights.dtype, jnp.float32)


def check_continuous(n: int, params: Any, dtype: Any, *, fires: bool) -> Constants:
    """Refuses constants that no membrane in continuous time has; they are arrays then.

    Args:
        n: number of neurons.
        params: ``LIFParams``, or ``LIParams`` of those that do not fire.
        dtype: of the arrays.
        fires: whether there is a threshold.
    """
    check.fields("params", params, "tau_mem", "tau_syn")
    if params.tau_syn is None:
        raise ValueError(
            "Without a synapse (tau_syn=None) an input jumps the voltage over the "
            "threshold, at a time that does not move with the weights: give tau_syn."
        )
    given = {"tau_mem": params.tau_mem, "tau_syn": params.tau_syn}
    if fires:
        check.fields("params", params, "threshold", "refractory", "v_reset")
        given["threshold"] = params.threshold
        if params.refractory is not None:
            raise ValueError(
                "refractory: spike times in continuous time are known for neurons "
                f"without refractory time, got {params.refractory}; leave it None."
            )
    for name, value in given.items():
        if value is not None:
            check.positive(name, value)
            check.per_neuron(name, value, n)
    reset: Number = params.v_reset if fires else 0.0
    theta: Number = params.threshold if fires else jnp.inf
    check.finite("v_reset", reset)
    check.per_neuron("v_reset", reset, n)
    low, high = check.concrete(reset), check.concrete(theta)
    if low is not None and high is not None and np.any(low >= high):
        raise ValueError(f"v_reset must lie below the threshold {theta}, got {reset}.")
    made = params.tau_mem, params.tau_syn, theta, reset
    return Constants(*jax.tree.map(lambda c: jnp.asarray(c, dtype), made))


def delays(name: str, delay: Number, shape: tuple[int, ...], dtype: Any) -> jax.Array:
    """Delays ``[]``, of each sender or of each pair, brought to ``[n_in, 1 or n]``."""
    check.positive(name, delay, " [s]", zero=True)
    if np.shape(delay) not in ((), shape[:1], shape):
        raise ValueError(
            f"{name} must be one number, one of each input {shape[:1]} or of each pair "
            f"{shape}, got shape {np.shape(delay)}."
        )
    delay = jnp.asarray(delay, dtype)
    return jnp.broadcast_to(delay, shape[:1])[:, None] if delay.ndim < 2 else delay


def sound(params: Constants) -> jax.Array:
    """Whether all constants are what they must be; of traced ones nobody knew."""
    taus = [t for t in (params.tau_mem, params.tau_syn) if t is not None]
    fine = [jnp.all((tau > 0.0) & jnp.isfinite(tau)) for tau in taus]
    gap = params.threshold - params.v_reset
    return jnp.stack([*fine, jnp.all(gap > 0.0), jnp.all(params.threshold > 0.0)]).all()


def spoiled(tree: Any, wrong: jax.Array) -> Any:
    """The same, or NaN, as is its gradient: a choice would have gradient zero."""
    factor = jnp.where(wrong, jnp.nan, 1.0)
    return jax.tree.map(lambda x: x * factor.astype(x.dtype), tree)


def membranes(inputs: Inputs, t: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Voltages and currents at ``t`` ``[B, n]``, of the inputs before, without reset.

    An input at t itself does not count, and one later has neither effect nor gradient.
    """
    params, t = align(inputs.params, t[:, None]), t[:, None]
    before = inputs.times < t
    since = jnp.where(before, t - inputs.times, 0.0)
    w = jnp.where(before, inputs.weights[None], 0.0)
    v = jnp.sum(w * response(params, since), axis=1)
    return v, jnp.sum(w * jnp.exp(-since / params.tau_syn), axis=1)


def in_order(inputs: Inputs) -> tuple[jax.Array, jax.Array]:
    """Times of the inputs and who they are, in the order in which they come.

    Both are ``[n_in, B, 1 or n]``. One that never comes stands at the last time.
    """
    times = jnp.moveaxis(jax.lax.stop_gradient(inputs.times), 1, 0)
    order = jnp.argsort(times, axis=0)
    times = jnp.take_along_axis(times, order, axis=0)
    comes = jnp.isfinite(times)
    last = jnp.max(jnp.where(comes, times, -jnp.inf), axis=0, initial=-jnp.inf)
    last = jnp.where(jnp.isfinite(last), last, 0.0)
    return jnp.where(comes, times, last[None]), order


def weights_of(inputs: Inputs, who: jax.Array) -> jax.Array:
    """Of one input of each sample and neuron, ``[B, 1 or n] -> [B, n]``."""
    weights = jax.lax.stop_gradient(inputs.weights)
    if who.shape[-1] == 1:
        w = weights[who[:, 0]]
        silent = inputs.times[jnp.arange(len(who)), who[:, 0]] == jnp.inf
    else:
        w = jnp.take_along_axis(weights, who, axis=0)
        silent = (
            jnp.take_along_axis(inputs.times, who[:, None], axis=1)[:, 0] == jnp.inf
        )
    return jnp.where(silent, 0.0, w)
