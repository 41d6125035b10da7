"""Segments of heartbeats, told step by step, by the library's own task."""

from benchmarks.criterion import above
from benchmarks.studies.shared.recorded_tasks import (
    Size,
    ahead_of_linear,
    train,
)
from benchmarks.study import Finding, Study
from snnjax import tasks


def run(full: bool, size: Size = Size()) -> Finding:
    """Accuracy is that of single steps, those of no segment left out."""
    del full
    found = train(tasks.ecg_task, "ecg.png", size)
    ahead = 100 * (found["test_accuracy"] - found["chance"])
    name = "points ahead of the most frequent segment"
    return Finding(found, [ahead_of_linear(found), above(name, ahead, 0)])


STUDY = Study(
    id="ecg",
    claim="A recurrent layer tells the segments of a heartbeat, step by step, "
    "better than traces of the same spikes do.",
    source="Yin, Corradi & Bohte 2021, doi:10.1038/s42256-021-00397-w",
    minutes=3,
    run=run,
    one_size=True,
)
