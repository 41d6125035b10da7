"""Trains a task: real data in, a trained network and its report out.

One network is trained for each seed; its epoch is chosen on validation data, the test
set is read once at the end, and a folder keeps everything.
"""

import json
import time
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from snnjax import check, files, plot
from snnjax.analysis import confusion
from snnjax.cell import nonfinite, unroll
from snnjax.learning import accuracy, cross_entropy
from snnjax.tasks.linear import linear_baseline
from snnjax.tasks.task import Task
from snnjax.training import environment, epoch_rows, fit, init_train_state, make_step


def train(
    task: Task,
    folder: str | Path,
    *,
    seeds: int = 1,
    epochs: int | None = None,
    progress: bool = True,
) -> dict[str, Any]:
    """Trains a task and leaves a folder: metrics, checkpoints, report, summary.

    Args:
        task: what to train.
        folder: where to; a run that was cut off there goes on.
        seeds: how many networks.
        epochs: of each; the task's own number if omitted.
        progress: whether to show it, on stderr.

    Returns:
        The summary, as in ``folder/summary.json``.

    Raises:
        FloatingPointError: if a network stops being finite.
        ValueError: if the folder holds another task's run, or a longer one.
        ImportError: without matplotlib, before anything is trained.
    """
    check.whole("seeds", seeds)
    plot.figure()  # fails here rather than after the training
    folder = Path(folder)
    epochs = task.epochs if epochs is None else epochs
    check.whole("epochs", epochs)
    rows = len(task.parts["train"].labels)
    batch = min(task.batch, rows)
    updates = epochs * -(-rows // batch)
    optimizer = optax.adam(optax.cosine_decay_schedule(task.learning_rate, updates))
    step = jax.jit(make_step(partial(_loss, task), optimizer, has_aux=True))
    predict = jax.jit(partial(_scores, task))
    validate = partial(_accuracy, task, predict, "validation")

    fits, seconds = [], 0.0
    for seed in range(seeds):
        weights = {"hidden": task.hidden, "output": task.output}
        keys = jax.random.split(jax.random.key(seed), 2)
        weights = {
            k: cell.init(key)
            for (k, cell), key in zip(weights.items(), keys, strict=True)
        }
        fits.append(
            fit(
                step,
                init_train_state(weights, optimizer),
                partial(_batches, task, seed, batch),
                epochs=epochs,
                validate=validate,
                folder=folder / f"seed{seed}",
                progress=progress,
                name=f"{task.name} seed {seed}",
            )
        )
        seconds += sum(row["seconds"] for row in fits[-1].history)

    began = time.perf_counter()
    guesses = [_predictions(task, predict, "test", f.best_weights) for f in fits]
    truth = task.parts["test"].labels
    known = truth >= 0
    hits = [float(np.mean(guess[known] == truth[known])) for guess in guesses]
    summary = {
        "task": task.name,
        "test_accuracy": float(np.mean(hits)),
        "test_accuracies": hits,
        "validation_accuracies": [
            f.history[f.best_epoch]["validation_accuracy"] for f in fits
        ],
        "chosen_epochs": [f.best_epoch for f in fits],
        "chance": float(np.bincount(truth[known]).max() / known.sum()),
        "linear_readout_test_accuracy": linear_baseline(task),
        "train_seconds": seconds,
        "test_seconds": time.perf_counter() - began,
        "epochs": epochs,
        "samples": {k: len(part.labels) for k, part in task.parts.items()},
        **task.notes,
        **environment(),
    }
    files.write_text(folder / "summary.json", json.dumps(summary, indent=2) + "\n")
    _report(task, fits[0], guesses[0], folder, summary)
    return summary


def _network(task, weights, xs):
    hidden_state, spikes = unroll(task.hidden, weights["hidden"], xs, dt=task.dt)
    output_state, v = unroll(task.output, weights["output"], spikes, dt=task.dt)
    return {"hidden": hidden_state, "output": output_state}, spikes, v


def _loss(task, weights, xs, labels):
    state, spikes, v = _network(task, weights, xs)
    scores = task.readout(v)
    mask = labels >= 0 if labels.ndim > 1 else None
    aux = {"accuracy": accuracy(scores, labels, mask), "nonfinite": nonfinite(state)}
    aux["hidden_rate"] = jnp.mean(spikes) / task.dt
    return cross_entropy(scores, labels, mask), aux


def _scores(task, weights, xs):
    return task.readout(_network(task, weights, xs)[2])


def _batches(task, seed, batch, epoch):
    part = task.parts["train"]
    for k, rows in enumerate(epoch_rows(seed, epoch, len(part.labels), batch)):
        rng = np.random.default_rng([seed, epoch, k])
        yield part.raster(rows, rng), np.moveaxis(part.labels[rows], 0, -1)


def _predictions(task, predict, split, weights):
    """Guesses, as the labels in shape, in batches of one shape."""
    part = task.parts[split]
    n = len(part.labels)
    size = min(n, 128)
    guesses = np.zeros(part.labels.shape, np.int64)
    for first in range(0, n, size):
        rows = np.arange(first, first + size) % n
        scores = predict(weights, part.raster(rows, None))
        guesses[rows] = np.moveaxis(np.argmax(scores, axis=-1), -1, 0)
    return guesses


def _accuracy(task, predict, split, weights):
    labels = task.parts[split].labels
    hits = _predictions(task, predict, split, weights) == labels
    return {"accuracy": float(np.mean(hits[labels >= 0]))}


def _report(task, fitted, guesses, folder, summary):
    part = task.parts["test"]
    raster = part.raster(np.arange(1), None)
    _, spikes, v = _network(task, fitted.best_weights, raster)
    known = part.labels >= 0
    figure = plot.report(
        fitted.history,
        confusion(part.labels[known], guesses[known], v.shape[-1]),
        raster[:, 0].reshape(len(raster), -1),
        np.asarray(spikes[:, 0]),
        np.asarray(v[:, 0]),
        dt=task.dt,
        title=f"{task.name}: test accuracy {summary['test_accuracies'][0]:.3f} "
        f"(seed 0), linear readout {summary['linear_readout_test_accuracy']:.3f}",
        label=int(part.labels[0]) if part.labels.ndim == 1 else None,
    )
    figure.savefig(folder / "report.png", dpi=150)
