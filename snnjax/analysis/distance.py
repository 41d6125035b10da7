"""Correlations of units against the distance between them."""

from typing import NamedTuple

import numpy as np

from snnjax import check
from snnjax.exported import exportable


@exportable
class ByDistance(NamedTuple):
    """A correlation against the distance of the units."""

    distance: np.ndarray  # middle of each bin, [K]
    mean: np.ndarray  # over pairs; NaN where there is none, [K]
    pairs: np.ndarray  # number of pairs, [K]


def by_distance(
    matrix: np.ndarray, places: np.ndarray, edges: np.ndarray
) -> ByDistance:
    """Averages a correlation over pairs of units that are equally far apart.

    Args:
        matrix: a correlation of every pair, ``[n, n]``, symmetric; NaN does not count.
        places: of the units, ``[n, d]``.
        edges: of the bins of distance, rising, ``[K + 1]``.

    Returns:
        Means and numbers of pairs.

    Raises:
        ValueError: for shapes that do not fit, or edges that do not rise.
    """
    for name, given in (("matrix", matrix), ("places", places), ("edges", edges)):
        check.array(name, np.asarray(given))
    matrix, places, edges = (np.asarray(x, np.float64) for x in (matrix, places, edges))
    check.finite("places", places)
    check.finite("edges", edges, infinity=True)
    n = len(places) if places.ndim else 0
    if matrix.shape != (n, n) or places.ndim != 2:
        raise ValueError(
            f"A matrix of {matrix.shape} correlations is not of {places.shape} places."
        )
    if edges.ndim != 1 or len(edges) < 2 or np.any(np.diff(edges) <= 0):
        raise ValueError(f"edges must rise, [K + 1], got {edges}.")
    first, second = np.triu_indices(n, 1)
    values = matrix[first, second]
    known = np.isfinite(values)
    apart = np.linalg.norm(places[first] - places[second], axis=1)[known]
    pairs, _ = np.histogram(apart, edges)
    total, _ = np.histogram(apart, edges, weights=values[known])
    mean = np.where(pairs > 0, total / np.maximum(pairs, 1), np.nan)
    return ByDistance(0.5 * (edges[:-1] + edges[1:]), mean, pairs)
