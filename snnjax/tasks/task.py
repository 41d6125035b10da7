"""What a task is: data as spikes, a network that reads them, and how it is trained."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

import jax
import numpy as np

from snnjax.datasets.samples import SPLITS, Split
from snnjax.tasks.network import AnyNetwork, Network

# (randomness of an update, share of all updates done, 0 to 1) -> the network as it is
# then: other constants, noise, parts left out, always with the same weights
Learning = Callable[[jax.Array, jax.Array], Network]


class Part(NamedTuple):
    """One split of a task, as spikes.

    Example:
        >>> part = snn.tasks.digits_task().parts["validation"]
        >>> part.labels.shape, part.raster(np.arange(3), None).shape
        ((300,), (50, 3, 128))
    """

    # numbers of samples [B], randomness to change them by or None -> [T, B, *n_in]
    raster: Callable[[np.ndarray, np.random.Generator | None], np.ndarray]
    labels: np.ndarray  # [N], or [N, T] where every step has its own; -1: it has none
    # the same in continuous time, where every channel fires once: times [s] [B, n_in]
    times: Callable[[np.ndarray, np.random.Generator | None], np.ndarray] | None = None


def as_read(part: Part, network: AnyNetwork) -> Part:
    """A part whose raster is what the network reads: itself, or times.

    Raises:
        ValueError: if the network reads times, of which the part tells none.
    """
    inputs = getattr(part, network.reads)
    if inputs is None:
        raise ValueError(f"The network reads {network.reads}; the part has none.")
    return part._replace(raster=inputs)


def some(part: Part, numbers: np.ndarray) -> Part:
    """Some samples of a part, by number."""
    times = part.times and partial(_of, part.times, numbers)
    return Part(partial(_of, part.raster, numbers), part.labels[numbers], times)


def _of(raster, numbers, rows, rng):
    return raster(numbers[rows], rng)


class Named(NamedTuple):
    """Samples by name."""

    names: tuple[str, ...]
    files: tuple[Path, ...] = ()  # where the same one has other spikes in another place


class Schedule(NamedTuple):
    """How long and how fast a network is trained."""

    batch: int
    epochs: int
    learning_rate: float  # at first; it falls to zero like a cosine
    epoch: Literal["best", "last"] = "best"  # on validation data, or simply the last
    norm: float | None = None  # of gradients at most; None: however large


class Task(NamedTuple):
    """Everything that ``train`` needs to know."""

    name: str
    parts: dict[str, Part]  # train, validation, test
    network: AnyNetwork
    schedule: Schedule
    notes: dict[str, Any]  # for the summary
    options: Mapping[str, Any] = MappingProxyType({})  # of its factory, beside data
    learning: Learning | None = None  # the network while it learns; None: the same
    classes: tuple[str, ...] = ()  # what the labels mean, by number
    samples: Mapping[str, Named] = MappingProxyType({})  # of each part, if so called


def class_names(classes: Sequence[str], n: int) -> tuple[str, ...]:
    """Names of ``n`` classes; numbers where none are given."""
    return *classes[:n], *map(str, range(len(classes), n))


def load_parts(load: Callable[[Split], Any]) -> dict[str, Any]:
    """All parts of a data set, none of them empty.

    Args:
        load: gives the part of a name, which has ``labels``.

    Raises:
        ValueError: naming the part that has no sample.
    """
    parts: dict[str, Any] = {split: load(split) for split in SPLITS}
    counts = {split: len(part.labels) for split, part in parts.items()}
    for split, count in counts.items():
        if not count:
            raise ValueError(
                f"The {split} part has no samples, of {sum(counts.values())} in all: "
                "too few to train, to choose an epoch and to test."
            )
    return parts
