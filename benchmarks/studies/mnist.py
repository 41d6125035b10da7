"""Handwritten digits as one spike of each bright pixel, by the library's own task."""

from functools import partial

from benchmarks.studies.shared.recorded_tasks import run_task
from benchmarks.study import Study
from snnjax import tasks

STUDY = Study(
    id="mnist",
    claim="Handwritten digits are learned from one spike or none of each pixel.",
    source="LeCun et al. 1998, doi:10.1109/5.726791",
    minutes=2.5,
    run=partial(run_task, tasks.mnist_task, "mnist", 0.97),
    one_size=True,
)
