"""What a task is: data as spikes, and the network that reads them."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

from snnjax.cell import Cell


class Part(NamedTuple):
    """One split of a task, as spikes."""

    # numbers of samples [B], randomness to change them by or None -> [T, B, *n_in]
    raster: Callable[[np.ndarray, np.random.Generator | None], np.ndarray]
    labels: np.ndarray  # [N], or [N, T] where every step has its own; -1: it has none


class Task(NamedTuple):
    """Everything that ``train`` needs to know."""

    name: str
    parts: dict[str, Part]  # train, validation, test
    hidden: Cell  # spikes [T, B, *n_in] -> spikes [T, B, n]
    output: Cell  # spikes [T, B, n] -> voltages [T, B, classes]
    readout: Callable[[jax.Array], jax.Array]  # voltages -> scores [B, classes]; [T, …]
    dt: float  # [s]
    batch: int
    epochs: int
    learning_rate: float
    notes: dict[str, Any]  # for the summary
