"""When neurons fire, in continuous time, as a smooth function of what made them fire.

    V(t) = Σ_j w_j ε(t - t_j) - (θ - v_reset) Σ_k e^(-(t - t_k)/τm) = θ

over the inputs t_j before t and the earlier spikes t_k of the neuron itself, with ε the
PSP; without leak (``tau_mem=None``) the exponentials of τm are 1. In continuous time a
reset to rest and one by subtraction are the same. The crossing is searched for between
inputs, exactly (``membrane.py``); it moves by

    dt = -(∂V · d(w, t_j, t_k, τm, τs) - dθ) / V̇

and its second derivatives are those of the root as well (third ones are not), by
``grad``, ``jvp`` and ``vmap``. A spike that never comes is at +∞ and has gradient zero.

References:
    Göltz et al. (2021), doi:10.1038/s42256-021-00388-x; Wunderlich & Pehle (2021),
    doi:10.1038/s41598-021-91786-z; without leak Mostafa (2017),
    doi:10.1109/TNNLS.2017.2726060.
"""

from functools import partial
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp

from snnjax import check, loops
from snnjax.check import Number
from snnjax.kernels.products import align
from snnjax.neurons.leaky import LIFParams
from snnjax.neurons.membrane import (
    Top,
    curvature,
    flow,
    kept,
    moved,
    reached,
    rising,
    search,
    top,
)
from snnjax.neurons.spike_inputs import (
    Inputs,
    in_order,
    layer,
    membranes,
    spoiled,
    weights_of,
)

More = Literal["nan", "drop"]


def first_spike_time(
    params: LIFParams,
    times: jax.Array,
    weights: jax.Array,
    *,
    delay: Number | None = None,
) -> jax.Array:
    """When each neuron fires for the first time, exactly, with its exact gradient.

    A network is one call inside another.

    Args:
        params: constants of the neurons: any ``tau_mem`` and ``tau_syn``, equal ones
            too, and ``tau_mem=None`` for no leak. No refractory time.
        times: of the inputs [s], ``[*batch, n_in]``, in any order; ∞ for none.
        weights: ``[n_in, n]``.
        delay: from an input to the neurons [s], ``[]``, ``[n_in]``, or ``[n_in, n]`` of
            every pair; none if omitted.

    Returns:
        Times [s], ``[*batch, n]``; ∞, with gradient zero, where a neuron never fires.
        What comes after a spike has no influence on it, to the last bit. Everything is
        NaN, and every gradient, if an input, a weight or a traced constant is.

    Raises:
        ValueError: for constants without synapse, with a refractory time, not positive
            or of other shapes, a ``v_reset`` that is not below the threshold, inputs
            that are NaN or -∞, weights that are not finite, or a delay that is negative
            or fits neither inputs nor pairs.

    Example:
        >>> times = jnp.array([0.0, 2e-3, jnp.inf])  # of three inputs, the last silent
        >>> w_in, w_out = jnp.full((3, 2), 10.0), jnp.full((2, 1), 5.0)
        >>> params = snn.LIFParams()
        >>> hidden = snn.neurons.first_spike_time(params, times, w_in)
        >>> output = snn.neurons.first_spike_time(params, hidden, w_out)
        >>> print(f"{1e3 * hidden[0]:.2f} ms, then {1e3 * output[0]:.2f} ms")
        2.28 ms, then 5.11 ms
    """
    given = layer(params, times, weights, delay, fires=True)
    found = _found(given.inputs, 1)
    t = _differentiable(spoiled(given.inputs, given.wrong), found)
    return given.outputs(t[:, 0])


def spike_times(
    params: LIFParams,
    times: jax.Array,
    weights: jax.Array,
    *,
    count: int,
    more: More = "nan",
    delay: Number | None = None,
) -> jax.Array:
    """When each neuron fires, spike after spike, exactly, with the exact gradient.

    As ``first_spike_time``, and on after the reset. For the next layer the spikes of a
    neuron are inputs that share their weights.

    Args:
        params: as of ``first_spike_time``; a spike takes the voltage to ``v_reset``.
        times: of the inputs [s], ``[*batch, n_in]``, in any order; ∞ for none.
        weights: ``[n_in, n]``.
        count: spikes of a neuron that there is room for.
        more: what to do where a neuron fires more often: ``"nan"``, everything is NaN,
            or ``"drop"``, the first ones are all that is asked for.
        delay: as of ``first_spike_time``.

    Returns:
        Times [s], ``[*batch, count, n]``, each neuron's in order; ∞, with gradient
        zero, for those that do not come. Everything is NaN, and every gradient, if
        somebody fires more often than that and no spike may be dropped, or if an input,
        a weight or a traced constant is NaN.

    Raises:
        ValueError: for a count below one, another word for ``more``, or as
            ``first_spike_time``.

    Example:
        >>> times, w_in = jnp.array([[0.0, 2e-3]]), jnp.full((2, 1), 20.0)
        >>> params = snn.LIFParams()
        >>> hidden = snn.neurons.spike_times(
        ...     params, times, w_in, count=3, more="drop"
        ... )
        >>> print(np.asarray(1e3 * hidden[0, :, 0]).round(1))  # [ms]
        [1.2 2.2 2.9]
        >>> w_out = jnp.tile(jnp.full((1, 1), 5.0), (3, 1))  # they share weights
        >>> output = snn.neurons.first_spike_time(params, hidden.reshape(1, -1), w_out)
        >>> print(f"{1e3 * output[0, 0]:.1f} ms")
        3.8 ms
    """
    check.whole("count", count)
    check.one_of("more", more, ("nan", "drop"))
    given = layer(params, times, weights, delay, fires=True)
    found = _found(given.inputs, count + (more == "nan"))
    wrong = given.wrong | jnp.any(jnp.isfinite(found[count:]))
    t = _differentiable(spoiled(given.inputs, wrong), found[:count])
    return given.outputs(t, wrong)


