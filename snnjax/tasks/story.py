"""What is told of a training, in pictures: ``report.png`` and ``report.html``."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax

from snnjax import files
from snnjax.tasks import own_data, page, sections
from snnjax.tasks.catalogue import TASKS
from snnjax.tasks.examples import examples
from snnjax.tasks.network import run, storable
from snnjax.tasks.prediction import Predictions
from snnjax.tasks.report import called, kept_epochs, overview
from snnjax.tasks.task import Task
from snnjax.tasks.timed import TimedNetwork


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
    path = folder / f"seed{summary['seeds'][0]}" / "run.json"
    recipe = json.loads(path.read_text(encoding="utf-8"))["recipe"]
    text = html(folder, story, look, summary, recipe)
    with files.atomic(folder / "report.png") as new:
        figure.savefig(new, dpi=150, format="png")
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
        f"{summary['samples']['test']:,} samples that had no part in training."
    )
    task, history, weights, test, scores = story
    of = f" of seed {summary['seeds'][0]}" if seeds > 1 else ""
    shown = examples(task, weights, scores, look)
    told = (
        page.Section("What came of it", _headline(summary)),
        sections.learning(history, test, task.classes, of),
        sections.seen(shown, task.classes, task.network.dt),
        sections.layers(summary),
        sections.made(summary, recipe),
        page.Section("Again", _again(folder, task, summary)),
    )
    return page.page(f"{called(summary)}, trained", lead, told)


def _headline(summary):
    reached = summary["test_accuracies"]
    each = ", ".join(f"{accuracy:.3f}" for accuracy in reached)
    epochs = ", ".join(map(str, summary["chosen_epochs"]))
    several = len(reached) > 1
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
                kept_epochs(summary),
            ),
            page.Number(
                "training", f"{summary['train_seconds']:,.0f} s", summary["device"]
            ),
        )
    )


def _again(folder, task, summary):
    trained = summary.get("data", task.name)  # a path of one's own, or a name
    train = "snnjax", "train", trained, "--settings", folder, "--out", folder
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
    known = several if task.name in TASKS else ()
    of_others = _of_others(folder) if task.name == own_data.NAME else ()
    return page.commands((*known, *of_others, *_loaded(folder, task, summary)))


def _of_others(folder):
    """How recordings of one's own are told that nobody has labelled."""
    told = "To tell the class of recordings that nobody has labelled:"
    yield told, page.typed("snnjax", "predict", folder, "FILE")


def _loaded(folder, task, summary):
    """How the first network is opened: by its file, unless that cannot hold it."""
    first = f"seed{summary['seeds'][0]}"
    file = str(folder / first / "network.safetensors")
    lines = f'net, weights, notes = snn.load({file!r})\ndt = notes["dt"]'
    if isinstance(task.network, TimedNetwork):
        yield _timed(folder, first)
        return
    if storable(task.network) is None:
        if task.name not in TASKS:
            return
        lines = (
            "from snnjax.tasks import load_run\n\n"
            f"task, weights = load_run({str(folder)!r})\n"
            f"(net, _, dt), weights = task.network, weights[{first!r}]"
        )
    yield (
        f"To use the network of {first}:",
        f"import snnjax as snn\n{lines}\n"
        "_, ys = snn.unroll(net, weights, xs, dt=dt)\n"
        'spikes, voltages = ys["hidden"], ys["out"]',
    )


def _timed(folder, first):
    """The same of a network that reads times."""
    return (
        f"To use the network of {first}:",
        "from snnjax.tasks import load_run\n"
        "from snnjax.tasks.timed import spike_times_of\n\n"
        f"task, weights = load_run({str(folder)!r})\n"
        f"net, weights = task.network, weights[{first!r}]\n"
        "hidden, out = spike_times_of(net, weights, times)  # [B, n_in], seconds",
    )
