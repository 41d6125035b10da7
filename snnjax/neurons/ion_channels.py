"""The action potential of the squid: Hodgkin & Huxley (1952).

    C dv/dt = -g_Na m³ h (v - E_Na) - g_K n⁴ (v - E_K) - g_L (v - E_L) + i
    dx/dt = α_x(v) (1 - x) - β_x(v) x        x = m, h, n

with the rates of doi:10.1113/jphysiol.1952.sp004764 at 6.3 °C, v as it is inside, rest
near -65 mV. Everything is in SI units, currents and conductances for each square metre.

Gates and voltage take turns, each exact while the other is held (Rush-Larsen). The
gates stand half a part of a step beside the voltage, so that the scheme is of second
order, and it is never unstable. With parts of 10 µs the voltage is less than 1 mV from
what it should be over 50 ms of firing; the error falls fourfold as parts are halved.
"""

from collections.abc import Callable
from functools import partial, reduce
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from snnjax import check, loops
from snnjax.about import factory
from snnjax.cell import Cell
from snnjax.check import Number
from snnjax.exported import exportable
from snnjax.kernels.products import align
from snnjax.neurons.checks import check_constants
from snnjax.neurons.population import population, precise, zeros
from snnjax.neurons.potentials import x_over_expm1
from snnjax.neurons.within import emitted
from snnjax.surrogate import Shape, SuperSpike, check_shape

LONGEST = 25e-6  # part of a step [s]
_ERROR = 0.54  # of the voltage, with parts of 10 µs [mV]


@exportable
class HodgkinHuxleyParams(NamedTuple):
    """Constants of a patch of membrane, each ``[]`` or ``[n]``, for a square metre."""

    capacitance: Number = 10e-3  # C [F/m²]
    g_sodium: Number = 1200.0  # [S/m²]
    g_potassium: Number = 360.0  # [S/m²]
    g_leak: Number = 3.0  # [S/m²]
    e_sodium: Number = 50e-3  # [V]
    e_potassium: Number = -77e-3  # [V]
    e_leak: Number = -54.387e-3  # [V]
    v_threshold: Number = 0.0  # crossing it from below is a spike [V]
    unit: Number = 0.1  # current of one unit of input [A/m²]: 10 µA/cm²


@exportable
class HodgkinHuxleyState(NamedTuple):
    """What a patch of membrane remembers, each ``[*batch, n]``."""

    v: jax.Array  # membrane voltage [V]
    m: jax.Array  # activation of sodium
    h: jax.Array  # what of it is not inactivated
    n: jax.Array  # activation of potassium


class _Constants(NamedTuple):
    params: HodgkinHuxleyParams
    part: jax.Array  # length of a part of the step [s]; NaN if too long
    v_rest: jax.Array


@factory
def hodgkin_huxley(
    n: int,
    params: HodgkinHuxleyParams = HodgkinHuxleyParams(),
    *,
    surrogate: Shape = SuperSpike(),
    substeps: int = 10,
) -> Cell:
    """Hodgkin-Huxley neurons: currents to spikes.

    A spike is where v crosses ``v_threshold`` from below. Each step is divided into
    parts of at most 25 µs: ten of them serve a ``dt`` of 0.1 ms. A step of ten is about
    forty times the work of one of ``lif``, with gradients eighty
    (docs/reference/neurons.md); the gradient is the true one of v, and large at spikes.

    Args:
        n: number of neurons.
        params: constants, each ``[]`` or ``[n]``, in SI units.
        surrogate: pseudo-derivative of the spike, a function of the distance of v from
            ``v_threshold``, in units of that from rest.
        substeps: into how many parts each step is divided.

    Returns:
        A cell ``[*batch, n] -> [*batch, n]`` without weights, of
        ``HodgkinHuxleyState``. The output is 0 or 1 in the dtype of the input.

    Raises:
        ValueError: for a capacitance, conductance or unit that is not positive, a
            constant of another shape, parts of more than 25 µs, with the error that
            they would have (NaN where ``dt`` is traced), and for a state of another
            batch, width or cell.

    Example:
        >>> neuron = snn.neurons.hodgkin_huxley(1)  # x = 1 is 10 µA/cm²
        >>> _, spikes = snn.unroll(neuron, (), jnp.full((500, 1), 1.0), dt=1e-4)
        >>> print(spikes.sum())  # in 50 ms
        4.0
    """
    check.fields("params", params, *HodgkinHuxleyParams._fields)
    positive = "capacitance", "g_sodium", "g_potassium", "g_leak", "unit"
    check_constants(n, **{name: getattr(params, name) for name in positive})
    for name in ("e_sodium", "e_potassium", "e_leak", "v_threshold"):
        check.finite(name, getattr(params, name))
        check.per_neuron(name, getattr(params, name), n)
    check_shape("surrogate", surrogate, (n,))
    check.whole("substeps", substeps)

    def constants(dt, dtype):
        _check_part(dt, substeps)
        part = jnp.asarray(dt, dtype) / substeps
        part = check.or_nan(part, part <= LONGEST * (1.0 + 1e-5))
        given = precise(params, dtype)
        return _Constants(given, part, resting_voltage(given))

    def rest(x):
        zero = zeros("hodgkin_huxley", n, x)
        v = zero + resting_voltage(align(precise(params, zero.dtype), zero))
        return HodgkinHuxleyState(v, *resting_gates(v))

    def advance(given, state, x):
        p, current = given.params, given.params.unit * x.astype(state.v.dtype)

        def part(now):
            state, fired = now
            after = _part(p, state, current, given.part)
            crossed = (after.v > p.v_threshold) & (state.v <= p.v_threshold)
            return after, fired | crossed

        state, fired = loops.repeat(part, (state, state.v != state.v), substeps)
        distance = (state.v - p.v_threshold) / (p.v_threshold - given.v_rest)
        return state, emitted(fired, distance, surrogate).astype(x.dtype)

    return population("hodgkin_huxley", n, constants, rest, advance)


