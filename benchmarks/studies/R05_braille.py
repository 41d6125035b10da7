"""R05: Braille letters under four taxels, with recurrence and without."""

from functools import partial

from benchmarks.criterion import above
from benchmarks.studies.shared.recorded_tasks import (
    Size,
    accuracy,
    ahead_of_linear,
    train,
)
from benchmarks.study import Finding, Study
from snnjax import tasks
from snnjax.learning import max_over_time


def run(full: bool, size: Size = Size()) -> Finding:
    """The layer with and without recurrence, and both again with another readout."""
    del full
    found, criteria = {}, []
    for name, reader in {"mean": braille, "highest": braille_as_published}.items():
        figure = "braille.png" if reader is braille else None
        both = {
            "recurrent": train(partial(reader, True), figure, size),
            "feed-forward": train(partial(reader, False), None, size),
        }
        hits, control = (runs["test_accuracy"] for runs in both.values())
        criteria += [
            accuracy(both["recurrent"], 0.93, f"{name} voltage: mean test accuracy"),
            above(
                f"{name} voltage: points a feed-forward layer is behind",
                *(100 * (hits - control), 0),
            ),
        ]
        found[f"{name} voltage"] = both
    return Finding(
        found, [*criteria, ahead_of_linear(found["mean voltage"]["recurrent"])]
    )


def braille(recurrence):
    return tasks.braille_task(recurrence=recurrence)


def braille_as_published(recurrence):
    task = braille(recurrence)
    return task._replace(
        network=task.network._replace(readout=max_over_time),
        schedule=task.schedule._replace(epochs=100),
    )


STUDY = Study(
    id="R05",
    claim="A recurrent layer reads Braille letters under a fingertip, better than "
    "one without recurrence.",
    source="Müller-Cleve et al. 2022, doi:10.3389/fnins.2022.951164",
    minutes=5,
    run=run,
    one_size=True,
    missed="From the highest voltage a sample teaches one step of time. After 100 "
    "epochs its networks still differ by 7 points over seeds, while means over "
    "time learn to 0.975 in 40. Behind the linear readout is a quarter of a "
    "point of 270 test samples, less than one of them.",
)
