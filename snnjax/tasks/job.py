"""Trains a task: real data in, a trained network and its report out.

One network is trained for each seed; its epoch is chosen on validation data, unless the
task takes the last one; the test set is read once at the end, and a folder keeps
everything.
"""

import contextlib
import json
import time
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np

from snnjax import check, files, plot
from snnjax.saving import archive, save
from snnjax.tasks import settings
from snnjax.tasks.fitting import fit_networks
from snnjax.tasks.layers import layers
from snnjax.tasks.linear import linear_baseline
from snnjax.tasks.network import in_steps, readout_name, scores, storable
from snnjax.tasks.prediction import predict, scores_of_all
from snnjax.tasks.recipe import recipe
from snnjax.tasks.report import accuracies
from snnjax.tasks.rules import BLOCK, BPTT, RULES, learner, told
from snnjax.tasks.samples_file import keep_samples
from snnjax.tasks.story import Story, write_reports
from snnjax.tasks.task import Task, as_read
from snnjax.training import environment
from snnjax.training.parallel import first, make_mesh, whole

_LEFT = "summary.json", "report.png", "report.html"


def train(
    task: Task,
    folder: str | Path,
    *,
    seeds: int = 1,
    seed: int = 0,
    epochs: int | None = None,
    batch: int | None = None,
    learning_rate: float | None = None,
    rule: str = BPTT,
    block: int | None = None,
    progress: bool = True,
) -> dict[str, Any]:
    """Trains a task and leaves a folder: metrics, checkpoints, report, summary.

    A folder is known by what made its run: the task, its data, network and schedule,
    the rule by which it learns, and the seeds (``seed0/run.json`` and so on). The
    learning rate falls over all epochs, so that another number of them is another run.
    ``folder/settings.json`` has all that was asked for, as ``settings`` reads it.

    Args:
        task: what to train.
        folder: where to; a run that was cut off there goes on.
        seeds: how many networks.
        seed: of the first one; the others have the numbers that follow.
        epochs: of each; the task's own number if omitted.
        batch: samples of an update; as the task has it if omitted.
        learning_rate: of Adam at first; it falls to zero like a cosine. As the task has
            it if omitted.
        rule: how to learn. ``"bptt"``, backpropagation through time; or one of
            ``rules.RULES``, whose memory does not depend on the number of steps and
            which may change options of the hidden layer, as ``"eprop"`` does.
        block: c, how many steps are one to such a rule; 10 if omitted.
        progress: whether to show it, on stderr.

    All processes of a ``jax.distributed`` job call it together: each trains on its
    share of every batch, the first one holds and writes the folder, which looks as that
    of one process and goes on with any number of them.

    Returns:
        The summary, as in ``folder/summary.json``; ``"resumed_after"`` says how many
        epochs of each seed the folder held already, ``"leaves_out"`` what of the
        gradient the rule drops.

    Raises:
        FloatingPointError: if a network stops being finite.
        ValueError: if the folder holds another run (what differs is named), one of more
            seeds, or a summary without its networks; for an unknown rule, a task that
            the rule cannot learn, or a block of backpropagation through time; for a
            batch of more samples than there are, or a learning rate that is none; for a
            file in place of a folder, or a link that leads nowhere.
        OSError: for a folder that cannot be made.
        BlockingIOError: if another process trains there, with its name.
        ImportError: without matplotlib or safetensors, before anything is trained.

    Example:
        >>> task = snn.tasks.digits_task(hidden=20)
        >>> summary = snn.tasks.train(task, "digits", epochs=1, progress=False)
        >>> summary["test_accuracy"] > summary["chance"]
        True
    """
    check.whole("seeds", seeds)
    check.whole("seed", seed, least=0)
    task = task._replace(schedule=_schedule(task, epochs, batch, learning_rate))
    plot.figure()  # both fail here rather than after the training
    archive.library()
    folder = Path(folder)
    learns = _learner(task, rule, block)
    if jax.process_count() > 1:
        in_steps("A training in several processes", task.network)
    each = range(seed, seed + seeds)
    asked = settings.of_run(task, each, rule, learns.block if learns else None)
    with contextlib.ExitStack() as held:
        first(lambda: _take(folder, each, asked, held))
        fits = _fits(task, folder, each, rule, learns, progress)
        trained = [fit._replace(best_weights=whole(fit.best_weights)) for fit in fits]
        return first(lambda: _leave(task, folder, each, rule, learns, trained))


def _schedule(task, epochs, batch, learning_rate):
    """That of the task, but for what was asked for."""
    asked = {"epochs": epochs, "batch": batch, "learning_rate": learning_rate}
    asked = {name: value for name, value in asked.items() if value is not None}
    schedule = task.schedule._replace(**asked)
    check.whole("epochs", schedule.epochs)
    check.whole("batch", schedule.batch)
    check.positive("learning_rate", schedule.learning_rate)
    check.one("learning_rate", schedule.learning_rate)
    samples = len(task.parts["train"].labels)
    if batch is not None and batch > samples:
        raise ValueError(
            f"batch must be at most the {samples} samples to train on, got {batch}."
        )
    return schedule


