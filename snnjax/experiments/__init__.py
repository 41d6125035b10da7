"""How we find out: training, tasks, measures and figures."""

from snnjax.experiments import plot
from snnjax.experiments.job import train
from snnjax.experiments.measure import confusion, describe, interspike_intervals
from snnjax.experiments.tasks import TASKS, Task
from snnjax.experiments.train import (
    Fit,
    TrainState,
    epoch_rows,
    fit,
    make_step,
    start,
)

__all__ = [
    "TASKS",
    "Fit",
    "Task",
    "TrainState",
    "confusion",
    "describe",
    "epoch_rows",
    "fit",
    "interspike_intervals",
    "make_step",
    "plot",
    "start",
    "train",
]
