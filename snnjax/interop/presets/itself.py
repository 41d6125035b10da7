"""A connection of each neuron onto itself, with one weight for all or one for each."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from snnjax import check
from snnjax.about import factory
from snnjax.cell import Cell
from snnjax.check import Number
from snnjax.exported import exportable
from snnjax.kernels.products import align


@exportable
class ItselfWeights(NamedTuple):
    """Weights of a connection of each neuron onto itself."""

    V: jax.Array  # [] or [n]


@factory
def to_itself(n: int, V: Number = 1.0) -> Cell:
    """A connection of each neuron onto itself, ``y = V x`` element by element.

    Args:
        n: number of neurons.
        V: where the weight starts, one for all or ``[n]``.

    Returns:
        A cell ``[*batch, n] -> [*batch, n]`` with ``ItselfWeights`` and no state.

    Raises:
        ValueError: for a width below one, a weight of another shape or not finite, an
            input of another width, or weights of another cell.
    """
    check.whole("n", n)
    check.finite("V", V)
    check.per_neuron("V", V, n)

    def rest(x):
        check.width("to_itself", x, n)
        check.raster("The input of to_itself", x)
        return ()

    def step(weights, state, x, dt):
        del dt  # passes at once
        check.width("to_itself", x, n)
        check.weights("to_itself", weights, ItselfWeights, {"V": jnp.shape(V)})
        w = align(weights.V, x)
        dtype = check.common_dtype(x.dtype, w.dtype)
        return state, x.astype(dtype) * w.astype(dtype)

    def draw(key):
        del key
        return ItselfWeights(jnp.array(V, jnp.result_type(float)))

    return Cell(init=draw, rest=rest, step=step, run=step)
