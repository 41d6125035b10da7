"""Digits before an event camera that moves, by the library's own task."""

from functools import partial

from benchmarks.studies.shared.recorded_tasks import run_task
from benchmarks.study import Study
from snnjax import tasks

STUDY = Study(
    id="n-mnist",
    claim="Two convolutional layers learn digits before a moving event camera from "
    "some hundred recordings.",
    source="Orchard et al. 2015, doi:10.3389/fnins.2015.00437",
    minutes=5,
    run=partial(run_task, tasks.n_mnist_task, "n-mnist", 0.90),
    one_size=True,
)
