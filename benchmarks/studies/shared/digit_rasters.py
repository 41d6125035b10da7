"""Handwritten digits as a retina tells them, through one hidden layer: R04 and R21.

The task is that of R03, ``snnjax.tasks.digits_task``: 64 ON and 64 OFF
cells that fire at most once in 50 ms, leaky integrators as readout, an eye that
trembles while training. A study makes the hidden neurons; this module makes the data,
trains and measures.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

import snnjax as snn
from snnjax.kernels.native import Backend
from snnjax.networks import normal
from snnjax.surrogate import Shape
from snnjax.tasks import digits_task
from snnjax.training import init_train_state, make_step

DT, STEPS = 1e-3, 50
PARAMS = snn.LIFParams(tau_mem=20e-3, tau_syn=5e-3)


class Training(NamedTuple):
    """How long to train, and on what."""

    hidden: int = 100
    epochs: int = 30
    batch: int = 64
    rate: float = 5e-3  # of learning, at first; it falls to 0 as a cosine
    samples: int | None = None  # of each part; all if None


class Data(NamedTuple):
    """When each input fires, in steps; ``STEPS`` or later if it does not."""

    glances: jax.Array  # at the training samples, anew in each epoch, [epochs, N, 128]
    labels: jax.Array  # [N]
    test: jax.Array  # [M, 128]
    test_labels: jax.Array  # [M]
    rate: float  # of the inputs [Hz]


class Trained(NamedTuple):
    """Weights of a network."""

    drawn: Any  # before training
    learned: Any


class Run(NamedTuple):
    """What a network does with every sample."""

    spikes: jax.Array  # of the hidden layer, [T, N, hidden]
    voltages: jax.Array  # of the hidden layer before the reset, [T, N, hidden]
    accuracy: jax.Array  # []


def data(size: Training) -> Data:
    parts = digits_task().parts
    train, test = (
        (part, np.arange(len(part.labels))[: size.samples])
        for part in (parts["train"], parts["test"])
    )

    def times(part, rows, rng=None):
        raster = part.raster(rows, rng)
        first = np.where(raster.any(axis=0), raster.argmax(axis=0), STEPS)
        return jnp.asarray(first, jnp.uint8)

    rngs = [np.random.default_rng(epoch) for epoch in range(size.epochs)]
    return Data(
        jnp.stack([times(*train, rng) for rng in rngs]),
        jnp.asarray(train[0].labels[train[1]]),
        times(*test),
        jnp.asarray(test[0].labels[test[1]]),
        rate=float(np.mean(times(*train) < STEPS)) / (STEPS * DT),
    )


def raster(times: jax.Array) -> jax.Array:
    """Spikes ``[T, N, 128]``."""
    clock = jnp.arange(STEPS, dtype=times.dtype)[:, None, None]
    return (clock == times[None]).astype(float)


def network(
    size: Training,
    data: Data,
    shape: Shape,
    backend: Backend = "auto",
    beside: tuple[str, ...] = (),
) -> snn.Cell:
    """Puts out voltages, hidden spikes, and what is named beside."""
    draw = partial(snn.fluctuation_driven, rate=data.rate, xi=1.0, params=PARAMS, dt=DT)
    return snn.chain(
        input=snn.dense(data.test.shape[1], size.hidden, init=draw),
        hidden=snn.lif(size.hidden, PARAMS, surrogate=shape, backend=backend),
        readout=snn.dense(size.hidden, 10, init=normal),
        out=snn.li(10, snn.LIParams(20e-3, 5e-3)),
        outputs=("out", "hidden", *beside),
    )


def scores(voltages: jax.Array) -> jax.Array:
    return 10.0 * jnp.mean(voltages, axis=0)


def train(
    size: Training,
    shape: Shape,
    data: Data,
    key: jax.Array,
    penalty: Callable[[jax.Array], jax.Array | float] = lambda spikes: 0.0,
    backend: Backend = "auto",
) -> Trained:
    """Trains with Adam on the cross entropy of mean voltages.

    Args:
        size: of the training.
        shape: surrogate of the hidden neurons.
        data: from ``data``.
        key: draws the weights and the order of the samples.
        penalty: added to the loss, a function of the hidden spikes ``[T, B, hidden]``.
        backend: of the hidden neurons, as in ``lif``.
    """
    net = network(size, data, shape, backend)
    key_weights, key_order = jax.random.split(key)

    def loss(weights, times, labels):
        _, ys = snn.unroll(net, weights, raster(times), dt=DT)
        return snn.cross_entropy(scores(ys["out"]), labels) + penalty(ys["hidden"])

    n = len(data.labels)
    batches = n // size.batch
    falling = optax.cosine_decay_schedule(size.rate, size.epochs * batches)
    optimizer = optax.adam(falling)
    update = make_step(loss, optimizer)

    def epoch(state, now):
        key, times = now
        order = jax.random.permutation(key, n)[: batches * size.batch]

        def step(state, rows):
            return update(state, times[rows], data.labels[rows])[0], None

        return jax.lax.scan(step, state, order.reshape(batches, size.batch))

    given = jax.random.split(key_order, size.epochs), data.glances
    drawn = net.init(key_weights)
    learned, _ = jax.lax.scan(epoch, init_train_state(drawn, optimizer), given)
    return Trained(drawn, learned.weights)


def run(size: Training, data: Data, weights: Any) -> Run:
    """Shows every test sample to a trained network."""
    net = network(
        size, data, snn.SuperSpike(), beside=("input", "hidden.v", "hidden.i")
    )
    _, ys = snn.unroll(net, weights, raster(data.test), dt=DT)
    v, i = (
        jnp.concatenate([jnp.zeros_like(x[:1]), x[:-1]])
        for x in (ys["hidden.v"], ys["hidden.i"])
    )
    flow = snn.li(size.hidden, PARAMS)  # the same neuron, without threshold
    _, voltages = flow.step((), snn.neurons.LIState(v, i), ys["input"], DT)
    accuracy = snn.accuracy(scores(ys["out"]), data.test_labels)
    return Run(ys["hidden"], voltages, accuracy)
