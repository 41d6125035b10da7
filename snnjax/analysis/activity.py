"""What the layers of a network do: rates, silent neurons, spikes, synaptic operations.

A layer is a population of neurons with the connections that lead to it. A synaptic
operation is one spike at one synapse, the price of a spike on neuromorphic hardware
(Yik et al. 2025, doi:10.1038/s41467-025-56739-4):

    operations = Σ_j spikes_j · targets_j
"""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from snnjax import check, loops
from snnjax.about import INPUT, Edge
from snnjax.cell import Cell, Weights, check_cell, check_input, rest_like, run_cell
from snnjax.check import Number
from snnjax.compose import chain
from snnjax.exported import exportable
from snnjax.networks import DelayedWeights, SparseWeights, from_events
from snnjax.parts import Leaf, flat
from snnjax.probes import watched

_ARROW = "->"  # behind the name of an input


@exportable
class LayerActivity(NamedTuple):
    """What a layer did; None where it puts out more than spikes or their counts."""

    neurons: int
    rate: float | None  # of a neuron, on average [Hz]
    silent: float | None  # share of the neurons that never fired
    spikes: float | None  # of all neurons, in a sample
    operations: float  # spikes at the synapses that lead to it, in a sample


@exportable
class Counts(NamedTuple):
    """What one leaf put out, summed over time and samples."""

    spikes: jax.Array  # of each neuron, [*space, n]
    fires: jax.Array  # whether it was spikes or their counts, []


def layer_activity(
    cell: Cell, weights: Weights, xs: Any, *, dt: Number
) -> dict[str, LayerActivity]:
    """Counts what the layers of a network do, from rest.

        for name, layer in layer_activity(net, weights, xs, dt=1e-3).items():
            print(name, layer.rate, layer.operations)

    A count in place of a spike is so many; what is no whole number is one, unless it is
    zero. A synapse is one of a weight that is not zero and not masked; near the border
    of a map there are fewer. A spike counts at all of its synapses, though the end of
    the run may come before it arrives, in a loop or after a delay.

    Args:
        cell: the network.
        weights: of it.
        xs: inputs ``[T, B, *n_in]``.
        dt: time step [s].

    Returns:
        Layers by name, inputs first, then in the order in which they act. A name is so
        much of the dotted name of the neurons, see ``parts.flat``, as tells them apart.

    Raises:
        ValueError: for what is no cell, weights or inputs of another one, no step or
            sample, or ``from_events``, whose input are no spikes.
    """
    check_cell("cell", cell)
    check.arrays("weights", weights)
    check_input(xs, dt)
    for x in jax.tree.leaves(xs):
        if x.ndim < 3 or x.size == 0:
            raise ValueError(
                "xs must be [T, B, *n_in], a step and a sample at least, got shape "
                f"{x.shape}."
            )
    steps, samples = jax.tree.leaves(xs)[0].shape[:2]
    run = lambda weights, xs: count_spikes(cell, weights, xs, dt)  # noqa: E731
    counts = loops.forgotten(run, weights, xs)
    return of_counts(cell, weights, [counts], samples, steps * float(dt))


def count_spikes(cell: Cell, weights: Weights, xs: Any, dt: Number) -> dict[str, Any]:
    """What came in and what its leaves put out, by name: ``Counts``, to be compiled.

    Args:
        cell: the network.
        weights: of it.
        xs: inputs ``[T, B, *n_in]``.
        dt: time step [s].
    """
    check.arrays("weights", weights)
    weights, xs = jax.tree.map(jnp.asarray, (weights, xs))
    cell, weights = _compound(cell, weights)
    first = jax.tree.map(lambda x: x[0], xs)
    found = _anatomy(cell, weights, first)
    look = watched(cell, tuple(found.watched))
    state = rest_like(cell, weights, first)
    _, (_, seen) = run_cell(look, weights, state, xs, dt)
    return {name: _count(x) for name, x in {**_named(xs), **seen}.items()}


def of_counts(
    cell: Cell,
    weights: Weights,
    batches: Iterable[dict[str, Any]],
    samples: int,
    duration: float,
) -> dict[str, LayerActivity]:
    """The layers of ``layer_activity``.

    Args:
        cell: the network.
        weights: of it.
        batches: from ``count_spikes``.
        samples: in all batches together.
        duration: of a sample [s].
    """
    cell, weights = _compound(cell, weights)
    spikes, fires = _summed(batches)
    inputs = {name: x for name, x in spikes.items() if name.endswith(_ARROW)}
    xs = {name.removesuffix(_ARROW): x for name, x in inputs.items()}
    found = _anatomy(cell, weights, inputs.get(INPUT, xs))
    operations = dict.fromkeys((*inputs, *found.layers), 0.0)
    for name, layer in found.connections.items():
        for edge in found.edges:
            if edge.target == name:
                x = spikes[edge.source]
                targets = targets_of(name, found.leaves[name], x)
                operations[layer] += float(np.sum(x * targets)) / samples
    names = _short(found.layers)
    return {
        names.get(name, name.removesuffix(_ARROW)): _told(
            spikes[name] / samples, fires[name], duration, operations[name]
        )
        for name in (*inputs, *found.layers)
    }


