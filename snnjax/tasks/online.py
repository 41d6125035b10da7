"""The loss of a task, with the gradient that a rule finds while time runs.

Scores are a function of the mean of voltages over time, so that credit is the same at
each step, but it is known at the end alone. Time therefore runs twice: first for the
mean, then once more for the gradient of Σ_t <credit, v_t>, exact as far as the rule is.
Neither pass keeps anything by step. One pass would have to keep a gradient for each
sample and class until its credit is known.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from snnjax.cell import nonfinite, rest_like, run_cell
from snnjax.learning import accuracy, cross_entropy
from snnjax.learning.online import gradients
from snnjax.learning.online.rule import over_blocks
from snnjax.tasks.network import Network
from snnjax.tasks.rules import Learner
from snnjax.training import silent


class Heard(NamedTuple):
    """What a network did, added up over time."""

    state: Any  # at the end
    spikes: jax.Array  # of the hidden layer, [B, n]
    v: jax.Array  # output voltages, [B, classes]


def loss(
    learner: Learner, weights: Any, xs: jax.Array, labels: jax.Array, draw: jax.Array
) -> tuple[jax.Array, dict[str, Any]]:
    """Cross entropy of the scores, and metrics; its gradient is that of the rule.

    Args:
        learner: how to learn.
        weights: of its network.
        xs: inputs ``[T, B, n_in]``.
        labels: ``[B]``.
        draw: a whole number, the randomness of this update, of rules that sketch.
    """
    return _loss(learner, weights, xs, labels, draw)


@partial(jax.custom_vjp, nondiff_argnums=(0,))
def _loss(learner, weights, xs, labels, draw):
    return _with_credit(learner, weights, xs, labels)[0]


def _forward(learner, weights, xs, labels, draw):
    found, credit = _with_credit(learner, weights, xs, labels)
    rule, dt = learner.rule(jax.random.key(draw)), learner.network.dt
    reached = lambda v: jnp.sum(credit * v)  # noqa: E731
    given = rule, weights, xs, reached
    _, grads, _ = gradients(*given, dt=dt, block=learner.block)
    return found, grads


def _backward(learner, grads, cotangent):
    scale = cotangent[0]
    return jax.tree.map(lambda g: scale * g, grads), None, None, None


_loss.defvjp(_forward, _backward)


def _with_credit(learner, weights, xs, labels):
    """Loss and metrics, and what a voltage does to the loss, at each step the same."""
    network, steps = learner.network, len(xs)
    heard = hear(network, weights, xs, learner.block)

    def judged(mean):
        scores = network.readout(jnp.broadcast_to(mean, (steps, *mean.shape)))
        return cross_entropy(scores, labels), scores

    (value, scores), credit = jax.value_and_grad(judged, has_aux=True)(heard.v / steps)
    metrics = {
        "accuracy": accuracy(scores, labels),
        "nonfinite": nonfinite(heard.state),
        "silent": silent({"hidden": heard.spikes}),
        "hidden_rate": jnp.mean(heard.spikes) / (steps * network.dt),
    }
    return (value, metrics), credit / steps


def hear(network: Network, weights: Any, xs: jax.Array, block: int) -> Heard:
    """Runs a network from rest, block after block, and adds up what it puts out."""

    def one(heard, part):
        (xs,) = part
        state, ys = run_cell(network.cell, weights, heard.state, xs, network.dt)
        spikes, v = (jnp.sum(ys[key], axis=0) for key in ("hidden", "out"))
        return Heard(state, heard.spikes + spikes, heard.v + v), None

    rest = rest_like(network.cell, weights, xs[0])
    _, ys = jax.eval_shape(network.cell.step, weights, rest, xs[0], network.dt)
    spikes, v = (jnp.zeros(ys[key].shape, ys[key].dtype) for key in ("hidden", "out"))
    return over_blocks(one, Heard(rest, spikes, v), (xs,), block)[0]


def with_draws(
    batches: Callable[[int], Iterable[tuple]], seed: int, epoch: int
) -> Iterator[tuple]:
    """The batches of an epoch, each with a number drawn for its update."""
    rng = np.random.default_rng([seed, epoch])
    for batch in batches(epoch):
        yield *batch, rng.integers(2**32, dtype=np.uint32)
