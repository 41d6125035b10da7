"""The two main jobs, as users run them: digits (R03) and spoken digits.

Both train by the library's own tasks, choose the epoch on validation data, read the
test set once, and are compared with a linear classifier of the same input.
"""

import shutil
import tempfile
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from study import RESULTS, Criterion, Finding, Study, emit, tell

from snnjax import tasks
from snnjax.datasets import digits
from snnjax.tasks import job


class Size(NamedTuple):
    seeds: int = 3
    epochs: int | None = None  # the task's own
    samples: int | None = None  # the first ones of each part; all


def logistic_regression() -> float:
    """Test accuracy of a linear classifier of the pixels; penalty by validation."""
    from sklearn.linear_model import LogisticRegression

    data = {split: digits(split) for split in ("train", "validation", "test")}
    fits = [
        LogisticRegression(C=c, max_iter=5000).fit(*map(np.asarray, data["train"]))
        for c in (0.01, 0.1, 1.0, 10.0, 100.0)
    ]
    best = max(fits, key=lambda fit: fit.score(*map(np.asarray, data["validation"])))
    return float(best.score(*map(np.asarray, data["test"])))


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


def run_digits(full: bool, size: Size = Size()) -> Finding:
    del full
    found = train(tasks.digits_task, "digits.png", size)
    found["logistic_regression_test_accuracy"] = round(logistic_regression(), 4)
    behind = 100 * (found["logistic_regression_test_accuracy"] - found["test_accuracy"])
    return Finding(
        found,
        [
            at_least("mean test accuracy", found["test_accuracy"], 0.95),
            Criterion(
                "points behind logistic regression on the pixels",
                round(behind, 2),
                "<= 3",
                behind <= 3,
            ),
        ],
    )


def run_spoken(full: bool, size: Size = Size()) -> Finding:
    del full
    tell("     (the data in SNNJAX_DATA; about 100 s for each of three seeds)")
    make_task = partial(tasks.spoken_digits_task, source="spikes")
    found = train(make_task, "spoken-digits.png", size)
    ahead = 100 * (found["test_accuracy"] - found["linear_readout_test_accuracy"])
    return Finding(
        found,
        [
            at_least("mean test accuracy", found["test_accuracy"], 0.78),
            Criterion(
                "points ahead of a linear readout of the same spikes",
                round(ahead, 1),
                "> 0",
                ahead > 0,
            ),
        ],
    )


def at_least(name, value, bound):
    return Criterion(name, round(value, 4), f">= {bound}", value >= bound)


STUDIES = (
    Study(
        id="R03",
        claim="Latency-coded handwritten digits are learned by one hidden layer.",
        source="Neftci, Mostafa & Zenke 2019, doi:10.1109/MSP.2019.2931595",
        minutes=1.5,
        run=run_digits,
        one_size=True,
    ),
    Study(
        id="spoken-digits",
        claim="A recurrent layer learns cochlea-coded speech that a linear readout "
        "does not.",
        source="Cramer et al. 2020, doi:10.1109/TNNLS.2020.3044364",
        minutes=6,
        run=run_spoken,
        one_size=True,
    ),
)
