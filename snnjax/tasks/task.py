"""What a task is: data as spikes, a network that reads them, and how it is trained."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from snnjax.tasks.network import Network


class Part(NamedTuple):
    """One split of a task, as spikes."""

    # numbers of samples [B], randomness to change them by or None -> [T, B, *n_in]
    raster: Callable[[np.ndarray, np.random.Generator | None], np.ndarray]
    labels: np.ndarray  # [N], or [N, T] where every step has its own; -1: it has none


class Schedule(NamedTuple):
    """How long and how fast a network is trained."""

    batch: int
    epochs: int
    learning_rate: float  # at first; it falls to zero like a cosine


class Task(NamedTuple):
    """Everything that ``train`` needs to know."""

    name: str
    parts: dict[str, Part]  # train, validation, test
    network: Network
    schedule: Schedule
    notes: dict[str, Any]  # for the summary
