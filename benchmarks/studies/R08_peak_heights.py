"""R08: how high a surrogate may be depends on where its gradient flows.

A shape of peak 1 and one of peak β, 1 and β times 1 / (1 + β·|v|)², in networks whose
gradient does or does not pass through the reset and through recurrent synapses. What
training makes of it, and what is known before: the Jacobians along the trajectories of
the untrained network, and the norm of its first gradient. Adam divides a gradient by
its own size, so that a gradient of any size trains well as long as its direction is
good: an explosion shows in the accuracy because few neurons and samples, those that
happened to be close to threshold, drown out all others.
"""

from itertools import product
from typing import NamedTuple

import jax
import numpy as np
import optax

from benchmarks.criterion import above, at_least, at_most, growing
from benchmarks.report import emit, tell
from benchmarks.studies.shared.gradient_networks import (
    Paths,
    first_gradient,
    jacobians,
    mean_square,
    network,
    superspike,
)
from benchmarks.studies.shared.manifolds import DT, Manifolds, data, train
from benchmarks.study import Finding, Study
from snnjax import plot
from snnjax.training import sweep

PEAKS = ("peak 1", "peak β")
CLOSED, OPEN = Paths(reset=False), Paths(reset=True)
ALONE, LOOP, BOTH = Paths(False, False), Paths(False, True), Paths(True, True)
NAMES = {
    CLOSED: "reset out",
    OPEN: "reset in",
    ALONE: "recurrent,\nboth out",
    LOOP: "recurrent in",
    BOTH: "recurrent\nand reset in",
}


class Size(NamedTuple):
    task: Manifolds = Manifolds(epochs=20)  # a pilot of 30 gave the same verdicts
    hidden: int = 100
    slopes: tuple[float, ...] = (10.0, 100.0)
    rates: tuple[float, ...] = (5e-3, 2e-2)
    seeds: int = 3
    nets: tuple[tuple[int, Paths], ...] = (  # hidden layers, and where gradients go
        *product((1, 2), (CLOSED, OPEN)),
        *product((1,), (ALONE, LOOP, BOTH)),
    )
    measured: tuple[float, ...] = (1.0, 3.0, 10.0, 30.0, 100.0)  # slopes, untrained
    samples: int = 32  # for the Jacobians of each seed
    coupled_samples: int = 2  # the same, of recurrent layers


FULL = Size(
    task=Manifolds(samples=1000),
    slopes=(1.0, 3.0, 10.0, 30.0, 100.0),
    rates=(2e-3, 5e-3, 2e-2, 5e-2),
    seeds=5,
    nets=tuple(product((1, 2, 3), NAMES)),
)


def keyed(seed):
    return jax.random.fold_in(jax.random.key(8), seed)


def trained(size: Size, layers: int, paths: Paths) -> np.ndarray:
    """Test accuracies ``[slopes, peaks, seeds]``, each at its best learning rate."""

    def one(slope, peaked, rate, seed):
        key_data, key = jax.random.split(keyed(seed))
        shape = superspike(slope, peaked)
        net = network(size.task, size.hidden, layers, paths, shape)
        found = train(size.task, net, data(size.task, key_data), rate, key)
        return found.validation, found.test

    columns = {"slope": size.slopes, "peaked": (False, True), "rate": size.rates}
    validation, test = sweep(one, **columns, seed=range(size.seeds)).grid()
    best = np.argmax(validation.mean(axis=-1), axis=-1)[..., None, None]
    return np.take_along_axis(test, best, axis=2)[:, :, 0].astype(float)


def untrained(size: Size, paths: Paths) -> tuple[np.ndarray, ...]:
    """Over slopes, peaks and seeds: first gradients, and what Jacobians show."""
    coupled = paths.recurrent is not None
    samples = size.coupled_samples if coupled else size.samples

    def one(slope, peaked, seed):
        key_data, key = jax.random.split(keyed(seed))
        drawn = data(size.task, key_data)
        net = network(size.task, size.hidden, 1, paths, superspike(slope, peaked))
        norm = optax.tree.norm(first_gradient(size.task, net, drawn, key))
        times = drawn.train.times[:samples]
        return norm, *jacobians(size.task, net, times, key, coupled=coupled)

    columns = {"slope": size.measured, "peaked": (False, True)}
    norms, largest, growth = sweep(one, **columns, seed=range(size.seeds)).grid()
    return norms, largest.max(axis=2), np.asarray(mean_square(growth, axis=2))


