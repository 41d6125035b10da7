"""Sections of the page on a training."""

from collections.abc import Iterable
from typing import Any

from snnjax.analysis import confusion
from snnjax.tasks import page
from snnjax.tasks.drawings import (
    confusion_drawing,
    example_drawings,
    learning_drawing,
)
from snnjax.tasks.examples import Example
from snnjax.tasks.prediction import Predictions
from snnjax.tasks.task import class_names

_HEAD = (
    *("layer", "neurons", "rate of a neuron", "never fire", "spikes in a sample"),
    "synaptic operations in a sample",
)


def learning(
    history: list[dict[str, float]],
    test: Predictions,
    classes: tuple[str, ...],
    of: str = "",
) -> page.Section:
    """Learning curves, and what is taken for what.

    Args:
        history: of the training.
        test: guesses on test data.
        classes: names, as far as there are.
        of: which network, if there are several: " of seed 0".
    """
    n = max(len(classes), 1 + int(max(test.guesses.max(), test.labels.max())))
    counts = confusion(test.labels, test.guesses, n)
    drawn = (
        (
            learning_drawing(history),
            f"Accuracy and loss{of} by epoch. Training accuracy is that of the batches "
            "as they were learned from: it lies below validation where a task changes "
            "its samples at random while training, and it is a mean over an epoch in "
            "which the network still improves.",
        ),
        (
            confusion_drawing(counts, class_names(classes, n)),
            f"Test data{of}: what the label is, from top to bottom, and what it is "
            "taken for, from left to right. The bluer, the larger a share of the row.",
        ),
    )
    return page.Section("Learning and mistakes", page.figures(drawn, "two"))


def seen(
    examples: Iterable[Example], classes: tuple[str, ...], dt: float
) -> page.Section:
    """Samples, seen through the network.

    Args:
        examples: of them.
        classes: names, as far as there are.
        dt: time step [s].
    """
    told = (
        "Each with the spikes that come in, those of the hidden layer that is read, "
        "and the voltages from which the scores are made."
    )
    parts = [page.sentences([told])]
    for k, example in enumerate(examples):
        names = class_names(classes, example.v.shape[1])
        drawn = example_drawings(example, names, dt=dt, name=f"sample{k}")
        parts += [
            page.heading(example.title),
            page.sentences([example.words]),
            page.figures((each, "") for each in drawn),
        ]
    return page.Section("Samples, seen through the network", "\n".join(parts))


def layers(summary: dict[str, Any]) -> page.Section:
    """What layers do, as ``summary["layers"]`` has it."""
    layers = summary.get("layers", {})
    if not layers:
        told = ["Nothing is known of the layers of this network."]
        return page.Section("Layers", page.sentences(told))
    total = sum(layer["operations"] for layer in layers.values())
    rows = [[name, *_layer(layer)] for name, layer in layers.items()]
    seeds = len(summary["seeds"])
    told = [
        f"On {summary['layers_of_samples']:,} test samples"
        + (f", means over {seeds} seeds. " if seeds > 1 else ". ")
        + "A synaptic operation is one spike at one of the synapses that lead to the "
        f"layer; {total:,.0f} in a sample in all. A layer without a rate puts out "
        "voltages."
    ]
    return page.Section(
        "Layers", "\n".join([page.table(_HEAD, rows), page.sentences(told)])
    )


def _layer(layer):
    def told(name, form):
        return "–" if layer[name] is None else format(layer[name], form)

    rate = "–" if layer["rate"] is None else f"{layer['rate']:.1f} Hz"
    operations = f"{layer['operations']:,.0f}" if layer["operations"] else "–"
    return (
        *(f"{layer['neurons']:,}", rate, told("silent", ".0%")),
        *(told("spikes", ",.1f"), operations),
    )


def made(summary: dict[str, Any], recipe: dict[str, Any], **more: str) -> page.Section:
    """What made a run.

    Args:
        summary: of it.
        recipe: from its ``run.json``.
        **more: what else, by name.
    """
    options = ", ".join(f"{k} {v}" for k, v in recipe["options"].items())
    schedule = (
        f"epochs {recipe['epochs']}, batches of {recipe['batch']}, learning rate "
        f"{recipe['learning_rate']:g}; {recipe.get('optimizer', 'adam')}"
    )
    block = "" if recipe["block"] is None else f" in blocks of {recipe['block']} steps"
    data = {
        f"data: {part}": f"{each['samples']:,} samples, digest of labels "
        f"{each['labels']}, of spikes {each['spikes']}"
        for part, each in recipe["data"].items()
    }
    versions = ", ".join(f"{k} {v}" for k, v in summary["versions"].items())
    listed = page.listed(
        {
            "task": recipe["task"],
            "options": options or "none",
            "schedule": schedule,
            "rule": f"{recipe['rule']}{block}",
            "network": recipe["network"],
            "time step": f"{recipe['dt']:g} s",
            **data,
            **more,
            "versions": versions,
            "device": summary["device"],
        }
    )
    return page.Section("What made this run", listed)
