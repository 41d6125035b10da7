"""Recorded data by the library's own tasks, as users train them.

The epoch is chosen on validation data, the test set is read once, and every network is
compared with a linear classifier of the same input.
"""

import shutil
import tempfile
from pathlib import Path
from typing import NamedTuple

from benchmarks.criterion import Criterion, above, at_least
from benchmarks.report import RESULTS, emit
from benchmarks.study import Finding
from snnjax.tasks import job


class Size(NamedTuple):
    seeds: int = 3
    epochs: int | None = None  # the task's own
    samples: int | None = None  # the first ones of each part; all


def train(make_task, figure_name: str | None, size: Size) -> dict:
    """Trains in a folder of its own and keeps the report beside the results."""
    task = first(make_task(), size.samples)
    with tempfile.TemporaryDirectory() as folder:
        found = job.train(
            task, folder, seeds=size.seeds, epochs=size.epochs, progress=False
        )
        if figure_name is not None and size.epochs is size.samples is None:
            shutil.copy(Path(folder) / "report.png", RESULTS / figure_name)
    kept = ("test_accuracy", "test_accuracies", "validation_accuracies", "epochs")
    linear = "linear_readout_test_accuracy"
    kept = (*kept, linear, "chance", "samples", "train_seconds")
    emit(task=found["task"], **{k: found[k] for k in kept})
    return rounded({k: found[k] for k in kept})


def first(task, samples: int | None):
    """The task with no more samples in each part."""
    parts = task.parts.items()
    return task._replace(
        parts={k: part._replace(labels=part.labels[:samples]) for k, part in parts}
    )


def rounded(value):
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, list):
        return [rounded(v) for v in value]
    if isinstance(value, dict):
        return {k: rounded(v) for k, v in value.items()}
    return value


def run_task(make_task, name, bound, full: bool, size: Size = Size()) -> Finding:
    """A study of one task: its accuracy, and how far ahead of a linear readout."""
    del full
    found = train(make_task, f"{name}.png", size)
    hits = accuracy(found, bound)
    return Finding(found, [hits, ahead_of_linear(found)])


def accuracy(found, bound: float, name: str = "mean test accuracy") -> Criterion:
    return at_least(name, found["test_accuracy"], bound, digits=4)


def ahead_of_linear(found, digits: int = 2) -> Criterion:
    ahead = found["test_accuracy"] - found["linear_readout_test_accuracy"]
    name = "points ahead of a linear readout of the same spikes"
    return above(name, 100 * ahead, 0, digits)