class _Anatomy(NamedTuple):
    leaves: dict[str, Leaf]
    edges: tuple[Edge, ...]
    layers: list[str]  # leaves that are neurons, or put out currents
    connections: dict[str, str]  # leaf -> the layer that it leads to
    watched: dict[str, None]  # leaves whose output is counted


def _compound(cell, weights):
    """A cell with parts: a leaf is the only part of a chain."""
    if cell.about is not None and cell.about.parts:
        return cell, weights
    (name,) = flat(cell).leaves
    return chain(**{name: cell}), {name: weights}


def _named(xs):
    """Inputs by their names in edges."""
    several = isinstance(xs, dict)
    return {f"{k}{_ARROW}": x for k, x in xs.items()} if several else {INPUT: xs}


def _anatomy(cell, weights, x):
    """Which leaves are neurons, which connect them, and what has to be seen."""
    _refuse_indices(flat(cell).leaves)
    x = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, jnp.float32), x)
    whole = flat(cell, weights, jax.eval_shape(cell.rest, x))
    neurons = {name for name, leaf in whole.leaves.items() if _fires(leaf)}
    synapses = [name for name, leaf in whole.leaves.items() if _connects(leaf)]
    leads = {name: _next(whole.edges, name, neurons) for name in synapses}
    layers = [name for name in whole.leaves if name in neurons | {*leads.values()}]
    sources = [edge.source for edge in whole.edges if edge.target in leads]
    seen = dict.fromkeys(each for each in (*layers, *sources) if each in whole.leaves)
    return _Anatomy(whole.leaves, whole.edges, layers, leads, seen)


def _fires(leaf):
    """Neurons remember, as delays and dropout do, which are of ``networks``."""
    made = leaf.cell.about and leaf.cell.about.make
    wiring = made is not None and made.__module__.startswith("snnjax.networks.")
    return bool(jax.tree.leaves(leaf.state)) and not wiring


def _refuse_indices(leaves):
    for name, leaf in leaves.items():
        if leaf.cell.about is not None and leaf.cell.about.make is from_events:
            raise ValueError(
                f"cell: {name} reads which inputs fire, from_events, not spikes xs. "
                "Make it dense."
            )


def _connects(leaf):
    """Whether a leaf has synapses."""
    listed = isinstance(leaf.weights, SparseWeights)
    return listed or any(jnp.ndim(w) >= 2 for w in jax.tree.leaves(leaf.weights))


def _next(edges, name, neurons):
    """The neurons that a connection leads to; itself if there are none."""
    waiting = [name]
    for at in waiting:
        for target in (edge.target for edge in edges if edge.source == at):
            if target in neurons:
                return target
            if target not in waiting:
                waiting.append(target)
    return name


def _count(x):
    x = check.wide(x)
    whole = x == jnp.round(x)
    each = jnp.where(whole, jnp.abs(x), jnp.ones_like(x))
    return Counts(jnp.sum(each, axis=(0, 1)), jnp.all(whole & (x >= 0)))


def _summed(batches):
    spikes: dict[str, Any] = {}
    fires: dict[str, bool] = {}
    for batch in batches:
        for name, counts in batch.items():
            each = np.asarray(counts.spikes, np.float64)
            spikes[name] = spikes.get(name, 0.0) + each
            fires[name] = fires.get(name, True) and bool(counts.fires)
    return spikes, fires


def targets_of(name: str, leaf: Leaf, x: np.ndarray) -> np.ndarray:
    """How many synapses each input of a connection has, ``[*space, n_in]``.

    Args:
        name: of the connection.
        leaf: the connection, with its weights.
        x: an input, ``[*space, n_in]``.
    """
    cell, weights = leaf.cell, leaf.weights
    if isinstance(weights, DelayedWeights):
        return np.count_nonzero(weights.w, axis=1)
    if cell.about is not None and cell.about.matrix is not None:
        return np.count_nonzero(cell.about.matrix(weights), axis=1)
    ones = jax.tree.map(_present, weights)

    def reached(xs):
        return jnp.sum(run_cell(cell, ones, cell.rest(xs[0]), xs, 1.0)[1])

    counts = loops.forgotten(jax.grad(reached), np.asarray(x, np.float32)[None])
    return np.round(np.asarray(counts, np.float64)[0])


def _present(w):
    """One for each weight that is not zero; lists of targets stay."""
    if not jnp.issubdtype(w.dtype, jnp.floating):
        return w
    return (w != 0).astype(jnp.float32)


def _short(names) -> dict[str, str]:
    """As much of each dotted name, from its start, as no other begins with."""

    def starts(name) -> Iterator[str]:
        parts = name.split(".")
        return (".".join(parts[: k + 1]) for k in range(len(parts)))

    every = [start for name in names for start in starts(name)]
    return {
        name: next((s for s in starts(name) if every.count(s) == 1), name)
        for name in names
    }


def _told(spikes, fires, duration, operations):
    """A layer, from the spikes of its neurons in a sample."""
    n = spikes.size
    if not fires:
        return LayerActivity(n, None, None, None, operations)
    total = float(spikes.sum())
    silent = float(np.mean(spikes == 0))
    return LayerActivity(n, total / n / duration, silent, total, operations)
