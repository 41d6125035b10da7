"""The barnacle's muscle fibre: Morris & Lecar (1981), spikes from two variables.

    C dv/dt = -g_Ca m∞(v) (v - E_Ca) - g_K w (v - E_K) - g_L (v - E_L) + i
    dw/dt = (w∞(v) - w) φ cosh((v - V3)/(2 V4))
    m∞ = (1 + tanh((v - V1)/V2))/2        w∞ = (1 + tanh((v - V3)/V4))/2

of doi:10.1016/S0006-3495(81)84782-0. Everything is in SI units, currents and
conductances for each square metre.

w and v take turns, each exact while the other is held, w half a part of a step beside
v; calcium is taken from the middle of the part. The scheme is of second order: with
two parts of 0.05 ms v is less than 0.5 mV from what it should be over 500 ms of firing.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp

from snnjax import check, loops
from snnjax.about import factory
from snnjax.cell import Cell
from snnjax.check import Number
from snnjax.exported import exportable
from snnjax.kernels.products import align
from snnjax.neurons.checks import check_constants
from snnjax.neurons.ion_channels import balanced, relaxed
from snnjax.neurons.population import population, precise, zeros
from snnjax.neurons.within import emitted
from snnjax.surrogate import Shape, SuperSpike, check_shape


@exportable
class MorrisLecarParams(NamedTuple):
    """Constants of a fibre, each ``[]`` or ``[n]``, for a square metre."""

    capacitance: Number = 0.2  # C [F/m²]
    g_calcium: Number = 44.0  # [S/m²]
    g_potassium: Number = 80.0  # [S/m²]
    g_leak: Number = 20.0  # [S/m²]
    e_calcium: Number = 120e-3  # [V]
    e_potassium: Number = -84e-3  # [V]
    e_leak: Number = -60e-3  # [V]
    v_1: Number = -1.2e-3  # where calcium is half activated [V]
    v_2: Number = 18e-3  # over which it is [V]
    v_3: Number = 2e-3  # where potassium is half activated [V]
    v_4: Number = 30e-3  # over which it is [V]
    phi: Number = 40.0  # least rate of potassium φ [1/s]
    v_threshold: Number = 0.0  # crossing it from below is a spike [V]
    unit: Number = 1.0  # current of one unit of input [A/m²]: 100 µA/cm²


@exportable
class MorrisLecarState(NamedTuple):
    """What a fibre remembers, each ``[*batch, n]``."""

    v: jax.Array  # membrane voltage [V]
    w: jax.Array  # activation of potassium


class _Constants(NamedTuple):
    params: MorrisLecarParams
    part: jax.Array  # length of a part of the step [s]
    v_rest: jax.Array


@factory
def morris_lecar(
    n: int,
    params: MorrisLecarParams = MorrisLecarParams(),
    *,
    surrogate: Shape = SuperSpike(),
    substeps: int = 2,
) -> Cell:
    """Morris-Lecar neurons: currents to spikes.

    A spike is where v crosses ``v_threshold`` from below. As they are, firing begins
    at a rate of its own (type II), near an input of 0.94; v_3 = 12e-3, v_4 = 17.4e-3,
    g_calcium = 40 and phi = 67 begin at any rate (type I).

    Args:
        n: number of neurons.
        params: constants, each ``[]`` or ``[n]``, in SI units.
        surrogate: pseudo-derivative of the spike, a function of the distance of v from
            ``v_threshold``, in units of that from rest.
        substeps: into how many parts each step is divided.

    Returns:
        A cell ``[*batch, n] -> [*batch, n]`` without weights, of ``MorrisLecarState``.
        The output is 0 or 1 in the dtype of the input.

    Raises:
        ValueError: for a capacitance, conductance, v_2, v_4, φ or unit that is not
            positive, a constant of another shape, and for a state of another batch,
            width or cell.
    """
    check.fields("params", params, *MorrisLecarParams._fields)
    positive = "capacitance", "g_calcium", "g_potassium", "g_leak", "v_2", "v_4", "phi"
    check_constants(n, **{k: getattr(params, k) for k in (*positive, "unit")})
    for name in ("e_calcium", "e_potassium", "e_leak", "v_1", "v_3", "v_threshold"):
        check.finite(name, getattr(params, name))
        check.per_neuron(name, getattr(params, name), n)
    check_shape("surrogate", surrogate, (n,))
    check.whole("substeps", substeps)

    def constants(dt, dtype):
        given = precise(params, dtype)
        part = jnp.asarray(dt, dtype) / substeps
        return _Constants(given, part, resting_voltage(given))

    def rest(x):
        zero = zeros("morris_lecar", n, x)
        p = align(precise(params, zero.dtype), zero)
        v = zero + resting_voltage(p)
        return MorrisLecarState(v, _half_active(v, p.v_3, p.v_4))

    def advance(given, state, x):
        p, current = given.params, given.params.unit * x.astype(state.v.dtype)

        def part(now):
            (v, w), fired = now
            rate = p.phi * jnp.cosh(jnp.clip((v - p.v_3) / (2.0 * p.v_4), -30.0, 30.0))
            w = relaxed(w, _half_active(v, p.v_3, p.v_4), rate * given.part)
            half = _voltage(p, v, v, w, current, given.part / 2.0)
            end = _voltage(p, v, half, w, current, given.part)
            crossed = (end > p.v_threshold) & (v <= p.v_threshold)
            return MorrisLecarState(end, w), fired | crossed

        state, fired = loops.repeat(part, (state, state.v != state.v), substeps)
        distance = (state.v - p.v_threshold) / (p.v_threshold - given.v_rest)
        return state, emitted(fired, distance, surrogate).astype(x.dtype)

    return population("morris_lecar", n, constants, rest, advance)


def _half_active(v, middle, over):
    return jax.nn.sigmoid(2.0 * (v - middle) / over)


def _voltage(p, v, at, w, current, t):
    """From v, with calcium as it is at another voltage."""
    calcium, potassium = p.g_calcium * _half_active(at, p.v_1, p.v_2), p.g_potassium * w
    total = calcium + potassium + p.g_leak
    inward = calcium * p.e_calcium + potassium * p.e_potassium + p.g_leak * p.e_leak
    return relaxed(v, (inward + current) / total, total * t / p.capacitance)


@partial(jax.jit, inline=True)
def resting_voltage(p: MorrisLecarParams) -> jax.Array:
    """Where no current flows, by Newton's steps from E_L, w as it is there."""

    def current(v):
        calcium = p.g_calcium * _half_active(v, p.v_1, p.v_2) * (v - p.e_calcium)
        w = _half_active(v, p.v_3, p.v_4)
        into = calcium + p.g_potassium * w * (v - p.e_potassium)
        return into + p.g_leak * (v - p.e_leak)

    start = jnp.zeros_like(sum(p[1:12])) + p.e_leak
    return balanced(current, start, (p.e_calcium, p.e_potassium, p.e_leak))
