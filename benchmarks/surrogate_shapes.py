"""R06: neither the shape nor the slope of a surrogate matters much.

Smooth random manifolds (10 classes, 20 inputs that fire once each) through one hidden
layer, for shapes of peak 1 with the reset left out of the gradient. For each shape the
grid of slopes, learning rates and seeds is one vmapped program; the learning rate of
each point is chosen on validation data.
"""

from functools import partial
from itertools import product
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from study import Criterion, Finding, Study, emit, main, tell

import snnjax as snn
from snnjax.experiments import make_step, plot, start
from snnjax.inputs import one_spike_raster, random_manifold

DT = 1e-3
SHAPES = {
    "SuperSpike": snn.SuperSpike,
    "sigmoid": snn.Sigmoid,
    "triangle": snn.Triangle,
}
COLORS = {"SuperSpike": "#0072b2", "sigmoid": "#d55e00", "triangle": "#009e73"}
PARAMS = snn.LIFParams(tau_mem=10e-3, tau_syn=5e-3)


class Size(NamedTuple):
    classes: int = 10
    inputs: int = 20
    hidden: int = 100
    samples: int = 200  # of each class: 80 % to train, 10 % to validate, 10 % to test
    steps: int = 100
    on: int = 50  # steps in which the inputs fire
    epochs: int = 30
    batch: int = 100
    slopes: tuple[float, ...] = (1.0, 3.0, 10.0, 30.0, 100.0)
    rates: tuple[float, ...] = (5e-3, 2e-2)
    seeds: int = 3
    at_once: int = 3  # runs that share one pass of the program


FULL = Size(
    samples=1000,
    slopes=(0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0),
    rates=(2e-3, 5e-3, 2e-2, 5e-2),
    seeds=5,
    at_once=5,
)


def network(size: Size, shape) -> snn.Cell:
    def draw(n_in_rate):
        return partial(
            snn.fluctuation_driven, rate=n_in_rate, xi=1.0, params=PARAMS, dt=DT
        )

    return snn.chain(
        snn.dense(size.inputs, size.hidden, init=draw(1.0 / (size.on * DT))),
        snn.lif(size.hidden, PARAMS, surrogate=shape),
        snn.dense(size.hidden, size.classes, init=draw(10.0)),
        snn.li(size.classes, snn.LIParams(tau_mem=20e-3, tau_syn=5e-3)),
    )


