"""Connections: spikes in, currents out, weights between.

A connection remembers nothing, so a whole sequence is one matrix product over all of
time. Explicit recurrence closes a loop around a neuron: every neuron then sees the
spikes of the step before, on top of the input of this step.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from snnjax import check
from snnjax.cell import Cell, Loop, factory
from snnjax.kernels import native
from snnjax.kernels.native import Backend
from snnjax.kernels.products import project
from snnjax.networks.initialize import normal

Initializer = Callable[[jax.Array, int, int], jax.Array]


class DenseWeights(NamedTuple):
    """Weights of an all-to-all connection."""

    w: jax.Array  # [n_in, n_out]
    b: jax.Array | None  # [n_out]; None without bias


class RecurrentWeights(NamedTuple):
    """Weights of a recurrent layer."""

    input: DenseWeights  # from the layer below
    recurrent: jax.Array  # [n, n], from the layer itself, one step before
    neuron: Any  # of the neurons, if they learn anything


class RecurrentState(NamedTuple):
    """What a recurrent layer remembers."""

    neuron: Any  # state of the neurons
    spikes: jax.Array  # [*batch, n], fired at the last step


@factory
def dense(
    n_in: int,
    n_out: int,
    *,
    bias: bool = False,
    init: Initializer = normal,
    backend: Backend = "auto",
) -> Cell:
    """An all-to-all connection, ``y = x·w + b``.

    Args:
        n_in: number of inputs.
        n_out: number of outputs.
        bias: whether to learn a constant current, starting from zero.
        init: draws ``w``, ``(key, n_in, n_out) -> [n_in, n_out]``.
        backend: who multiplies a whole sequence: ``"native"``, the kernel of ``snnjax
            kernels build``, which adds up the rows of ``w`` that spikes select (float32
            on a CPU), ``"xla"``, or ``"auto"``, native where it can be.

    Returns:
        A cell ``[*batch, n_in] -> [*batch, n_out]`` with ``DenseWeights`` and no state.

    Raises:
        ValueError: for a width below one, an input of another width, an unknown
            backend, or a forced native one that cannot be taken, with the reason.
    """
    check.whole("n_in", n_in)
    check.whole("n_out", n_out)
    native.check_backend(backend)

    def draw(key):
        w = init(key, n_in, n_out)
        return DenseWeights(w, jnp.zeros(n_out, w.dtype) if bias else None)

    def rest(x):
        check.width("dense", x, n_in)
        check.raster("The input of dense", x)
        return ()

    def step(weights, state, x, dt):
        del dt  # passes at once
        check.width("dense", x, n_in)
        return state, project(x, *weights)

    def run(weights, state, xs, dt):
        del dt
        check.width("dense", xs, n_in)
        by_events = native.use_native(backend, native.available(xs, weights.w))
        return state, project(xs, *weights, by_events=by_events)

    return Cell(init=draw, rest=rest, step=step, run=run)


@factory
def from_events(
    n_in: int, n_out: int, *, bias: bool = False, init: Initializer = normal
) -> Cell:
    """An all-to-all connection that reads which inputs fire, not a raster.

    The same as ``dense``, for inputs so sparse that their raster is mostly zeros:
    ``y = Σ_k w[x_k] + b``, over the indices that are not negative.

    Args:
        n_in: number of inputs.
        n_out: number of outputs.
        bias: whether to learn a constant current, starting from zero.
        init: draws ``w``, ``(key, n_in, n_out) -> [n_in, n_out]``.

    Returns:
        A cell ``[*batch, K] -> [*batch, n_out]`` with ``DenseWeights`` and no state. In
        each step its input names at most K firing inputs, 0 … n_in - 1 as ``int32``;
        -1 fills the rest. An index above the range gives NaN.

    Raises:
        ValueError: for a width below one, or an input that is not ``int32``.
    """
    connection = dense(n_in, n_out, bias=bias, init=init)

    def rest(x):
        if x.dtype != jnp.int32:
            raise ValueError(
                f"from_events expects indices of dtype int32, got {x.dtype}. "
                "A raster [*batch, n_in] goes to dense."
            )
        return ()

    def step(weights, state, x, dt):
        del dt  # passes at once
        rows = weights.w.at[jnp.maximum(x, 0)].get(mode="fill", fill_value=jnp.nan)
        y = jnp.sum(rows, axis=-2, where=(x >= 0)[..., None])
        return state, y if weights.b is None else y + weights.b

    return Cell(init=connection.init, rest=rest, step=step, run=step)


@factory
def recurrent(
    n_in: int,
    n: int,
    neuron: Cell,
    *,
    bias: bool = False,
    self_connections: bool = True,
    recurrent_gradient: bool = True,
    init: Initializer = normal,
    init_recurrent: Initializer = normal,
) -> Cell:
    """A layer whose neurons see each other's spikes of the step before.

        y_t = neuron(x_t·w + y_{t-1}·r + b)

    Args:
        n_in: number of inputs.
        n: number of neurons.
        neuron: a cell ``[*batch, n] -> [*batch, n]``, for example ``lif(n)``.
        bias: whether to learn a constant current, starting from zero.
        self_connections: whether a neuron may excite or inhibit itself; without, the
            diagonal of ``r`` has neither effect nor gradient.
        recurrent_gradient: whether the gradient passes through ``y_{t-1}``; without,
            ``r`` still learns, from the spikes as they were.
        init: draws ``w``.
        init_recurrent: draws ``r``.

    Returns:
        A cell ``[*batch, n_in] -> [*batch, n]`` with ``RecurrentWeights`` and
        ``RecurrentState``.

    Raises:
        ValueError: for a width below one, or an input of another width.
    """
    check.whole("n_in", n_in)
    check.whole("n", n)
    below = dense(n_in, n, backend=_backend_of(neuron))

    def draw(key):
        key_w, key_r, key_neuron = jax.random.split(key, 3)
        w = init(key_w, n_in, n)
        b = jnp.zeros(n, w.dtype) if bias else None
        r = init_recurrent(key_r, n, n)
        return RecurrentWeights(DenseWeights(w, b), r, neuron.init(key_neuron))

    def rest(x):
        check.width("recurrent", x, n_in)
        check.raster("The input of recurrent", x)
        x = x if jnp.issubdtype(x.dtype, jnp.floating) else x.astype(float)
        silence = jnp.zeros_like(x[..., :1]) + jnp.zeros(n, x.dtype)
        return RecurrentState(neuron.rest(silence), silence)

    def matrix(weights):
        r = weights.recurrent
        return r if self_connections else r * (1.0 - jnp.eye(n, dtype=r.dtype))

    def close(weights, r, state, current, dt):
        before = state.spikes
        if not recurrent_gradient:
            before = jax.lax.stop_gradient(before)
        inner, spikes = neuron.step(
            weights.neuron, state.neuron, current + before @ r, dt
        )
        spikes = spikes.astype(state.spikes.dtype)
        return RecurrentState(inner, spikes), spikes

    def step(weights, state, x, dt):
        check.width("recurrent", x, n_in)
        current = project(x, weights.input.w, weights.input.b)
        return close(weights, matrix(weights), state, current, dt)

    def run(weights, state, xs, dt):
        check.width("recurrent", xs, n_in)
        r = matrix(weights)
        currents = below.run(weights.input, (), xs, dt)[1]
        if neuron.loop is not None:
            loop = Loop(r, state.spikes, recurrent_gradient)
            inner, spikes = neuron.loop(
                weights.neuron, state.neuron, currents, loop, dt
            )
            end = spikes[-1] if len(xs) else state.spikes
            return RecurrentState(inner, end), spikes
        return jax.lax.scan(lambda s, c: close(weights, r, s, c, dt), state, currents)

    return Cell(init=draw, rest=rest, step=step, run=run)


def _backend_of(neuron):
    """Who runs a neuron also projects onto it."""
    options = neuron.about.options.arguments if neuron.about else {}
    return options.get("backend", "auto")
