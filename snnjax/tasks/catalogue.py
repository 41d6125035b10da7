"""The ready-made tasks, by name."""

from collections.abc import Callable
from functools import partial
from inspect import signature
from pathlib import Path
from typing import Any

from snnjax.tasks.braille import braille_task
from snnjax.tasks.chip import chip_task
from snnjax.tasks.digits import digits_task
from snnjax.tasks.ecg import ecg_task
from snnjax.tasks.mnist import mnist_task
from snnjax.tasks.n_mnist import n_mnist_task
from snnjax.tasks.own_data import own_data_task
from snnjax.tasks.spoken_digits import spoken_digits_task
from snnjax.tasks.task import Task
from snnjax.tasks.yin_yang import yin_yang_task

TASKS: dict[str, Callable[..., Task]] = {
    "digits": digits_task,
    "spoken-digits": spoken_digits_task,
    "braille": braille_task,
    "mnist": mnist_task,
    "n-mnist": n_mnist_task,
    "ecg": ecg_task,
    "yin-yang": yin_yang_task,
    "chip-digits": partial(chip_task, "digits"),
    "chip-mnist": partial(chip_task, "mnist"),
    "own-data": own_data_task,
}


def task_of(name: str, data: str | Path | None = None, **options: Any) -> Task:
    """The task of a name.

    Args:
        name: of the task.
        data: folder with its files; the usual ones if omitted.
        **options: of the task, as its ``options`` tell them.

    Raises:
        ValueError: for a name that there is not, data for digits or yin-yang, which
            need none, or options that the task does not have.
    """
    if name not in TASKS:
        raise ValueError(f"There is no task {name!r}; there are {', '.join(TASKS)}.")
    known = signature(TASKS[name]).parameters
    for option in options:
        if option not in known:
            raise ValueError(f"{name} has no option {option!r}.")
    if data is None and name == "own-data":
        raise ValueError("own-data is a folder or a file; name it.")
    if data is None:
        return TASKS[name](**options)
    if name == "yin-yang":
        raise ValueError("The points of yin-yang are made anew; they take no --data.")
    if name in ("digits", "chip-digits"):
        raise ValueError("The digits come with scikit-learn; they take no --data.")
    return TASKS[name](data, **options)