def splits(size: Size, key):
    """Times and labels, shuffled: to train, to validate and to test."""
    key_data, key_order = jax.random.split(key)
    times, labels = random_manifold(
        key_data, classes=size.classes, neurons=size.inputs, samples=size.samples
    )
    order = jax.random.permutation(key_order, len(labels))
    n = len(labels)
    return [
        (times[rows], labels[rows])
        for rows in jnp.split(order, [8 * n // 10, 9 * n // 10])
    ]


def train(size: Size, make_shape, slope, rate, seed):
    """One run; returns accuracies after the last epoch and the hidden firing rate."""
    key = jax.random.fold_in(jax.random.key(6), seed)
    key_data, key_weights, key_order = jax.random.split(key, 3)
    (times, labels), validation, test = splits(size, key_data)
    net = network(size, make_shape(slope))

    def scores(weights, times):
        silence = jnp.zeros((size.steps - size.on, *times.shape))
        xs = jnp.concatenate([one_spike_raster(times, size.on), silence])
        _, v = snn.unroll(net, weights, xs, dt=DT)
        return snn.max_over_time(v)

    def loss(weights, times, labels):
        return snn.cross_entropy(scores(weights, times), labels)

    optimizer = optax.adam(rate)
    step = make_step(loss, optimizer)

    def epoch(state, key):
        order = jax.random.permutation(key, len(labels))
        batches = order[: len(order) // size.batch * size.batch]
        return jax.lax.scan(
            lambda state, rows: step(state, times[rows], labels[rows]),
            state,
            batches.reshape(-1, size.batch),
        )

    state = start(net.init(key_weights), optimizer)
    state, curve = jax.lax.scan(epoch, state, jax.random.split(key_order, size.epochs))
    return {
        "validation": snn.accuracy(scores(state.weights, validation[0]), validation[1]),
        "test": snn.accuracy(scores(state.weights, test[0]), test[1]),
        "loss": curve["loss"][-1].mean(),
    }


def sweep(size: Size, make_shape):
    """Test accuracy and learning rate chosen, for each slope and seed: ``[K, S]``."""
    grid = list(product(size.slopes, size.rates, range(size.seeds)))
    columns = tuple(jnp.asarray(column) for column in zip(*grid, strict=True))

    @jax.jit
    def program(columns):
        return jax.lax.map(
            lambda point: train(size, make_shape, *point),
            columns,
            batch_size=size.at_once,
        )

    shape = (len(size.slopes), len(size.rates), size.seeds)
    found = {k: np.asarray(v).reshape(shape) for k, v in program(columns).items()}
    best = np.argmax(found["validation"].mean(axis=-1), axis=1)
    rows = np.arange(len(size.slopes))
    return found["test"][rows, best], np.asarray(size.rates)[best]


def run(full: bool, size: Size | None = None) -> Finding:
    size = size or (FULL if full else Size())
    tests = {}
    for name, make_shape in SHAPES.items():
        tests[name], rates = sweep(size, make_shape)
        for slope, hits, rate in zip(size.slopes, tests[name], rates, strict=True):
            emit(
                shape=name,
                slope=slope,
                learning_rate=rate,
                test=hits.astype(float).round(4).tolist(),
            )
        row = "  ".join(f"{h:.3f}" for h in tests[name].mean(axis=1))
        tell(f"     {name:<11} slopes {size.slopes}: {row}")
    return Finding(summary(size, tests), criteria(size, tests), figure(size, tests))


def plateau(size: Size, means):
    """The slopes around the best one that stay within 3 points of it."""
    good = means >= means.max() - 0.03
    low = high = int(np.argmax(means))
    while low > 0 and good[low - 1]:
        low -= 1
    while high + 1 < len(good) and good[high + 1]:
        high += 1
    return [size.slopes[low], size.slopes[high]]


def summary(size, tests):
    return {
        "slopes": size.slopes,
        **{
            name: {
                "test_accuracy": hits.mean(axis=1).astype(float).round(4).tolist(),
                "standard_error": (hits.std(axis=1) / size.seeds**0.5)
                .round(4)
                .tolist(),
                "plateau_of_slopes": plateau(size, hits.mean(axis=1)),
            }
            for name, hits in tests.items()
        },
    }


def criteria(size, tests):
    inside = [k for k, slope in enumerate(size.slopes) if 1 <= slope <= 100]
    flat = tests["SuperSpike"].mean(axis=1)[inside]
    spread = 100 * float(np.ptp(flat))
    best = [float(hits.mean(axis=1).max()) for hits in tests.values()]
    apart = 100 * (max(best) - min(best))
    return [
        Criterion(
            "SuperSpike's spread over slopes 1 to 100, points",
            round(spread, 2),
            "<= 3",
            spread <= 3,
        ),
        Criterion(
            "shapes apart at their best slopes, points",
            round(apart, 2),
            "<= 2",
            apart <= 2,
        ),
        Criterion(
            "best test accuracy",
            round(max(best), 4),
            ">= 0.90",
            max(best) >= 0.90,
        ),
    ]


def figure(size, tests):
    drawn, axes = plot.figure(1, 1, (6.0, 4.0))
    ax = axes[0, 0]
    for name, hits in tests.items():
        error = hits.std(axis=1) / size.seeds**0.5
        ax.errorbar(
            size.slopes,
            hits.mean(axis=1),
            error,
            marker="o",
            color=COLORS[name],
            label=name,
        )
    ax.axhline(1 / size.classes, color="0.6", ls=":", label="chance")
    ax.set(xscale="log", ylim=(0, 1.02), xlabel="slope k", ylabel="test accuracy")
    ax.set_title(f"random manifolds, {size.inputs}-{size.hidden}-{size.classes}")
    ax.legend(frameon=False)
    return drawn


STUDY = Study(
    id="R06",
    claim="Neither shape nor slope of a surrogate matters much, with peak 1.",
    source="Zenke & Vogels 2021, doi:10.1162/neco_a_01367",
    minutes=12,
    run=run,
)

if __name__ == "__main__":
    main(STUDY)
