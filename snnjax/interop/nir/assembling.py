"""A network of cells and wires from a graph of NIR."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from snnjax.cell import Cell
from snnjax.compose import chain
from snnjax.interop.nir import cells as own
from snnjax.interop.nir.flattening import reordered
from snnjax.interop.nir.folding import delays_apart, folded, ordered
from snnjax.interop.nir.incoming import Made, Reading, by_channel, delay_of, made_of
from snnjax.interop.nir.primitives import Node, Shape
from snnjax.interop.nir.shapes import shapes_of
from snnjax.interop.nir.structure import Graph, free_name
from snnjax.networks import graph as wired
from snnjax.networks.delays import WHOLE


def network_of(
    graph: Graph, how: Reading, orders: Sequence[list[str]] = ()
) -> tuple[Cell, Any, dict[str, dict[str, Any]]]:
    """The network of a graph, its weights, and metadata by name of its cells.

    A chain where that is all there is, with the names of the nodes; a ``graph``
    otherwise.

    Args:
        graph: of checked nodes.
        how: dt, method, reset, surrogate.
        orders: of its cells, by the names of nodes, as far as a file tells them.

    Raises:
        ValueError: for what cannot be the same here, by node.
    """
    odd = [name for order in orders for name in order if name not in graph.nodes]
    if odd:
        raise ValueError(f"metadata: order names {odd[0]!r:.60}, which is no node.")
    graph, _ = delays_apart(graph)
    shapes = shapes_of(graph)
    graph, stuck = reordered(graph, shapes, outward=False)
    made = {}
    for name, node in graph.nodes.items():
        if node.kind not in ("Input", "Output"):
            given = shapes[graph.into(name)[0]]
            made[name] = made_at(name, node, given, how, stuck=name in stuck)
    names = plain_names(graph)
    metadata = {names[name]: node.metadata for name, node in graph.nodes.items()}
    in_row = _row(graph)
    if in_row is not None:
        row: dict[str, Any] = {names[name]: made[name].cell for name in in_row}
        cell = chain(**row)
        return cell, {names[name]: made[name].weights for name in in_row}, metadata
    return *_wired(graph, made, names, shapes, how, orders), metadata


def made_at(name: str, node: Node, given: Shape, how: Reading, *, stuck: bool) -> Made:
    """The cell of a node.

    Raises:
        ValueError: as ``made_of``, by name.
    """
    try:
        if stuck:
            return Made(own.channels_first(len(given) - 1), ())
        return made_of(node, given, how)
    except ValueError as error:
        raise ValueError(f"Node {name!r}: {error}") from error


def plain_names(graph: Graph) -> dict[str, str]:
    """Names that a network may have, without "." and "->", each once."""
    found: dict[str, str] = {}
    for name in graph.nodes:
        plain = name.replace("->", "_to_").replace(".", "_") or "node"
        taken, number, first = {*found.values()}, 2, plain
        while plain in taken or (plain != name and plain in graph.nodes):
            plain, number = f"{first}_{number}", number + 1
        found[name] = plain
    return found


def _row(graph):
    """The nodes one after another, if there is nothing else."""
    (start, *others), ends = graph.of("Input"), graph.of("Output")
    if others or len(ends) > 1:
        return None
    row, name = [], start
    while name != ends[0]:
        behind = graph.behind(name)
        if len(behind) != 1 or len(graph.into(behind[0])) != 1:
            return None
        name = behind[0]
        row.append(name)
    row.pop()
    return row if row and len(row) + 2 == len(graph.nodes) else None


def _wired(graph, made, names, shapes, how, orders):
    """The ``graph`` of cells and edges."""
    graph, made = _outputs_met(graph, made)
    names = names | {name: name for name in graph.nodes if name not in names}
    whole = folded(graph)
    at_rest = {k for k in graph.of("Delay") if not _is_nothing(graph.nodes[k])}
    row, late = ordered(whole, at_rest, orders)
    cells, weights = {}, {}
    for name in row:
        cells[names[name]], weights[names[name]] = made[name]
    outputs = graph.of("Output")
    edges: dict[str, Any] = {}
    for path in whole.paths:
        if path.target in outputs:
            continue
        inner = {name: made[name] for name in path.through}
        if path in late:
            inner = _a_step_less(graph, shapes, inner, how)
        key = f"{names[path.source]}->{names[path.target]}"
        edge = _edge({names[name]: each for name, each in inner.items()})
        edges[key] = None if edge is None else edge.cell
        if edge is not None:
            weights[key] = edge.weights
    heads = tuple(dict.fromkeys(names[graph.into(end)[0]] for end in outputs))
    cell = wired(
        cells,
        edges,
        outputs=heads[0] if len(heads) == 1 else heads,
        inputs=tuple(names[name] for name in graph.of("Input")),
    )
    return cell, weights


def _is_nothing(node):
    return not np.any(node.fields["delay"])


def _outputs_met(graph, made):
    """Each output has one cell behind it: where several meet, one is put between."""
    made, nodes, edges = dict(made), dict(graph.nodes), list(graph.edges)
    for end in graph.of("Output"):
        sources = graph.into(end)
        if len(sources) == 1 and sources[0] not in graph.of("Input"):
            continue
        meeting = free_name(nodes, f"{end}_sum".replace(".", "_"))
        nodes[meeting] = Node("Scale", {}, {})
        made[meeting] = Made(own.relay(), ())
        edges = [(a, meeting if b == end else b) for a, b in edges]
        edges.append((meeting, end))
    return graph._replace(nodes=nodes, edges=edges), made


def _a_step_less(graph, shapes, inner, how):
    """The connections of a path that leads up: its delay counts the step before."""
    for name in inner:
        node = graph.nodes[name]
        if node.kind != "Delay" or _is_nothing(node):
            continue
        by = by_channel("Delay", "delay", node.fields["delay"])
        left = _less(name, np.asarray(by, float), how.dt)
        if left is None:
            return {k: each for k, each in inner.items() if k != name}
        given = shapes[graph.into(name)[0]]
        return inner | {name: Made(delay_of(left, given, how), ())}
    return inner


def _less(name, by, dt):
    """Delays less a step, or None where nothing is left."""
    short = (by > 0.0) & (by < dt * (1.0 - WHOLE))
    if short.any():
        raise ValueError(
            f"Node {name!r}: a delay of {by[short].min():g} s closes a cycle, which "
            f"takes a step of {dt:g} s at least. Take a shorter dt."
        )
    left = np.where(by - dt > WHOLE * by, by - dt, 0.0)
    if not left.any():
        return None
    return float(left) if left.ndim == 0 else left


def _edge(inner) -> Made | None:
    """One connection for all of a path."""
    if len(inner) < 2:
        return next(iter(inner.values()), None)
    cell = chain(**{name: each.cell for name, each in inner.items()})
    return Made(cell, {name: each.weights for name, each in inner.items()})
