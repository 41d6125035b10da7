"""What a network takes the samples of a part for."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

from snnjax.tasks.network import Network, run
from snnjax.tasks.task import Part
from snnjax.training import parallel

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


def scores_of_all(
    network: Network, mesh: jax.sharding.Mesh
) -> Callable[[Any, np.ndarray], np.ndarray]:
    """The scores of a network, by all devices of a mesh, for ``predict``."""
    heard = lambda weights, xs: run(network, weights, xs).v  # noqa: E731
    voltages = parallel.spread(heard, mesh, 1)

    def heard_by_all(weights, xs, samples):
        return network.readout(voltages(weights, xs, samples))

    everywhere = jax.NamedSharding(mesh, jax.P())
    compiled = jax.jit(heard_by_all, static_argnums=2, out_shardings=everywhere)

    def score(weights, xs):
        found = compiled(weights, parallel.scatter(xs, mesh, 1), xs.shape[1])
        return parallel.whole(found)

    return score


def predict(
    scores: Callable[[Any, np.ndarray], jax.typing.ArrayLike], weights: Any, part: Part
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
