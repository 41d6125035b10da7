"""Homeostatic plasticity: thresholds or synaptic gains that keep a firing rate.

Each neuron estimates its rate ν̂ and drifts toward a target ν*,

    τν dν̂/dt = -ν̂ + Σ_k δ(t - t_k)        dx/dt = η (ν̂/ν* - 1)

over its spike times t_k. What drifts is a logarithm x: of the threshold, θ = θ₀ eˣ
(excitability; Desai, Rutherford & Turrigiano 1999, doi:10.1038/9165), or against it of
the gain on all synapses alike, g = e⁻ˣ (synaptic scaling; Turrigiano et al. 1998,
doi:10.1038/36103; dw/dt ∝ w (ν* - ν̂) in van Rossum, Bi & Turrigiano 2000,
doi:10.1523/JNEUROSCI.20-23-08812.2000). So neither ever changes sign, and a neuron
without input stays silent however long it waits.

Both equations are integrated exactly between spikes, so that the drift under given
spikes does not depend on ``dt``. The drift is slow: η is far below 1/τν, and that below
1/τm, or the rate oscillates around its target. Rates are in hertz, times in seconds.

No gradient passes through the drift: x and ν̂ are constants in the backward pass.
Gradients of weights, of the input and of θ₀ remain.
"""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from snnjax import check, loops
from snnjax.about import INPUT, OUTPUT, About, Edge, factory
from snnjax.cell import Cell, check_cell
from snnjax.check import Number
from snnjax.exported import exportable
from snnjax.kernels.products import align
from snnjax.neurons.checks import check_constants, check_lif, state_check
from snnjax.neurons.leaky import (
    Firing,
    LIFParams,
    Reset,
    constants_of,
    lif_rest,
)
from snnjax.neurons.population import zeros
from snnjax.probes import field_of, watched
from snnjax.surrogate import Shape, SuperSpike, check_shape, spike


@exportable
class HomeostasisParams(NamedTuple):
    """Constants of the drift, each ``[]`` or ``[n]``."""

    target: Number = 10.0  # rate ν* to be kept [Hz]
    tau_rate: Number = 1.0  # over which the rate is estimated, τν [s]
    speed: Number = 0.05  # η [1/s]: growth of x at twice the target; 0: no drift


@exportable
class HomeostasisState(NamedTuple):
    """What a homeostatic neuron remembers."""

    neuron: Any  # state of the neuron itself
    rate: jax.Array  # estimated rate ν̂ [Hz], [*batch, n]
    drift: jax.Array  # logarithm x of threshold or inverse gain, [*batch, n]


@factory
def homeostatic_lif(
    n: int,
    params: LIFParams = LIFParams(),
    homeostasis: HomeostasisParams = HomeostasisParams(),
    *,
    surrogate: Shape = SuperSpike(),
    reset: Reset = "zero",
    reset_gradient: bool = False,
) -> Cell:
    """Leaky integrate-and-fire neurons whose threshold keeps their rate.

        θ = θ₀ eˣ        dx/dt = η (ν̂/ν* - 1)

    A neuron above its target becomes harder to excite. Under a constant current i,
    without refractory time, the threshold ends where the neuron fires at ν*,

        θ = i - (i - v_reset) e^(-1/(τm ν*))

    Hand the state that a run returned to the next: each starts from θ₀ otherwise.

    Args:
        n: number of neurons.
        params: constants of the neuron; its threshold is θ₀.
        homeostasis: constants of the drift.
        surrogate: pseudo-derivative of the spike, a function of ``v - θ``.
        reset: ``"zero"``, ``"subtract"`` (the present threshold) or ``"none"``.
        reset_gradient: whether the gradient passes through the reset.

    Returns:
        A cell ``[*batch, n] -> [*batch, n]`` without weights, of ``HomeostasisState``,
        with ``LIFState`` inside. With ``speed=0`` it is ``lif``, bit for bit.

    Raises:
        ValueError: as ``lif``; for a target or τν that is not positive, a negative
            speed, or one of another shape.
    """
    check_lif(n, params, reset)
    check_shape("surrogate", surrogate, (n,))
    check.flag("reset_gradient", reset_gradient)
    firing = Firing(reset, reset_gradient)

    def advance(plain, constants, state, x, drift):
        del plain
        threshold = constants.threshold * jnp.exp(drift)
        now = constants._replace(threshold=threshold)
        state, s, _ = firing.step(now, state, x, lambda v: spike(v, surrogate))
        return state, s, {}

    return _homeostatic(
        "homeostatic_lif",
        n,
        homeostasis,
        init=lambda key: (),
        rest=partial(lif_rest, n, params),
        prepare=lambda weights, dt, like: align(
            constants_of(params, "current", dt, like.dtype), like
        ),
        advance=advance,
    )


