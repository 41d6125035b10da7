"""Synapses as conductances: a current that depends on the voltage it drives.

    C dv/dt = -g (v - E) - g_e (v - E_e) - g_i (v - E_i) - g_n B(v) (v - E_n)
    B(v) = 1 / (1 + [Mg]/3.57 e^(-v / 16.1 mV))

with excitatory, inhibitory and NMDA conductances that input makes jump and that decay;
magnesium blocks NMDA receptors at rest (Jahr & Stevens 1990,
doi:10.1523/JNEUROSCI.10-09-03178.1990). Everything is in SI units, v in volts.

The voltage flows exactly while conductances are held at their mean over the step, and
the block at its value in the middle: second order, and less than 1 µV from what it
should be below threshold over 100 ms, with steps of 0.1 ms.
"""

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
from snnjax.neurons.ion_channels import relaxed
from snnjax.neurons.leaky import whole_steps
from snnjax.neurons.population import population, precise, zeros
from snnjax.surrogate import Shape, SuperSpike, check_shape, spike

RECEPTORS = 3  # excitatory, inhibitory, NMDA: their order in the input


@exportable
class ConductanceLIFParams(NamedTuple):
    """Constants of a neuron with conductances, each ``[]`` or ``[n]``."""

    capacitance: Number = 200e-12  # C [F]
    conductance: Number = 10e-9  # of the leak, g [S]
    v_rest: Number = -70e-3  # reversal of the leak E [V]
    v_threshold: Number = -50e-3  # [V]
    v_reset: Number = -60e-3  # where a spike leaves the voltage [V]
    e_excitatory: Number = 0.0  # reversal E_e [V]
    e_inhibitory: Number = -80e-3  # reversal E_i [V]
    e_nmda: Number = 0.0  # reversal E_n [V]
    tau_excitatory: Number = 5e-3  # decay of g_e [s]
    tau_inhibitory: Number = 10e-3  # decay of g_i [s]
    tau_nmda: Number = 100e-3  # decay of g_n [s]
    magnesium: Number = 1.0  # [Mg] [mM]; 0: no block
    refractory: Number | None = None  # silent and frozen after a spike [s]
    unit: Number = 1e-9  # jump of a conductance by one unit of input [S]


@exportable
class ConductanceLIFState(NamedTuple):
    """What a neuron with conductances remembers, each ``[*batch, n]``."""

    v: jax.Array  # membrane voltage [V], after the reset
    excitatory: jax.Array  # g_e [S]
    inhibitory: jax.Array  # g_i [S]
    nmda: jax.Array  # g_n [S]
    refractory: jax.Array | None  # steps left, int32; None without refractoriness


class _Constants(NamedTuple):
    params: ConductanceLIFParams
    dt: jax.Array
    pause: jax.Array | None  # whole steps, int32


@factory
def conductance_lif(
    n: int,
    params: ConductanceLIFParams = ConductanceLIFParams(),
    *,
    surrogate: Shape = SuperSpike(),
) -> Cell:
    """Leaky integrate-and-fire neurons with conductances: three inputs each, to spikes.

    The input has receptors side by side in the last axis, ``[*batch, 3 n]``: all
    excitatory ones, all inhibitory ones, all NMDA ones. ``onto`` leads a connection to
    one of them; what several edges of a ``graph`` bring adds up.

        graph({"cells": conductance_lif(80)},
              {"exc->cells": chain(dense(40, 80), onto(0, 3, 80)),
               "inh->cells": chain(dense(10, 80), onto(1, 3, 80))},
              inputs=("exc", "inh"), outputs="cells")

    Weights onto receptors should not be negative: a conductance below zero is none, and
    drives the voltage away from its reversal.

    The input jumps conductances, the neuron flows for ``dt``, fires above threshold and
    is reset, which is left out of the gradient.

    Args:
        n: number of neurons.
        params: constants, each ``[]`` or ``[n]``, in SI units.
        surrogate: pseudo-derivative of the spike, a function of the distance of v from
            threshold, in units of that from rest.

    Returns:
        A cell ``[*batch, 3 n] -> [*batch, n]`` without weights, of
        ``ConductanceLIFState``. The output is 0 or 1 in the dtype of the input. The
        voltages before the reset can be watched as ``"v_before"``.

    Raises:
        ValueError: for a capacitance, conductance, τ or unit that is not positive, a
            threshold not above rest and reset, constants of another shape, and for an
            input or state of another batch, width or cell.
    """
    check.fields("params", params, *ConductanceLIFParams._fields)
    _check(n, params)
    check_shape("surrogate", surrogate, (n,))

    def constants(dt, dtype):
        p, dt = params._replace(refractory=None), jnp.asarray(dt, dtype)
        pause = params.refractory
        pause = None if pause is None else whole_steps(pause, dt)
        return _Constants(precise(p, dtype), dt, pause)

    def rest(x):
        zero = zeros("conductance_lif", RECEPTORS * n, x)[..., :n]
        left = None if params.refractory is None else jnp.zeros_like(zero, jnp.int32)
        v = zero + align(precise(params, zero.dtype), zero).v_rest
        others = jnp.zeros_like(zero), jnp.zeros_like(zero)
        return ConductanceLIFState(v, zero, *others, left)

    def advance(given, state, x):
        p, left = given.params, state.refractory
        jumps = jnp.split(p.unit * x.astype(state.v.dtype), RECEPTORS, -1)
        g = [before + jump for before, jump in zip(state[1:4], jumps, strict=True)]
        v, (ge, gi, gn) = _flowed(p, state.v, g, given.dt)
        v = v if left is None else jnp.where(left > 0, state.v, v)
        s = spike((v - p.v_threshold) / (p.v_threshold - p.v_rest), surrogate)
        if left is not None:
            s = jnp.where(left > 0, jnp.zeros_like(s), s)
            left = jnp.where(s > 0, given.pause, jnp.maximum(left - 1, 0))
        after = jnp.where(jax.lax.stop_gradient(s) > 0, p.v_reset, v)
        state = ConductanceLIFState(after, ge, gi, gn, left)
        return state, s.astype(x.dtype), {"v_before": v}

    inputs = RECEPTORS * n
    return population("conductance_lif", inputs, constants, rest, advance, _SHOWN)


