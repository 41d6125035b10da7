"""How well does a finished training do, read again?"""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np

from snnjax.analysis import confusion
from snnjax.tasks.network import scores
from snnjax.tasks.prediction import predict
from snnjax.tasks.runs import load_run
from snnjax.tasks.task import Task, as_read


def evaluate(run: str | Path, *, data: str | Path | None = None) -> dict[str, Any]:
    """Tests the networks of a finished training on the test part of its task.

    Args:
        run: folder that ``train`` left.
        data: folder with the files of the task; the usual ones if omitted.

    Returns:
        ``"seeds"``, the ``"test_accuracies"`` of each and their mean, ``"chance"``, how
        many ``"samples"``, ``"classes"``, their names, and ``"recall"``, the share of
        each that was found, as a mean over seeds (NaN for a class without samples).

    Raises:
        FileNotFoundError: if there is no such folder, or no data.
        ValueError: as ``load_run``.
    """
    return tested(*load_run(run, data))


def tested(task: Task, weights: Mapping[str, Any]) -> dict[str, Any]:
    """What networks make of the test part of a task, as ``evaluate`` tells it.

    Args:
        task: with the network.
        weights: of each seed, by ``"seed0"`` and so on.
    """
    compiled = jax.jit(partial(scores, task.network))
    part = as_read(task.parts["test"], task.network)
    tests = [predict(compiled, each, part) for each in weights.values()]
    classes = len(task.classes)
    counts = np.sum([confusion(t.labels, t.guesses, classes) for t in tests], axis=0)
    found = np.full(classes, np.nan)
    np.divide(np.diag(counts), counts.sum(1), out=found, where=counts.sum(1) > 0)
    return {
        "task": task.name,
        "seeds": [int(name.removeprefix("seed")) for name in weights],
        "test_accuracies": [test.accuracy for test in tests],
        "test_accuracy": float(np.mean([test.accuracy for test in tests])),
        "chance": tests[0].chance,
        "samples": len(task.parts["test"].labels),
        "classes": list(task.classes),
        "recall": found.tolist(),
    }
