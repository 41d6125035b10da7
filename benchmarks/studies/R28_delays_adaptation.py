"""R28: do adaptive neurons and delays read speech better than leaky neurons in a loop?

Spoken digits in 140 channels and bins of 10 ms are read by one layer: recurrent leaky
neurons, recurrent adaptive ones that learn their constants, or leaky neurons behind
synapses that learn delays. All have 74 000 weights, dropout (leaky neurons if they do
better with it), clips that are moved and jittered, and Adam over 60 epochs, whose last
is taken.

Each model has a recipe of its own: of a small grid, the one that does best on
validation clips after 20 epochs, on average over the last five. Delays are whole steps
when tested, exactly; they are tested as they were learned, too, as narrow Gaussians.
Margins have intervals of 95 %, from a bootstrap over test clips and seeds. There is no
bound on a margin over recurrent leaky neurons: it is told, whatever it is.
"""

from functools import partial
from typing import Any

import jax
import numpy as np

from benchmarks.criterion import at_least, at_most
from benchmarks.studies.shared import speech
from benchmarks.studies.shared.speech import Plan, Trained
from benchmarks.study import Finding, Study
from snnjax import plot
from snnjax.tasks.network import scores
from snnjax.tasks.prediction import predict

COLORS = {"recurrent LIF": "#d55e00", "adLIF": "#0072b2", "delays": "#009e73"}
PLAIN, RESAMPLED = "recurrent LIF", 10_000


def default() -> Plan:
    return speech.PLAN


def run(full: bool, size: Any = default) -> Finding:
    """``size`` makes a plan; studies given the same one share its networks."""
    del full
    found = speech.trained(size)
    accuracy = {name: float(each.last.mean()) for name, each in found.items()}
    summary = {name: told(each) for name, each in found.items()}
    summary["margins"] = {
        f"points {name} is ahead of {PLAIN}": margin(found[name], found[PLAIN])
        for name in ("adLIF", "delays")
    }
    unrounded = as_learned(size(), found["delays"])
    cost = 100 * (np.mean(unrounded) - accuracy["delays"])
    summary["delays"]["test_accuracies_not_rounded"] = np.round(unrounded, 4).tolist()
    criteria = [
        at_least(f"{name}: mean test accuracy", accuracy[name], 0.83, digits=4)
        for name in ("adLIF", "delays")
    ]
    criteria.append(at_most("points that rounding the delays costs", cost, 1))
    return Finding(summary, criteria, figure(found))


def told(each: Trained) -> dict[str, Any]:
    tests = each.last.mean(axis=1)
    rows = [fit.history[-1] for fit in each.fits]
    return {
        "recipe": each.recipe.told,
        "validation_accuracies_tried": each.tried,
        "weights": each.weights,
        "test_accuracy": round(float(tests.mean()), 4),
        "test_accuracies": tests.round(4).tolist(),
        "validation_accuracies": [round(r["validation_accuracy"], 4) for r in rows],
        "training_loss": [round(r["loss"], 4) for r in rows],
        "hidden_rates": [round(r["hidden_rate"], 2) for r in rows],
        "train_seconds": round(sum(r["seconds"] for f in each.fits for r in f.history)),
    }


def margin(one: Trained, other: Trained) -> dict[str, Any]:
    """How many points one is ahead, and between what 95 of 100 resamplings lie."""
    rng = np.random.default_rng(0)
    gaps = one.last.astype(float) - other.last  # [seeds, clips]: seeds are pairs
    seeds, clips = gaps.shape
    means = [
        gaps[np.ix_(rng.integers(seeds, size=seeds), rng.integers(clips, size=clips))]
        for _ in range(RESAMPLED)
    ]
    low, high = np.quantile([each.mean() for each in means], (0.025, 0.975))
    return {
        "mean": round(100 * float(gaps.mean()), 2),
        "interval": [round(100 * float(low), 2), round(100 * float(high), 2)],
    }


def as_learned(plan: Plan, delays: Trained) -> list[float]:
    """Test accuracy of each seed with synapses as narrow as they were in the end."""
    compiled = jax.jit(partial(scores, delays.recipe.spread(delays.size)))
    test = plan.data().parts["test"]
    return [predict(compiled, f.state.weights, test).accuracy for f in delays.fits]


def figure(found: dict[str, Trained]):
    drawn, axes = plot.figure(1, 2, (11.0, 4.2))
    left, right = axes[0]
    for k, (name, each) in enumerate(found.items()):
        color = COLORS[name]
        for row in each.hits.mean(axis=2):
            left.plot(1 + np.arange(len(row)), row, color=color, alpha=0.3, lw=0.8)
        mean = each.hits.mean(axis=(0, 2))
        left.plot(1 + np.arange(len(mean)), mean, color=color, label=name)
        tests = each.last.mean(axis=1)
        right.bar(k, tests.mean(), color=color, alpha=0.5)
        right.plot(k + np.linspace(-0.2, 0.2, len(tests)), tests, "o", color=color)
    left.set(xlabel="epoch", ylabel="test accuracy", ylim=(0, 1.02))
    left.set_title("after each epoch, for the record", fontsize=10)
    left.legend(frameon=False)
    right.axhline(0.83, color="0.5", linestyle=":")
    right.set(ylim=(0, 1.02), ylabel="test accuracy", xticks=range(len(found)))
    right.set_xticklabels(list(found))
    right.set_title("last epoch, whole delays; dots: seeds", fontsize=10)
    return drawn


STUDY = Study(
    id="R28",
    claim="Recurrent neurons that adapt, and delays without recurrence, read speech.",
    source="Bittar & Garner 2022, doi:10.3389/fnins.2022.865897; Hammouamri et al. "
    "2024, doi:10.48550/arXiv.2306.17670",
    minutes=30,
    run=run,
    one_size=True,
    missed="Both within the errors of 300 test clips, two points for a network. At the"
    " end of learning a synapse between two lags still reaches both, which "
    "rounding takes from it.",
)
