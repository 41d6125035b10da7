"""Networks whose gradient may go some ways and not others, and what they do untrained.

Weights and spikes are the same, whichever ways are open; only gradients differ. R08 and
R09 are made of these.
"""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

import snnjax as snn
from benchmarks.studies.shared.manifolds import (
    DT,
    PARAMS,
    Data,
    Manifolds,
    draw,
    outputs,
    raster,
    readout,
)
from snnjax.analysis import gradient_growth, spectral_norms, step_jacobians
from snnjax.surrogate import Scaled

RATE, SHARE = 10.0, 0.9  # of hidden neurons [Hz]; of the input from below


class Paths(NamedTuple):
    """Which ways are open to the gradient."""

    reset: bool
    recurrent: bool | None = None  # None: no recurrent synapses


def superspike(slope: Any, peaked: Any) -> Scaled:
    """Of peak 1, or of peak β as it was first written, β / (1 + β·|v|)²."""
    return Scaled(snn.SuperSpike(slope), jnp.where(peaked, slope, 1.0))


def hidden_layer(n_in: int, n: int, rate: float, neuron: snn.Cell, paths: Paths):
    """Connections and neurons, as cells of a chain."""
    if paths.recurrent is None:
        return snn.dense(n_in, n, init=draw(rate)), neuron
    layer = snn.recurrent(
        n_in,
        n,
        neuron,
        recurrent_gradient=paths.recurrent,
        init=partial(draw(rate), share=SHARE),
        init_recurrent=partial(draw(RATE), share=1 - SHARE),
    )
    return (layer,)


def network(
    task: Manifolds, hidden: int, layers: int, paths: Paths, shape: Any
) -> tuple[snn.Cell, ...]:
    """Hidden layers and a readout."""
    cells, n_in, rate = [], task.inputs, task.input_rate
    for _ in range(layers):
        neuron = snn.lif(hidden, PARAMS, surrogate=shape, reset_gradient=paths.reset)
        cells += hidden_layer(n_in, hidden, rate, neuron, paths)
        n_in, rate = hidden, RATE
    return (*cells, *readout(task, hidden))


def first_gradient(
    task: Manifolds, cells: tuple[snn.Cell, ...], drawn: Data, key: jax.Array
) -> Any:
    """Of the weights of the first cell, untrained, for the first batch."""
    batch = jax.tree.map(lambda a: a[: task.batch], drawn.train)

    def loss(weights):
        voltages = outputs(task, cells, weights, batch.times)[-1]
        return snn.cross_entropy(snn.max_over_time(voltages), batch.labels)

    return jax.grad(loss)(snn.chain(*cells).init(key))[0]


class Seen(NamedTuple):
    """Along the trajectories of one hidden layer."""

    largest: jax.Array  # factor of one step, []
    growth: jax.Array  # of a gradient after so many steps, root mean square, ln, [T]


def jacobians(
    task: Manifolds,
    cells: tuple[snn.Cell, ...],
    times: jax.Array,
    key: jax.Array,
    *,
    coupled: bool,
) -> Seen:
    """Jacobians of the first hidden layer, over neurons and samples.

    The largest factor of a step is that of a voltage to itself, ``|∂v'/∂v|``; of a
    recurrent layer (``coupled``) it is the spectral norm of the whole Jacobian.
    """
    weights = snn.chain(*cells).init(key)
    xs, layer, own = raster(task, times), cells[0], weights[0]
    if not coupled:
        _, xs = snn.unroll(layer, own, xs, dt=DT)
        layer, own = cells[1], ()
    if coupled:
        largest = spectral_norms(key, layer, own, xs, dt=DT)
    else:
        blocks = step_jacobians(layer, own, xs, dt=DT, coupled=False)
        largest = jnp.abs(blocks[..., 0, 0])
    logs = gradient_growth(layer, own, xs, dt=DT, coupled=coupled)
    return Seen(largest.max(), mean_square(logs.reshape(len(xs), -1), axis=1))


def mean_square(logs: jax.Array, axis: int) -> jax.Array:
    """Of numbers given by their logarithms, the root mean square, as a logarithm."""
    return jax.nn.logsumexp(2 * logs, axis=axis, b=1 / logs.shape[axis]) / 2
