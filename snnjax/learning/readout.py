"""Readouts computed step by step, so that outputs over time need not be kept."""

import jax
import jax.numpy as jnp

from snnjax import check
from snnjax.about import factory
from snnjax.cell import Cell
from snnjax.learning.over_time import highest


@factory
def running_max(n: int) -> Cell:
    """The running maximum of each of ``n`` channels.

    At the end of a chain, its state is what ``max_over_time`` makes of all outputs,
    with the same gradient, to the first of equal values. With
    ``unroll(..., checkpoint=…)`` nothing as long as the sequence is kept.

    Args:
        n: number of channels.

    Returns:
        A cell ``[*batch, n] -> [*batch, n]`` without weights; state and output are the
        maximum so far, -∞ at rest.

    Raises:
        ValueError: for a width below one, an input of another width, or a state of
            another shape.

    Example:
        >>> net = snn.chain(snn.dense(5, 2), snn.li(2), snn.learning.running_max(2))
        >>> weights, xs = net.init(jax.random.key(0)), jnp.ones((100, 3, 5))
        >>> state, _ = snn.unroll(net, weights, xs, dt=1e-3, checkpoint=10)
        >>> state[-1].shape  # scores, for cross_entropy
        (3, 2)
    """
    check.whole("n", n)

    def rest(x):
        check.width("running_max", x, n)
        check.floating("The input of running_max", x)
        return jnp.full_like(x, -jnp.inf)

    def step(weights, state, x, dt):
        del weights, dt
        check.width("running_max", x, n)
        check.shape("The state of running_max", state, x.shape)
        best = jnp.where((x > state) | jnp.isnan(x), x, state)  # NaN stays
        return best, best

    def run(weights, state, xs, dt):
        """The last of the maxima, and all others for whoever looks at them."""
        del weights, dt
        check.width("running_max", xs, n)
        check.shape("The state of running_max", state, xs.shape[1:])
        xs = jnp.concatenate([state[None], xs])
        return highest(xs), _so_far(xs)

    return Cell(init=lambda key: (), rest=rest, step=step, run=run)


def _so_far(xs):
    """The first of the highest values up to each step but the first, or NaN."""
    known = jax.lax.stop_gradient(xs)
    top = jax.lax.cummax(known)[:-1]
    higher = (known[1:] > top) | jnp.isnan(known[1:])
    steps = 1 + jnp.arange(len(top)).reshape(-1, *(xs.ndim - 1) * (1,))
    best = jax.lax.cummax(jnp.where(higher, steps, 0))
    return jnp.take_along_axis(xs, best, axis=0)
