"""Rules by which a task can be learned while time runs, by name.

Every approximation is a visible construction: which rule each layer has, and what is
changed in the hidden layer so that the rule is exact there.
"""

import warnings
from collections.abc import Callable, Mapping
from functools import partial
from inspect import BoundArguments
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from snnjax import check
from snnjax.cell import Cell
from snnjax.compose import chain
from snnjax.learning.online import (
    Rule,
    factored,
    kronecker,
    per_unit,
    rank_one,
    rtrl,
    stack,
    truncated,
)
from snnjax.tasks.network import HIDDEN_AND_OUT, Network, in_steps, run
from snnjax.tasks.task import Task

BPTT = "bptt"  # all of time at once: no rule of these
BLOCK = 10  # steps, unless another number is asked for
_MUCH = 2**30  # bytes that are told of before anything is trained
Changes = Mapping[str, Mapping[Any, Any]]  # option -> what it is -> what it becomes


class Way(NamedTuple):
    """A rule, and what it asks of a network."""

    rule: Callable[[Cell, Cell, jax.Array], Rule]  # of hidden and output, with a key
    changes: Changes


class Learner(NamedTuple):
    """How a network is learned while time runs."""

    network: Network  # as the rule asks for it
    rule: Callable[[jax.Array], Rule]  # of a key, for random sketches
    block: int  # c, steps
    leaves_out: tuple[str, ...]
    kept_bytes: int  # what a batch hands from block to block


def _by_layer(rule, hidden, out, key):
    del key
    return stack(hidden=rule(hidden), out=factored(out))


def _as_one(rule, hidden, out, key):
    del key
    return rule(chain(hidden=hidden, out=out))


def _rank_one(hidden, out, key):
    return rank_one(chain(hidden=hidden, out=out), key)


def _kronecker(hidden, out, key):
    return stack(hidden=kronecker(hidden, key), out=factored(out))


_APART: Changes = {"recurrent_gradient": {True: False}}
_WITHIN = "what spikes do within their own layer"  # then
_SUBTRACT: Changes = {"reset": {"zero": "subtract"}}
RULES: dict[str, Way] = {
    "eprop": Way(partial(_by_layer, factored), {**_APART, **_SUBTRACT}),
    "per_unit": Way(partial(_by_layer, per_unit), _APART),
    "truncated": Way(partial(_as_one, truncated), {}),
    "rtrl": Way(partial(_as_one, rtrl), {}),
    "rank_one": Way(_rank_one, {"backend": {"auto": "xla"}}),  # it pushes forward
    "kronecker": Way(_kronecker, {}),
}


def learner(task: Task, name: str, block: int = BLOCK) -> Learner:
    """How a rule learns a task.

    Args:
        task: whose scores are a sum or a mean over time.
        name: of ``RULES``.
        block: c, how many steps are one.

    Raises:
        ValueError: for another name, a block below one step, scores of another kind,
            a network that is not ``chain(hidden=…, out=…)``, one that the rule cannot
            treat, and one that changes while it learns.
    """
    check.one_of("rule", name, tuple(RULES))
    if task.learning is not None:
        asked = " ".join(f"{k}={v!r}" for k, v in task.options.items())
        raise ValueError(
            f"rule {name!r} learns a network that stays the same; that of {task.name} "
            f"({asked}) is another one at each update. Learn it by rule {BPTT!r}."
        )
    check.whole("block", block)
    way, found = RULES[name], set[str]()
    given = in_steps(f"rule {name!r}", task.network)
    network = given._replace(cell=_changed(given.cell, way, found))
    hidden, out = _parts(network.cell).values()
    rule = partial(way.rule, hidden, out)
    made, xs = rule(jax.random.key(0)), _batch(task)
    _check_readout(task, network, xs)
    weights = network.cell.init(jax.random.key(0))
    made.init(weights, jnp.zeros((1, *xs.shape[2:]), xs.dtype))  # refuses by numbers
    kept = jax.eval_shape(made.init, weights, jnp.zeros(xs.shape[1:], xs.dtype)).past
    size = sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(kept))
    if size > _MUCH:
        warnings.warn(
            f"{name} keeps {size / 2**30:.1f} GiB between blocks for a batch of "
            f"{xs.shape[1]}: take a smaller batch or network, or eprop.",
            UserWarning,
            stacklevel=2,
        )
    own = [_WITHIN] if "recurrent_gradient" in found else []
    return Learner(network, rule, block, (*own, *made.leaves_out), size)


def told(name: str, learns: Learner | None) -> dict[str, Any]:
    """A rule in words and numbers, for the summary."""
    if learns is None:
        return {"rule": name, "leaves_out": []}
    return {
        "rule": name,
        "block": learns.block,
        "leaves_out": list(learns.leaves_out),
        "kept_between_blocks_bytes": learns.kept_bytes,
    }


def _batch(task):
    """The shape of a batch of inputs."""
    part = task.parts["train"]
    rows = np.arange(min(task.schedule.batch, len(part.labels)))
    xs = part.raster(rows, None)
    return jax.ShapeDtypeStruct(xs.shape, xs.dtype)


def _changed(cell, way, found):
    """A network as a rule asks for it; notes what was changed."""
    if tuple(_parts(cell)) != HIDDEN_AND_OUT:
        raise ValueError(
            f"A rule needs a network chain(hidden=…, out=…), got {cell!r:.200}."
        )
    return _altered(cell, way.changes, found)


def _parts(cell: Cell) -> Mapping[Any, Cell]:
    return cell.about.parts if cell.about else {}


def _altered(cell, changes, found):
    """The same cell, made with other options where it and its parts take them."""
    about = cell.about
    given = dict(about.options.arguments) if about and about.options else {}
    if not {*changes} & {*given}:
        if about is None or about.rebuild is None or not about.parts:
            return cell
        return about.rebuild(lambda key, part: _altered(part, changes, found))
    for option, value in about.options.arguments.items():
        if isinstance(value, Cell):
            given[option] = _altered(value, changes, found)
        elif option in changes and value in changes[option]:
            given[option] = changes[option][value]
            found.add(option)
    bound = BoundArguments(about.options.signature, given)
    same = all(given[k] is v for k, v in about.options.arguments.items())
    return cell if same else about.make(*bound.args, **bound.kwargs)


def _check_readout(task, network, xs):
    """Refuses scores that are no function of the mean over time, by numbers."""
    weights = jax.eval_shape(network.cell.init, jax.random.key(0))
    seen = jax.eval_shape(partial(run, network), weights, xs).v
    v = jax.random.normal(jax.random.key(0), (seen.shape[0], 2, *seen.shape[2:]))
    mean = jnp.broadcast_to(jnp.mean(v, axis=0), v.shape)
    scores, of_mean = (np.asarray(network.readout(each)) for each in (v, mean))
    size = np.max(np.abs(scores), initial=0.0)
    if scores.ndim > 2 or not np.allclose(scores, of_mean, 0, 1e-3 * size):
        raise ValueError(
            f"The scores of {task.name} must be a sum or a mean of voltages over time, "
            "so that a rule can give credit while time runs. Of a maximum, the end "
            "alone tells which step counts; labels of each step are another loss. Take "
            "a readout such as mean_voltage, or learn it by rule 'bptt'."
        )
