"""What came of a task: numbers for the summary, and a page of figures."""

import warnings
from typing import Any

import numpy as np

from snnjax import plot
from snnjax.analysis import confusion
from snnjax.tasks.network import run
from snnjax.tasks.prediction import Predictions
from snnjax.tasks.task import Task, class_names
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
        "chance": tests[0].chance,
        "hidden_rates": [row["hidden_rate"] for row in best],
    }


def page(task: Task, fit: Fit, test: Predictions, title: str) -> Any:
    """A figure of how a network learned, what it confuses, and one sample seen by it.

    Args:
        task: whose network was trained, and whose first test sample to show.
        fit: its training.
        test: its guesses on test data.
        title: of the page.
    """
    network, part = task.network, task.parts["test"]
    xs = part.raster(np.arange(1), None)
    activity = run(network, fit.best_weights, xs)
    if not fit.best["hidden_rate"]:
        title += f"\n{_SILENT}"
        warnings.warn(_SILENT, stacklevel=2)
    n = activity.v.shape[-1]
    return plot.report(
        fit.history,
        confusion(test.labels, test.guesses, n),
        xs[:, 0].reshape(len(xs), -1),
        np.asarray(activity.spikes[:, 0]),
        np.asarray(activity.v[:, 0]),
        dt=network.dt,
        title=title,
        label=int(part.labels[0]) if part.labels.ndim == 1 else None,
        classes=class_names(task.classes, n),
    )
