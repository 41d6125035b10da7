"""Networks that come trained, each with a card that says what it is and what it can do.

    net, weights, card = snn.models.load("digits")
    xs = jnp.zeros((card.steps, 2, *card.inputs))  # card.encoding says how to make them
    state, ys = snn.unroll(net, weights, xs, dt=card.dt)
    best = jnp.argmax(snn.models.scores(card, ys["out"]), axis=-1)

Data do not come along: ``task`` finds and encodes those that a network was trained and
tested on, ``evaluate`` tests it again.
"""

from snnjax.models.cards import Card
from snnjax.models.kept import Model, card, load, names
from snnjax.models.use import evaluate, scores, task

__all__ = ["Card", "Model", "card", "evaluate", "load", "names", "scores", "task"]