def _learner(task, rule, block):
    """How a rule learns the task; None for backpropagation through time."""
    check.one_of("rule", rule, (BPTT, *RULES))
    if rule != BPTT and jax.process_count() > 1:
        raise ValueError(
            f"rule {rule!r} learns in one process, {BPTT!r} in several, got "
            f"{jax.process_count()}."
        )
    if rule != BPTT:
        return learner(task, rule, BLOCK if block is None else block)
    if block is not None:
        raise ValueError(
            f"block is for rules that learn while time runs, {', '.join(RULES)}; "
            f"{BPTT!r} takes none, got {block!r}."
        )
    return None


def _take(folder, seeds, asked, held):
    """Makes a folder one's own, with what was asked for."""
    files.check_folder(folder)
    folder.mkdir(parents=True, exist_ok=True)
    held.enter_context(files.lock(folder))
    _refuse_loss(folder, seeds)
    settings.keep(folder, asked)


def _refuse_loss(folder, seeds):
    """Refuses a folder whose summary would be replaced by one that knows less."""
    kept = [each.parent for each in folder.glob("seed*/checkpoint")]
    more = [each.name for each in kept if each.name not in _names(seeds)]
    if more:
        raise ValueError(
            f"{folder} holds {', '.join(sorted(more))} too; asked for: "
            f"{', '.join(_names(seeds))}. Name another folder, or ask for them all."
        )
    left = [name for name in _LEFT if (folder / name).exists()]
    if left and not kept:
        raise ValueError(
            f"{folder} holds {' and '.join(left)} of an earlier run, but not its "
            "networks. Name another folder, or remove what is left there."
        )


def _names(seeds):
    return [f"seed{seed}" for seed in seeds]


def _fits(task, folder, seeds, rule, learns, progress):
    """What came of each seed; all processes of a job do it together."""
    network = learns.network if learns else task.network
    mesh = make_mesh() if jax.process_count() > 1 else None
    compiled = (
        scores_of_all(network, mesh) if mesh else jax.jit(partial(scores, network))
    )
    validation = as_read(task.parts["validation"], network)

    def validate(weights):
        found = predict(compiled, weights, validation)
        return {"accuracy": found.accuracy}

    return fit_networks(
        network,
        task.parts["train"],
        validate,
        task.schedule,
        seeds=seeds,
        folder=folder,
        recipe=recipe(task, rule, learns.block if learns else None),
        name=task.name,
        progress=progress,
        learner=learns,
        learning=task.learning,
        mesh=mesh,
    )


def _leave(task, folder, seeds, rule, learns, fits):
    """Tests the networks, and leaves them with all that is told of them."""
    task = task._replace(network=learns.network) if learns else task
    network = task.network
    parts = {name: as_read(part, network) for name, part in task.parts.items()}
    compiled = jax.jit(partial(scores, network))
    began = time.perf_counter()
    weights = [fit.best_weights for fit in fits]
    tests = [predict(compiled, each, parts["test"]) for each in weights]
    linear = linear_baseline(task.parts)
    active = layers(network, weights, task.parts["test"])
    test_seconds = time.perf_counter() - began

    summary = {
        "task": task.name,
        "seeds": list(seeds),
        **accuracies(fits, tests),
        "linear_readout_test_accuracy": linear,
        "train_seconds": sum(row["seconds"] for fit in fits for row in fit.history),
        "test_seconds": test_seconds,
        "epochs": task.schedule.epochs,
        "epoch": task.schedule.epoch,
        "batch": task.schedule.batch,
        "learning_rate": task.schedule.learning_rate,
        **told(rule, learns),
        "resumed_after": [fit.resumed_after for fit in fits],
        "samples": {name: len(part.labels) for name, part in parts.items()},
        **task.options,
        "classes": list(task.classes),
        **active,
        **task.notes,
        **environment(),
        "processes": jax.process_count(),
    }
    story = Story(task, fits[0].history, weights[0], tests[0], compiled)
    _keep(folder, summary, task, seeds, weights)
    keep_samples(folder, task)
    text = json.dumps(summary, indent=2) + "\n"
    files.write_text(folder / "summary.json", text)
    write_reports(folder, story, summary)
    return summary


def _keep(folder, summary, task, seeds, weights):
    """Each network in a file, which ``snnjax.load`` opens without this task."""
    network = task.network
    cell = storable(network)
    reads = _reads(task)
    for name, each, accuracy in zip(
        _names(seeds), weights, summary["test_accuracies"], strict=True
    ):
        notes = {
            "task": summary["task"],
            "dt": network.dt,
            "readout": readout_name(network),
            "classes": summary["classes"],
            "rule": summary["rule"],
            "test_accuracy": accuracy,
            **reads,
        }
        path = folder / name / "network.safetensors"
        save(path, each, network=cell, notes=notes)


def _reads(task):
    """What a network reads, for ``predict_files``: steps, and how they are made."""
    told: dict[str, Any] = {"options": dict(task.options)}
    part = as_read(task.parts["test"], task.network)
    if task.network.reads == "raster":
        steps, _, *inputs = part.raster(np.arange(1), None).shape
        told |= {"steps": steps, "inputs": inputs}
    if "measured" in task.notes:
        told["measured"] = task.notes["measured"]
    return json.loads(json.dumps(told))
