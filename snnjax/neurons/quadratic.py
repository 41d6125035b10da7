"""Quadratic integrate-and-fire neurons: what spikes look like near their onset.

    C dv/dt = g (v - E)(v - V_T)/(V_T - E) + i        QIF
    dv/dt = k v² + 5000 v + 140 - u + i        du/dt = a (b v - u)        Izhikevich

where v reaches its peak: v ← v_reset, or v ← c and u ← u + d. The QIF is the normal
form of all neurons that begin to fire at arbitrarily low rates; with its peak and reset
at infinity it is the theta neuron (Ermentrout & Kopell 1986, doi:10.1137/0146017).
The second variable gives Izhikevich's neuron the patterns of cortical ones (2003,
doi:10.1109/TNN.2003.820440). Everything is in SI units, v in volts: k = 0.04 / (mV ms)
= 4e4 / (V s), and u and i are in V/s, which are his mV/ms.

With u held the flow is a Möbius map of v; u is taken from the middle of the part of a
step, and the spike at its time inside it: exact for the QIF under a constant current,
of second order for Izhikevich's. Four parts of a step of 0.1 ms put the spikes of his
patterns over 500 ms less than 0.05 ms from where they belong, eight four times closer.
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
from snnjax.neurons.flows import quadratic_flow, quadratic_time
from snnjax.neurons.population import population, precise, zeros
from snnjax.neurons.within import Dynamics, emitted, flowed
from snnjax.surrogate import Shape, SuperSpike, check_shape


@exportable
class QIFParams(NamedTuple):
    """Constants of a quadratic neuron, each ``[]`` or ``[n]``."""

    capacitance: Number = 200e-12  # C [F]
    conductance: Number = 10e-9  # of the leak at rest g [S]
    v_rest: Number = -70e-3  # E [V]
    v_threshold: Number = -50e-3  # above it v runs away, without input, V_T [V]
    v_peak: Number = 30e-3  # where a spike ends [V]
    v_reset: Number = -65e-3  # where it leaves the voltage [V]
    unit: Number = 50e-12  # current of one unit of input [A]; the rheobase


@exportable
class IzhikevichParams(NamedTuple):
    """Constants of Izhikevich's neuron, each ``[]`` or ``[n]``; as it is, RS."""

    a: Number = 20.0  # how fast u follows [1/s]: his 0.02 / ms
    b: Number = 200.0  # what of v it follows [1/s]: his 0.2 / ms
    c: Number = -65e-3  # where a spike leaves the voltage [V]
    d: Number = 8.0  # by how much it raises u [V/s]
    v_peak: Number = 30e-3  # where it ends [V]
    unit: Number = 4.0  # input of one unit [V/s]; the rheobase where b is 200


@exportable
class QIFState(NamedTuple):
    """What a quadratic neuron remembers, ``[*batch, n]``."""

    v: jax.Array  # membrane voltage [V], after the reset


@exportable
class IzhikevichState(NamedTuple):
    """What Izhikevich's neuron remembers, each ``[*batch, n]``."""

    v: jax.Array  # membrane voltage [V], after the reset
    u: jax.Array  # recovery [V/s]


class _Constants(NamedTuple):
    """dv/dt = k (v - vertex)² + least - u + i, and the length of a part of the step."""

    k: jax.Array
    vertex: jax.Array
    least: jax.Array
    peak: jax.Array
    reset: jax.Array
    gain: jax.Array  # V/s that a unit of input brings
    width: jax.Array  # from rest to threshold
    part: jax.Array
    params: Any


@factory
def qif(
    n: int,
    params: QIFParams = QIFParams(),
    *,
    surrogate: Shape = SuperSpike(),
) -> Cell:
    """Quadratic integrate-and-fire neurons: currents to spikes.

        C dv/dt = g (v - E)(v - V_T)/(V_T - E) + i        i = unit · x

    A constant current above g (V_T - E)/4 makes them fire. The input is held for the
    step, and the flow is exact.

    Args:
        n: number of neurons.
        params: constants, each ``[]`` or ``[n]``, in SI units.
        surrogate: pseudo-derivative of the spike, a function of (v - V_T)/(V_T - E).

    Returns:
        A cell ``[*batch, n] -> [*batch, n]`` without weights, of ``QIFState``. The
        output is 0 or 1 in the dtype of the input, at most one spike for each step. The
        gradient of v passes through spikes. ``"v_before"`` and ``"since"`` can be
        watched, as of ``eif``.

    Raises:
        ValueError: for a constant that is not positive, V_T not between rest and peak,
            a reset not below the peak, constants of another shape, and for a state of
            another batch, width or cell.
    """
    check.fields("params", params, *QIFParams._fields)
    positive = "capacitance", "conductance", "unit"
    check_constants(n, **{name: getattr(params, name) for name in positive})
    check_voltages(n, params)
    check_shape("surrogate", surrogate, (n,))

    def constants(dt, dtype):
        p = precise(params, dtype)
        width = p.v_threshold - p.v_rest
        k = p.conductance / p.capacitance / width
        vertex = (p.v_threshold + p.v_rest) / 2.0
        least = -k * width**2 / 4.0
        voltages = p.v_peak, p.v_reset
        gain, part = p.unit / p.capacitance, jnp.asarray(dt, dtype)
        return _Constants(k, vertex, least, *voltages, gain, width, part, p)

    def rest(x):
        zero = zeros("qif", n, x)
        return QIFState(zero + align(precise(params, zero.dtype), zero).v_rest)

    def advance(given, state, x):
        end, s, seen = _advance(given, state.v, None, x, surrogate, 1)
        return QIFState(end.v), s, seen

    return population("qif", n, constants, rest, advance, ("v_before", "since"))


