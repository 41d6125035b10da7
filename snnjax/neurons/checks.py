"""What neurons refuse: constants that make no sense, and states of another cell."""

import warnings
from collections.abc import Callable
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from snnjax import check
from snnjax.check import Number


def check_constants(n: int, **constants: Number | None) -> None:
    """Refuses a constant that is not positive, or not one number or ``n``."""
    check.whole("n", n)
    for name, value in constants.items():
        if value is not None:
            check.positive(name, value)
            check.per_neuron(name, value, n)


def check_flow(n: int, params: Any, input: str) -> None:
    """Refuses constants of a flow that no leaky neuron can have."""
    check.fields("params", params, "tau_mem", "tau_syn")
    with_leak(params.tau_mem)
    check_constants(n, tau_mem=params.tau_mem, tau_syn=params.tau_syn)
    warn_of_units(params.tau_mem)
    check.one_of("input", input, ("current", "voltage"))
    if input == "voltage" and params.tau_syn is not None:
        raise ValueError(
            "input='voltage' jumps the membrane itself, without a synapse: leave it "
            f"out with tau_syn=None, got tau_syn={params.tau_syn}."
        )


def with_leak(tau_mem: Number | None) -> Number:
    """Refuses a membrane without leak, which only spike times are known of."""
    if tau_mem is None:
        raise ValueError(
            "tau_mem=None, no leak, is for spike times (first_spike_time); in steps of "
            "dt a membrane has a tau_mem, which may be long."
        )
    return tau_mem


def warn_of_units(tau_mem: Number) -> None:
    """Warns of a membrane that takes a second or more: a number in milliseconds?"""
    known = check.concrete(tau_mem)
    if known is not None and np.any(known >= 1.0):
        warnings.warn(
            f"Times are in seconds: tau_mem={known.max():g} is {1e3 * known.max():g} "
            "ms. Twenty milliseconds are tau_mem=20e-3.",
            UserWarning,
            stacklevel=5,  # where the neuron is made
        )


def check_lif(n: int, params: Any, reset: str, input: str = "current") -> None:
    """Refuses what no leaky integrate-and-fire neuron can have, as ``lif`` does."""
    check.fields("params", params, "threshold", "refractory", "v_reset")
    check_flow(n, params, input)
    check_constants(n, threshold=params.threshold)
    check.one_of("reset", reset, ("zero", "subtract", "none"))
    if params.refractory is not None:
        check.positive("refractory", params.refractory, " [s]", zero=True)
        check.per_neuron("refractory", params.refractory, n)
    check.finite("v_reset", params.v_reset)
    check.per_neuron("v_reset", params.v_reset, n)
    v_reset, threshold = map(check.concrete, (params.v_reset, params.threshold))
    if v_reset is None:
        return
    if threshold is not None and np.any(v_reset >= threshold):
        raise ValueError(
            f"v_reset must lie below the threshold {threshold}, got {v_reset}."
        )
    if reset != "zero" and np.any(v_reset != 0.0):
        raise ValueError(
            f"v_reset is where reset='zero' takes the voltage; reset={reset!r} does "
            f"not use it: leave it 0, got {v_reset}."
        )


def check_loop(name: str, n: int, loop: Any, currents: jax.Array) -> None:
    """Refuses recurrent weights and earlier spikes of another population or batch.

    Args:
        name: of the neuron.
        n: number of neurons.
        loop: ``cell.Loop``.
        currents: ``[T, *batch, n]``.
    """
    check.shape(f"The recurrent weights of {name}", loop.r, (n, n))
    before = currents.shape[1:]
    check.shape(f"The spikes before a loop of {name}", loop.spikes, before)


def check_voltages(n: int, params: Any) -> None:
    """Refuses rest, threshold, peak and reset of a spike in an order that none has."""
    names = "v_rest", "v_threshold", "v_peak", "v_reset"
    for name in names:
        check.finite(name, getattr(params, name))
        check.per_neuron(name, getattr(params, name), n)
    rest, threshold, peak, reset = (
        check.concrete(getattr(params, name)) for name in names
    )
    if rest is None or threshold is None or peak is None or reset is None:
        return
    if not ((rest < threshold) & (threshold < peak) & (reset < peak)).all():
        raise ValueError(
            "Voltages are in V, v_rest < v_threshold < v_peak and v_reset < v_peak, "
            f"got v_rest {rest}, v_threshold {threshold}, v_peak {peak} and v_reset "
            f"{reset}."
        )


def state_check(name: str, n: int, rest: Callable) -> Callable[..., None]:
    """What refuses an input of another width and a state of another batch or kind.

    Args:
        name: of the neuron.
        n: number of neurons.
        rest: as of ``Cell``.

    Returns:
        ``(state, x [*batch, n])``, or ``(state, xs [T, *batch, n], lead=1)``; a state
        may be in single or double precision whatever the input. Raises ValueError with
        what came and what was expected.
    """

    @cache
    def like(shape, dtype):
        return jax.eval_shape(rest, jax.ShapeDtypeStruct(shape, dtype))

    def refuse(state, x, lead=0):
        check.width(name, x, n)
        check.state(name, state, like(x.shape[lead:], voltage_dtype(state, x)))

    return refuse


def voltage_dtype(state: Any, x: jax.Array) -> jnp.dtype:
    """Of the voltages in a state; that of the input if it has none."""
    dtypes = [jnp.result_type(leaf) for leaf in jax.tree.leaves(state)]
    return next((d for d in dtypes if jnp.issubdtype(d, jnp.floating)), x.dtype)
