"""Neurons of NIR in its own units, one step of ``dt`` seconds at a time.

    τ_mem dv/dt = (v_leak - v) + r i      τ_syn di/dt = -i + w_in S
    without a leak (I, IF)  dv/dt = r i      without a synapse  i is the input itself

The input of a step is held for the step; where there is a synapse it is an impulse of
the same area, dt·S, at its beginning. With m, g and a of a step

    i ← i + (dt/τ_syn) w_in S      v ← v_leak + m (v - v_leak) + g r i      i ← a i

    exact    m = e^(-dt/τ_mem)    a = e^(-dt/τ_syn)    g the integral of both
    euler    m = 1 - dt/τ_mem     a = 1 - dt/τ_syn     g = dt/τ_mem

the neuron fires if v > v_threshold. Where the numbers allow it, ``from_nir`` takes
``li`` and ``lif`` instead, which are the same and faster.
"""

from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp

from snnjax import check
from snnjax.about import factory
from snnjax.cell import Cell
from snnjax.check import Number
from snnjax.exported import exportable
from snnjax.kernels.products import align
from snnjax.neurons.checks import check_constants
from snnjax.neurons.population import population, zeros
from snnjax.neurons.potentials import mean_exp
from snnjax.surrogate import Shape, SuperSpike, check_shape, spike

Method = Literal["exact", "euler"]
Reset = Literal["zero", "subtract"]


@exportable
class CircuitParams(NamedTuple):
    """Constants of a neuron of NIR, each ``[]`` or ``[n]``."""

    tau_mem: Number | None = 20e-3  # [s]; None: no leak
    tau_syn: Number | None = None  # [s]; None: no synapse
    r: Number = 1.0  # gain of the current; without a leak in 1/s
    v_leak: Number = 0.0  # where the voltage rests
    w_in: Number = 1.0  # gain of what comes in, with a synapse
    v_threshold: Number | None = None  # None: it does not fire
    v_reset: Number = 0.0  # where a spike takes the voltage


@exportable
class CircuitState(NamedTuple):
    """What a neuron of NIR remembers, each ``[*batch, n]``."""

    v: jax.Array  # membrane voltage, after the reset
    i: jax.Array | None  # synaptic current; None without a synapse


class _Step(NamedTuple):
    """Of one step, each ``[]`` or ``[n]``."""

    mem: jax.Array  # m
    gain: jax.Array  # g r
    rest: jax.Array  # v_leak
    syn: jax.Array | None  # a
    jump: jax.Array | None  # current that an input brings
    threshold: jax.Array | None
    v_reset: jax.Array


@factory
def circuit(
    n: int,
    params: CircuitParams = CircuitParams(),
    *,
    surrogate: Shape = SuperSpike(),
    reset: Reset = "zero",
    method: Method = "exact",
) -> Cell:
    """A population of ``n`` neurons of NIR: currents or spikes to spikes or voltages.

    Args:
        n: number of neurons.
        params: constants, each ``[]`` or ``[n]``.
        surrogate: pseudo-derivative of the spike, a function of ``v - v_threshold``.
        reset: ``"zero"``, to ``v_reset``; or ``"subtract"``, by what lies between
            threshold and ``v_reset``.
        method: of integration, ``"exact"`` or ``"euler"``.

    Returns:
        A cell ``[*batch, n] -> [*batch, n]`` without weights, of ``CircuitState``. It
        puts out spikes, or without threshold the voltage at the end of the step.

    Raises:
        ValueError: for a τ that is not positive, a constant that is not finite or of
            another shape, a ``v_reset`` that is not below the threshold, and for a
            state of another batch or width.

    References:
        Pedersen et al. (2024), Neuromorphic intermediate representation,
        doi:10.1038/s41467-024-52259-9.
    """
    _check(n, params)
    check_shape("surrogate", surrogate, (n,))
    check.one_of("reset", reset, ("zero", "subtract"))
    check.one_of("method", method, ("exact", "euler"))

    def constants(dt, dtype):
        return _constants(params, method, jnp.asarray(dt, dtype), dtype)

    def rest(x):
        v = zeros("circuit", n, x)
        at = 0.0 if params.tau_mem is None else params.v_leak
        start = v + align(jnp.asarray(at, v.dtype), v)
        return CircuitState(start, None if params.tau_syn is None else v)

    def advance(step, state, x):
        x, i = x.astype(state.v.dtype), None
        current = x
        if step.syn is not None:
            current = state.i + step.jump * x
            i = step.syn * current
        v = step.rest + step.mem * (state.v - step.rest) + step.gain * current
        if step.threshold is None:
            return CircuitState(v, i), v
        s = spike(v - step.threshold, surrogate)
        cut = jax.lax.stop_gradient(s)
        if reset == "zero":
            after = (1.0 - cut) * v + cut * step.v_reset
        else:
            after = v - cut * (step.threshold - step.v_reset)
        return CircuitState(after, i), s.astype(x.dtype)

    return population("circuit", n, constants, rest, advance)


def _constants(params, method, dt, dtype):
    def number(value):
        return None if value is None else jnp.asarray(value, dtype)

    p: Any = CircuitParams(*map(number, params))
    leak = None if p.tau_mem is None else dt / p.tau_mem
    rest = jnp.zeros((), dtype) if leak is None else p.v_leak
    if p.tau_syn is None:
        syn = jump = None
    else:
        fade = dt / p.tau_syn
        syn, jump = jnp.exp(-fade) if method == "exact" else 1.0 - fade, fade * p.w_in
    if leak is None:
        mem, gain = jnp.ones((), dtype), dt
    elif method == "euler":
        mem, gain = 1.0 - leak, leak
    elif p.tau_syn is None:
        mem, gain = jnp.exp(-leak), -jnp.expm1(-leak)
    else:
        mem, gain = jnp.exp(-leak), leak * mean_exp(-leak, -dt / p.tau_syn)
    return _Step(mem, gain * p.r, rest, syn, jump, p.v_threshold, p.v_reset)


def _check(n, params):
    check.fields("params", params, *CircuitParams._fields)
    check_constants(n, tau_mem=params.tau_mem, tau_syn=params.tau_syn)
    if params.tau_mem is None and params.tau_syn is not None:
        raise ValueError("NIR has no neuron with a synapse and without a leak.")
    for name in ("r", "v_leak", "w_in", "v_threshold", "v_reset"):
        value = getattr(params, name)
        if value is not None:
            check.finite(name, value)
            check.per_neuron(name, value, n)
    if params.v_threshold is None:
        return
    v_reset, threshold = map(check.concrete, (params.v_reset, params.v_threshold))
    if v_reset is not None and threshold is not None and (v_reset >= threshold).any():
        raise ValueError(
            f"v_reset must lie below v_threshold {threshold}, got {v_reset}."
        )
