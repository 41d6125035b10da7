"""How we find out: training, tasks, measures and figures."""

from snnjax.experiments import directions, fields, landscape, plot
from snnjax.experiments.gradients import (
    Agreement,
    agreement,
    finite_differences,
    slopes,
)
from snnjax.experiments.jacobian import (
    gradient_growth,
    spectral_norms,
    step_jacobians,
)
from snnjax.experiments.job import train
from snnjax.experiments.measure import (
    MembraneStatistics,
    confusion,
    describe,
    interspike_intervals,
    membrane_statistics,
)
from snnjax.experiments.task import Task
from snnjax.experiments.tasks import TASKS
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
    "Agreement",
    "Fit",
    "MembraneStatistics",
    "Task",
    "TrainState",
    "agreement",
    "confusion",
    "describe",
    "directions",
    "epoch_rows",
    "fields",
    "finite_differences",
    "fit",
    "gradient_growth",
    "interspike_intervals",
    "landscape",
    "make_step",
    "membrane_statistics",
    "plot",
    "slopes",
    "spectral_norms",
    "start",
    "step_jacobians",
    "train",
]