_SHOWN = ("v_before",)


@loops.remade
def _flowed(p, v, g, dt):
    """Voltage and conductances after a step."""
    rates = [dt / tau for tau in (p.tau_excitatory, p.tau_inhibitory, p.tau_nmda)]
    means = [-x * jnp.expm1(-r) / r for x, r in zip(g, rates, strict=True)]
    half = _voltage(p, v, v, means, dt / 2.0)
    end = _voltage(p, v, half, means, dt)
    return end, [x * jnp.exp(-r) for x, r in zip(g, rates, strict=True)]


def _voltage(p, v, at, means, t):
    """From v, with the block as it is at another voltage."""
    excitatory, inhibitory, nmda = means
    blocked = p.magnesium / 3.57 * jnp.exp(-jnp.clip(at, -0.5, 0.5) / 16.1e-3)
    nmda = nmda / (1.0 + blocked)
    total = p.conductance + excitatory + inhibitory + nmda
    inward = p.conductance * p.v_rest + excitatory * p.e_excitatory
    inward = inward + inhibitory * p.e_inhibitory + nmda * p.e_nmda
    return relaxed(v, inward / total, total * t / p.capacitance)


def _check(n, params):
    positive = "capacitance", "conductance", "unit"
    times = "tau_excitatory", "tau_inhibitory", "tau_nmda"
    check_constants(n, **{k: getattr(params, k) for k in (*positive, *times)})
    voltages = "v_rest", "v_threshold", "v_reset"
    for name in (*voltages, "e_excitatory", "e_inhibitory", "e_nmda"):
        check.finite(name, getattr(params, name))
        check.per_neuron(name, getattr(params, name), n)
    for name in ("magnesium", "refractory"):
        if getattr(params, name) is not None:
            check.positive(name, getattr(params, name), zero=True)
            check.per_neuron(name, getattr(params, name), n)
    check.finite("magnesium", params.magnesium)
    rest, threshold, reset = (check.concrete(getattr(params, k)) for k in voltages)
    if rest is None or threshold is None or reset is None:
        return
    if not ((threshold > rest) & (threshold > reset)).all():
        raise ValueError(
            f"v_threshold must lie above v_rest {rest} and v_reset {reset}, got "
            f"{threshold}. All are in V."
        )


@factory
def onto(k: int, of: int, n: int) -> Cell:
    """Currents onto one of several receptors of each neuron; the others get none.

    Args:
        k: which receptor, 0 to ``of - 1``.
        of: how many there are.
        n: number of neurons.

    Returns:
        A cell ``[*batch, n] -> [*batch, of n]`` without weights and state.

    Raises:
        ValueError: for a k that there is not, and for an input of another width.
    """
    check.whole("of", of)
    check.whole("k", k, least=0, most=of - 1)
    check.whole("n", n)

    def step(weights, state, x, dt):
        check.width("onto", x, n)
        sides = [(0, 0)] * (x.ndim - 1)
        return state, jnp.pad(x, [*sides, (k * n, (of - 1 - k) * n)])

    return Cell(lambda key: (), lambda x: (), step, step)
