"""What came of a task: numbers for the summary, and a page of figures."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from snnjax import plot
from snnjax.analysis import confusion
from snnjax.tasks.layers import in_words
from snnjax.tasks.prediction import Predictions
from snnjax.tasks.task import Task, as_read, class_names
from snnjax.training import Fit

_SILENT = (
    "The hidden layer never fires: its weights are too small for its input; see "
    "snnjax.networks.scale_to_rates"
)


def accuracies(fits: list[Fit], tests: list[Predictions]) -> dict[str, Any]:
    """What each network reached on test and validation data, and when."""
    reached = [test.accuracy for test in tests]
    best = [fit.best for fit in fits]
    return {
        "test_accuracy": float(np.mean(reached)),
        "test_accuracies": reached,
        "validation_accuracies": [row["validation_accuracy"] for row in best],
        "chosen_epochs": [fit.best_epoch for fit in fits],
        "equal_epochs": [_equal(fit) for fit in fits],
        "chance": tests[0].chance,
        "hidden_rates": [row["hidden_rate"] for row in best],
    }


def _equal(fit):
    """How many epochs did as well on validation data as the one that is kept."""
    name = "validation_accuracy"
    return sum(row[name] == fit.best[name] for row in fit.history)


def kept_epochs(summary: dict[str, Any]) -> str:
    """Which epoch of each network is kept, and which of several as good."""
    if summary["epoch"] == "last":
        return f"kept: epoch {summary['epochs']}, the last one"
    epochs, of = summary["chosen_epochs"], summary["epochs"]
    alike = summary.get("equal_epochs", [1] * len(epochs))  # of earlier runs
    each = ", ".join(
        f"{epoch}/{of}" + (f" (first of {n} equal ones)" if n > 1 else "")
        for epoch, n in zip(epochs, alike, strict=True)
    )
    return f"kept: epoch {each}, best on validation data"


def called(summary: dict[str, Any]) -> str:
    """A task by name, or one's own recordings by that of their folder."""
    return Path(summary["data"]).name if "data" in summary else summary["task"]


def overview(
    task: Task,
    history: list[dict[str, float]],
    weights: Any,
    test: Predictions,
    look: Callable,
    summary: dict[str, Any],
) -> Any:
    """A figure of how a network learned, what it confuses, and one sample seen by it.

    Args:
        task: whose network was trained, and whose first test sample to show.
        history: of the training.
        weights: that were kept.
        test: guesses on test data.
        look: ``(weights, xs) -> Activity``, as a rule compiled.
        summary: of the run.
    """
    network, part = task.network, task.parts["test"]
    xs = part.raster(np.arange(1), None)
    activity = look(weights, as_read(part, network).raster(np.arange(1), None))
    n = activity.v.shape[-1]
    return plot.report(
        history,
        confusion(test.labels, test.guesses, n),
        xs[:, 0].reshape(len(xs), -1),
        np.asarray(activity.spikes[:, 0]),
        np.asarray(activity.v[:, 0]),
        dt=network.dt,
        title=_title(test, summary),
        label=int(part.labels[0]) if part.labels.ndim == 1 else None,
        classes=class_names(task.classes, n),
    )


def _title(test, summary):
    title = (
        f"{called(summary)}: test accuracy {test.accuracy:.3f} (seed "
        f"{summary['seeds'][0]}), linear "
        f"readout {summary['linear_readout_test_accuracy']:.3f}"
        f"{in_words(summary.get('layers', {}))}"
    )
    if summary["hidden_rates"][0]:
        return title
    warnings.warn(_SILENT, stacklevel=2)
    return f"{title}\n{_SILENT}"
