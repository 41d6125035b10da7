"""Resonate-and-fire neurons: membranes that swing, and answer their own frequency.

    dz/dt = (-1/τm - κ q + i ω) z + x/τm        s = 1[Re z > θ + q]        ω = 2π f

z turns and decays; a spike leaves it as it is and raises q, which for a while raises
the threshold and damps the swing: balanced, it neither diverges nor fires in bursts
(Higuchi et al. 2024, doi:10.48550/arXiv.2402.14603). The rotation is exact, so that z
decays at any ``dt``; the divergence boundary of the paper is that of its Euler steps.
Times are in seconds, θ and q in units of the voltage that input brings.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from snnjax import check, loops
from snnjax.about import factory
from snnjax.cell import Cell
from snnjax.check import Number
from snnjax.exported import exportable
from snnjax.neurons.checks import check_constants
from snnjax.neurons.population import population, precise, zeros
from snnjax.surrogate import Shape, SuperSpike, check_shape, spike


@exportable
class ResonateParams(NamedTuple):
    """Constants of a resonating neuron, each ``[]`` or ``[n]``."""

    frequency: Number = 20.0  # of the swing f [Hz]
    tau_mem: Number = 50e-3  # over which it decays τm [s]
    threshold: Number = 0.5  # θ, of a neuron that was silent
    tau_refractory: Number = 10e-3  # over which q does [s]
    jump: Number = 0.5  # of q, at a spike
    damping: Number = 20.0  # of the swing for each unit of q κ [1/s]


@exportable
class ResonateState(NamedTuple):
    """What a resonating neuron remembers, each ``[*batch, n]``."""

    v: jax.Array  # membrane voltage, the real part of z
    u: jax.Array  # a quarter of a turn behind it, the imaginary part
    q: jax.Array  # refractoriness


class _Constants(NamedTuple):
    params: ResonateParams
    dt: jax.Array
    kept: jax.Array  # what a step leaves of q


@factory
def resonate(
    n: int,
    params: ResonateParams = ResonateParams(),
    *,
    surrogate: Shape = SuperSpike(),
    adaptation_gradient: bool = True,
) -> Cell:
    """Balanced resonate-and-fire neurons: currents to spikes.

    The input is held for the step. At its own frequency one of amplitude 2 brings the
    voltage to about 1; a constant one to 1/(1 + (ω τm)²).

    Args:
        n: number of neurons.
        params: constants, each ``[]`` or ``[n]``.
        surrogate: pseudo-derivative of the spike, a function of ``v - θ - q``.
        adaptation_gradient: whether the gradient passes through the spike that raises
            q.

    Returns:
        A cell ``[*batch, n] -> [*batch, n]`` without weights, of ``ResonateState``. The
        output is 0 or 1 in the dtype of the input.

    Raises:
        ValueError: for a frequency, τ or threshold that is not positive, a negative
            jump or damping, a constant of another shape, and for a state of another
            batch, width or cell.
    """
    check.fields("params", params, *ResonateParams._fields)
    positive = "frequency", "tau_mem", "threshold", "tau_refractory"
    check_constants(n, **{name: getattr(params, name) for name in positive})
    for name in ("jump", "damping"):
        check.positive(name, getattr(params, name), zero=True)
        check.per_neuron(name, getattr(params, name), n)
    check_shape("surrogate", surrogate, (n,))
    check.flag("adaptation_gradient", adaptation_gradient)

    def constants(dt, dtype):
        given, dt = precise(params, dtype), jnp.asarray(dt, dtype)
        return _Constants(given, dt, jnp.exp(-dt / given.tau_refractory))

    def rest(x):
        zero = zeros("resonate", n, x)
        return ResonateState(zero, *map(jnp.zeros_like, (zero, zero)))

    def advance(given, state, x):
        p = given.params
        v, u = _turned(given, state, x.astype(state.v.dtype) / p.tau_mem)
        s = spike(v - p.threshold - state.q, surrogate)
        raised = s if adaptation_gradient else jax.lax.stop_gradient(s)
        state = ResonateState(v, u, given.kept * state.q + p.jump * raised)
        return state, s.astype(x.dtype)

    return population("resonate", n, constants, rest, advance)


@loops.remade
def _turned(given, state, x):
    """Z ← e^{λ dt} (z + x/λ) - x/λ, with q held."""
    p, dt = given.params, given.dt
    omega = 2.0 * jnp.pi * p.frequency
    decay = 1.0 / p.tau_mem + p.damping * state.q
    square = decay**2 + omega**2
    left = jnp.exp(-decay * dt)
    c, s = left * jnp.cos(omega * dt), left * jnp.sin(omega * dt)
    end_v, end_u = x * decay / square, x * omega / square  # where it would come to rest
    v, u = state.v - end_v, state.u - end_u
    return end_v + c * v - s * u, end_u + s * v + c * u
