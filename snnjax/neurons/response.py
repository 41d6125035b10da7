"""The spike-response model: a membrane as a sum of responses.

    v(t) = Σ_j Σ_f w_j ε(t - t_j^f) + Σ_k η(t - t_k)

Each input spike adds its PSP ε, each spike of the neuron its response η. With those
of ``potentials.py`` this is the leaky integrate-and-fire neuron with subtractive
reset, written without differential equations (Gerstner et al. 2014, Neuronal Dynamics,
doi:10.1017/CBO9781107447615). Both sums obey recursions, which is how they are kept:
the PSPs never see the reset.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from snnjax.about import factory
from snnjax.cell import Cell
from snnjax.neurons.leaky import LIFParams, LIParams, LIState, li, lif
from snnjax.neurons.population import check_step
from snnjax.surrogate import Shape, SuperSpike, spike


class SRMState(NamedTuple):
    """What a spike-response neuron remembers, each ``[*batch, n]``."""

    free: LIState  # sum of the PSPs, and the current that feeds it
    response: jax.Array  # sum of the neuron's own spike responses, ≤ 0


@factory
def srm(
    n: int,
    params: LIFParams = LIFParams(),
    *,
    surrogate: Shape = SuperSpike(),
    reset_gradient: bool = False,
) -> Cell:
    """A population of ``n`` spike-response neurons: currents to spikes.

    Args:
        n: number of neurons.
        params: constants, each ``[]`` or ``[n]``; refractoriness is the response's.
        surrogate: pseudo-derivative of the spike, a function of ``v - θ``.
        reset_gradient: whether the gradient passes through the spike response.

    Returns:
        A cell ``[*batch, n] -> [*batch, n]`` without weights, of state ``SRMState``;
        the same spikes and gradients as ``lif(..., reset="subtract")``.

    Raises:
        ValueError: for constants that ``lif`` refuses, or a refractory period.
    """
    lif(n, params, surrogate=surrogate)  # refuses what a LIF refuses
    if params.refractory is not None:
        raise ValueError(
            "srm has no absolute refractory period, its response η is the "
            "refractoriness; use lif(reset='subtract') for both."
        )
    membrane = li(n, LIParams(params.tau_mem, params.tau_syn))

    def step(weights, state, x, dt):
        check_step("srm", n, rest, state, x)
        free, psps = membrane.step(weights, state.free, x, dt)
        dtype = psps.dtype
        threshold = jnp.asarray(params.threshold, dtype)
        kept = jnp.exp(-jnp.asarray(dt, dtype) / jnp.asarray(params.tau_mem, dtype))
        s = spike(psps + kept * state.response - threshold, surrogate)
        cut = s if reset_gradient else jax.lax.stop_gradient(s)
        response = kept * state.response - threshold * cut
        return SRMState(free, response), s.astype(x.dtype)

    def rest(x):
        free = membrane.rest(x)
        return SRMState(free, jnp.zeros_like(free.v))

    return Cell(init=lambda key: (), rest=rest, step=step)
