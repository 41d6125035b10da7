"""How we find out: training, tasks, measures and figures."""

from snnjax.experiments import directions, fields, landscape, plot
from snnjax.experiments.correlations import (
    ByDistance,
    Waves,
    by_distance,
    correlation_index,
    spike_trains,
    tiling,
    tilings,
    waves,
)
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
    "ByDistance",
    "Fit",
    "MembraneStatistics",
    "Task",
    "TrainState",
    "Waves",
    "agreement",
    "by_distance",
    "confusion",
    "correlation_index",
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
    "spike_trains",
    "start",
    "step_jacobians",
    "tiling",
    "tilings",
    "train",
    "waves",
]
