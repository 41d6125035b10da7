"""Exponential integrate-and-fire neurons: the sharp onset of a spike, and adaptation.

    C dv/dt = -g (v - E) + g Δ e^((v - V_T)/Δ) - w + i
    τw dw/dt = -w + a (v - E)        where v reaches its peak: v ← v_reset, w ← w + b

Without w this is the EIF (Fourcaud-Trocmé et al. 2003,
doi:10.1523/JNEUROSCI.23-37-11628.2003), with it the AdEx (Brette & Gerstner 2005,
doi:10.1152/jn.00686.2005). Everything is in SI units, v in volts.

The exponential term is integrated exactly, e^(-(v - V_T)/Δ) being linear, with leak and
w taken from the middle of the step and the spike at its time inside the step: second
order, and a peak that is as high as one likes costs nothing. Steps of 0.1 ms put the
spikes of three patterns over 500 ms less than 0.05 ms from where they belong.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from snnjax import check
from snnjax.about import factory
from snnjax.cell import Cell
from snnjax.check import Number
from snnjax.exported import exportable
from snnjax.kernels.products import align
from snnjax.neurons.checks import check_constants, check_voltages
from snnjax.neurons.flows import exponential_flow, exponential_time
from snnjax.neurons.population import population, precise, zeros
from snnjax.neurons.within import Dynamics, emitted, flowed
from snnjax.surrogate import Shape, SuperSpike, check_shape


@exportable
class EIFParams(NamedTuple):
    """Constants of an exponential neuron, each ``[]`` or ``[n]``.

    Example:
        >>> params = snn.neurons.EIFParams(v_threshold=np.array([-55e-3, -45e-3]))
        >>> current = jnp.full((1000, 2), 0.7)  # [nA], for 100 ms
        >>> _, spikes = snn.unroll(snn.neurons.eif(2, params), (), current, dt=1e-4)
        >>> print(spikes.sum(axis=0))
        [6. 0.]
    """

    capacitance: Number = 281e-12  # C [F]
    conductance: Number = 30e-9  # of the leak, g [S]
    v_rest: Number = -70.6e-3  # reversal of the leak E [V]
    v_threshold: Number = -50.4e-3  # where a spike begins V_T [V]
    sharpness: Number = 2e-3  # Δ, over which it begins [V]
    v_peak: Number = 20e-3  # where it ends [V]
    v_reset: Number = -70.6e-3  # where it leaves the voltage [V]
    unit: Number = 1e-9  # current of one unit of input [A]


@exportable
class AdExParams(NamedTuple):
    """Constants of an adaptive exponential neuron, each ``[]`` or ``[n]``.

    The first eight are those of ``EIFParams``.

    Example:
        >>> params = snn.neurons.AdExParams(b=np.array([0.0, 80.5e-12]))
        >>> current = jnp.full((2000, 2), 1.0)  # [nA], for 200 ms
        >>> _, spikes = snn.unroll(snn.neurons.adex(2, params), (), current, dt=1e-4)
        >>> print(spikes.sum(axis=0))  # the second adapts
        [16.  8.]
    """

    capacitance: Number = 281e-12  # C [F]
    conductance: Number = 30e-9  # of the leak, g [S]
    v_rest: Number = -70.6e-3  # reversal of the leak E [V]
    v_threshold: Number = -50.4e-3  # where a spike begins V_T [V]
    sharpness: Number = 2e-3  # Δ, over which it begins [V]
    v_peak: Number = 20e-3  # where it ends [V]
    v_reset: Number = -70.6e-3  # where it leaves the voltage [V]
    unit: Number = 1e-9  # current of one unit of input [A]
    tau_adapt: Number = 144e-3  # τw [s]
    a: Number = 4e-9  # how the voltage drives w [S]
    b: Number = 80.5e-12  # by how much a spike raises w [A]


@exportable
class EIFState(NamedTuple):
    """What an exponential neuron remembers, ``[*batch, n]``."""

    v: jax.Array  # membrane voltage [V], after the reset


@exportable
class AdExState(NamedTuple):
    """What an adaptive exponential neuron remembers, each ``[*batch, n]``."""

    v: jax.Array  # membrane voltage [V], after the reset
    w: jax.Array  # adaptation current [A]


class _Constants(NamedTuple):
    params: Any
    growth: jax.Array  # g / C
    part: jax.Array  # length of a part of the step [s]


@factory
def eif(
    n: int,
    params: EIFParams = EIFParams(),
    *,
    surrogate: Shape = SuperSpike(),
    substeps: int = 1,
) -> Cell:
    """Exponential integrate-and-fire neurons: currents to spikes.

        C dv/dt = -g (v - E) + g Δ e^((v - V_T)/Δ) + i        i = unit · x

    A constant current above g (V_T - E - Δ) makes them fire.

    Args:
        n: number of neurons.
        params: constants, each ``[]`` or ``[n]``, in SI units.
        surrogate: pseudo-derivative of the spike, a function of (v - V_T)/(V_T - E).
        substeps: into how many parts each step is divided.

    Returns:
        A cell ``[*batch, n] -> [*batch, n]`` without weights, of ``EIFState``. The
        output is 0 or 1 in the dtype of the input, at most one spike for each step. The
        gradient of v passes through spikes. Without a resting potential it starts where
        v changes least.

    Raises:
        ValueError: for constants that no such neuron can have: not positive, V_T not
            between rest and peak, a reset not below the peak, or a peak above
            V_T + 70 Δ, which is as good as infinity but no number; of another shape;
            and for a state of another batch, width or cell.

    Example:
        >>> current = jnp.full((1000, 2), jnp.array([0.5, 1.0]))  # [nA], for 100 ms
        >>> _, spikes = snn.unroll(snn.neurons.eif(2), (), current, dt=1e-4)
        >>> print(spikes.sum(axis=0))
        [0. 8.]
    """
    check.fields("params", params, *EIFParams._fields)
    _check(n, params)
    return _exponential("eif", n, params, surrogate, substeps)


@factory
def adex(
    n: int,
    params: AdExParams = AdExParams(),
    *,
    surrogate: Shape = SuperSpike(),
    substeps: int = 1,
) -> Cell:
    """Adaptive exponential integrate-and-fire neurons: currents to spikes.

        C dv/dt = -g (v - E) + g Δ e^((v - V_T)/Δ) - w + i        i = unit · x
        τw dw/dt = -w + a (v - E)        at the peak v ← v_reset, w ← w + b

    Args:
        n: number of neurons.
        params: constants, each ``[]`` or ``[n]``, in SI units.
        surrogate: pseudo-derivative of the spike, a function of (v - V_T)/(V_T - E).
        substeps: into how many parts each step is divided.

    Returns:
        A cell as of ``eif``, of ``AdExState``.

    Raises:
        ValueError: as ``eif``, and for a τw that is not positive or an a not above -g,
            where there is no rest.

    Example:
        >>> neuron = snn.neurons.adex(1)
        >>> _, spikes = snn.unroll(neuron, (), jnp.full((2000, 1), 1.0), dt=1e-4)
        >>> print(jnp.diff(jnp.flatnonzero(spikes)) // 10)  # from spike to spike [ms]
        [13 15 18 21 25 29 31]
    """
    check.fields("params", params, *AdExParams._fields)
    _check(n, params)
    check_constants(n, tau_adapt=params.tau_adapt)
    for name in ("a", "b"):
        check.finite(name, getattr(params, name))
        check.per_neuron(name, getattr(params, name), n)
    a, conductance = map(check.concrete, (params.a, params.conductance))
    if a is not None and conductance is not None and not (a > -conductance).all():
        raise ValueError(f"a must be above -conductance {-conductance}, got {a}.")
    return _exponential("adex", n, params, surrogate, substeps)


def _exponential(name, n, params, surrogate, substeps):
    check_shape("surrogate", surrogate, (n,))
    check.whole("substeps", substeps)
    adapts = name == "adex"

    def constants(dt, dtype):
        given = precise(params, dtype)
        part = jnp.asarray(dt, dtype) / substeps
        return _Constants(given, given.conductance / given.capacitance, part)

    def rest(x):
        zero = zeros(name, n, x)
        p = align(precise(params, zero.dtype), zero)
        v = zero + _resting(p, p.a if adapts else None)
        return AdExState(v, p.a * (v - p.v_rest)) if adapts else EIFState(v)

    def advance(given, state, x):
        p, v = given.params, state.v
        current = p.unit * x.astype(v.dtype)
        w = state.w if adapts else None
        end = flowed(_DYNAMICS, given, v, w, current, given.part, substeps)
        distance = (end.before - p.v_threshold) / (p.v_threshold - p.v_rest)
        s = emitted(end.fired, distance, surrogate)
        after = AdExState(end.v, end.w) if adapts else EIFState(end.v)
        seen = {"v_before": end.before, "since": end.since}
        return after, s.astype(x.dtype), seen

    return population(name, n, constants, rest, advance, ("v_before", "since"))


def _held(given, v, w, x):
    p = given.params
    return p.conductance * (p.v_rest - v) + x - (0.0 if w is None else w)


def _flow(given, v, held, t, reached):
    p = given.params
    y, kappa, g, peak = _scaled(given, v, held)
    y = exponential_flow(y, kappa, g, peak, t, reached)
    return p.v_threshold + p.sharpness * y


def _when(given, v, held):
    return exponential_time(*_scaled(given, v, held))


def _scaled(given, v, held):
    p = given.params
    peak = (p.v_peak - p.v_threshold) / p.sharpness
    y = jnp.minimum((v - p.v_threshold) / p.sharpness, peak)
    return y, held / (p.capacitance * p.sharpness), given.growth, peak


def _drift(given, w, v, t):
    if w is None:
        return None
    p = given.params
    kept, end = jnp.exp(-t / p.tau_adapt), p.a * (v - p.v_rest)
    return end + kept * (w - end)


def _jump(given, w):
    return None if w is None else w + given.params.b


def _reset(given):
    return given.params.v_reset


_DYNAMICS = Dynamics(_held, _flow, _when, _drift, _jump, _reset)


def _resting(p, a):
    """Where leak, adaptation and exponential are in balance, or nearest to it.

    By Newton's steps from below, none of them beyond where their sum is least.
    """
    pull = 1.0 if a is None else 1.0 + a / p.conductance
    least = p.v_threshold + p.sharpness * jnp.log(pull)
    v = jnp.minimum(p.v_rest, least)
    for _ in range(8):
        onset = p.sharpness * jnp.exp((v - p.v_threshold) / p.sharpness)
        slope = pull - onset / p.sharpness
        total = onset - pull * (v - p.v_rest)
        beyond = total >= slope * (least - v)
        v = jnp.where(beyond, least, v + total / jnp.where(beyond, 1.0, slope))
    return v


def _check(n, params):
    positive = "capacitance", "conductance", "sharpness", "unit"
    check_constants(n, **{name: getattr(params, name) for name in positive})
    check_voltages(n, params)
    peak, threshold, sharpness = (
        check.concrete(getattr(params, name))
        for name in ("v_peak", "v_threshold", "sharpness")
    )
    if peak is None or threshold is None or sharpness is None:
        return
    if not (peak - threshold <= 70.0 * sharpness).all():
        raise ValueError(
            f"v_peak {peak} must be at most 70 sharpness {sharpness} above "
            f"v_threshold {threshold}; a lower peak puts spikes no later."
        )
