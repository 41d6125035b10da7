"""The ready-made tasks, by name: real data, how it becomes spikes, what reads them.

``job.train`` does the rest.
"""

from collections.abc import Callable

from snnjax.experiments.image_tasks import digits_task, mnist_task, n_mnist_task
from snnjax.experiments.signal_tasks import braille_task, ecg_task, spoken_digits_task
from snnjax.experiments.task import Task

TASKS: dict[str, Callable[..., Task]] = {
    "digits": digits_task,
    "spoken-digits": spoken_digits_task,
    "braille": braille_task,
    "mnist": mnist_task,
    "n-mnist": n_mnist_task,
    "ecg": ecg_task,
}
