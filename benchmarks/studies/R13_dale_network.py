"""R13: does a network in which every neuron has one sign learn as well?

Random manifolds through 100 hidden neurons, with weights that start exponential and in
balance and are put back to zero after an update that took one to the wrong side. Two
networks, each beside the same one without the law, from normal weights:

- feed-forward: four of five inputs and of five hidden neurons excite all their targets,
  the others inhibit all of theirs; the readout's weights obey as well.
- recurrent, as published: all inputs excite; four of five hidden neurons excite, the
  others inhibit, each other; a readout without the law reads those that excite.

Learning rates are chosen on validation data. That no update ever left a wrong sign is
seen during training: a network under the law puts out NaN if one of its weights has the
wrong sign, so that a finite loss in every epoch means that none had. The membranes at
the start are measured under Poisson input of the rates that weights were drawn for.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import snnjax as snn
from benchmarks.criterion import at_most, equal
from benchmarks.report import emit, tell
from benchmarks.studies.shared.dale_wiring import NETWORKS, watched, wrong_signs
from benchmarks.studies.shared.manifolds import DT, Manifolds, data, train
from benchmarks.study import Finding, Study
from snnjax import plot
from snnjax.analysis import membrane_statistics
from snnjax.inputs import poisson
from snnjax.training import sweep

ARMS = {  # whether weights start exponential, and whether the law holds in training
    "free": (False, False),
    "Dale": (True, True),
    "Dale at first, then free": (True, False),
}
LONGER = "Dale, thrice as long"
COLORS = dict(
    zip((*ARMS, LONGER), ("#0072b2", "#d55e00", "#56b4e9", "#e69f00"), strict=True)
)


class Size(NamedTuple):
    task: Manifolds = Manifolds()
    hidden: int = 100
    feed_forward_rates: tuple[float, ...] = (2e-2, 5e-2)
    recurrent_rates: tuple[float, ...] = (1e-2, 2e-2)
    seeds: int = 5
    draws: int = 40  # of weights and input, for the membranes at the start
    steps: int = 6000  # of that input


FULL = Size(
    task=Manifolds(samples=1000, epochs=50),
    feed_forward_rates=(5e-3, 1e-2, 2e-2, 5e-2, 1e-1),
    recurrent_rates=(5e-3, 1e-2, 2e-2, 5e-2, 1e-1),
    draws=200,
)


def trained(size: Size, name: str, arms, rates, *, longer: int = 1):
    """Trains with every learning rate and seed; each arm keeps its best learning rate.

    One program for all arms: how weights start and whether the law holds are data.
    """
    exponential, normal = (
        NETWORKS[name](size.task, size.hidden, dale) for dale in (True, False)
    )
    project = exponential.project
    task = size.task._replace(epochs=longer * size.task.epochs)
    dale = jnp.asarray([ARMS[arm][0] for arm in arms])
    held = jnp.asarray([ARMS[arm][1] for arm in arms])

    def one(arm, rate, seed):
        def choose(yes, one, other):
            return jax.tree.map(lambda a, b: jnp.where(yes, a, b), one, other)

        key_data, key = jax.random.split(jax.random.fold_in(jax.random.key(13), seed))
        key_w, key = jax.random.split(key)
        drawn = [network.net.init(key_w) for network in (exponential, normal)]
        found = train(
            *(task, watched(exponential, held[arm]), data(task, key_data), rate, key),
            weights=choose(dale[arm], *drawn),
            project=lambda w: choose(held[arm], project(w), w),
        )
        finite = jnp.all(jnp.isfinite(found.loss))
        wrong = wrong_signs(exponential, found.weights)
        return found.validation, found.test, found.loss[-1], finite, wrong

    columns = {"arm": range(len(arms)), "rate": rates, "seed": range(size.seeds)}
    validation, test, loss, finite, wrong = sweep(one, **columns).grid()
    rows = []
    for k, arm in enumerate(arms):
        best = int(np.argmax(validation[k].mean(axis=1)))
        rows.append(
            {
                "network": name,
                "arm": arm if longer == 1 else LONGER,
                "test_accuracies": test[k, best].astype(float).round(4).tolist(),
                "test_accuracy": round(float(test[k, best].mean()), 4),
                "training_loss": round(float(loss[k, best].mean()), 4),
                "learning_rate": rates[best],
                "runs": finite[k].size,
                "runs_with_finite_loss": int(finite[k].sum()),
                "weights_of_wrong_sign": int(wrong[k].sum()),
            }
        )
        emit(**rows[-1])
        tell(f"     {name}, {rows[-1]['arm']}: {rows[-1]['test_accuracy']:.3f}")
    return rows


def at_first(size: Size, name: str):
    """Mean and deviation of membranes before training; recurrent spikes are Poisson."""
    network = NETWORKS[name](size.task, size.hidden, True)

    def measure(key, w, rates, params):
        raster = poisson(key, rates, steps=size.steps, dt=DT)
        membranes = snn.li(w.shape[1], params)
        v = snn.unroll(membranes, (), raster @ w, dt=DT)[1]
        found = membrane_statistics(v, burn_in=200).population
        return found.mean, found.deviation**2

    def one(seed):
        key_w, key_x = jax.random.split(jax.random.fold_in(jax.random.key(1313), seed))
        return [measure(key_x, *m) for m in network.membranes(network.net.init(key_w))]

    rows = []
    for mean, variance in sweep(one, seed=range(size.draws)).grid():
        rows.append(
            {
                "network": name,
                "layer": ("hidden", "readout")[len(rows)],
                "mean": round(float(mean.mean()), 4),
                "standard_error": round(float(mean.std() / size.draws**0.5), 4),
                "deviation": round(float(np.sqrt(variance.mean())), 4),
            }
        )
        emit(**rows[-1])
    return rows


def run(full: bool, size: Size | None = None) -> Finding:
    size = size or (FULL if full else Size())
    start = [row for name in NETWORKS for row in at_first(size, name)]
    rows = trained(size, "feed-forward", [*ARMS], size.feed_forward_rates)
    best = {row["arm"]: row["learning_rate"] for row in rows}["Dale"]
    rows += trained(size, "feed-forward", ["Dale"], (best,), longer=3)
    rows += trained(size, "recurrent", ["free", "Dale"], size.recurrent_rates)
    return Finding(
        {"networks": rows, "membranes_at_first": start},
        criteria(rows, start),
        figure(size, rows),
    )


def criteria(rows, start):
    accuracy = {(row["network"], row["arm"]): row["test_accuracy"] for row in rows}
    law = [row for row in rows if row["arm"] in ("Dale", LONGER)]
    runs = sum(row["runs"] for row in law)
    kept = sum(row["runs_with_finite_loss"] for row in law)
    wrong = sum(row["weights_of_wrong_sign"] for row in law)
    mean = max(abs(row["mean"]) for row in start)
    away = max(100 * abs(row["deviation"] - 1) for row in start)
    found = [
        equal("runs without a wrong sign ever", kept, runs),
        equal("weights of wrong sign in the end", wrong, 0),
    ]
    for name in NETWORKS:
        behind = 100 * (accuracy[name, "free"] - accuracy[name, "Dale"])
        what = f"{name}: points behind the network without the law"
        found.append(at_most(what, behind, 3))
    return [
        *found,
        at_most("largest |μ_U| at first", mean, 0.05, digits=3),
        at_most("σ_U at first, largest distance from 1/ξ, %", away, 5),
    ]


def figure(size, rows):
    drawn, axes = plot.figure(1, 1, (6.5, 3.6))
    ax = axes[0, 0]
    order = [*COLORS]
    for row in rows:
        slot = order.index(row["arm"]) + 5 * [*NETWORKS].index(row["network"])
        hits, color = np.asarray(row["test_accuracies"]), COLORS[row["arm"]]
        label = row["arm"] if slot < len(order) else None
        ax.bar(slot, hits.mean(), color=color, alpha=0.6, label=label)
        ax.plot(slot + np.linspace(-0.2, 0.2, len(hits)), hits, "o", ms=4, color=color)
    ax.axhline(1 / size.task.classes, color="0.6", ls=":")
    ax.set(xticks=[1.5, 5.5], xticklabels=NETWORKS, ylim=(0, 1.3))
    ax.set_yticks(np.linspace(0, 1, 6))
    ax.set(ylabel="test accuracy")
    ax.legend(frameon=False, ncols=2, loc="upper center", fontsize=8)
    return drawn


STUDY = Study(
    id="R13",
    claim="A network in which every neuron has one sign learns as well as one without.",
    source="Rossbroich, Gygax & Zenke 2022, doi:10.1088/2634-4386/ac97bb",
    minutes=3,
    run=run,
    missed="Mostly slow learning: three times as many epochs win more than half of it "
    "back, as in other networks with signs (Cornford et al. 2021, "
    "https://openreview.net/forum?id=eU776ZYxEpz). The start is not the cause, "
    "for the same weights, freed, learn as normal ones do. The recurrent "
    "network varies over seeds even without the law.",
)
