"""Fits networks to the training data of a task, one for each seed."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from snnjax.cell import nonfinite
from snnjax.learning import accuracy, cross_entropy
from snnjax.tasks import online
from snnjax.tasks.network import Network, run
from snnjax.tasks.rules import Learner
from snnjax.tasks.task import Part, Schedule
from snnjax.training import (
    Fit,
    epoch_rows,
    fit,
    init_train_state,
    make_step,
    silent,
)


def fit_networks(
    network: Network,
    train: Part,
    validate: Callable[[Any], dict[str, float]],
    schedule: Schedule,
    *,
    seeds: int,
    folder: Path,
    recipe: Mapping[str, Any],
    name: str,
    progress: bool,
    learner: Learner | None = None,
) -> list[Fit]:
    """Fits one network for each seed, from 0, by one compiled update.

    Args:
        network: what to fit.
        train: what to fit it to.
        validate: ``weights -> {"accuracy": …}``, which chooses the epoch.
        schedule: how long and how fast.
        seeds: how many networks.
        folder: in which each has its own, ``seed0`` and so on; a run that was cut off
            there goes on.
        recipe: what made the task, by name, for the folders.
        name: of the task, for the progress.
        progress: whether to show it.
        learner: of the network, where it learns while time runs; backpropagation
            through time if omitted.

    Returns:
        What ``training.fit`` returns for each seed.
    """
    samples = len(train.labels)
    batch = min(schedule.batch, samples)
    updates = schedule.epochs * -(-samples // batch)
    optimizer = adam(schedule, updates)
    found = partial(online.loss, learner) if learner else partial(loss, network)
    step = jax.jit(make_step(found, optimizer, has_aux=True))
    made_by = {
        **recipe,
        **schedule._asdict(),
        "optimizer": "adam, whose learning rate falls to zero over all epochs",
    }

    def one(seed):
        weights = network.cell.init(jax.random.key(seed))
        batches = partial(training_batches, train, batch, seed)
        return fit(
            step,
            init_train_state(weights, optimizer),
            partial(online.with_draws, batches, seed) if learner else batches,
            epochs=schedule.epochs,
            validate=validate,
            folder=folder / f"seed{seed}",
            recipe=made_by | {"seed": seed},
            progress=progress,
            name=f"{name} seed {seed}",
        )

    return [one(seed) for seed in range(seeds)]


def adam(schedule: Schedule, updates: int) -> optax.GradientTransformation:
    """Adam, whose learning rate falls to zero over so many updates."""
    return optax.adam(optax.cosine_decay_schedule(schedule.learning_rate, updates))


def loss(
    network: Network, weights: Any, xs: jax.Array, labels: jax.Array
) -> tuple[jax.Array, dict[str, Any]]:
    """Cross entropy of the scores, and metrics, of samples or of steps with a label."""
    activity = run(network, weights, xs)
    scores = network.readout(activity.v)
    mask = labels >= 0 if labels.ndim > 1 else None
    metrics = {
        "accuracy": accuracy(scores, labels, mask),
        "nonfinite": nonfinite(activity.state),
        "silent": silent({"hidden": activity.spikes}),
        "hidden_rate": jnp.mean(activity.spikes) / network.dt,
    }
    return cross_entropy(scores, labels, mask), metrics


def training_batches(
    part: Part, batch: int, seed: int, epoch: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The batches of an epoch: shuffled, and changed at random, anew in each epoch."""
    for k, rows in enumerate(epoch_rows(seed, epoch, len(part.labels), batch)):
        rng = np.random.default_rng([seed, epoch, k])
        yield part.raster(rows, rng), np.moveaxis(part.labels[rows], 0, -1)
