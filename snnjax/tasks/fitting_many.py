"""Fits networks of one shape in one program: other slopes, learning rates and seeds.

Each sees the batches that it would see alone (``fitting.fit_networks``). Networks are
spread over all devices, and take turns on each.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from snnjax.cell import Cell
from snnjax.parts import flat, options_of, rebuild
from snnjax.tasks import online
from snnjax.tasks.fitting import adam, make_update, training_batches, with_share_done
from snnjax.tasks.network import AnyNetwork, Network, in_steps, scores
from snnjax.tasks.prediction import BATCH
from snnjax.tasks.task import Part, Task, as_read
from snnjax.training import init_train_state

METRICS = (
    *("validation_accuracy", "test_accuracy", "loss", "accuracy", "hidden_rate"),
    "epoch",
)
Points = Mapping[str, np.ndarray]  # "slope" perhaps, "learning_rate", "seed": [N] each


class Kept(NamedTuple):
    """The epoch of each network that did best on validation data."""

    weights: Any
    accuracy: jax.Array  # [N]
    epoch: jax.Array  # [N]


def with_slope(network: AnyNetwork, slope: Any) -> Network:
    """The same network, whose surrogates have another slope, which may be traced.

    Raises:
        ValueError: if none of its cells has a surrogate with a slope.
    """
    network = in_steps("slope", network)

    def change(name: str, cell: Cell) -> Cell:
        if not has_slope(cell):
            return cell
        options = options_of(name, cell)
        shape = options["surrogate"]._replace(slope=slope)
        return cell.about.make(**options | {"surrogate": shape})  # type: ignore[misc, union-attr]

    leaves = flat(network.cell).leaves.values()
    if not any(has_slope(leaf.cell) for leaf in leaves):
        raise ValueError(
            "slope: no neuron of this network has a surrogate with a slope of its own; "
            "SuperSpike, Sigmoid and Triangle have one (--surrogate)."
        )
    return network._replace(cell=rebuild(network.cell, change))


def has_slope(cell: Cell) -> bool:
    """Whether a leaf spikes by a surrogate with a slope."""
    if cell.about is None or cell.about.options is None:
        return False
    shape = options_of("", cell).get("surrogate")
    return hasattr(shape, "_replace") and hasattr(shape, "slope")


def fit_many(
    task: Task, points: Points, told: Callable[[int, int], None]
) -> dict[str, np.ndarray]:
    """Fits and tests a network for each point.

    Args:
        task: what they learn; its schedule says how long.
        points: what differs, at least ``"learning_rate"`` and ``"seed"``.
        told: is called after each epoch, with how many there were, of how many.

    Returns:
        ``METRICS``, ``[N]`` each. Of a network that stopped being finite all are NaN.
    """
    read = {name: as_read(part, task.network) for name, part in task.parts.items()}
    task, n = task._replace(parts=read), len(points["seed"])
    devices = jax.devices()[:n]
    spare = np.minimum(np.arange(-(-n // len(devices)) * len(devices)), n - 1)
    seeds, which = np.unique(points["seed"][spare], return_inverse=True)
    given = {name: column[spare] for name, column in points.items()}
    given = {"batch": which.astype(np.int32), **given}
    turns = _in_turns(jax.sharding.Mesh(devices, ("device",)))
    train, epochs = task.parts["train"], task.schedule.epochs
    per_epoch = -(-len(train.labels) // min(task.schedule.batch, len(train.labels)))
    start, update = _learning(task, epochs * per_epoch)
    step, guesses = turns(update), turns(partial(_guesses, task.network))
    state = turns(start)(given, None)
    kept = Kept(state.weights, jnp.full(len(spare), -1.0), jnp.zeros(len(spare)))
    broken, last = np.zeros(len(spare), bool), {}
    for epoch in range(epochs):
        sums: dict[str, Any] = {}
        feeds = [_batches(task, seed, per_epoch, epoch) for seed in seeds]
        for batch in zip(*feeds, strict=True):
            shared = jax.tree.map(lambda *each: np.stack(each), *batch)
            state, found = step((state, given), shared)
            sums = {k: sums.get(k, 0) + v for k, v in found.items()}
        last = {k: np.asarray(v) / per_epoch for k, v in sums.items()}
        broken |= last.pop("broken") > 0
        right = _accuracy(guesses, state.weights, task.parts["validation"])
        kept = _better(task, kept, state.weights, right, epoch + 1)
        told(epoch + 1, epochs)
    last |= {
        "validation_accuracy": np.asarray(kept.accuracy),
        "test_accuracy": _accuracy(guesses, kept.weights, task.parts["test"]),
        "epoch": np.asarray(kept.epoch),
    }
    return {
        k: np.where(broken, np.nan, last[k])[:n].astype(np.float32) for k in METRICS
    }


def _learning(task: Task, updates: int):
    """What starts one network, and what updates it."""

    def optimizer(given):
        return adam(
            task.schedule._replace(learning_rate=given["learning_rate"]), updates
        )

    def start(given, none):
        weights = task.network.init(jax.random.key(given["seed"]))
        return init_train_state(weights, optimizer(given))

    def update(held, shared):
        state, given = held
        batch = jax.tree.map(lambda each: each[given["batch"]], shared)
        network = task.network
        if "slope" in given:
            network = with_slope(network, given["slope"])
        step = make_update(network, optimizer(given), learning=task.learning)
        state, metrics = step(state, *batch)
        odd = jnp.stack(
            [*metrics["nonfinite"].values(), ~jnp.isfinite(metrics["loss"])]
        )
        names = "loss", "accuracy", "hidden_rate"
        return state, {"broken": jnp.any(odd).astype(float)} | {
            k: metrics[k] for k in names
        }

    return start, update


def _batches(task, seed, per_epoch, epoch):
    """Those that a network of this seed sees alone."""
    part = task.parts["train"]
    size = min(task.schedule.batch, len(part.labels))
    batches = partial(training_batches, part, size, int(seed))
    if task.learning:
        batches = partial(online.with_draws, batches, int(seed))
        batches = partial(with_share_done, batches, per_epoch, task.schedule.epochs)
    return batches(epoch)


def _in_turns(mesh):
    """Makes of ``(of one, shared) -> of one`` the same of many, on all devices."""
    split, whole = jax.P("device"), jax.P()

    def turns(one):
        def share(each, shared):
            return jax.lax.map(lambda own: one(own, shared), each)

        ways = {"mesh": mesh, "in_specs": (split, whole), "out_specs": split}
        return jax.jit(jax.shard_map(share, **ways, check_vma=False))

    return turns


def _guesses(network, weights, xs):
    return jnp.argmax(scores(network, weights, xs), axis=-1).astype(jnp.int32)


def _accuracy(guesses, weights, part: Part) -> np.ndarray:
    """The share that each network reads right, ``[N]``."""
    n = len(part.labels)
    size, right, known = min(n, BATCH), 0.0, 0
    for first in range(0, n, size):
        rows = np.arange(first, min(first + size, n))
        xs = part.raster(np.arange(first, first + size) % n, None)
        found = np.moveaxis(np.asarray(guesses(weights, xs)), -1, 1)[:, : len(rows)]
        labels = part.labels[rows]
        known += int(np.sum(labels >= 0))
        right = right + np.sum(
            (found == labels) & (labels >= 0), axis=(*range(1, found.ndim),)
        )
    return np.asarray(right) / known


def _better(task, kept, weights, right, epoch):
    """What is kept after an epoch: the first one that did best, or simply the last."""
    take = np.asarray(right > np.asarray(kept.accuracy)) | (
        task.schedule.epoch == "last"
    )

    def chosen(old, new):
        return jnp.where(take.reshape(-1, *(1,) * (old.ndim - 1)), new, old)

    new = Kept(
        weights, jnp.asarray(right, jnp.float32), jnp.full(len(take), epoch, np.float32)
    )
    return jax.tree.map(chosen, kept, new)