@factory
def izhikevich(
    n: int,
    params: IzhikevichParams = IzhikevichParams(),
    *,
    surrogate: Shape = SuperSpike(),
    substeps: int = 4,
) -> Cell:
    """Izhikevich's neurons: currents to spikes.

        dv/dt = k v² + 5000 v + 140 - u + i        du/dt = a (b v - u)
        i = unit · x        at the peak v ← c, u ← u + d

    Regular spiking is as it is; chattering c = -50e-3, d = 2; fast spiking a = 100,
    d = 2; low threshold b = 250, d = 2.

    Args:
        n: number of neurons.
        params: constants, each ``[]`` or ``[n]``, in SI units.
        surrogate: pseudo-derivative of the spike, a function of the voltage above the
            threshold that a neuron at rest has, in units of what lies between.
        substeps: into how many parts each step is divided.

    Returns:
        A cell as of ``qif``, of ``IzhikevichState``. Without a resting potential (b
        above 267) it starts where v changes least.

    Raises:
        ValueError: for an a, b or unit that is not positive, a c not below the peak, a
            peak not above -40 mV, constants of another shape, and for a state of
            another batch, width or cell.
    """
    check.fields("params", params, *IzhikevichParams._fields)
    check_constants(n, a=params.a, b=params.b, unit=params.unit)
    for name in ("c", "d", "v_peak"):
        check.finite(name, getattr(params, name))
        check.per_neuron(name, getattr(params, name), n)
    c, peak = map(check.concrete, (params.c, params.v_peak))
    if peak is not None and not (peak > -40e-3).all():
        raise ValueError(f"v_peak must be above -0.04 V, got {peak}.")
    if c is not None and peak is not None and not (c < peak).all():
        raise ValueError(f"c must lie below v_peak {peak}, got {c}. Both are in V.")
    check_shape("surrogate", surrogate, (n,))
    check.whole("substeps", substeps)

    def constants(dt, dtype):
        p = precise(params, dtype)
        k, vertex = (jnp.asarray(x, dtype) for x in (_K, -_SLOPE / (2.0 * _K)))
        least = jnp.asarray(_CONSTANT - _SLOPE**2 / (4.0 * _K), dtype)
        at = p.v_peak, p.c
        width, part = 2.0 * (vertex - _rest(p.b)), jnp.asarray(dt, dtype) / substeps
        return _Constants(k, vertex, least, *at, p.unit, width, part, p)

    def rest(x):
        zero = zeros("izhikevich", n, x)
        b = align(precise(params, zero.dtype), zero).b
        v = zero + _rest(b)
        return IzhikevichState(v, b * v)

    def advance(given, state, x):
        end, s, seen = _advance(given, state.v, state.u, x, surrogate, substeps)
        return IzhikevichState(end.v, end.w), s, seen

    watched = "v_before", "since"
    return population("izhikevich", n, constants, rest, advance, watched)


_K, _SLOPE, _CONSTANT = 4e4, 5e3, 140.0  # 1/(V s), 1/s, V/s


def _rest(b):
    """The lower zero of k v² + (5000 - b) v + 140; the vertex if there is none."""
    slope = _SLOPE - b
    square = slope**2 - 4.0 * _K * _CONSTANT
    root = jnp.where(square > 0, jnp.sqrt(jnp.where(square > 0, square, 1.0)), 0.0)
    return -(slope + root) / (2.0 * _K)


def _advance(given, v, u, x, surrogate, substeps):
    rates = given.gain * x.astype(v.dtype)
    end = flowed(_DYNAMICS, given, v, u, rates, given.part, substeps)
    threshold = given.vertex + given.width / 2.0
    s = emitted(end.fired, (end.before - threshold) / given.width, surrogate)
    return end, s.astype(x.dtype), {"v_before": end.before, "since": end.since}


def _held(given, v, u, x):
    return given.least + x - (0.0 if u is None else u)


def _scaled(given, v, held):
    peak = given.peak - given.vertex
    return jnp.minimum(v - given.vertex, peak), given.k, held, peak


def _flow(given, v, held, t, reached):
    y, k, q, peak = _scaled(given, v, held)
    return given.vertex + quadratic_flow(y, k, q, peak, t, reached)


def _when(given, v, held):
    return quadratic_time(*_scaled(given, v, held))


def _drift(given, u, v, t):
    if u is None:
        return None
    p = given.params
    return p.b * v + jnp.exp(-t * p.a) * (u - p.b * v)


def _jump(given, u):
    return None if u is None else u + given.params.d


_DYNAMICS = Dynamics(_held, _flow, _when, _drift, _jump, lambda given: given.reset)
