"""Leaky neurons: the integrator (LI) and its firing cousin (LIF).

Between spikes both follow the same linear flow,

    τm dv/dt = -v + i        τs di/dt = -i

integrated exactly, so a subthreshold voltage does not depend on ``dt``
(Rotter & Diesmann 1999, doi:10.1007/s004220050570).
Times are in seconds. Voltages are in units of the distance from rest to threshold.

In a step the input jumps the synaptic current, the neuron flows for ``dt``, fires if
``v > θ``, and resets. Without a synapse (``tau_syn=None``) the input is the current i
itself, held for the step.
"""

from functools import partial

import jax

from snnjax import check
from snnjax.about import factory
from snnjax.cell import Cell
from snnjax.kernels import layer, native
from snnjax.kernels.native import Backend
from snnjax.neurons.dynamics import (
    LIFParams,
    LIFState,
    LIParams,
    LIState,
    Reset,
    check_constants,
    check_lif,
    decay,
    lif_factors,
    lif_rest,
    lif_step,
    zeros,
)
from snnjax.surrogate import (
    ForwardMode,
    Learnable,
    Shape,
    SuperSpike,
    as_pytree,
    check_shape,
    spike,
)


@factory
def li(n: int, params: LIParams | LIFParams = LIParams()) -> Cell:
    """A population of ``n`` leaky integrators: currents to voltages.

    Args:
        n: number of neurons.
        params: constants, each ``[]`` or ``[n]``.

    Returns:
        A cell ``[*batch, n] -> [*batch, n]`` without weights, of state ``LIState``. The
        output is the voltage at the end of the step, at least in single precision.

    Raises:
        ValueError: for a τ that is not positive and finite, or of another shape.
    """
    check_constants(n, tau_mem=params.tau_mem, tau_syn=params.tau_syn)

    def advance(factors, state, x):
        state = LIState(*layer.flow(factors, state.v, state.i, x.astype(state.v.dtype)))
        return state, state.v

    def rest(x):
        v = zeros("li", n, x)
        return LIState(v, None if params.tau_syn is None else v)

    return _population(
        "li", n, lambda dt, dtype: decay(params, dt, dtype), rest, advance
    )


@factory
def lif(
    n: int,
    params: LIFParams = LIFParams(),
    *,
    surrogate: Shape = SuperSpike(),
    reset: Reset = "zero",
    reset_gradient: bool = False,
    backend: Backend = "auto",
) -> Cell:
    """A population of ``n`` leaky integrate-and-fire neurons: currents to spikes.

        s = 1[v > θ]        zero: v ← (1-s) v    subtract: v ← v - θ s    none: v ← v

    During the refractory time, rounded to whole steps, the voltage stays where the
    reset left it and no spike is fired; the synaptic current goes on.

    Args:
        n: number of neurons.
        params: constants, each ``[]`` or ``[n]``.
        surrogate: pseudo-derivative of the spike, a function of ``v - θ``.
        reset: ``"zero"`` (to rest), ``"subtract"`` (the threshold) or ``"none"``.
        reset_gradient: whether the gradient passes through the reset. Left out by
            default, as it makes gradients explode for steep surrogates (Zenke &
            Vogels 2021, doi:10.1162/neco_a_01367).
        backend: who runs a whole sequence: ``"native"``, the event-driven CPU kernel of
            ``snnjax kernels build`` (float32; SuperSpike, sigmoid, triangle, arctan or
            boxcar, scaled or cut off; no refractory time), ``"xla"``, or ``"auto"``,
            native where it can be. A surrogate that is zero for most neurons
            (``Sparse``, a narrow ``Triangle``) can be faster, where few fire.

    Returns:
        A cell ``[*batch, n] -> [*batch, n]`` without weights, of state ``LIFState``.
        The output is 0 or 1 in the dtype of the input.

    Raises:
        ValueError: for a constant that is not positive and finite (refractory may be
            zero) or of another shape, an unknown reset or backend, or a forced native
            backend that cannot be taken, with the reason.
    """
    check_lif(n, params, reset)
    check_shape("surrogate", surrogate, (n,))
    native.check_backend(backend)

    options = layer.Options(reset, reset_gradient)
    shape = as_pytree(surrogate)

    def advance(given, state, x):
        return lif_step(options, given, state, x, lambda v: spike(v, surrogate))

    cell = _population(
        "lif", n, partial(lif_factors, params), partial(lif_rest, n, params), advance
    )
    special = isinstance(surrogate, ForwardMode | Learnable)
    if params.refractory is not None or special:
        if backend == "native":
            raise ValueError(
                "The native backend has no refractory time, forward mode or learnable "
                "surrogate."
            )
        return cell

    def through(state, currents, spikes, r, chosen, arrays, dt):
        by_events = native.use_native(backend, native.supports(surrogate, *arrays))
        chosen = chosen._replace(native=by_events)
        start = layer.State(state.v, state.i, spikes)
        factors = decay(params, dt, state.v.dtype)
        drive = currents.astype(state.v.dtype)
        end, spikes = layer.run(chosen, start, drive, r, factors, shape)
        return LIFState(end.v, end.i, None), spikes

    def run(weights, state, xs, dt):
        del weights
        check.width("lif", xs, n)
        chosen = options._replace(dtype=xs.dtype)
        return through(state, xs, None, None, chosen, [xs, state.v], dt)

    def loop(weights, state, currents, loop, dt):
        del weights
        check.width("lif", currents, n)
        r, spikes, gradient = loop
        chosen = options._replace(dtype=spikes.dtype, recurrent_gradient=gradient)
        arrays = [currents, r, spikes, state.v]
        return through(state, currents, spikes, r, chosen, arrays, dt)

    return cell._replace(run=run, loop=loop)


def _population(name, n, constants, rest, advance):
    """A cell without weights; a run works out its constants once, before the scan."""

    def step(weights, state, x, dt):
        del weights  # neurons have constants; connections have weights
        check.width(name, x, n)
        return advance(constants(dt, state.v.dtype), state, x)

    def run(weights, state, xs, dt):
        del weights
        check.width(name, xs, n)
        given = constants(dt, state.v.dtype)
        return jax.lax.scan(lambda s, x: advance(given, s, x), state, xs)

    return Cell(init=lambda key: (), rest=rest, step=step, run=run)
