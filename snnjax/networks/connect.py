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
from snnjax.cell import Cell
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


def dense(
    n_in: int, n_out: int, *, bias: bool = False, init: Initializer = normal
) -> Cell:
    """An all-to-all connection, ``y = x·w + b``.

    Args:
        n_in: number of inputs.
        n_out: number of outputs.
        bias: whether to learn a constant current, starting from zero.
        init: draws ``w``, ``(key, n_in, n_out) -> [n_in, n_out]``.

    Returns:
        A cell ``[*batch, n_in] -> [*batch, n_out]`` with ``DenseWeights`` and no state.

    Raises:
        ValueError: for a width below one, or an input of another width.
    """
    check.whole("n_in", n_in)
    check.whole("n_out", n_out)

    def draw(key):
        w = init(key, n_in, n_out)
        return DenseWeights(w, jnp.zeros(n_out, w.dtype) if bias else None)

    def rest(x):
        check.width("dense", x, n_in)
        return ()

    def step(weights, state, x, dt):
        del dt  # passes at once
        check.width("dense", x, n_in)
        return state, _project(weights, x)

    return Cell(init=draw, rest=rest, step=step, run=step)


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

    def draw(key):
        key_w, key_r, key_neuron = jax.random.split(key, 3)
        w = init(key_w, n_in, n)
        b = jnp.zeros(n, w.dtype) if bias else None
        r = init_recurrent(key_r, n, n)
        return RecurrentWeights(DenseWeights(w, b), r, neuron.init(key_neuron))

    def rest(x):
        check.width("recurrent", x, n_in)
        silence = jnp.zeros_like(x[..., :1]) + jnp.zeros(n, x.dtype)
        return RecurrentState(neuron.rest(silence), silence)

    def close(weights, state, current, dt):
        before = state.spikes
        if not recurrent_gradient:
            before = jax.lax.stop_gradient(before)
        r = weights.recurrent
        r = r if self_connections else r * (1.0 - jnp.eye(n, dtype=r.dtype))
        inner, spikes = neuron.step(
            weights.neuron, state.neuron, current + before @ r, dt
        )
        spikes = spikes.astype(state.spikes.dtype)
        return RecurrentState(inner, spikes), spikes

    def step(weights, state, x, dt):
        check.width("recurrent", x, n_in)
        return close(weights, state, _project(weights.input, x), dt)

    def run(weights, state, xs, dt):
        check.width("recurrent", xs, n_in)
        currents = _project(weights.input, xs)
        return jax.lax.scan(lambda s, c: close(weights, s, c, dt), state, currents)

    return Cell(init=draw, rest=rest, step=step, run=run)


def _project(weights, x):
    y = x @ weights.w
    return y if weights.b is None else y + weights.b
