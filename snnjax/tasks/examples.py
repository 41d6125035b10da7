"""Samples of the test data that tell what a network does: read right, wrong, hardly."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from snnjax.tasks.layers import batches_of
from snnjax.tasks.task import Task, as_read, class_names


class Example(NamedTuple):
    """One sample, seen through the network."""

    title: str
    words: str  # what the network makes of it
    inputs: np.ndarray  # spikes [T, n_in]
    hidden: np.ndarray  # spikes [T, n]
    v: np.ndarray  # voltages of outputs [T, classes]
    label: int | None  # None where every step has one
    guess: int | None


def examples(
    task: Task, weights: Any, scores: Callable, look: Callable
) -> list[Example]:
    """The surest of those read right and of those read wrong, and the least certain.

    Where every step has a label, the sample that is read best and the one read worst.
    Up to a thousand samples of the test part are looked at, evenly.

    Args:
        task: with the network as it was trained.
        weights: of it.
        scores: ``(weights, xs) -> scores``, as a rule compiled.
        look: ``(weights, xs) -> Activity``, too.
    """
    part = task.parts["test"]
    batches = batches_of(len(part.labels))
    read = as_read(part, task.network).raster
    found = [np.asarray(scores(weights, read(r, None))) for r in batches]
    rows = np.concatenate(batches)
    labels = part.labels[rows]
    if labels.ndim > 1:
        guesses = np.concatenate([np.argmax(each, -1).T for each in found])
        chosen = _by_step(labels, guesses)
    else:
        chosen = _by_sample(labels, np.concatenate(found), task.classes)
    return [_seen(look, weights, part, read, rows[k], *told) for k, *told in chosen]


def _by_sample(labels, scores, classes):
    """Which samples, what they are called, and what is told of them."""
    if scores.shape[1] < 2:
        return
    sure = _softmax(scores.astype(np.float64))
    guesses, names = np.argmax(sure, axis=1), class_names(classes, scores.shape[1])
    second, best = np.sort(sure, axis=1)[:, -2:].T
    chosen: dict[str, int] = {}
    for title, among, order in (
        ("Read right", guesses == labels, best),
        ("Read wrong", guesses != labels, best),
        ("Least certain", np.full(len(labels), True), second - best),
    ):
        new = ~np.isin(np.arange(len(labels)), [*chosen.values()])
        left = np.flatnonzero(among & new)
        if left.size:
            chosen[title] = int(left[np.argmax(order[left])])
    for title, k in chosen.items():
        label, guess = int(labels[k]), int(guesses[k])
        other = int(np.argsort(sure[k])[-2])
        words = (
            f"Label {names[label]}, read as {names[guess]} with probability "
            f"{best[k]:.2f}; next comes {names[other]} with {second[k]:.2f}."
        )
        yield k, title, words, label, guess


def _by_step(labels, guesses):
    known = labels >= 0
    right = np.sum((labels == guesses) & known, axis=1) / np.maximum(known.sum(1), 1)
    for title, k in (("Read best", np.argmax(right)), ("Read worst", np.argmin(right))):
        words = f"{right[k]:.1%} of the steps that have a label are read right."
        yield int(k), title, words, None, None


def _softmax(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def _seen(look, weights, part, read, row, title, words, label, guess):
    one = np.array([row])
    xs, activity = part.raster(one, None), look(weights, read(one, None))
    flat = lambda x: np.asarray(x[:, 0]).reshape(len(xs), -1)  # noqa: E731
    return Example(
        *(title, f"Test sample {row}. {words}"),
        *(flat(xs), flat(activity.spikes), flat(activity.v)),
        *(label, guess),
    )
