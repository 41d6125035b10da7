"""What is told of a training, in pictures: ``report.png`` and ``report.html``."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax

from snnjax import files
from snnjax.analysis import confusion
from snnjax.tasks import page
from snnjax.tasks.catalogue import TASKS
from snnjax.tasks.drawings import (
    confusion_drawing,
    example_drawings,
    learning_drawing,
)
from snnjax.tasks.examples import examples
from snnjax.tasks.network import run
from snnjax.tasks.prediction import Predictions
from snnjax.tasks.report import overview
from snnjax.tasks.task import Task, class_names

_HEAD = (
    *("layer", "neurons", "rate of a neuron", "never fire", "spikes in a sample"),
    "synaptic operations in a sample",
)


class Story(NamedTuple):
    """What the first network of a run did; the summary speaks of all."""

    task: Task  # with the network as it was trained
    history: list[dict[str, float]]
    weights: Any
    test: Predictions
    scores: Callable  # (weights, xs [T, B, *n_in]) -> [B, classes], compiled


def write_reports(folder: Path, story: Story, summary: dict[str, Any]) -> None:
    """Draws a run into its folder.

    Args:
        folder: of the run.
        story: what its first network did.
        summary: of the run.
    """
    look = jax.jit(partial(run, story.task.network))
    figure = overview(*story[:-1], look, summary)
    with files.atomic(folder / "report.png") as new:
        figure.savefig(new, dpi=150, format="png")
    path = folder / f"seed{summary['seeds'][0]}" / "run.json"
    recipe = json.loads(path.read_text())["recipe"]
    text = html(folder, story, look, summary, recipe)
    with files.atomic(folder / "report.html") as new:
        new.write_text(text, encoding="utf-8")


def html(
    folder: Path,
    story: Story,
    look: Callable,
    summary: dict[str, Any],
    recipe: dict[str, Any],
) -> str:
    """The page, as one file.

    Args:
        folder: of the run.
        story: what its first network did.
        look: ``(weights, xs) -> Activity``.
        summary: of the run.
        recipe: what made that network, from its ``run.json``.
    """
    seeds = len(summary["test_accuracies"])
    networks = "one network" if seeds == 1 else f"{seeds} networks"
    lead = (
        f"A training by snnjax {summary['versions']['snnjax']}: {networks}, tested on "
        f"{summary['samples']['test']:,} samples that had no part in it."
    )
    sections = (
        page.Section("What came of it", _headline(summary)),
        page.Section("Learning and mistakes", _learning(story, summary)),
        page.Section("Samples, seen through the network", _examples(story, look)),
        page.Section("Layers", _layers(summary)),
        page.Section("What made this run", _made(summary, recipe)),
        page.Section("Again", _again(folder, summary, recipe)),
    )
    return page.page(f"{summary['task']}, trained", lead, sections)


def _headline(summary):
    reached = summary["test_accuracies"]
    each = ", ".join(f"{accuracy:.3f}" for accuracy in reached)
    epochs = ", ".join(map(str, summary["chosen_epochs"]))
    several = len(reached) > 1
    chosen = "kept" if summary["epoch"] == "last" else "best on validation data"
    return page.numbers(
        (
            page.Number(
                "test accuracy",
                f"{summary['test_accuracy']:.3f}",
                f"mean of seeds {each}" if several else f"seed {summary['seeds'][0]}",
            ),
            page.Number(
                "chance", f"{summary['chance']:.3f}", "always the most frequent label"
            ),
            page.Number(
                "linear readout",
                f"{summary['linear_readout_test_accuracy']:.3f}",
                "of the same spikes, without a network",
            ),
            page.Number(
                "epochs" if several else "epoch",
                epochs,
                f"of {summary['epochs']}, {chosen}",
            ),
            page.Number(
                "training", f"{summary['train_seconds']:,.0f} s", summary["device"]
            ),
        )
    )


def _learning(story, summary):
    n = max(len(summary["classes"]), 1 + int(story.test.guesses.max()))
    counts = confusion(story.test.labels, story.test.guesses, n)
    several = len(summary["seeds"]) > 1
    seed = f" of seed {summary['seeds'][0]}" if several else ""
    drawn = (
        (
            learning_drawing(story.history),
            f"Accuracy and loss{seed} by epoch. Training accuracy is that of the "
            "batches as they were learned from: it lies below validation where a task "
            "changes its samples at random while training, and it is a mean over an "
            "epoch in which the network still improves.",
        ),
        (
            confusion_drawing(counts, class_names(summary["classes"], n)),
            f"Test data{seed}: what the label is, from top to bottom, and what it is "
            "taken for, from left to right. The darker, the larger a share of the row.",
        ),
    )
    return page.figures(drawn, "two")


def _examples(story, look):
    told = [
        "Each with the spikes that come in, those of the hidden layer that is read, "
        "and the voltages from which the scores are made."
    ]
    parts = [page.sentences(told)]
    task, _, weights, _, scores = story
    for k, example in enumerate(examples(task, weights, scores, look)):
        names = class_names(task.classes, example.v.shape[1])
        drawn = example_drawings(example, names, dt=task.network.dt, name=f"sample{k}")
        parts += [
            page.heading(example.title),
            page.sentences([example.words]),
            page.figures((each, "") for each in drawn),
        ]
    return "\n".join(parts)


def _layers(summary):
    layers = summary.get("layers", {})
    if not layers:
        return page.sentences(["Nothing is known of the layers of this network."])
    total = sum(layer["operations"] for layer in layers.values())
    rows = [[name, *_layer(layer)] for name, layer in layers.items()]
    seeds = len(summary["test_accuracies"])
    told = (
        f"On {summary['layers_of_samples']:,} test samples"
        + (f", means over {seeds} seeds. " if seeds > 1 else ". ")
        + "A synaptic operation is one spike at one of the synapses that lead to the "
        f"layer; {total:,.0f} in a sample in all. A layer without a rate puts out "
        "voltages, or counts of spikes."
    )
    return "\n".join([page.table(_HEAD, rows), page.sentences([told])])


def _layer(layer):
    def told(name, form):
        return "–" if layer[name] is None else format(layer[name], form)

    rate = "–" if layer["rate"] is None else f"{layer['rate']:.1f} Hz"
    operations = f"{layer['operations']:,.0f}" if layer["operations"] else "–"
    return (
        *(f"{layer['neurons']:,}", rate, told("silent", ".0%")),
        *(told("spikes", ",.1f"), operations),
    )


def _made(summary, recipe):
    options = ", ".join(f"{k} {v}" for k, v in recipe["options"].items())
    schedule = (
        f"{recipe['epochs']} epochs, batches of {recipe['batch']}, learning rate "
        f"{recipe['learning_rate']:g}; {recipe['optimizer']}"
    )
    block = "" if recipe["block"] is None else f" in blocks of {recipe['block']} steps"
    data = {
        f"data: {part}": f"{each['samples']:,} samples, digest of labels "
        f"{each['labels']}, of spikes {each['spikes']}"
        for part, each in recipe["data"].items()
    }
    versions = ", ".join(f"{k} {v}" for k, v in summary["versions"].items())
    return page.listed(
        {
            "task": recipe["task"],
            "options": options or "none",
            "schedule": schedule,
            "rule": f"{recipe['rule']}{block}",
            "network": recipe["network"],
            "time step": f"{recipe['dt']:g} s",
            **data,
            "versions": versions,
            "device": summary["device"],
        }
    )


def _again(folder, summary, recipe):
    train = "snnjax", "train", recipe["task"], "--settings", folder, "--out", folder
    first = f"seed{summary['seeds'][0]}"
    file = str(folder / first / "network.safetensors")
    several = (
        (
            "To go on where it was cut off, or to read what is there (--settings has "
            "all of the above; --data is given again):",
            page.typed(*train),
        ),
        ("To test it again:", page.typed("snnjax", "evaluate", folder)),
        ("To draw this page again:", page.typed("snnjax", "plot", folder)),
        (
            "To try it on imperfect chips:",
            page.typed("snnjax", "chip", "transfer", folder),
        ),
    )
    loaded = (
        f"To use the network of {first}:",
        f"import snnjax as snn\n\nnet, weights, notes = snn.load({file!r})\n"
        '_, ys = snn.unroll(net, weights, xs, dt=notes["dt"])\n'
        'spikes, voltages = ys["hidden"], ys["out"]',
    )
    return page.commands((*(several if recipe["task"] in TASKS else ()), loaded))
