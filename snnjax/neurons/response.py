"""The spike-response model: a membrane as a sum of responses.

    v(t) = Σ_j Σ_f w_j ε(t - t_j^f) + Σ_k η(t - t_k)

Each input spike adds its PSP ε, each spike of the neuron its response η. With those
of ``potentials.py`` this is the leaky integrate-and-fire neuron with subtractive
reset, written without differential equations (Gerstner et al. 2014, Neuronal Dynamics,
doi:10.1017/CBO9781107447615). Both sums obey recursions, which is how they are kept:
the PSPs never see the reset.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp

from snnjax import check
from snnjax.about import factory
from snnjax.cell import Cell
from snnjax.exported import exportable
from snnjax.neurons.leaky import LIFParams, LIState, constants_of, flow, lif
from snnjax.neurons.population import population, zeros
from snnjax.surrogate import Shape, SuperSpike, check_shape, spike


@exportable
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
        ValueError: for constants that ``lif(reset="subtract")`` refuses, or a
            refractory period.

    Example:
        >>> xs = jax.random.uniform(jax.random.key(0), (100, 2, 3))
        >>> _, spikes = snn.unroll(snn.srm(3), (), xs, dt=1e-3)
        >>> _, others = snn.unroll(snn.lif(3, reset="subtract"), (), xs, dt=1e-3)
        >>> bool((spikes == others).all())
        True
    """
    lif(n, params, reset="subtract")  # refuses what a LIF refuses
    check_shape("surrogate", surrogate, (n,))
    check.flag("reset_gradient", reset_gradient)
    if params.refractory is not None:
        raise ValueError(
            "srm has no absolute refractory period, its response η is the "
            "refractoriness; use lif(reset='subtract') for both."
        )

    def advance(constants, state, x):
        v, i = state.free
        v, i = flow(constants, v, i, x.astype(v.dtype))
        kept = constants.mem * state.response
        before = v + kept
        s = spike(before - constants.threshold, surrogate)
        cut = s if reset_gradient else jax.lax.stop_gradient(s)
        response = kept - constants.threshold * cut
        seen = {"v": v + response, "v_before": before}
        return SRMState(LIState(v, i), response), s.astype(x.dtype), seen

    def rest(x):
        v = zeros("srm", n, x)
        i = None if params.tau_syn is None else jnp.zeros_like(v)
        return SRMState(LIState(v, i), jnp.zeros_like(v))

    constants = partial(constants_of, params, "current")
    return population("srm", n, constants, rest, advance, ("v", "v_before"))
