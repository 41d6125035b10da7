"""R29: what does a network gain if its epoch is chosen on the clips that test it?

Published accuracies on spoken digits are often the best of all epochs on the test set,
which has no validation part. Here the nine networks of R28 are read three times: after
their last epoch, after the one that does best on validation clips, and after the one
that does best on test clips (the first such one). Differences are within each network;
their intervals of 95 % are those of a bootstrap over networks and test clips, which are
the same for all.
"""

from typing import Any

import numpy as np

from benchmarks.criterion import above, at_least
from benchmarks.report import emit
from benchmarks.studies.R28_delays_adaptation import COLORS, RESAMPLED, default
from benchmarks.studies.shared import speech
from benchmarks.studies.shared.speech import Trained
from benchmarks.study import Finding, Study
from snnjax import plot

CHOICES = "last", "best on validation", "best on test"


def run(full: bool, size: Any = default) -> Finding:
    """``size`` makes a plan; its networks are those of R28."""
    del full
    found = speech.trained(size)
    hits = np.concatenate([chosen(each) for each in found.values()])
    points = 100 * hits.mean(axis=2)  # [networks, choices]
    summary = {
        choice: {
            "test_accuracy": round(float(points[:, k].mean()) / 100, 4),
            "test_accuracies": (points[:, k] / 100).round(4).tolist(),
        }
        for k, choice in enumerate(CHOICES)
    }
    summary["differences"] = {
        f"{CHOICES[a]} less {CHOICES[b]}": difference(hits[:, a], hits[:, b])
        for a, b in ((2, 1), (2, 0), (1, 0))
    }
    summary["networks"] = [name for name, each in found.items() for _ in each.fits]
    emit(**summary["differences"])
    inflated = summary["differences"][f"{CHOICES[2]} less {CHOICES[1]}"]
    criteria = [
        at_least(
            "points gained by choosing on test clips, not on validation",
            inflated["mean"],
            1,
        ),
        above("the same, lower end of its interval", inflated["interval"][0], 0),
    ]
    return Finding(summary, criteria, figure(points, summary["networks"]))


def chosen(each: Trained) -> np.ndarray:
    """Hits of each seed at each choice, ``[seeds, choices, clips]``."""
    rows = []
    for fit, hits in zip(each.fits, each.hits, strict=True):
        validated = [row["validation_accuracy"] for row in fit.history]
        epochs = -1, int(np.argmax(validated)), int(np.argmax(hits.mean(axis=1)))
        rows.append(hits[list(epochs)])
    return np.stack(rows)


def difference(one: np.ndarray, other: np.ndarray) -> dict[str, Any]:
    """Points between two choices, and between what 95 of 100 resamplings lie."""
    gaps, rng = one.astype(float) - other, np.random.default_rng(0)
    networks, clips = gaps.shape
    means = []
    for _ in range(RESAMPLED):
        rows = rng.integers(networks, size=networks)
        means.append(gaps[np.ix_(rows, rng.integers(clips, size=clips))].mean())
    low, high = 100 * np.quantile(means, (0.025, 0.975))
    return {
        "mean": round(100 * float(gaps.mean()), 2),
        "interval": [round(float(low), 2), round(float(high), 2)],
        "of_each": (100 * gaps.mean(axis=1)).round(2).tolist(),
    }


def figure(points: np.ndarray, networks: list[str]):
    drawn, axes = plot.figure(1, 1, (6.5, 4.2))
    ax = axes[0, 0]
    named = set()
    for name, row in zip(networks, points, strict=True):
        label = None if name in named else name
        ax.plot(range(len(CHOICES)), row, "o-", color=COLORS[name], label=label)
        named.add(name)
    ax.plot(range(len(CHOICES)), points.mean(axis=0), "k_", markersize=40)
    ax.set(xticks=range(len(CHOICES)), ylabel="test accuracy (%)")
    ax.set_xticklabels(CHOICES)
    ax.set_title("one epoch of each network, chosen in three ways; bars: means")
    ax.legend(frameon=False)
    return drawn


STUDY = Study(
    id="R29",
    claim="Choosing an epoch on the test set adds a point or more.",
    source="what published accuracies on the Spiking Heidelberg Digits leave out",
    minutes=0.1,
    run=run,
    one_size=True,
)
