"""deep-online: two hidden layers learn without going back in time.

Random manifolds (Zenke & Vogels 2021, doi:10.1162/neco_a_01367) through two layers of
neurons and a readout that is asked in every step. e-prop keeps a trace for each input;
what was before the block of ten steps passes no layer. It is compared with
backpropagation through time of the same network and loss, with random feedback, and
with a readout that learns alone.

Fixed before the first run: test accuracy after the last epoch, mean over seeds; the
learning rate of each is the better of two on validation data.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

import snnjax as snn
from benchmarks.criterion import at_least, at_most
from benchmarks.report import emit, tell
from benchmarks.studies.shared.manifolds import (
    DT,
    PARAMS,
    Manifolds,
    data,
    draw,
    raster,
)
from benchmarks.studies.shared.updates import updated
from benchmarks.study import Finding, Study
from snnjax import plot
from snnjax.learning.online import factored, gradients, stack
from snnjax.training import sweep


class Size(NamedTuple):
    task: Manifolds = Manifolds(epochs=20)
    hidden: int = 100
    rates: tuple[float, ...] = (5e-3, 2e-2)  # of learning
    block: int = 10
    seeds: tuple[int, ...] = tuple(range(5))
    rules: tuple[str, ...] = ("e-prop", "readout only", "BPTT", "random feedback")


FULL = Size(Manifolds(samples=1000, epochs=60))


def layers(size: Size) -> tuple[snn.Cell, ...]:
    """Two hidden layers and a readout, each a connection and its neurons."""
    widths = size.task.inputs, size.hidden, size.hidden
    rates = size.task.input_rate, 10.0
    hidden = [
        snn.chain(
            snn.dense(n_in, n, init=draw(rate)), snn.lif(n, PARAMS, reset="subtract")
        )
        for n_in, n, rate in zip(widths[:-1], widths[1:], rates, strict=True)
    ]
    readout = snn.dense(size.hidden, size.task.classes, init=draw(10.0))
    integrators = snn.li(size.task.classes, snn.LIParams(20e-3, 5e-3))
    return *hidden, snn.chain(readout, integrators)


def asked(y: jax.Array, labels: jax.Array) -> jax.Array:
    """Loss of one step."""
    each = optax.softmax_cross_entropy_with_integer_labels(y, labels)
    return jnp.mean(each)


def finding_by(size: Size, name: str, key: jax.Array) -> Callable:
    """What finds the gradient: ``(weights, xs, labels) -> gradient``."""
    cells = layers(size)
    if name == "BPTT":

        def total(weights, xs, labels):
            ys = snn.unroll(snn.chain(*cells), weights, xs, dt=DT)[1]
            return jnp.sum(jax.vmap(asked, (0, None))(ys, labels))

        return jax.grad(total)

    scale = {"random feedback": 0.1, "readout only": 0.0}
    keys, shape = jax.random.split(key), (size.task.classes, size.hidden)
    others = [scale.get(name, 0.0) * jax.random.normal(k, shape) for k in keys]
    rule = stack(*map(factored, cells), feedback=others if name in scale else None)

    def found(weights, xs, labels):
        at = jnp.broadcast_to(labels, (len(xs), *labels.shape))
        return gradients(rule, weights, xs, asked, at, dt=DT, block=size.block)[1]

    return found


def accuracy(size: Size, weights: Any, split: Any) -> jax.Array:
    ys = snn.unroll(
        snn.chain(*layers(size)), weights, raster(size.task, split.times), dt=DT
    )
    return snn.accuracy(jnp.mean(jax.nn.log_softmax(ys[1]), axis=0), split.labels)


def learn(size: Size, name: str, rate: jax.Array, seed: jax.Array):
    """Validation and test accuracy after the last epoch."""
    keys = jax.random.split(jax.random.fold_in(jax.random.key(77), seed), 4)
    task, drawn = size.task, data(size.task, keys[0])
    find = finding_by(size, name, keys[1])
    optimizer = optax.adam(rate)
    weights = snn.chain(*layers(size)).init(keys[2])

    def update(held, rows):
        weights, state = held
        xs = raster(task, drawn.train.times[rows])
        grads = find(weights, xs, drawn.train.labels[rows])
        return updated(optimizer, grads, weights, state), None

    def epoch(held, key):
        order = jax.random.permutation(key, len(drawn.train.labels))
        rows = order[: len(order) // task.batch * task.batch]
        return jax.lax.scan(update, held, rows.reshape(-1, task.batch))

    held = weights, optimizer.init(weights)
    keys = jax.random.split(keys[3], task.epochs)
    (weights, _), _ = jax.lax.scan(epoch, held, keys)
    parts = drawn.validation, drawn.test
    return tuple(accuracy(size, weights, part) for part in parts)


def run(full: bool, size: Size | None = None) -> Finding:
    size = size or (FULL if full else Size())
    found = {}
    for name in size.rules:
        columns = {"rate": size.rates, "seed": size.seeds}
        valid, test = sweep(partial(learn, size, name), **columns).grid()
        best = int(np.argmax(valid.mean(axis=1)))
        found[name] = row = {
            "test_accuracies": test[best].astype(float).round(4).tolist(),
            "test_accuracy": round(float(test[best].mean()), 4),
            "learning_rate": size.rates[best],
        }
        emit(rule=name, **row)
        tell(f"     {name:<16} test accuracy {row['test_accuracy']:.3f}")
    points = {name: 100 * found[name]["test_accuracy"] for name in size.rules}
    ahead = points["e-prop"] - points["readout only"]
    criteria = [at_least("points e-prop is ahead of the readout alone", ahead, 15)]
    if "BPTT" in points:
        behind = points["BPTT"] - points["e-prop"]
        criteria.append(at_most("points e-prop is behind BPTT", behind, 3))
    return Finding(found, criteria, figure(size, found))


def figure(size, found):
    drawn, axes = plot.figure(1, 1, (5.5, 2.6))
    ax = axes[0, 0]
    for k, row in enumerate(found.values()):
        ax.barh(k, row["test_accuracy"], color="0.8")
        hits = row["test_accuracies"]
        ax.plot(hits, [k] * len(hits), "o", color="#0072b2", ms=4)
    ax.set(yticks=range(len(found)), yticklabels=found, xlim=(0.0, 1.0))
    ax.set(xlabel="test accuracy; dots: seeds; line: chance")
    ax.axvline(1 / size.task.classes, color="0.4", ls=":")
    ax.invert_yaxis()
    return drawn


STUDY = Study(
    id="deep-online",
    claim="e-prop trains two hidden layers about as well as backpropagation through "
    "time.",
    source="Bellec et al. 2020, doi:10.1038/s41467-020-17236-y",
    minutes=10,
    run=run,
)
