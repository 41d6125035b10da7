"""A layer taken apart: its neuron, its connections, and what each of these reads."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from snnjax import check
from snnjax.about import About, Edge
from snnjax.cell import Cell, State, Weights, check_cell
from snnjax.kept import kinds, once
from snnjax.learning.online.units import drawn, judge


class Layer(NamedTuple):
    """A layer taken apart."""

    about: About
    neuron: Any  # key of the part that has the state
    sources: dict[Any, str]  # connection -> "input", or "before" for its own spikes

    @property
    def parts(self):
        """The cells inside, by key."""
        return self.about.parts

    def inner(self, state: State) -> State:
        """The state of the neurons."""
        return self.about.states(state)[self.neuron]

    def widths(self, state: State, x: jax.Array) -> dict[Any, int]:
        """How many numbers each connection is given."""
        sizes = {"input": x.shape[-1]}
        if "before" in self.sources.values():
            sizes["before"] = state.spikes.shape[-1]
        return {key: sizes[source] for key, source in self.sources.items()}


def split(name: str, cell: Cell) -> Layer:
    """Takes apart ``chain(connection, neuron)``, or ``recurrent`` in either form.

    Raises:
        ValueError: for another cell, by the ``name`` of the rule that needs a layer.
    """
    check_cell(f"What {name} is given", cell)
    about = About() if cell.about is None else cell.about
    parts = about.parts
    if Edge("neuron", "feedback", before=True) in about.edges:
        sources = {"feedback": "before"}
        if "input" in parts:
            sources = {"input": "input", **sources}
        layer = Layer(about, "neuron", sources)
    elif len(parts) == 2 and about.row is cell.step:
        below, above = parts
        layer = Layer(about, above, {below: "input"})
    else:
        raise ValueError(
            f"{name} needs a layer, chain(connection, neuron) or recurrent(…), got "
            f"{cell!r}. Take a rule for each layer, stack(…), or per_unit."
        )
    options = about.options.arguments if about.options else {}
    if options.get("outputs") is not None:
        raise ValueError(f"{name} needs a layer that shows its spikes, no outputs=.")
    return layer


def check_connections(
    name: str, layer: Layer, weights: Weights, state: State, x: jax.Array
) -> tuple[jax.Array, bool]:
    """Refuses learned constants, and connections that remember or are not linear.

    Returns:
        Whether connections are linear, ``[]``, as far as it could not be raised, and
        whether any has a bias.

    Raises:
        ValueError: as said.
    """
    each, inner = layer.about.weights(weights), layer.about.states(state)
    if jax.tree.leaves(each[layer.neuron]):
        raise ValueError(
            f"{name} cannot treat learned constants of neurons: what they do differs "
            "from unit to unit. Take per_unit or rtrl."
        )
    for key in layer.sources:
        if jax.tree.leaves(inner[key]):
            raise ValueError(
                f"{name} needs connections without memory, {key} has a state. Take "
                "per_unit or rtrl."
            )
    widths = layer.widths(state, x)
    found = [_judged(layer.parts[k], each[k], m) for k, m in widths.items()]
    with jax.ensure_compile_time_eval():
        linear = jnp.all(jnp.stack([jnp.asarray(even) for even, _ in found]))
    known = check.concrete(linear)
    if known is not None and not known:
        raise ValueError(
            f"{name} needs connections that are linear in what they are given: a trace "
            "of the input stands for the input. Take per_unit or rtrl."
        )
    biased = [check.concrete(own) for _, own in found]
    return linear, any(own is None or bool(own) for own in biased)


def credited(
    layer: Layer,
    weights: Weights,
    of_inputs: dict[Any, jax.Array],
    of_ones: jax.Array | None,
    credit: jax.Array,
) -> Weights:
    """The gradient of ``Σ_k credit_k · (P_k W + q_k b)``, by the connections' own step.

    What a connection does with its weights, a mask or signs, needs nothing here.

    Args:
        layer: taken apart.
        weights: of the whole.
        of_inputs: traces P of what each connection was given, ``[K, B, m]``.
        of_ones: traces q of an input that is always 1, ``[K, 1]`` or ``[K, B]``;
            None where no connection has a bias.
        credit: ``[K, B, n]``.
    """

    def reached(weights):
        each, total = layer.about.weights(weights), jnp.zeros((), credit.dtype)
        for key in layer.sources:
            step = partial(layer.parts[key].step, each[key], ())
            p = of_inputs[key]
            total = total + jnp.sum(credit * step(p, 1.0)[1])
            if of_ones is not None:  # of a bias, 1 was added in place of q
                rest = jnp.sum(credit * (1.0 - of_ones)[..., None], axis=0)
                total = total - jnp.sum(rest * step(jnp.zeros_like(p[0]), 1.0)[1])
        return total

    return jax.grad(reached)(weights)


def _throw():
    return (jax.random.key(0),)


def _judged(connection, like, width):
    """Whether a connection is linear, and whether it has a bias; by numbers."""

    def judged(key):
        keys = jax.random.split(key, 3)
        weights = drawn(keys[0], like, 1.0)
        a, b = (jax.random.normal(k, (width,), jnp.float32) for k in keys[1:])
        at = lambda x: connection.step(weights, (), x, 1.0)[1]  # noqa: E731
        own = at(jnp.zeros_like(a))
        apart = at(a + b) - at(a) - at(b) + own
        size = jnp.max(jnp.abs(at(a))) + jnp.max(jnp.abs(at(b)))
        return jnp.max(jnp.abs(apart)) <= 1e-4 * size, jnp.any(own != 0)

    key = "linear", kinds(like), width
    return once(connection.step, key, lambda: judge(judged, _throw))
