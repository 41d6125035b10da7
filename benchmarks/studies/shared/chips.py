"""Networks as large as a chip, in software and on emulated chips: R16 to R18.

Software is trained once for each seed. Chips are started by their serial numbers, run
``tasks.chip_task`` in bins of 1.7 µs, and are trained in the loop as a user does it.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from snnjax.hardware import (
    Device,
    Imperfections,
    Recording,
    ScaledReadout,
    emulated_chip,
)
from snnjax.learning import cross_entropy
from snnjax.tasks import chip_task, looped
from snnjax.tasks.network import Network, run
from snnjax.tasks.task import Part
from snnjax.training import init_train_state, loop_step, make_step


class Size(NamedTuple):
    """What is trained, and for how long."""

    task: str = "digits"  # or mnist
    epochs: int = 40  # in software
    loop_epochs: int = 5  # in the loop, from software weights
    scratch_epochs: int = 40  # in the loop, from the start
    seeds: tuple[int, ...] = (0, 1, 2)
    serials: tuple[int, ...] = (1, 2, 3)
    samples: int | None = None  # of each part; all if None


MNIST = Size("mnist", 20, 1, 5)
RATE = 5e-3  # of learning, from the start; it falls to zero as a cosine
LATER = 2e-3  # the same, from weights that were trained


class Data(NamedTuple):
    """A task in hand."""

    network: Network
    parts: dict[str, Part]
    sizes: tuple[int, ...]
    batch: int


@lru_cache(maxsize=2)
def data(name: str, samples: int | None = None) -> Data:
    task = chip_task(name)
    parts = {
        key: Part(part.raster, part.labels[:samples])
        for key, part in task.parts.items()
    }
    return Data(task.network, parts, tuple(task.notes["sizes"]), task.schedule.batch)


def batches(part: Part, batch: int, seed: int, updates: int) -> Iterator[tuple]:
    """As many batches as are asked for, epoch after epoch in another order."""
    n, made = len(part.labels), 0
    epoch = 0
    while made < updates:
        order = np.random.default_rng([seed, epoch]).permutation(n)
        for first in range(0, n - batch + 1, batch):
            if made == updates:
                return
            rows = order[first : first + batch]
            yield part.raster(rows, None), part.labels[rows]
            made += 1
        epoch += 1


def per_epoch(found: Data) -> int:
    return len(found.parts["train"].labels) // found.batch


def falling(rate: float, updates: int) -> optax.GradientTransformation:
    return optax.adam(optax.cosine_decay_schedule(rate, updates))


def trained(
    found: Data,
    loss: Callable,
    seed: int,
    updates: int,
    *,
    rate: float = RATE,
    start: Any = None,
    given: Callable[[int], tuple] = lambda k: (),
) -> Any:
    """Weights after so many updates in software.

    Args:
        found: the task.
        loss: ``(weights, xs, labels, *given) -> loss``.
        seed: of the first weights, and of the order.
        updates: how many.
        rate: of learning, at first.
        start: weights; drawn if omitted.
        given: number of the update -> what else the loss takes.
    """
    optimizer, step = _compiled(loss, rate, updates)
    if start is None:
        start = found.network.cell.init(jax.random.key(seed))
    state = init_train_state(start, optimizer)
    order = batches(found.parts["train"], found.batch, seed, updates)
    for k, batch in enumerate(order):
        state, _ = step(state, *batch, *given(k))
    return state.weights


@lru_cache(maxsize=8)
def _compiled(loss, rate, updates):
    optimizer = falling(rate, updates)
    return optimizer, jax.jit(make_step(loss, optimizer))


@lru_cache(maxsize=4)
def of_task(loss: Callable, size: Size) -> Callable:
    """A loss whose first argument is the network of a task; the same one every time."""
    return partial(loss, data(size.task, size.samples).network)


def plain_loss(network: Network, weights: Any, xs: Any, labels: Any) -> jax.Array:
    return cross_entropy(network.readout(run(network, weights, xs).v), labels)


@lru_cache(maxsize=8)
def software(size: Size, seed: int) -> Any:
    """Weights of a network that knows no chip."""
    found = data(size.task, size.samples)
    updates = size.epochs * per_epoch(found)
    return trained(found, of_task(plain_loss, size), seed, updates)


def in_turn(part: Part, at_once: int = 500) -> Iterator[np.ndarray]:
    """The rows of a part, a few at once."""
    n = len(part.labels)
    for first in range(0, n, at_once):
        yield np.arange(first, min(first + at_once, n))


def accuracy(network: Network, weights: Any, part: Part) -> float:
    """In software."""
    guesses, right = _guesses(network), 0
    for rows in in_turn(part):
        found = guesses(weights, part.raster(rows, None))
        right += int(np.sum(np.asarray(found) == part.labels[rows]))
    return right / len(part.labels)


@lru_cache(maxsize=4)
def _guesses(network):
    @jax.jit
    def guesses(weights, xs):
        return jnp.argmax(network.readout(run(network, weights, xs).v), axis=-1)

    return guesses


@contextmanager
def chip(
    size: Size,
    serial: int,
    mismatch: float,
    imperfections: Imperfections = Imperfections(),
    reset: Any = "zero",
) -> Iterator[ScaledReadout]:
    """An emulated chip for the task."""
    found = data(size.task, size.samples)
    made = emulated_chip(
        found.sizes,
        dt=found.network.dt,
        serial=serial,
        mismatch=mismatch,
        imperfections=imperfections,
        reset=reset,
    )
    with ScaledReadout(made, looped.LARGEST) as device:
        yield device


def on_chip(size: Size, device: Device, weights: Any, **options: Any) -> float:
    """Test accuracy of weights on a device."""
    found = data(size.task, size.samples)
    given = found.network.readout, weights, found.parts["test"]
    return looped.answers(device, *given, **options)[0].accuracy


class Showing:
    """A device of whose recordings only a part is shown.

    Args:
        device: what runs.
        change: ``(number of the population, seen) -> seen``.
    """

    def __init__(self, device: Device, change: Callable):
        self._device, self._change = device, change

    def program(self, weights: Any) -> Any:
        return self._device.program(weights)

    def run(self, handle: Any, spikes: Any, *, trial: int | None = None) -> Recording:
        seen, notes = self._device.run(handle, spikes, trial=trial)
        return Recording(tuple(map(self._change, range(len(seen)), seen)), notes)


def in_loop(
    size: Size,
    device: Device,
    seed: int,
    updates: int,
    *,
    start: Any = None,
    rate: float | None = None,
    loss: Callable = looped.loss,
    constant: bool = False,
) -> Any:
    """Weights after so many updates in the loop.

    Args:
        size: what is trained.
        device: on what.
        seed: of the first weights, and of the order.
        updates: how many.
        start: weights; drawn if omitted.
        rate: of learning, at first; ``LATER`` from weights, ``RATE`` without.
        loss: as ``looped.loss``.
        constant: whether the rate stays as it is.
    """
    found = data(size.task, size.samples)
    rate = rate or (RATE if start is None else LATER)
    optimizer, step, slot = _in_loop(of_task(loss, size), rate, updates, constant)
    slot.device = device
    if start is None:
        start = found.network.cell.init(jax.random.key(seed))
    state = init_train_state(start, optimizer)
    order = batches(found.parts["train"], found.batch, seed, updates)
    for batch in order:
        state, _ = step(state, *batch)
    return state.weights


class _Slot:
    """Takes one device after another, so that an update is compiled once."""

    device: Device

    def program(self, weights: Any) -> Any:
        return self.device.program(weights)

    def run(self, handle: Any, spikes: Any, *, trial: int | None = None) -> Recording:
        return self.device.run(handle, spikes, trial=trial)


@lru_cache(maxsize=16)
def _in_loop(loss, rate, updates, constant):
    slot = _Slot()
    optimizer = optax.adam(rate) if constant else falling(rate, updates)
    how: Any = {"has_aux": True, "project": looped.within_synapses}
    step = loop_step(slot, looped.chip_weights, loss, optimizer, **how)
    return optimizer, step, slot