class _Membrane(NamedTuple):
    """Where each neuron is, ``[B, n]``."""

    t: jax.Array  # [s]
    v: jax.Array
    i: jax.Array
    taken: jax.Array  # how many inputs came so far, in their order, int32


class _Window(NamedTuple):
    """Between two inputs: where a membrane was, and how high it went."""

    start: _Membrane
    ahead: Top


def _found(inputs: Inputs, rounds: int) -> jax.Array:
    """Spike times without gradient, ``[rounds, B, n]``; ∞ if none comes."""
    inputs = jax.lax.stop_gradient(inputs)
    times, order = in_order(inputs)
    shape = inputs.times.shape[0], inputs.weights.shape[1]
    zero = jnp.zeros(shape, inputs.times.dtype)
    begun = jnp.broadcast_to(times[0], shape)
    start = _Membrane(begun, zero, zero, jnp.zeros(shape, jnp.int32))
    given = inputs, times, order
    return loops.scan(_next_spike, None, given, start, jnp.arange(rounds))[1]


def _next_spike(fixed, given, start, number):
    """One spike of each neuron, from where the last one left it."""
    del fixed, number
    inputs, times, order = given
    params = align(inputs.params, start.v)
    index = jnp.arange(len(times), dtype=jnp.int32)
    none = _Window(
        start, Top(*3 * (jnp.zeros_like(start.v),))._replace(peak=_no(start))
    )
    begun = start, none, _no(start)
    (now, window, found), _ = loops.scan(
        _pass, None, inputs, begun, (index, times, order)
    )
    ahead = top(params, now.v, now.i, jnp.inf)
    found, window = _first(params, found, window, now, ahead, True)
    (t, v, i, taken), ahead = window
    s = search(params, v, i, ahead)
    found &= jnp.isfinite(s)  # without leak the last window has no end
    s = jnp.where(found, s, 0.0)
    after = _Membrane(
        jnp.where(found, t + s, now.t),
        jnp.broadcast_to(params.v_reset, v.shape),
        jnp.where(found, flow(params, v, i, s)[1], 0.0),
        jnp.where(found, taken, len(times)),
    )
    return after, jnp.where(found, t + s, jnp.inf)


def _no(start):
    return jnp.zeros_like(start.v, bool)


def _pass(fixed, inputs, state, x):
    """From where a membrane is to the next input, which is taken in."""
    del fixed
    now, window, found = state
    k, time, who = x
    params = align(inputs.params, now.v)
    later = now.taken <= k
    span = jnp.where(later, jnp.maximum(time - now.t, 0.0), 0.0)
    ahead = top(params, now.v, now.i, span)
    found, window = _first(params, found, window, now, ahead, later)
    v, i = flow(params, now.v, now.i, span)
    w = jnp.where(later, weights_of(inputs, who), 0.0)
    t = jnp.where(later, jnp.broadcast_to(time, v.shape), now.t)
    return (_Membrane(t, v, i + w, jnp.maximum(now.taken, k + 1)), window, found), None


def _first(params, found, window, now, ahead, later):
    """The first window in which the threshold is reached is kept."""
    crosses = reached(params, now.v, ahead) & later
    here = crosses & ~found
    kept_ = jax.tree.map(partial(jnp.where, here), _Window(now, ahead), window)
    return found | crosses, kept_


def _differentiable(inputs: Inputs, found: jax.Array) -> jax.Array:
    """The times that were found with their derivatives, ``[B, rounds, n]``."""
    found = jax.lax.stop_gradient(found)
    begun = jnp.where(jnp.isfinite(found[0]), found[0], 0.0)
    start = begun, jnp.zeros_like(begun)
    return jnp.moveaxis(loops.scan(_as_functions, None, inputs, start, found)[1], 0, 1)


def _as_functions(fixed, inputs, before, found):
    """One spike, as a function of the inputs and of the spikes before."""
    del fixed

    def one(inputs, before, found):
        last, resets = before
        fired = jnp.isfinite(found)
        t = jnp.where(fired, found, jax.lax.stop_gradient(last))
        params = align(inputs.params, t)
        v, i = membranes(inputs, t)
        v = v - (params.threshold - params.v_reset) * resets * kept(params, t - last)
        rate = rising(params, v, i)
        t = moved(t, v - params.threshold, rate, curvature(params, rate, i))
        resets = 1.0 + resets * kept(params, t - last)
        return (t, resets), jnp.where(fired, t, jnp.inf)

    return loops.remade(one)(inputs, before, found)
