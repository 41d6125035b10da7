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

from snnjax import check
from snnjax.cell import lost, unroll
from snnjax.experiments import plot
from snnjax.experiments.measure import confusion, describe
from snnjax.experiments.tasks import Task
from snnjax.experiments.train import epoch_rows, fit, make_step, start
from snnjax.learning import accuracy, cross_entropy


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
                start(weights, optimizer),
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
    hits = [float(np.mean(guess == truth)) for guess in guesses]
    summary = {
        "task": task.name,
        "test_accuracy": float(np.mean(hits)),
        "test_accuracies": hits,
        "validation_accuracies": [
            f.history[f.best_epoch]["validation_accuracy"] for f in fits
        ],
        "chosen_epochs": [f.best_epoch for f in fits],
        "chance": float(np.bincount(truth).max() / len(truth)),
        "linear_readout_test_accuracy": linear_baseline(task),
        "train_seconds": seconds,
        "test_seconds": time.perf_counter() - began,
        "epochs": epochs,
        "samples": {k: len(part.labels) for k, part in task.parts.items()},
        **task.notes,
        **describe(),
    }
    (folder / "summary.json").write_text(json.dumps(summary, indent=2) + "\n")
    _report(task, fits[0], guesses[0], folder, summary)
    return summary


def linear_baseline(task: Task) -> float:
    """Test accuracy of a linear classifier on the same spikes, counted coarsely.

    Ridge regression on square roots of counts in about 20 bins of time and at most 70
    groups of channels; its penalty is chosen on the validation split.
    """
    features, targets = {}, {}
    for split, part in task.parts.items():
        raster = part.raster(np.arange(len(part.labels)), None)
        t, n = -(-raster.shape[0] // 20), -(-raster.shape[2] // 70)
        sums = np.add.reduceat(raster, np.arange(0, raster.shape[0], t), axis=0)
        sums = np.add.reduceat(sums, np.arange(0, raster.shape[2], n), axis=2)
        x = np.sqrt(np.moveaxis(sums, 1, 0).reshape(len(part.labels), -1))
        features[split], targets[split] = x.astype(np.float64), part.labels
    mean = features["train"].mean(axis=0)
    x = features["train"] - mean
    goal = np.eye(targets["train"].max() + 1)[targets["train"]]
    gram = x @ x.T
    best = (-1.0, 0.0)
    for penalty in 10.0 ** np.arange(-1, 5):
        w = x.T @ np.linalg.solve(gram + penalty * np.eye(len(x)), goal)

        def hit(split, w=w):
            guess = np.argmax((features[split] - mean) @ w, axis=1)
            return float(np.mean(guess == targets[split]))

        best = max(best, (hit("validation"), hit("test")))
    return best[1]


def _network(task, weights, xs):
    hidden_state, spikes = unroll(task.hidden, weights["hidden"], xs, dt=task.dt)
    output_state, v = unroll(task.output, weights["output"], spikes, dt=task.dt)
    return {"hidden": hidden_state, "output": output_state}, spikes, v


def _loss(task, weights, xs, labels):
    state, spikes, v = _network(task, weights, xs)
    scores = task.readout(v)
    aux = {"accuracy": accuracy(scores, labels), "lost": lost(state)}
    aux["hidden_rate"] = jnp.mean(spikes) / task.dt
    return cross_entropy(scores, labels), aux


def _scores(task, weights, xs):
    return task.readout(_network(task, weights, xs)[2])


def _batches(task, seed, batch, epoch):
    part = task.parts["train"]
    for k, rows in enumerate(epoch_rows(seed, epoch, len(part.labels), batch)):
        rng = np.random.default_rng([seed, epoch, k])
        yield part.raster(rows, rng), part.labels[rows]


def _predictions(task, predict, split, weights):
    """Guesses ``[N]``, in batches of one shape."""
    part = task.parts[split]
    n = len(part.labels)
    size = min(n, 128)
    guesses = np.zeros(n, np.int64)
    for first in range(0, n, size):
        rows = np.arange(first, first + size) % n
        scores = predict(weights, part.raster(rows, None))
        guesses[rows] = np.argmax(scores, axis=1)
    return guesses


def _accuracy(task, predict, split, weights):
    guesses = _predictions(task, predict, split, weights)
    return {"accuracy": float(np.mean(guesses == task.parts[split].labels))}


def _report(task, fitted, guesses, folder, summary):
    part = task.parts["test"]
    raster = part.raster(np.arange(1), None)
    _, spikes, v = _network(task, fitted.best_weights, raster)
    figure = plot.report(
        fitted.history,
        confusion(part.labels, guesses, v.shape[-1]),
        raster[:, 0],
        np.asarray(spikes[:, 0]),
        np.asarray(v[:, 0]),
        dt=task.dt,
        title=f"{task.name}: test accuracy {summary['test_accuracies'][0]:.3f} "
        f"(seed 0), linear readout {summary['linear_readout_test_accuracy']:.3f}",
        label=int(part.labels[0]),
    )
    figure.savefig(folder / "report.png", dpi=150)
