"""Trains a chip-sized task in the loop, on one emulated chip, and leaves a folder.

The chip is another process; the host sees what it shows and nothing else. The folder
knows the chip by its serial number, mismatch and imperfections.
"""

import json
from functools import partial
from pathlib import Path
from typing import Any, Literal

import jax

from snnjax import check, files, plot
from snnjax.hardware import Imperfections, ScaledReadout, Steady, emulated_chip
from snnjax.tasks import looped
from snnjax.tasks.chip import CHIP_TASKS, chip_task
from snnjax.tasks.chip_story import ChipStory, first_shown, write_chip_reports
from snnjax.tasks.fitting import adam, training_batches
from snnjax.tasks.looped import IN_THE_LOOP
from snnjax.tasks.recipe import recipe
from snnjax.tasks.runs import load_run
from snnjax.tasks.task import Task
from snnjax.training import environment, fit, init_train_state, loop_step

EPOCHS = {  # from the start, and from a network that was trained in software
    "digits": (60, 5),
    "mnist": (5, 1),
}
LATER = 2e-3  # learning rate from such a network, at first


def train_on_chip(
    task: Literal["digits", "mnist"],
    folder: str | Path,
    *,
    mismatch: float = 0.3,
    serial: int = 1,
    start: str | Path | None = None,
    epochs: int | None = None,
    seed: int = 0,
    data: str | Path | None = None,
    progress: bool = True,
) -> dict[str, Any]:
    """Trains a network in the loop on an emulated chip, and leaves a report.

    Args:
        task: of ``chip_task``.
        folder: where to; a run that was cut off there goes on.
        mismatch: spread of the chip's neurons, a fraction: 0.3 is 30 %.
        serial: which chip.
        start: folder of a network that ``train`` left for ``chip-digits`` or
            ``chip-mnist``, of which seed 0 is programmed first; drawn if omitted.
        epochs: how many; 60 or 5 from the start, 5 or 1 from a network.
        seed: of first weights and of the order.
        data: folder with the files of MNIST; the usual ones if omitted.
        progress: whether to show it, on stderr.

    Returns:
        The summary, as in ``folder/summary.json``: accuracy on the chip as it is
        programmed first and as it was trained, and what the chip noted.

    Raises:
        DeviceError: if the chip fails three times; the last epoch is in the folder,
            from which the same call goes on.
        ValueError: for another task, a mismatch or serial number that no chip has, a
            ``start`` of another task, or a folder that holds another run.
        FileNotFoundError: if there is no such start, or no data.
        ImportError: without matplotlib, before anything is trained.
    """
    check.one_of("task", task, CHIP_TASKS)
    check.whole("seed", seed, least=0)
    found = chip_task(task, data)
    weights, rate = _start(found, start, seed, data)
    epochs = EPOCHS[task][start is not None] if epochs is None else epochs
    check.whole("epochs", epochs)
    made = partial(
        emulated_chip,
        found.notes["sizes"],
        dt=found.network.dt,
        serial=serial,
        mismatch=mismatch,
    )
    made().close()  # refuses here rather than in the loop
    plot.figure()
    folder = Path(folder)
    schedule = found.schedule._replace(epochs=epochs, learning_rate=rate)
    found = found._replace(schedule=schedule)
    _refuse_loss(folder, seed)
    folder.mkdir(parents=True, exist_ok=True)
    with files.lock(folder), ScaledReadout(Steady(made), looped.LARGEST) as device:
        summary = {
            "task": found.name,
            "rule": IN_THE_LOOP,
            "chip": {"serial": serial, "mismatch": mismatch, **_wrong()},
            "start": None if start is None else str(start),
            "epochs": epochs,
        }
        more, drawn = _train(found, device, weights, folder, seed, summary, progress)
        summary |= {**more, **found.notes, **environment()}
        files.write_text(folder / "summary.json", json.dumps(summary, indent=2) + "\n")
        write_chip_reports(folder, found, drawn, summary)
    return summary


def _refuse_loss(folder, seed):
    """Refuses a file, and a folder whose summary would be replaced by another's."""
    files.check_folder(folder)
    other = sorted({each.name for each in folder.glob("seed*")} - {f"seed{seed}"})
    if other:
        raise ValueError(
            f"{folder} holds {', '.join(other)}, seed {seed} was asked for. Name "
            "another folder."
        )


def _wrong():
    """What else is wrong with the chip, as JSON has it."""
    every = Imperfections()._asdict().items()
    return {k: list(x) if isinstance(x, tuple) else x for k, x in every}


def _start(task: Task, start, seed, data):
    """First weights, and the learning rate that suits them."""
    if start is None:
        return task.network.init(jax.random.key(seed)), task.schedule.learning_rate
    run = load_run(start, data)
    if run.task.name != task.name:
        raise ValueError(
            f"start: {start} is a run of {run.task.name}, expected {task.name}: snnjax "
            f"train {task.name} --out FOLDER."
        )
    return next(iter(run.weights.values())), LATER


def _train(task, device, weights, folder, seed, made_by, progress):
    """Trains, and tells what the chip made of it; and what there is to draw."""
    network, parts, schedule = task.network, task.parts, task.schedule
    batch = min(schedule.batch, len(parts["train"].labels))
    updates = schedule.epochs * -(-len(parts["train"].labels) // batch)
    optimizer = adam(schedule, updates)
    step = loop_step(
        device,
        looped.chip_weights,
        partial(looped.loss, network),
        optimizer,
        has_aux=True,
        project=looped.within_synapses,
    )
    ask = partial(looped.answers, device, network.readout)

    def validate(weights):
        return {"accuracy": ask(weights, parts["validation"])[0].accuracy}

    fitted = fit(
        step,
        init_train_state(weights, optimizer),
        partial(training_batches, parts["train"], batch, seed),
        epochs=schedule.epochs,
        validate=validate,
        folder=folder / f"seed{seed}",
        recipe={
            **recipe(task, IN_THE_LOOP, None),
            **schedule._asdict(),
            **made_by,
            "seed": seed,
        },
        progress=progress,
        name=f"{task.name} on a chip",
    )
    before, _ = ask(weights, parts["test"])
    after, notes = ask(fitted.best_weights, parts["test"])
    summary = {
        "test_accuracy": after.accuracy,
        "test_accuracy_as_programmed_first": before.accuracy,
        "validation_accuracy": fitted.best["validation_accuracy"],
        "chance": after.chance,
        "chosen_epoch": fitted.best_epoch,
        "hidden_rate": fitted.best["hidden_rate"],
        "notes": notes,
        "train_seconds": sum(row["seconds"] for row in fitted.history),
        "resumed_after": fitted.resumed_after,
        "samples": {name: len(part.labels) for name, part in parts.items()},
        "classes": list(task.classes),
    }
    shown = first_shown(task, device, fitted.best_weights)
    return summary, ChipStory(fitted, after, shown)
