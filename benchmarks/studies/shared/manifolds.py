"""Smooth random manifolds through layers of leaky neurons: what many studies train.

Each of ten classes is a curve in the space of the spike times of 20 inputs that fire
once each (Zenke & Vogels 2021, doi:10.1162/neco_a_01367). A study makes the layers;
this module makes the data, trains and tests.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

import snnjax as snn
from snnjax.inputs import one_spike_raster, random_manifold
from snnjax.training import init_train_state, make_step

DT = 1e-3
PARAMS = snn.LIFParams(tau_mem=10e-3, tau_syn=5e-3)


class Manifolds(NamedTuple):
    """The task, and how long to train on it."""

    classes: int = 10
    inputs: int = 20
    samples: int = 200  # of each class: 80 % to train, 10 % to validate, 10 % to test
    steps: int = 100
    on: int = 50  # steps in which the inputs fire
    epochs: int = 30
    batch: int = 100

    @property
    def input_rate(self) -> float:
        """Of each input while the inputs fire [Hz]."""
        return 1.0 / (self.on * DT)


class Split(NamedTuple):
    """Samples of one part of the data."""

    times: jax.Array  # in 0 to 1, [N, inputs]
    labels: jax.Array  # [N]


class Data(NamedTuple):
    """Shuffled, and divided."""

    train: Split
    validation: Split
    test: Split


class Trained(NamedTuple):
    """What one run leaves."""

    weights: Any
    validation: jax.Array  # accuracy after the last epoch, []
    test: jax.Array  # accuracy after the last epoch, []
    loss: jax.Array  # mean over each epoch, [epochs]


def draw(rate: float) -> Callable[..., jax.Array]:
    """Fluctuation-driven weights, ξ = 1, for inputs at a rate [Hz]."""
    return partial(snn.fluctuation_driven, rate=rate, xi=1.0, params=PARAMS, dt=DT)


def readout(size: Manifolds, n: int) -> dict[str, snn.Cell]:
    """Leaky integrators, one for each class, behind ``n`` neurons: links of a chain."""
    integrators = snn.li(size.classes, snn.LIParams(tau_mem=20e-3, tau_syn=5e-3))
    return {"readout": snn.dense(n, size.classes, init=draw(10.0)), "out": integrators}


def data(size: Manifolds, key: jax.Array) -> Data:
    key_data, key_order = jax.random.split(key)
    times, labels = random_manifold(
        key_data, classes=size.classes, neurons=size.inputs, samples=size.samples
    )
    n = len(labels)
    order = jax.random.permutation(key_order, n)
    parts = jnp.split(order, [8 * n // 10, 9 * n // 10])
    return Data(*(Split(times[rows], labels[rows]) for rows in parts))


def raster(size: Manifolds, times: jax.Array) -> jax.Array:
    """Spikes ``[steps, N, inputs]``: all inputs fire early, then there is silence."""
    silence = jnp.zeros((size.steps - size.on, *times.shape))
    return jnp.concatenate([one_spike_raster(times, steps=size.on), silence])


def scores(size: Manifolds, net: snn.Cell, weights, times: jax.Array) -> jax.Array:
    """The highest voltage of each class, ``[N, classes]``."""
    _, voltages = snn.unroll(net, weights, raster(size, times), dt=DT)
    return snn.max_over_time(voltages)


def accuracy(size: Manifolds, net: snn.Cell, weights, split: Split) -> jax.Array:
    return snn.accuracy(scores(size, net, weights, split.times), split.labels)


def train(
    size: Manifolds,
    net: snn.Cell | Callable[[jax.Array], snn.Cell],
    data: Data,
    rate: jax.Array | float,
    key: jax.Array,
    *,
    weights: Any = None,
    project: Callable[[Any], Any] | None = None,
) -> Trained:
    """Trains with Adam on the cross entropy of the highest voltages.

    Args:
        size: of the task.
        net: from 20 inputs to one voltage for each class; or a function of a key that
            makes it, called anew for every update, for neurons that draw.
        data: from ``data``.
        rate: learning rate.
        key: draws the weights, unless they are given, and the order of the samples.
        weights: where to start.
        project: what becomes of the weights after each update (Dale's law, say).
    """
    key_weights, key_order, key_test = jax.random.split(key, 3)
    made = net if callable(net) else lambda key: net
    if weights is None:
        weights = made(key_test).init(key_weights)

    def loss(weights, times, labels, key):
        return snn.cross_entropy(scores(size, made(key), weights, times), labels)

    optimizer = optax.adam(rate)
    update = make_step(loss, optimizer)

    def step(state, now):
        rows, key = now
        times, labels = data.train.times[rows], data.train.labels[rows]
        state, metrics = update(state, times, labels, key)
        if project is not None:
            state = state._replace(weights=project(state.weights))
        return state, metrics["loss"]

    def epoch(state, key):
        order = jax.random.permutation(key, len(data.train.labels))
        batches = order[: len(order) // size.batch * size.batch]
        batches = batches.reshape(-1, size.batch)
        keys = jax.random.split(key, len(batches))
        state, losses = jax.lax.scan(step, state, (batches, keys))
        return state, losses.mean()

    keys = jax.random.split(key_order, size.epochs)
    state, curve = jax.lax.scan(epoch, init_train_state(weights, optimizer), keys)
    tested = made(key_test)
    return Trained(
        state.weights,
        accuracy(size, tested, state.weights, data.validation),
        accuracy(size, tested, state.weights, data.test),
        curve,
    )
