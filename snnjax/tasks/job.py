"""Trains a task: real data in, a trained network and its report out.

One network is trained for each seed; its epoch is chosen on validation data, the test
set is read once at the end, and a folder keeps everything.
"""

import json
import time
from functools import partial
from pathlib import Path
from typing import Any

import jax

from snnjax import check, files, plot
from snnjax.tasks.fitting import fit_networks
from snnjax.tasks.linear import linear_baseline
from snnjax.tasks.network import scores
from snnjax.tasks.prediction import predict
from snnjax.tasks.report import accuracies, page
from snnjax.tasks.task import Task
from snnjax.training import environment


def train(
    task: Task,
    folder: str | Path,
    *,
    seeds: int = 1,
    epochs: int | None = None,
    progress: bool = True,
) -> dict[str, Any]:
    """Trains a task and leaves a folder: metrics, checkpoints, report, summary.

    Args:
        task: what to train.
        folder: where to; a run that was cut off there goes on.
        seeds: how many networks.
        epochs: of each; the task's own number if omitted.
        progress: whether to show it, on stderr.

    Returns:
        The summary, as in ``folder/summary.json``.

    Raises:
        FloatingPointError: if a network stops being finite.
        ValueError: if the folder holds another task's run, or a longer one.
        ImportError: without matplotlib, before anything is trained.
    """
    check.whole("seeds", seeds)
    epochs = task.schedule.epochs if epochs is None else epochs
    check.whole("epochs", epochs)
    plot.figure()  # fails here rather than after the training
    folder, network, parts = Path(folder), task.network, task.parts
    compiled = jax.jit(partial(scores, network))

    def validate(weights):
        return {"accuracy": predict(compiled, weights, parts["validation"]).accuracy}

    fits = fit_networks(
        network,
        parts["train"],
        validate,
        task.schedule._replace(epochs=epochs),
        seeds=seeds,
        folder=folder,
        name=task.name,
        progress=progress,
    )

    began = time.perf_counter()
    tests = [predict(compiled, fit.best_weights, parts["test"]) for fit in fits]
    linear = linear_baseline(parts)
    test_seconds = time.perf_counter() - began

    summary = {
        "task": task.name,
        **accuracies(fits, tests),
        "linear_readout_test_accuracy": linear,
        "train_seconds": sum(row["seconds"] for fit in fits for row in fit.history),
        "test_seconds": test_seconds,
        "epochs": epochs,
        "samples": {name: len(part.labels) for name, part in parts.items()},
        **task.notes,
        **environment(),
    }
    files.write_text(folder / "summary.json", json.dumps(summary, indent=2) + "\n")

    title = (
        f"{task.name}: test accuracy {tests[0].accuracy:.3f} (seed 0), "
        f"linear readout {linear:.3f}"
    )
    figure = page(network, fits[0], tests[0], parts["test"], title)
    figure.savefig(folder / "report.png", dpi=150)
    return summary