@factory
def synaptic_scaling(
    n: int, neuron: Cell, homeostasis: HomeostasisParams = HomeostasisParams()
) -> Cell:
    """Neurons with synaptic scaling: one gain on all synapses keeps their rate.

        i = g · input        g = e⁻ˣ        dx/dt = η (ν̂/ν* - 1)

    The ratios between the weights of a neuron stay as they were learned. On a neuron
    without other input it is equivalent to a homeostatic threshold, as scaling all
    currents is scaling the threshold: both end at the same ratio θ/g.

    Args:
        n: number of neurons.
        neuron: a cell ``[*batch, n] -> [*batch, n]`` from currents to spikes, for
            example ``lif(n)``.
        homeostasis: constants of the drift.

    Returns:
        A cell ``[*batch, n] -> [*batch, n]`` with the weights of ``neuron``, of
        ``HomeostasisState``. With ``speed=0`` it is ``neuron``, bit for bit.

    Raises:
        ValueError: for a neuron that is no cell, a target or τν that is not positive, a
            negative speed, or one of another shape.
    """
    check_cell("neuron", neuron)

    def build(names):
        inside = {k: k.partition(".")[2] for k in names if k.startswith("neuron.")}
        shown = watched(neuron, tuple(inside.values()))

        def advance(plain, given, state, x, drift):
            weights, dt = given
            current = x.astype(drift.dtype) * jnp.exp(-drift)
            dt = dt if plain is None else plain
            state, (s, seen) = shown.step(weights, state, current, dt)
            s = s.astype(x.dtype)
            return state, s, {"neuron": s, **{k: seen[inside[k]] for k in inside}}

        return _homeostatic(
            "synaptic_scaling",
            n,
            homeostasis,
            init=neuron.init,
            rest=neuron.rest,
            prepare=lambda weights, dt, like: (weights, loops.split(dt)[1]),
            advance=advance,
            names=tuple(names),
        )

    about = About(
        parts={"neuron": neuron},
        edges=(Edge(INPUT, "neuron"), Edge("neuron", OUTPUT)),
        weights=lambda weights: {"neuron": weights},
        states=lambda state: {"neuron": state.neuron},
        rebuild=lambda change: synaptic_scaling(
            n, change("neuron", neuron), homeostasis
        ),
        watch=build,
    )
    return build(())._replace(about=about)


def _homeostatic(name, n, homeostasis, *, init, rest, prepare, advance, names=()):
    """A cell around a neuron whose state drifts.

    ``prepare(weights, dt, like)`` gives the numbers of a run, ``advance(plain dt or
    None, numbers, state, x, drift)`` moves the neuron on: ``(state, spikes, what can be
    watched beside the fields of the state)``.
    """
    check.fields("homeostasis", homeostasis, *HomeostasisParams._fields)
    check_constants(n, target=homeostasis.target, tau_rate=homeostasis.tau_rate)
    check.positive("speed", homeostasis.speed, " [1/s]", zero=True)
    check.per_neuron("speed", homeostasis.speed, n)

    def at_rest(x):
        zero = zeros(name, n, x)
        return HomeostasisState(rest(x), zero, jnp.zeros_like(zero))

    refuse = state_check(name, n, at_rest)

    def numbers(weights, dt, like):
        given = [jnp.asarray(c, like.dtype) for c in (*homeostasis, dt)]
        target, tau, speed, step = align(given, like)
        kept, lost = jnp.exp(-step / tau), -jnp.expm1(-step / tau)
        inner = prepare(weights, dt, like)
        return (advance, loops.split(dt)[0], names), (
            *(inner, target, tau, speed, step, kept, lost),
        )

    def step(weights, state, x, dt):
        x = jnp.asarray(x)
        refuse(state, x)
        fixed, given = numbers(weights, dt, state.drift)
        return _drifting(fixed, given, state, x)

    def run(weights, state, xs, dt):
        refuse(state, xs, lead=1)
        fixed, given = numbers(weights, dt, state.drift)
        return loops.scan(_drifting, fixed, given, state, xs)

    return Cell(init=init, rest=at_rest, step=step, run=run)


def _drifting(fixed, given, state, x):
    (advance, plain, names), (inner, target, tau, speed, dt, kept, lost) = fixed, given
    rate, drift = jax.lax.stop_gradient((state.rate, state.drift))
    neuron, s, seen = advance(plain, inner, state.neuron, x, drift)
    spikes = jax.lax.stop_gradient(s).astype(rate.dtype)
    drift = drift + speed * (tau * lost * rate / target - dt)
    state = HomeostasisState(neuron, kept * rate + spikes / tau, drift)
    if not names:
        return state, s
    look = partial(field_of, "A neuron with homeostasis", state)
    return state, (s, {k: seen[k] if k in seen else look(k) for k in names})
