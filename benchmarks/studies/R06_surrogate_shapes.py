"""R06: neither the shape nor the slope of a surrogate matters much.

Smooth random manifolds (10 classes, 20 inputs that fire once each) through one hidden
layer, for shapes of peak 1 with the reset left out of the gradient. For each shape the
grid of slopes, learning rates and seeds is one program; the learning rate of each point
is chosen on validation data.
"""

from typing import NamedTuple

import jax
import numpy as np

import snnjax as snn
from benchmarks.criterion import at_least, at_most
from benchmarks.report import emit, tell
from benchmarks.studies.shared.manifolds import (
    PARAMS,
    Manifolds,
    data,
    draw,
    readout,
    train,
)
from benchmarks.study import Finding, Study
from snnjax import plot
from snnjax.training import sweep as every

SHAPES = {
    "SuperSpike": snn.SuperSpike,
    "sigmoid": snn.Sigmoid,
    "triangle": snn.Triangle,
}
COLORS = {"SuperSpike": "#0072b2", "sigmoid": "#d55e00", "triangle": "#009e73"}


class Size(NamedTuple):
    task: Manifolds = Manifolds()
    hidden: int = 100
    slopes: tuple[float, ...] = (1.0, 3.0, 10.0, 30.0, 100.0)
    rates: tuple[float, ...] = (5e-3, 2e-2)
    seeds: int = 3


FULL = Size(
    task=Manifolds(samples=1000),
    slopes=(0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0),
    rates=(2e-3, 5e-3, 2e-2, 5e-2),
    seeds=5,
)


def network(size: Size, shape) -> snn.Cell:
    return snn.chain(
        input=snn.dense(size.task.inputs, size.hidden, init=draw(size.task.input_rate)),
        hidden=snn.lif(size.hidden, PARAMS, surrogate=shape),
        **readout(size.task, size.hidden),
    )


def sweep(size: Size, make_shape):
    """Test accuracy and learning rate chosen, for each slope and seed: ``[K, S]``."""

    def one(slope, rate, seed):
        key_data, key = jax.random.split(jax.random.fold_in(jax.random.key(6), seed))
        net = network(size, make_shape(slope))
        found = train(size.task, net, data(size.task, key_data), rate, key)
        return found.validation, found.test

    columns = {"slope": size.slopes, "rate": size.rates, "seed": range(size.seeds)}
    validation, test = every(one, **columns).grid()
    best = np.argmax(validation.mean(axis=-1), axis=1)
    rows = np.arange(len(size.slopes))
    return test[rows, best], np.asarray(size.rates)[best]


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
        at_most("SuperSpike's spread over slopes 1 to 100, points", spread, 3),
        at_most("shapes apart at their best slopes, points", apart, 2),
        at_least("best test accuracy", max(best), 0.90, digits=4),
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
    ax.axhline(1 / size.task.classes, color="0.6", ls=":", label="chance")
    ax.set(xscale="log", ylim=(0, 1.02), xlabel="slope k", ylabel="test accuracy")
    ax.set_title(
        f"random manifolds, {size.task.inputs}-{size.hidden}-{size.task.classes}"
    )
    ax.legend(frameon=False)
    return drawn


STUDY = Study(
    id="R06",
    claim="Neither shape nor slope of a surrogate matters much, with peak 1.",
    source="Zenke & Vogels 2021, doi:10.1162/neco_a_01367",
    minutes=1.5,
    run=run,
)