def run(full: bool, size: Size | None = None) -> Finding:
    size = size or (FULL if full else Size())
    ways = dict.fromkeys(paths for _, paths in size.nets)
    before = {paths: untrained(size, paths) for paths in ways}
    hits = {}
    for layers, paths in size.nets:
        hits[layers, paths] = trained(size, layers, paths)
        name = NAMES[paths].replace("\n", " ")
        for (k, slope), (p, peak) in product(enumerate(size.slopes), enumerate(PEAKS)):
            row = hits[layers, paths][k, p]
            emit(
                layers=layers,
                gradient=name,
                slope=slope,
                peak=peak,
                test=row.round(4).tolist(),
            )
            tell(
                f"     {layers} layer(s), {name:<24} slope {slope:3g}, {peak}: "
                f"{row.mean():.3f}"
            )
    return Finding(
        summary(size, before, hits),
        criteria(size, before, hits),
        figure(size, before, hits),
    )


def ratios(before):
    """Gradient with the reset over that without, measured and by Jacobians."""
    norms, _, growth = before[OPEN]
    others, _, calm = before[CLOSED]
    measured = np.exp(np.log(norms / others).mean(axis=-1))
    expected = mean_square(growth, axis=-1) - mean_square(calm, axis=-1)
    return measured, np.exp(np.asarray(expected))


def summary(size, before, hits):
    measured, expected = ratios(before)
    both = np.log([measured.ravel(), expected.ravel()])
    return {
        "slopes_untrained": size.measured,
        "peaks": PEAKS,
        "gradient_with_reset_over_without": measured.astype(float).round(3).tolist(),
        "by_jacobians": expected.astype(float).round(3).tolist(),
        "correlation_of_their_logarithms": round(float(np.corrcoef(both)[0, 1]), 3),
        "untrained": {
            plain(paths): {
                "largest_factor_of_a_step": largest.astype(float).round(2).tolist(),
                "largest_growth_log10": log10_largest(growth).round(2).tolist(),
            }
            for paths, (_, largest, growth) in before.items()
        },
        "slopes": size.slopes,
        "test_accuracy": {
            f"{layers} layer(s), {plain(paths)}": found.mean(axis=-1).round(4).tolist()
            for (layers, paths), found in hits.items()
        },
        "standard_error": {
            f"{layers} layer(s), {plain(paths)}": (found.std(axis=-1) / size.seeds**0.5)
            .round(4)
            .tolist()
            for (layers, paths), found in hits.items()
        },
    }


def plain(paths):
    return NAMES[paths].replace("\n", " ")


def log10_largest(growth):
    return (growth.max(axis=-1) / np.log(10)).astype(float)


def criteria(size, before, hits):
    points = {net: 100 * found.mean(axis=-1) for net, found in hits.items()}
    lost = points[1, CLOSED] - points[1, OPEN]  # [slopes, peaks]
    apart = float(np.abs(lost[:, 0]).max())
    behind = float((points[1, ALONE] - points[1, LOOP])[:, 0].max())
    above_chance = float(points[1, LOOP][-1, 1] - 100 / size.task.classes)
    measured = ratios(before)[0][:, 1]
    growth = log10_largest(before[OPEN][2])
    calm, wild = float(growth[:, 0].max()), float(growth[-1, 1])
    return [
        at_most("peak 1: points apart with and without the reset's gradient", apart, 3),
        at_least(
            f"peak β = {size.slopes[-1]:g}: points that the reset's gradient costs",
            float(lost[-1, 1]),
            10,
        ),
        at_most(
            f"peak β = {size.slopes[-1]:g}, recurrent gradient: points above chance",
            above_chance,
            10,
        ),
        at_most("peak 1: points that the recurrent gradient costs", behind, 5),
        growing(
            f"peak β = {', '.join(f'{k:g}' for k in size.measured)}: gradient with "
            "the reset over that without",
            measured.astype(float),
            "β",
        ),
        at_most(
            "peak 1: largest growth by Jacobians with the reset, powers of ten", calm, 0
        ),
        above(f"peak β = {size.measured[-1]:g}: the same", wild, 0),
    ]


