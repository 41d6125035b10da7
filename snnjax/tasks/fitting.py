"""Fits networks to the training data of a task, one for each seed."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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
from snnjax.tasks.network import AnyNetwork, Network, run
from snnjax.tasks.rules import Learner
from snnjax.tasks.task import Learning, Part, Schedule, as_read
from snnjax.tasks.timed import TimedNetwork, timed_step
from snnjax.training import (
    Fit,
    TrainState,
    epoch_rows,
    fit,
    init_train_state,
    make_step,
    parallel,
    silent,
)
from snnjax.training.step import Metrics


def fit_networks(
    network: AnyNetwork,
    train: Part,
    validate: Callable[[Any], dict[str, float]],
    schedule: Schedule,
    *,
    seeds: Sequence[int],
    folder: Path,
    recipe: Mapping[str, Any],
    name: str,
    progress: bool,
    learner: Learner | None = None,
    learning: Learning | None = None,
    mesh: jax.sharding.Mesh | None = None,
) -> list[Fit]:
    """Fits one network for each seed, by one compiled update.

    Args:
        network: what to fit.
        train: what to fit it to.
        validate: ``weights -> {"accuracy": …}``, which chooses the epoch.
        schedule: how long and how fast.
        seeds: of the networks.
        folder: in which each has its own, ``seed0`` and so on; a run that was cut off
            there goes on.
        recipe: what made the task, by name, for the folders.
        name: of the task, for the progress.
        progress: whether to show it.
        learner: of the network, where it learns while time runs; backpropagation
            through time if omitted.
        learning: the network while it learns, if that is another one, see ``Task``.
        mesh: of the processes that do it together, see ``training.parallel``; this one
            alone if omitted.

    Returns:
        What ``training.fit`` returns for each seed; best is the epoch that the schedule
        chooses.
    """
    train, samples = as_read(train, network), len(train.labels)
    batch = min(schedule.batch, samples)
    per_epoch = -(-samples // batch)
    optimizer = adam(schedule, schedule.epochs * per_epoch)
    update = make_update(network, optimizer, learner, learning, mesh)
    step = jax.jit(update, donate_argnums=0)
    made_by = {
        **recipe,
        **schedule._asdict(),
        "optimizer": "adam, whose learning rate falls to zero over all epochs",
    }

    def one(seed):
        weights = network.init(jax.random.key(seed))
        batches = partial(training_batches, train, batch, seed)
        if learner or learning:
            batches = partial(online.with_draws, batches, seed)
        if learning:
            batches = partial(with_share_done, batches, per_epoch, schedule.epochs)
        state = init_train_state(weights, optimizer)
        if mesh is not None:
            state = parallel.place(state, mesh)
            batches = partial(divided, batches, mesh)
        found = fit(
            step,
            state,
            batches,
            epochs=schedule.epochs,
            validate=validate,
            folder=folder / f"seed{seed}",
            recipe=made_by | {"seed": seed},
            progress=progress,
            name=f"{name} seed {seed}",
        )
        return last(found) if schedule.epoch == "last" else found

    return [one(seed) for seed in seeds]


def make_update(
    network: AnyNetwork,
    optimizer: optax.GradientTransformation,
    learner: Learner | None = None,
    learning: Learning | None = None,
    mesh: Any = None,
) -> Callable[..., tuple[TrainState, Metrics]]:
    """One update of what is to learn; the others as ``fit_networks`` takes them."""
    if isinstance(network, TimedNetwork):
        return timed_step(network, optimizer)
    found = partial(loss, network, mesh=mesh)
    if learner:
        found = partial(online.loss, learner)
    elif learning:
        found = partial(changing_loss, learning, mesh=mesh)
    return make_step(found, optimizer, has_aux=True)


def adam(schedule: Schedule, updates: int) -> optax.GradientTransformation:
    """Adam, whose learning rate falls to zero over so many updates."""
    rate = optax.cosine_decay_schedule(schedule.learning_rate, updates)
    if schedule.norm is None:
        return optax.adam(rate)
    return optax.chain(optax.clip_by_global_norm(schedule.norm), optax.adam(rate))


def last(fit: Fit) -> Fit:
    """The same training, whose last epoch is the one to keep."""
    end = len(fit.history)
    return fit._replace(best_weights=fit.state.weights, best_epoch=end)


def changing_loss(
    learning: Learning,
    weights: Any,
    xs: jax.Array,
    labels: jax.Array,
    draw: jax.Array,
    done: jax.Array,
    *,
    mesh: jax.sharding.Mesh | None = None,
) -> tuple[jax.Array, dict[str, Any]]:
    """The loss of a network that is another one at each update, see ``Task``."""
    network = learning(jax.random.key(draw), done)
    return loss(network, weights, xs, labels, mesh=mesh)


def loss(
    network: Network,
    weights: Any,
    xs: jax.Array,
    labels: jax.Array,
    *,
    mesh: jax.sharding.Mesh | None = None,
) -> tuple[jax.Array, dict[str, Any]]:
    """Cross entropy of the scores, and metrics, of samples or of steps with a label."""
    if mesh is None:
        bad, spikes, v = _seen(network, weights, xs)
    else:
        bad, spikes, v = _seen_by_all(network, mesh, weights, xs, labels.shape[-1])
    scores = network.readout(v)
    mask = labels >= 0 if labels.ndim > 1 else None
    metrics = {
        "accuracy": accuracy(scores, labels, mask),
        "nonfinite": bad,
        "silent": silent({"hidden": spikes}),
        "hidden_rate": jnp.mean(spikes) / network.dt,
    }
    return cross_entropy(scores, labels, mask), metrics


def _seen(network, weights, xs):
    """What is not finite, hidden spikes, and output voltages."""
    activity = run(network, weights, xs)
    return nonfinite(activity.state), activity.spikes, activity.v


def _seen_by_all(network, mesh, weights, xs, samples):
    """The same of a batch that is divided among devices."""

    def each(weights, xs):
        bad, spikes, v = _seen(network, weights, xs)
        return jax.tree.map(lambda one: one[None], bad), spikes, v

    seen = parallel.spread(each, mesh, (0, 1, 1))
    bad, spikes, v = seen(weights, xs)
    return jax.tree.map(jnp.any, bad), spikes[:, :samples], v[:, :samples]


def divided(
    batches: Callable[[int], Iterable[tuple]], mesh: jax.sharding.Mesh, epoch: int
) -> Iterator[tuple]:
    """The batches of an epoch, inputs divided among devices; all know all labels."""
    for xs, *others in batches(epoch):
        yield parallel.scatter((xs, *others), mesh, (1, *(None for _ in others)))


def training_batches(
    part: Part, batch: int, seed: int, epoch: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The batches of an epoch: shuffled, and changed at random, anew in each epoch."""
    for k, rows in enumerate(epoch_rows(seed, epoch, len(part.labels), batch)):
        rng = np.random.default_rng([seed, epoch, k])
        yield part.raster(rows, rng), np.moveaxis(part.labels[rows], 0, -1)


def with_share_done(
    batches: Callable[[int], Iterable[tuple]], per_epoch: int, epochs: int, epoch: int
) -> Iterator[tuple]:
    """The batches of an epoch, each with the share of all updates done before it."""
    for k, batch in enumerate(batches(epoch)):
        yield *batch, np.float32((epoch + k / per_epoch) / epochs)
