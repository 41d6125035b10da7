"""What one does with a trained network: read its outputs, test it, train it further."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from snnjax import check
from snnjax.models.cards import Card
from snnjax.models.kept import card as card_of
from snnjax.models.kept import load
from snnjax.progress import Progress
from snnjax.tasks.catalogue import task_of
from snnjax.tasks.evaluation import tested
from snnjax.tasks.network import in_steps
from snnjax.tasks.readouts import READOUTS
from snnjax.tasks.recipe import data_of
from snnjax.tasks.task import Task

_READ = "readout", "dt", "classes"  # of a card, or of notes


def scores(card: Card | Mapping[str, Any], voltages: jax.Array) -> jax.Array:
    """How much speaks for each class; ``log_softmax`` makes log probabilities of it.

    Args:
        card: of the network, or the notes of one that was saved, with ``"readout"``,
            ``"dt"`` and ``"classes"``, as ``tasks.train`` keeps them. A readout is
            ``"mean_voltage"``, ``"voltage"`` or ``"early_voltage"``.
        voltages: its ``"out"``, ``[T, *batch, classes]``; of the first T steps of a
            sample what they say so far.

    Returns:
        Scores ``[*batch, classes]``, or ``[T, *batch, classes]`` of a network that
        tells a class at every step, whose ``card.readout`` is ``"voltage"``.

    Raises:
        ValueError: for what is neither card nor such notes, or voltages of another
            number of classes or without a step.

    Example:
        >>> net, weights, card = snn.models.load("yin-yang")
        >>> test = snn.models.task("yin-yang").parts["test"]
        >>> xs = test.raster(np.arange(4), None)
        >>> _, ys = snn.unroll(net, weights, xs, dt=card.dt)
        >>> snn.models.scores(card, ys["out"]).shape
        (4, 3)
    """
    readout, dt, classes = _read_by(card)
    check.one_of("card.readout", readout, tuple(READOUTS))
    check.array("voltages", voltages, "[T, *batch, classes]")
    check.floating("voltages", voltages)
    check.width("voltages: scores", voltages, len(classes))
    if not len(voltages):
        raise ValueError(f"voltages must have a step, got shape {voltages.shape}.")
    return READOUTS[readout](dt)(voltages)


def _read_by(card):
    """Readout, dt and classes, of a card or of notes."""
    if isinstance(card, Card):
        return card.readout, card.dt, card.classes
    if not isinstance(card, Mapping):
        raise ValueError(
            "card must be that of a model, or notes of a saved network, got "
            f"{check.told(card)}."
        )
    if missing := [name for name in _READ if name not in card]:
        raise ValueError(
            f"card: these notes have no {missing[0]!r}; scores needs "
            f"{', '.join(_READ)}: snn.save(…, notes={{…}})."
        )
    readout, dt, classes = (card[name] for name in _READ)
    check.positive("card.dt", dt, " [s]")
    check.one("card.dt", dt)
    if not isinstance(classes, list | tuple):
        raise ValueError(f"card.classes must be a list, got {check.told(classes)}.")
    return readout, dt, classes


def task(
    name: str, *, data: str | Path | None = None, progress: Progress | None = None
) -> Task:
    """The task that a network was trained on: its data as spikes, in three parts.

    ``task(name).parts["test"].raster(rows, None)`` are spikes ``[T, B, *inputs]`` of
    samples by number, ``.labels`` their classes.

    Args:
        name: of a trained network.
        data: folder with the files of the task; the usual ones if omitted.
        progress: is told how many recordings are encoded, of how many, where they are.

    Raises:
        ValueError: for a name that there is not, damaged files, or data for a task
            that needs none.
        FileNotFoundError: saying where it looked for the data, and what to do.
        ImportError: without what reads them.
    """
    card = card_of(name)
    if progress is not None:
        check.function("progress", progress)
    spoken = {"progress": progress} if card.task == "spoken-digits" else {}
    return task_of(card.task, data, **card.options, **spoken)


def evaluate(
    name: str, *, data: str | Path | None = None, progress: Progress | None = None
) -> dict[str, Any]:
    """Tests a trained network on the test part of its task.

    Args:
        name: of a trained network.
        data: folder with the files of the task, perhaps with other samples; the usual
            ones if omitted.
        progress: as of ``task``.

    Returns:
        ``"test_accuracy"``, ``"chance"``, how many ``"samples"``, ``"classes"`` and
        ``"recall"``, the share of each that was found; ``"as_card"``, whether the test
        part is that of the card, bit for bit.

    Raises:
        ValueError: as ``task``, or for data that the network cannot read.
        FileNotFoundError: saying where it looked for the data, and what to do.
        ImportError: without what reads them.
    """
    network, weights, card = load(name)
    made = task(name, data=data, progress=progress)
    _refuse_others(card, made)
    own = in_steps(name, made.network)._replace(cell=network)
    made = made._replace(network=own)
    found = tested(made, {f"seed{card.seed}": weights})
    kept = "task", "test_accuracy", "chance", "samples", "classes", "recall"
    same = data_of(made.parts["test"]) == dict(card.data["test"])
    return {"name": name, **{each: found[each] for each in kept}, "as_card": same}


def _refuse_others(card, made):
    """Refuses data of another shape, or of more classes."""
    xs = made.parts["test"].raster(np.arange(1), None)
    if xs.shape[2:] != card.inputs or len(made.classes) > len(card.classes):
        raise ValueError(
            f"{card.name} reads steps of shape {list(card.inputs)} and tells "
            f"{len(card.classes)} classes; these data have {list(xs.shape[2:])} and "
            f"{len(made.classes)}."
        )
