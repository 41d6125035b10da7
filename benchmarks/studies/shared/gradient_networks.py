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
    raster,
    readout,
    scores,
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


def hidden_layer(
    n_in: int, n: int, rate: float, neuron: snn.Cell, paths: Paths, number: int = 1
) -> dict[str, snn.Cell]:
    """Connections and neurons, as links of a chain: ``input1`` and ``hidden1``.

    A recurrent layer is one link.
    """
    if paths.recurrent is None:
        below = snn.dense(n_in, n, init=draw(rate))
        return {f"input{number}": below, f"hidden{number}": neuron}
    layer = snn.recurrent(
        n_in,
        n,
        neuron,
        recurrent_gradient=paths.recurrent,
        init=partial(draw(rate), share=SHARE),
        init_recurrent=partial(draw(RATE), share=1 - SHARE),
    )
    return {f"hidden{number}": layer}


def network(
    task: Manifolds, hidden: int, layers: int, paths: Paths, shape: Any
) -> snn.Cell:
    """Hidden layers and a readout."""
    cells, n_in, rate = {}, task.inputs, task.input_rate
    for k in range(1, layers + 1):
        neuron = snn.lif(hidden, PARAMS, surrogate=shape, reset_gradient=paths.reset)
        cells |= hidden_layer(n_in, hidden, rate, neuron, paths, k)
        n_in, rate = hidden, RATE
    return snn.chain(**cells, **readout(task, hidden))


def first_gradient(task: Manifolds, net: snn.Cell, drawn: Data, key: jax.Array) -> Any:
    """Of the weights of the first link, untrained, for the first batch."""
    batch = jax.tree.map(lambda a: a[: task.batch], drawn.train)

    def loss(weights):
        return snn.cross_entropy(scores(task, net, weights, batch.times), batch.labels)

    gradient = jax.grad(loss)(net.init(key))
    return gradient["input1" if "input1" in gradient else "hidden1"]


class Seen(NamedTuple):
    """Along the trajectories of one hidden layer."""

    largest: jax.Array  # factor of one step, []
    growth: jax.Array  # of a gradient after so many steps, root mean square, ln, [T]


def jacobians(
    task: Manifolds,
    net: snn.Cell,
    times: jax.Array,
    key: jax.Array,
    *,
    coupled: bool,
) -> Seen:
    """Jacobians of the first hidden layer, over neurons and samples.

    The largest factor of a step is that of a voltage to itself, ``|∂v'/∂v|``; of a
    recurrent layer (``coupled``) it is the spectral norm of the whole Jacobian.
    """
    cells, weights, xs = net.about.parts, net.init(key), raster(task, times)
    if not coupled:
        _, xs = snn.unroll(cells["input1"], weights["input1"], xs, dt=DT)
    layer, own = cells["hidden1"], weights["hidden1"]
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