CASES = {  # paths, peak, style
    "reset out, peak 1": (CLOSED, 0, "#0072b2", "-"),
    "reset out, peak β": (CLOSED, 1, "#56b4e9", "--"),
    "reset in, peak 1": (OPEN, 0, "#009e73", "-"),
    "reset in, peak β": (OPEN, 1, "#d55e00", "-"),
    "recurrent in, peak 1": (LOOP, 0, "0.3", ":"),
    "recurrent in, peak β": (LOOP, 1, "#cc79a7", "-"),
}
BARS = (("#0072b2", "#56b4e9"), ("#d55e00", "#e69f00"))  # by peak, then slope


def figure(size, before, hits):
    drawn, axes = plot.figure(1, 3, (15.0, 4.2))
    bars(axes[0, 0], size, hits)
    slope = size.measured[-1]
    for name, (paths, peak, color, style) in CASES.items():
        curve = before[paths][2][-1, peak] / np.log(10)
        time = 1e3 * DT * np.arange(1, len(curve) + 1)
        axes[0, 1].plot(time, curve, style, color=color, label=name)
    axes[0, 1].axhline(0, color="0.6", lw=0.8)
    axes[0, 1].set(xlabel="time travelled (ms)", ylabel="growth, powers of ten")
    axes[0, 1].set_title(f"products of Jacobians, β = {slope:g}", fontsize=10)
    axes[0, 1].legend(frameon=False)
    measured, expected = ratios(before)
    for peak, color in enumerate(("#009e73", "#d55e00")):
        ax, name = axes[0, 2], PEAKS[peak]
        ax.loglog(size.measured, measured[:, peak], "o-", color=color, label=name)
        ax.loglog(size.measured, expected[:, peak], "x:", color=color)
    axes[0, 2].axhline(1, color="0.6", lw=0.8)
    axes[0, 2].set(xlabel="slope β", ylabel="with the reset / without")
    axes[0, 2].set_title("first gradient (●) and Jacobians (×)", fontsize=10)
    axes[0, 2].legend(frameon=False)
    return drawn


def bars(ax, size, hits):
    """Accuracy of every network: a group of bars for each, a bar for each shape."""
    shapes = [*product(range(len(PEAKS)), range(len(size.slopes)))]
    width = 0.8 / len(shapes)
    for b, (peak, k) in enumerate(shapes):
        color = BARS[peak][min(k, 1)]
        heights = [found[k, peak].mean() for found in hits.values()]
        errors = [found[k, peak].std() / size.seeds**0.5 for found in hits.values()]
        at = np.arange(len(hits)) + (b - len(shapes) / 2 + 0.5) * width
        label = f"{PEAKS[peak]}, β = {size.slopes[k]:g}"
        ax.bar(at, heights, 0.9 * width, yerr=errors, color=color, label=label)
    ax.axhline(1 / size.task.classes, color="0.4", ls=":")
    names = [f"{NAMES[paths]}\n{layers} layer(s)" for layers, paths in hits]
    ax.set(xticks=range(len(hits)), ylim=(0, 1.3), ylabel="test accuracy")
    ax.set_xticklabels(names, fontsize=6.5)
    ax.set_title("dotted: chance", fontsize=10)
    ax.legend(frameon=False, ncols=2, fontsize=8)


STUDY = Study(
    id="R08",
    claim="A surrogate of peak β explodes once its gradient passes the reset or "
    "recurrent synapses; one of peak 1 does not.",
    source="Zenke & Vogels 2021, doi:10.1162/neco_a_01367",
    minutes=6,
    run=run,
    missed="Adam bounds every step, so that something is learned with an exploded "
    "gradient too. And the reset's term is negative: a low peak takes away from "
    "the first gradient before a high one makes it explode, until a steep shape "
    "is high in so narrow a range that ever fewer neurons meet it. Jacobians "
    "show the latter as well.",
)