def _check_part(dt, substeps):
    known = check.concrete(dt)
    if known is None or known / substeps <= LONGEST * (1.0 + 1e-5):
        return
    part = float(known) / substeps
    raise ValueError(
        f"substeps={substeps} parts of a dt of {float(known):g} s are {1e6 * part:.3g} "
        f"µs each, which puts voltages about {_ERROR * (part / 1e-5) ** 2:.2g} mV off; "
        f"take at least substeps={int(np.ceil(float(known) / LONGEST - 1e-5))}."
    )


def _part(p, state, current, t):
    """The gates with the voltage held, then the voltage with the gates held."""
    pairs = zip(gate_rates(state.v), state[1:], strict=True)
    m, h, n = (relaxed(x, a / (a + b), (a + b) * t) for (a, b), x in pairs)
    return HodgkinHuxleyState(_voltage(p, state.v, m, h, n, current, t), m, h, n)


def _voltage(p, v, m, h, n, current, t):
    sodium, potassium = p.g_sodium * m**3 * h, p.g_potassium * n**4
    total = sodium + potassium + p.g_leak
    inward = sodium * p.e_sodium + potassium * p.e_potassium + p.g_leak * p.e_leak
    return relaxed(v, (inward + current) / total, total * t / p.capacitance)


def relaxed(x: jax.Array, end: jax.Array, times: jax.Array) -> jax.Array:
    """Where x' = (end - x)/τ leads within ``times`` τ."""
    return x - (end - x) * jnp.expm1(-times)


def gate_rates(v: jax.Array) -> tuple[tuple[jax.Array, jax.Array], ...]:
    """α and β of m, h and n [1/s]; beyond ±0.3 V as there.

    Args:
        v: membrane voltage [V].
    """
    u = 1e3 * jnp.clip(v, -0.3, 0.3)
    lin = lambda at: x_over_expm1(-(u - at) / 10.0)  # noqa: E731
    exp = lambda at, over: jnp.exp(-(u - at) / over)  # noqa: E731
    m = 1e3 * lin(-40.0), 4e3 * exp(-65.0, 18.0)
    h = 70.0 * exp(-65.0, 20.0), 1e3 * jax.nn.sigmoid((u + 35.0) / 10.0)
    return m, h, (100.0 * lin(-55.0), 125.0 * exp(-65.0, 80.0))


def resting_gates(v: jax.Array) -> list[jax.Array]:
    """m, h and n after a long time at v [V]: α / (α + β)."""
    return [a / (a + b) for a, b in gate_rates(v)]


@partial(jax.jit, inline=True)
def resting_voltage(p: Any) -> jax.Array:
    """Where no current flows, by Newton's steps from -65 mV."""

    def current(v):
        m, h, n = resting_gates(v)
        sodium, potassium = p.g_sodium * m**3 * h, p.g_potassium * n**4
        into = sodium * (v - p.e_sodium) + potassium * (v - p.e_potassium)
        return into + p.g_leak * (v - p.e_leak)

    start = jnp.full_like(sum(p[1:7]), -65e-3)
    return balanced(current, start, (p.e_sodium, p.e_potassium, p.e_leak))


def balanced(
    current: Callable[[jax.Array], jax.Array],
    start: jax.Array,
    reversals: tuple[Number, ...],
) -> jax.Array:
    """Where a current is zero: Newton's steps, halving where one leads too far.

    Args:
        current: out of the membrane, of its voltage.
        start: where to begin [V].
        reversals: between the least of which and the largest the voltage lies [V].
    """
    zero = jnp.zeros_like(start)
    ends = [zero + each for each in reversals]
    low, high = reduce(jnp.minimum, ends), reduce(jnp.maximum, ends)

    def closer(now):
        v, low, high = now
        total, slope = jax.jvp(current, (v,), (jnp.ones_like(v),))
        low, high = jnp.where(total < 0, v, low), jnp.where(total > 0, v, high)
        to = v - total / jnp.where(slope > 0, slope, 1.0)
        inside = (slope > 0) & (low <= to) & (to <= high)
        return jnp.where(inside, to, 0.5 * (low + high)), low, high

    return loops.repeat(closer, (jnp.clip(start, low, high), low, high), 16)[0]
