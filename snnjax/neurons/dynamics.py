"""One step of a leaky neuron: it flows, it fires, it resets.

What every leaky neuron shares: constants, state, the exact flow and the reset. How it
fires is handed in. The equations are those of ``leaky.py``.
"""

from collections.abc import Callable
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp

from snnjax import check
from snnjax.check import Number
from snnjax.kernels import layer
from snnjax.neurons.kernels import mean_exp

Reset = Literal["zero", "subtract", "none"]


class LIParams(NamedTuple):
    """Constants of a leaky integrator, each ``[]`` or ``[n]``."""

    tau_mem: Number = 20e-3  # membrane time constant τm [s]
    tau_syn: Number | None = 5e-3  # synaptic time constant τs [s]; None: no synapse


class LIFParams(NamedTuple):
    """Constants of a leaky integrate-and-fire neuron, each ``[]`` or ``[n]``."""

    tau_mem: Number = 20e-3  # membrane time constant τm [s]
    tau_syn: Number | None = 5e-3  # synaptic time constant τs [s]; None: no synapse
    threshold: Number = 1.0  # θ
    refractory: Number | None = None  # silent and frozen after a spike [s]


class LIState(NamedTuple):
    """What a leaky integrator remembers, each ``[*batch, n]``."""

    v: jax.Array  # membrane voltage
    i: jax.Array | None  # synaptic current; None without a synapse


class LIFState(NamedTuple):
    """What a leaky integrate-and-fire neuron remembers, each ``[*batch, n]``."""

    v: jax.Array  # membrane voltage, after the reset
    i: jax.Array | None  # synaptic current; None without a synapse
    silent: jax.Array | None  # refractory time left [s]; None without refractoriness


def decay(
    params: LIParams | LIFParams, dt: Number, dtype: jnp.dtype
) -> layer.Constants:
    """The exact flow over one step, as three factors; and the threshold."""
    tau_mem, dt = jnp.asarray(params.tau_mem, dtype), jnp.asarray(dt, dtype)
    threshold = jnp.asarray(getattr(params, "threshold", jnp.inf), dtype)
    mem = jnp.exp(-dt / tau_mem)
    if params.tau_syn is None:
        return layer.Constants(mem, None, -jnp.expm1(-dt / tau_mem), threshold)
    tau_syn = jnp.asarray(params.tau_syn, dtype)
    gain = dt / tau_mem * mean_exp(-dt / tau_mem, -dt / tau_syn)
    return layer.Constants(mem, jnp.exp(-dt / tau_syn), gain, threshold)


def check_lif(n: int, params: LIFParams, reset: Reset) -> None:
    """Refuses what no leaky integrate-and-fire neuron can have, as ``lif`` does."""
    check_constants(
        n, tau_mem=params.tau_mem, tau_syn=params.tau_syn, threshold=params.threshold
    )
    if params.refractory is not None:
        check.positive("refractory", params.refractory, " [s]", zero=True)
        check.per_neuron("refractory", params.refractory, n)
    if reset not in ("zero", "subtract", "none"):
        raise ValueError(f"reset must be zero, subtract or none, got {reset!r}.")


class Factors(NamedTuple):
    """What one step needs of the constants."""

    decay: layer.Constants
    refractory: jax.Array | None  # [s]
    dt: jax.Array  # [s]


def lif_factors(params: LIFParams, dt: Number, dtype: jnp.dtype) -> Factors:
    """The constants of a neuron for steps of ``dt`` seconds."""
    refractory = params.refractory
    if refractory is not None:
        refractory = jnp.asarray(refractory, dtype)
    return Factors(decay(params, dt, dtype), refractory, jnp.asarray(dt, dtype))


def lif_rest(n: int, params: LIFParams, x: jax.Array) -> LIFState:
    """The neuron before anything happened, for inputs like ``x``."""
    v = zeros("lif", n, x)
    return LIFState(
        v,
        None if params.tau_syn is None else v,
        None if params.refractory is None else v,
    )


def lif_step(
    options: layer.Options,
    factors: Factors,
    state: LIFState,
    x: jax.Array,
    fire: Callable[[jax.Array], jax.Array],
) -> tuple[LIFState, jax.Array]:
    """Takes in a current, flows for one step, fires and resets.

    Args:
        options: reset, and whether its gradient counts.
        factors: from ``lif_factors``.
        state: the neuron before.
        x: current, ``[*batch, n]``.
        fire: distance to threshold -> spikes.

    Returns:
        The neuron after the step, and its spikes.
    """
    constants, refractory, dt = factors
    v, i = layer.flow(constants, state.v, state.i, x.astype(state.v.dtype))
    if refractory is not None:
        assert state.silent is not None
        free = state.silent < 0.5 * dt
        v = jnp.where(free, v, state.v)
    s = fire(v - constants.threshold)
    if refractory is not None:
        s = jnp.where(free, s, jnp.zeros_like(s))
    v = layer.after_spike(options, v, s, constants.threshold)
    silent = _silence(state.silent, s, refractory, dt)
    return LIFState(v, i, silent), s.astype(x.dtype)


def _silence(left, spikes, refractory, dt):
    """Refractory time left after a step that fired ``spikes``."""
    if refractory is None:
        return None
    fired = jax.lax.stop_gradient(spikes)
    return jnp.where(fired > 0, refractory, jnp.maximum(left - dt, 0.0))


def zeros(name: str, n: int, x: jax.Array) -> jax.Array:
    """Rest takes dtype, device and sharding from the input; never less than float32."""
    check.width(name, x, n)
    check.floating(f"The input of {name}", x)
    dtype = jnp.promote_types(x.dtype, jnp.float32)
    return jnp.zeros_like(x[..., :1], dtype) + jnp.zeros(n, dtype)


def check_constants(n: int, **constants: Number | None) -> None:
    """Refuses a constant that is not positive, or not one number or ``n``."""
    check.whole("The number of neurons", n)
    for name, value in constants.items():
        if value is not None:
            check.positive(name, value)
            check.per_neuron(name, value, n)
