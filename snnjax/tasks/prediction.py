"""What a network takes the samples of a part for."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

from snnjax.tasks.task import Part

BATCH = 128  # at most, so that large parts fit into memory


class Predictions(NamedTuple):
    """Guesses for every sample, or every step, that has a label."""

    labels: np.ndarray  # [K]
    guesses: np.ndarray  # [K]

    @property
    def accuracy(self) -> float:
        """Share of guesses that are right."""
        return float(np.mean(self.guesses == self.labels))

    @property
    def chance(self) -> float:
        """Accuracy of guessing the most frequent label each time."""
        return float(np.bincount(self.labels).max() / len(self.labels))


def predict(
    scores: Callable[[Any, np.ndarray], jax.Array], weights: Any, part: Part
) -> Predictions:
    """Guesses the class of the highest score, in batches of one shape.

    Args:
        scores: ``(weights, xs [T, B, *n_in]) -> [B, classes]``, or so at every step; as
            a rule compiled.
        weights: of the network.
        part: what to read.
    """
    n = len(part.labels)
    size = min(n, BATCH)
    guesses = np.zeros(part.labels.shape, np.int64)
    for first in range(0, n, size):
        rows = np.arange(first, first + size) % n
        best = np.argmax(scores(weights, part.raster(rows, None)), axis=-1)
        guesses[rows] = np.moveaxis(best, -1, 0)
    known = part.labels >= 0
    return Predictions(part.labels[known], guesses[known])
