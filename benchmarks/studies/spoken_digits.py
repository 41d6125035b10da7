"""Spoken digits of the cochlea that made them, by the library's own task."""

from functools import partial

from benchmarks.report import tell
from benchmarks.studies.shared.recorded_tasks import (
    Size,
    accuracy,
    ahead_of_linear,
    train,
)
from benchmarks.study import Finding, Study
from snnjax import tasks


def run(full: bool, size: Size = Size()) -> Finding:
    del full
    tell("     (the data in SNNJAX_DATA; about 100 s for each of three seeds)")
    make_task = partial(tasks.spoken_digits_task, source="spikes")
    found = train(make_task, "spoken-digits.png", size)
    return Finding(found, [accuracy(found, 0.78), ahead_of_linear(found, digits=1)])


STUDY = Study(
    id="spoken-digits",
    claim="A recurrent layer learns cochlea-coded speech that a linear readout "
    "does not.",
    source="Cramer et al. 2020, doi:10.1109/TNNLS.2020.3044364",
    minutes=6,
    run=run,
    one_size=True,
)
