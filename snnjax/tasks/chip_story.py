"""What is told of a training in the loop on a chip: a picture and a page."""

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from snnjax import files, plot
from snnjax.analysis import confusion
from snnjax.hardware import Device
from snnjax.tasks import looped, page, sections
from snnjax.tasks.examples import Example
from snnjax.tasks.prediction import Predictions
from snnjax.tasks.task import Task
from snnjax.training import Fit


class ChipStory(NamedTuple):
    """What a chip learned."""

    fit: Fit
    test: Predictions
    shown: Example  # one sample, as the chip showed it


def first_shown(task: Task, device: Device, weights: Any) -> Example:
    """The first test sample, as the chip shows it.

    Args:
        task: whose sample it is.
        device: the chip.
        weights: that it is programmed with.
    """
    part = task.parts["test"]
    xs = np.asarray(part.raster(np.arange(1), None))
    given = [*map(np.asarray, looped.chip_weights(weights))]
    (hidden, out), _ = device.run(device.program(given), xs, trial=0)
    v = np.asarray(out.v)[:, 0]
    label, guess = int(part.labels[0]), int(np.argmax(v.max(axis=0)))
    names = task.classes
    return Example(
        "The first of the test data",
        f"Label {names[label]}, read as {names[guess]}: the output with the highest "
        "voltage.",
        xs[:, 0].astype(np.float32),
        np.asarray(hidden.spikes, np.float32)[:, 0],
        *(v, label, guess),
    )


def write_chip_reports(
    folder: Path, task: Task, story: ChipStory, summary: dict[str, Any]
) -> None:
    """Draws a training on a chip into its folder.

    Args:
        folder: of the run.
        task: that was learned.
        story: what there is to draw.
        summary: of the run.
    """
    fit, test, shown = story
    chip = summary["chip"]
    title = f"{task.name} on chip {chip['serial']}, mismatch {chip['mismatch']:.0%}"
    figure = plot.report(
        fit.history,
        confusion(test.labels, test.guesses, len(task.classes)),
        *(shown.inputs, shown.hidden, shown.v),
        dt=task.network.dt,
        title=f"{title}: test accuracy {test.accuracy:.3f}",
        label=shown.label,
        classes=task.classes,
    )
    with files.atomic(folder / "report.png") as new:
        figure.savefig(new, dpi=150, format="png")
    (path,) = folder.glob("seed*/run.json")
    recipe = json.loads(path.read_text(encoding="utf-8"))["recipe"]
    told = (
        page.Section("What came of it", _headline(summary)),
        sections.learning(fit.history, test, task.classes),
        sections.seen([shown], task.classes, task.network.dt),
        sections.made(summary, recipe, **_chip(summary)),
        page.Section("Again", _again(folder, summary, recipe)),
    )
    lead = (
        f"A training by snnjax {summary['versions']['snnjax']} in the loop on an "
        "emulated chip: learned by what the chip showed, tested on the chip with "
        f"{summary['samples']['test']:,} samples that had no part in training."
    )
    text = page.page(title, lead, told)
    with files.atomic(folder / "report.html") as new:
        new.write_text(text, encoding="utf-8")


def _headline(summary):
    first = summary["test_accuracy_as_programmed_first"]
    lost = sum(summary["notes"][f"lost_{way}"] for way in ("in", "out"))
    return page.numbers(
        (
            page.Number("test accuracy", f"{summary['test_accuracy']:.3f}"),
            page.Number(
                "at first", f"{first:.3f}", "as the chip was programmed before learning"
            ),
            page.Number(
                "chance", f"{summary['chance']:.3f}", "always the most frequent label"
            ),
            page.Number(
                "epoch",
                f"{summary['chosen_epoch']}",
                f"of {summary['epochs']}, best on validation data",
            ),
            page.Number("training", f"{summary['train_seconds']:,.0f} s"),
            page.Number("events lost", f"{lost:g}", "by the links, in a batch"),
        )
    )


def _chip(summary):
    """What is known of the chip, in words."""
    told = {name.replace("_", " "): value for name, value in summary["chip"].items()}
    told = {name: value for name, value in told.items() if value is not None}
    return {
        "chip": ", ".join(f"{name} {value}" for name, value in told.items()),
        "started from": summary["start"] or "weights that were drawn",
    }


def _again(folder, summary, recipe):
    name, chip = summary["task"].removeprefix("chip-"), summary["chip"]
    train = ["snnjax", "chip", "train", name, "--out", folder]
    train += ["--serial", chip["serial"], "--mismatch", chip["mismatch"]]
    train += ["--seed", recipe["seed"], "--epochs", summary["epochs"]]
    train += ["--start", summary["start"]] if summary["start"] else []
    what = "To go on where it was cut off, or to draw this page again"
    return page.commands(
        (
            (f"{what} (--data is given again):", page.typed(*train)),
            (
                "To try its weights on other chips:",
                page.typed("snnjax", "chip", "transfer", folder),
            ),
        )
    )
