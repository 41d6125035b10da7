"""Connections of low rank: a matrix that is the product of two thin ones."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from snnjax import check
from snnjax.about import About, factory
from snnjax.cell import Cell
from snnjax.exported import exportable
from snnjax.kernels.products import project
from snnjax.networks.connect import Initializer
from snnjax.networks.initialize import normal, spiking


@exportable
class LowRankWeights(NamedTuple):
    """Weights of a connection of low rank."""

    into: jax.Array  # [n_in, rank]
    out: jax.Array  # [rank, n_out]


@factory
def low_rank(n_in: int, n_out: int, rank: int, *, init: Initializer = spiking) -> Cell:
    """An all-to-all connection of low rank, ``y = (x · into) · out``.

    It learns ``rank · (n_in + n_out)`` numbers. Weights between two neurons have the
    variance that ``init`` gives them, whatever the rank.

    Args:
        n_in: number of inputs.
        n_out: number of outputs.
        rank: of the matrix, at most the smaller of both.
        init: draws ``into``, ``(key, n_in, n_out) -> [n_in, n_out]``.

    Returns:
        A cell ``[*batch, n_in] -> [*batch, n_out]`` with ``LowRankWeights``, no state.

    Raises:
        ValueError: for sizes below one, a rank above one of them, an input of another
            width, or weights of another cell.
    """
    check.whole("n_in", n_in)
    check.whole("n_out", n_out)
    check.whole("rank", rank, most=min(n_in, n_out))
    check.function("init", init)
    shapes = {"into": (n_in, rank), "out": (rank, n_out)}

    def draw(key):
        key_in, key_out = jax.random.split(key)
        into = init(key_in, n_in, rank)
        return LowRankWeights(into, normal(key_out, rank, n_out).astype(into.dtype))

    def rest(x):
        check.width("low_rank", x, n_in)
        check.raster("The input of low_rank", x)
        return ()

    def step(weights, state, x, dt):
        del dt  # passes at once
        rest(x)
        check.weights("low_rank", weights, LowRankWeights, shapes)
        return state, project(project(jnp.asarray(x), weights.into), weights.out)

    def matrix(weights):
        check.weights("low_rank", weights, LowRankWeights, shapes)
        return weights.into @ weights.out

    about = About(matrix=matrix)
    return Cell(init=draw, rest=rest, step=step, run=step, about=about)
