"""Recorded data, by the library's own tasks: touch (R05), sight, and heartbeats.

As in ``main_jobs``, the epoch is chosen on validation data, the test set is read once,
and every network is compared with a linear classifier of the same spikes.
"""

from functools import partial

from main_jobs import Size, at_least, train
from study import Criterion, Finding, Study

from snnjax import tasks
from snnjax.learning import max_over_time


def run_braille(full: bool, size: Size = Size()) -> Finding:
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
            at_least(f"{name} voltage: mean test accuracy", hits, 0.93),
            above_zero(
                f"{name} voltage: points a feed-forward layer is behind", hits - control
            ),
        ]
        found[f"{name} voltage"] = both
    return Finding(
        found, [*criteria, ahead_of_linear(found["mean voltage"]["recurrent"])]
    )


def braille(recurrence):
    return tasks.braille_task(recurrence=recurrence)


def braille_as_published(recurrence):
    return braille(recurrence)._replace(readout=max_over_time, epochs=100)


def run_digits(make_task, name, bound, full: bool, size: Size = Size()) -> Finding:
    del full
    found = train(make_task, f"{name}.png", size)
    hits = at_least("mean test accuracy", found["test_accuracy"], bound)
    return Finding(found, [hits, ahead_of_linear(found)])


def run_ecg(full: bool, size: Size = Size()) -> Finding:
    """Accuracy is that of single steps, those of no segment left out."""
    del full
    found = train(tasks.ecg_task, "ecg.png", size)
    chance = found["test_accuracy"] - found["chance"]
    ahead = above_zero("points ahead of the most frequent segment", chance)
    return Finding(found, [ahead_of_linear(found), ahead])


def ahead_of_linear(found):
    ahead = found["test_accuracy"] - found["linear_readout_test_accuracy"]
    return above_zero("points ahead of a linear readout of the same spikes", ahead)


def above_zero(name, difference):
    return Criterion(name, round(100 * difference, 2), "> 0", difference > 0)


STUDIES = (
    Study(
        id="R05",
        claim="A recurrent layer reads Braille letters under a fingertip, better than "
        "one without recurrence.",
        source="Müller-Cleve et al. 2022, doi:10.3389/fnins.2022.951164",
        minutes=5,
        run=run_braille,
        one_size=True,
    ),
    Study(
        id="n-mnist",
        claim="Two convolutional layers learn digits before a moving event camera from "
        "some hundred recordings.",
        source="Orchard et al. 2015, doi:10.3389/fnins.2015.00437",
        minutes=5,
        run=partial(run_digits, tasks.n_mnist_task, "n-mnist", 0.90),
        one_size=True,
    ),
    Study(
        id="mnist",
        claim="Handwritten digits are learned from one spike or none of each pixel.",
        source="LeCun et al. 1998, doi:10.1109/5.726791",
        minutes=2.5,
        run=partial(run_digits, tasks.mnist_task, "mnist", 0.97),
        one_size=True,
    ),
    Study(
        id="ecg",
        claim="A recurrent layer tells the segments of a heartbeat, step by step, "
        "better than traces of the same spikes do.",
        source="Yin, Corradi & Bohte 2021, doi:10.1038/s42256-021-00397-w",
        minutes=3,
        run=run_ecg,
        one_size=True,
    ),
)
