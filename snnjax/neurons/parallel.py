"""Neurons without a reset, all steps at once.

Without a reset the membrane is linear, and each of its two variables is

    y_t = a y_{t-1} + x_t

which is associative: pairs of steps are one step. A sequence of T takes about log₂ T
turns instead of T (Fang et al. 2023, doi:10.48550/arXiv.2304.12760), at twice to four
times the work. On CPUs, which have no use for that, it was 2 to 3 times slower than
step after step; on other devices it was not measured.
"""

from functools import partial
from typing import Any, Literal

import jax
import jax.numpy as jnp

from snnjax import check
from snnjax.about import factory
from snnjax.cell import Cell
from snnjax.kernels.native import usual_platform
from snnjax.kernels.products import align
from snnjax.neurons.checks import check_lif, state_check
from snnjax.neurons.leaky import LIFParams, LIState, constants_of, flow
from snnjax.neurons.population import population, zeros
from snnjax.surrogate import Shape, SuperSpike, check_shape, spike

Scan = Literal["auto", "sequential", "associative"]


@factory
def reset_free(
    n: int,
    params: LIFParams = LIFParams(),
    *,
    surrogate: Shape = SuperSpike(),
    scan: Scan = "auto",
) -> Cell:
    """Leaky neurons that fire above threshold and are not reset: currents to spikes.

    As ``lif(reset="none")``; whole sequences may run all steps at once.

    Args:
        n: number of neurons.
        params: constants, each ``[]`` or ``[n]``; without refractory time.
        surrogate: pseudo-derivative of the spike, a function of ``v - θ``.
        scan: how a sequence runs: ``"sequential"``, step after step, ``"associative"``,
            all at once, or ``"auto"``, the first where a CPU is the device that JAX
            takes by default, and the second elsewhere.

    Returns:
        A cell ``[*batch, n] -> [*batch, n]`` without weights, of ``LIState``. The
        output is 0 or 1 in the dtype of the input; both ways give the same up to
        rounding.

    Raises:
        ValueError: as ``lif(reset="none")``, for a refractory time, or another scan.
    """
    check_lif(n, params, "none")
    check_shape("surrogate", surrogate, (n,))
    check.one_of("scan", scan, ("auto", "sequential", "associative"))
    if params.refractory is not None:
        raise ValueError(
            "reset_free has no state but its linear one, so no refractory time: leave "
            f"refractory out, got {params.refractory}."
        )
    constants = partial(constants_of, params, "current")

    def rest(x):
        v = zeros("reset_free", n, x)
        return LIState(v, None if params.tau_syn is None else jnp.zeros_like(v))

    def advance(given, state, x):
        v, i = flow(given, state.v, state.i, x.astype(state.v.dtype))
        s = spike(v - given.threshold, surrogate)
        return LIState(v, i), s.astype(x.dtype)

    def at_once(weights, state, xs, dt):
        del weights
        state_check("reset_free", n, rest)(state, xs, lead=1)
        given = align(constants(dt, state.v.dtype), xs, lead=1)
        if len(xs) == 0:
            return state, jnp.zeros_like(xs)
        state, vs = _membranes(given, state, xs.astype(state.v.dtype))
        threshold = align(given.threshold, vs)
        return state, spike(vs - threshold, surrogate).astype(xs.dtype)

    def faster(names):
        on_cpu = scan == "auto" and usual_platform() == "cpu"
        stepped = names or on_cpu or scan == "sequential"
        return {} if stepped else {"run": at_once}

    return population("reset_free", n, constants, rest, advance, (), faster)


def _membranes(given, state, xs):
    """The final state, and the voltages of all steps."""
    always = align(given, xs)
    if given.syn is None:
        currents, i = xs, None
    else:
        currents = decayed_sums(always.syn, xs.at[0].add(state.i))
        i = given.syn * currents[-1]
    pushes = (always.gain * currents).at[0].add(given.mem * state.v)
    vs = decayed_sums(always.mem, pushes)
    return LIState(vs[-1], i), vs


def decayed_sums(a: jax.Array, xs: jax.Array) -> jax.Array:
    """y_t = a y_{t-1} + x_t for all t, from y = 0, by pairs of pairs.

    Args:
        a: what a step leaves, ``[]`` or of the rank of ``xs``.
        xs: ``[T, ...]``, T at least 1.
    """

    def then(first: Any, second: Any) -> Any:
        (kept, y), (more, x) = first, second
        return more * kept, more * y + x

    kept = jnp.broadcast_to(a, xs.shape)
    return jax.lax.associative_scan(then, (kept, xs))[1]


_membranes = jax.jit(_membranes, inline=True)
