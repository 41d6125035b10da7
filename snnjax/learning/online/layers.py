"""Rules one above another: a rule for each layer, and how feedback reaches it."""

from collections.abc import Sequence
from functools import partial
from typing import Any, Literal

import jax
import jax.numpy as jnp
from jax.tree_util import Partial

from snnjax import check
from snnjax.compose import Packing
from snnjax.learning.online.rule import Carry, Rule, check_rule
from snnjax.states import moving


def stack(
    *rules: Rule,
    every: bool = False,
    feedback: Sequence[jax.Array] | Literal["local"] | None = None,
    **named: Rule,
) -> Rule:
    """Learns a chain of cells, each by its own rule.

    Within a block credit passes down exactly; what crosses its start stays within a
    layer. Through a readout with a synapse little passes within the same step: at c = 1
    the gradient of the layers below has the right direction and a fraction of its size.

    Args:
        *rules: one for each layer, from below; weights are those of ``chain(*cells)``.
        every: whether all layers put out, a tuple or a dict as the weights, and each
            may have a loss.
        feedback: what brings credit to a layer. None: the weights of those above, the
            true one. Matrices ``[n_out, n]``, one for each layer but the last: what
            reaches the output is projected by these (random, or broadcast, feedback;
            Lillicrap et al. 2016, doi:10.1038/ncomms13276). ``"local"``: its own loss
            alone, which asks for ``every``.
        **named: rules by name, in place of ``*rules``.

    Returns:
        A rule with the weights of the chain of their cells.

    Raises:
        ValueError: for no rule, rules with names and without, or feedback of another
            number; a layer of ``EventProp`` below others, but for ``"local"``; by
            ``init``, for a layer above others that remembers and has no weights: all
            credit would stay in its memory.

    Example:
        >>> from snnjax.learning import online
        >>> hidden = snn.chain(snn.dense(5, 4), snn.lif(4, reset="subtract"))
        >>> out = snn.chain(snn.dense(4, 2), snn.li(2))
        >>> rule = online.stack(
        ...     hidden=online.factored(hidden), out=online.factored(out)
        ... )
        >>> weights = snn.chain(hidden=hidden, out=out).init(jax.random.key(0))
        >>> @jax.jit
        ... def gradients(weights, xs, target):
        ...     return online.gradients(rule, weights, xs, snn.mse, target, dt=1e-3)
        ...
        >>> xs, target = jnp.ones((20, 3, 5)), jnp.zeros((20, 3, 2))
        >>> loss, grads, carry = gradients(weights, xs, target)
        >>> grads["hidden"][0].w.shape
        (5, 4)
    """
    if bool(rules) == bool(named):
        raise ValueError("stack expects rules, either with names or without.")
    layers: dict[Any, Rule] = dict(named) if named else dict(enumerate(rules))
    for key, rule in layers.items():
        check_rule(f"Layer {key} of stack", rule)
    check.flag("every", every)
    if feedback != "local":
        _check_whole(layers)
    matrices = _matrices(feedback, len(layers), every)
    pack = Packing("stack", layers, by_name=bool(named))

    def init(weights, x):
        each, carries = pack.weights(weights), []
        for k, (key, rule) in enumerate(layers.items()):
            carry = rule.init(each[key], x)
            if k:
                _check_learns(key, each[key], carry.state)
            carries.append(carry)
            one = jax.tree.map(lambda x: x[None], x)
            ys = jax.eval_shape(rule.run, each[key], carry, one, 1e-3)[1]
            x = jnp.zeros(ys.shape[1:], ys.dtype)
        states, past = zip(*carries, strict=True)
        return Carry(pack(states), past)

    def run(weights, carry, xs, dt):
        each, states = pack.weights(weights), pack.states(carry.state)
        ends, outs, pulls = [], [], []
        for (key, rule), past in zip(layers.items(), carry.past, strict=True):
            end, xs, pull = rule.run(each[key], Carry(states[key], past), xs, dt)
            ends.append(end)
            outs.append(xs)
            pulls.append(pull)
        after, past = zip(*ends, strict=True)
        passing = partial(_pull, pack, every, isinstance(feedback, str))
        ys = pack(outs) if every else outs[-1]
        return Carry(pack(after), past), ys, Partial(passing, pulls, matrices)

    told = [f"{key}: {each}" for key, r in layers.items() for each in r.leaves_out]
    across = ["memory across layers"] if len(layers) > 1 else []
    replaced = [] if feedback is None else ["the true feedback"]
    whole = any(rule.uncut for rule in layers.values())
    return Rule(init, run, (*told, *across, *replaced), whole)


def _matrices(feedback, count, every):
    if feedback is None or isinstance(feedback, str):
        if feedback not in (None, "local") or (feedback and not every):
            raise ValueError(
                f'feedback must be None, matrices, or "local" with every=True, got '
                f"{feedback!r}, every={every}."
            )
        return None
    if not isinstance(feedback, Sequence):
        raise ValueError(f"feedback must be a list of matrices, got {feedback!r}.")
    check.arrays("feedback", feedback)
    matrices = [jnp.asarray(b) for b in feedback]
    if len(matrices) != count - 1 or any(b.ndim != 2 for b in matrices):
        shapes = [b.shape for b in matrices]
        raise ValueError(
            f"feedback must be {count - 1} matrices [n_out, n], one for each layer but "
            f"the last, got shapes {shapes}."
        )
    return matrices


def _check_whole(layers):
    *below, _ = layers.items()
    for key, rule in below:
        if rule.uncut:
            raise ValueError(
                f"Layer {key} of stack has EventProp, which needs what its spikes are "
                "worth in later blocks as well, and that does not pass from layer to "
                "layer. Take rtrl of the whole network, or a surrogate such as "
                "SuperSpike() below the last layer."
            )


def _check_learns(key, weights, state):
    if moving(state)[0] and not jax.tree.leaves(weights):
        raise ValueError(
            f"Layer {key} of stack remembers and has no weights: credit would stay in "
            "its memory, and the layers below would learn nothing. Put it behind the "
            "connection before it, chain(dense(…), li(…)), as one layer."
        )


def _pull(pack, every, local, pulls, matrices, dys):
    outer: Any = list(pack.weights(dys).values()) if every else [dys]
    top = outer[-1]
    grads, dxs = [], None
    for k, pull in reversed([*enumerate(pulls)]):
        if k == len(pulls) - 1:
            arriving = top
        elif local:
            arriving = outer[k]
        else:
            arriving = dxs if matrices is None else _projected(top, matrices[k])
            arriving = arriving + outer[k] if every else arriving
        own, dxs = pull(arriving)
        grads.append(own)
    return pack(grads[::-1]), dxs


def _projected(top, matrix):
    return top @ matrix.astype(top.dtype)
