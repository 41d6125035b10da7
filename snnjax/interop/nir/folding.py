"""Nodes of NIR as cells and wires: connections become edges, cells get an order.

A connection with one source and one target is an edge, so that a population with one
connection onto itself has the fast way of ``recurrent``. Cells act in an order in which
as few edges as can be lead up: these close a cycle, and carry the step before.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from snnjax.interop.nir.primitives import CONNECTIONS, Node
from snnjax.interop.nir.structure import Graph, free_name
from snnjax.networks.wiring import reached


class Path(NamedTuple):
    """From a cell or an input to a cell or an output, through connections."""

    source: str
    through: tuple[str, ...]
    target: str


class Folded(NamedTuple):
    """A graph of cells, inputs and outputs, with one path at most between any two."""

    cells: list[str]
    paths: list[Path]

    def between(self) -> list[Path]:
        """Those from cell to cell."""
        inner = {*self.cells}
        return [p for p in self.paths if p.source in inner and p.target in inner]


def delays_apart(graph: Graph) -> tuple[Graph, dict[str, str]]:
    """A ``Delay`` for each pair that it joins, so that each can be an edge.

    What comes from several nodes is added up before it waits; one that is put out stays
    for that.

    Returns:
        The graph, and for which ``Delay`` each new node stands.
    """
    stands: dict[str, str] = {}
    outputs = {*graph.of("Output")}
    for name in graph.of("Delay"):
        if len(graph.into(name)) > 1:
            graph = _added_up(graph, name, stands)
        targets = graph.behind(name)
        (source,) = graph.into(name)
        staying = [t for t in targets if t in outputs] or targets[:1]
        nodes, edges = dict(graph.nodes), list(graph.edges)
        for target in targets:
            if target not in staying:
                copy = free_name(graph.nodes, f"{name}_to_{target}")
                nodes[copy], stands[copy] = nodes[name], name
                edges.remove((name, target))
                edges += [(source, copy), (copy, target)]
        graph = graph._replace(nodes=nodes, edges=edges)
    return graph, stands


def _added_up(graph, name, stands):
    """The graph with a node in front of another, where its sources meet."""
    first = free_name(graph.nodes, f"{name}_sum")
    stands[first] = name
    nodes = {}
    for key, node in graph.nodes.items():
        if key == name:  # acts where that did
            one = np.ones_like(node.fields["delay"])
            nodes[first] = Node("Scale", {"scale": one}, {})
        nodes[key] = node
    edges = [(a, first if b == name else b) for a, b in graph.edges]
    return graph._replace(nodes=nodes, edges=[*edges, (first, name)])


def folded(graph: Graph) -> Folded:
    """Makes edges of connections wherever that can be."""
    outputs, inputs = graph.of("Output"), graph.of("Input")
    into, behind = _neighbours(graph)
    free = {
        name
        for name in graph.of(*CONNECTIONS)
        if len(into[name]) == len(behind[name]) == 1 and behind[name][0] not in outputs
    }
    while True:
        paths = _paths(graph, free, behind)
        doubled = _doubled(paths)
        if doubled is None:
            break
        free.discard(doubled)
    cells = [
        name
        for name in graph.nodes
        if name not in free and name not in inputs and name not in outputs
    ]
    return Folded(cells, paths)


def _neighbours(graph):
    into: dict[str, list[str]] = {name: [] for name in graph.nodes}
    behind: dict[str, list[str]] = {name: [] for name in graph.nodes}
    for a, b in graph.edges:
        into[b].append(a)
        behind[a].append(b)
    return into, behind


def _paths(graph, free, behind):
    paths = []
    for source, target in graph.edges:
        if source in free:
            continue
        through = []
        while target in free:
            through.append(target)
            target = behind[target][0]
        paths.append(Path(source, tuple(through), target))
    return paths


def _doubled(paths):
    """A connection that must stay a cell, as another way joins the same two."""
    seen: dict[tuple[str, str], Path] = {}
    for path in paths:
        other = seen.setdefault((path.source, path.target), path)
        if other is not path:
            return (path.through or other.through)[-1]
    return None


def ordered(
    whole: Folded, delayed: set[str], told: Sequence[list[str]] = ()
) -> tuple[list[str], set[Path]]:
    """Cells in the order in which they act, and the paths that carry the step before.

    Args:
        whole: cells and paths.
        delayed: connections that wait for a step or more.
        told: orders of some cells, or of all, that a file tells.

    Raises:
        ValueError: for an order that names other cells, or in which a path that lies on
            no cycle leads up.
    """
    between = whole.between()
    starts = [p.target for p in whole.paths if p.source not in {*whole.cells}]
    order = _reversed_postorder(starts, whole.cells, _successors(between))
    at_once = [(p.source, p.target) for p in between if not delayed & {*p.through}]
    order = sorted_by(order, at_once) or order
    for names in told:
        if not {*names} <= {*whole.cells}:
            raise ValueError(
                f"metadata: order names {names}, the cells are {whole.cells}."
            )
        places = sorted(order.index(name) for name in names)
        for place, name in zip(places, names, strict=True):
            order[place] = name
    late = _up(order, between)
    edges = [(p.source, p.target) for p in between]
    for path in late:
        if path.source not in reached([path.target], edges):
            raise ValueError(
                f"metadata: in the order {order} the edge from {path.source!r} to "
                f"{path.target!r} leads up, and closes no cycle."
            )
    return order, late


def _up(order, paths):
    place = {name: k for k, name in enumerate(order)}
    return {p for p in paths if place[p.source] >= place[p.target]}


def _successors(paths) -> Mapping[str, list[str]]:
    after: dict[str, list[str]] = {}
    for path in paths:
        after.setdefault(path.source, []).append(path.target)
    return after


def _reversed_postorder(starts, cells, after):
    """Of a walk from the inputs: only edges that close a cycle lead up."""
    done: list[str] = []
    seen: set[str] = set()
    inner = {*cells}
    for start in reversed(starts):
        if start in seen or start not in inner:
            continue
        seen.add(start)
        stack = [(start, list(after.get(start, ())))]
        while stack:
            name, left = stack[-1]
            if not left:
                done.append(name)
                stack.pop()
                continue
            target = left.pop()
            if target not in seen:
                seen.add(target)
                stack.append((target, list(after.get(target, ()))))
    return done[::-1]


def sorted_by(
    names: Sequence[str], pairs: Sequence[tuple[str, str]]
) -> list[str] | None:
    """Names in an order changed as little as may be so that all pairs lead down.

    Args:
        names: in the order that they had.
        pairs: which comes before which.

    Returns:
        The order, or None if pairs lead in a circle.
    """
    waits = dict.fromkeys(names, 0)
    after: dict[str, list[str]] = {}
    for first, second in pairs:
        waits[second] += 1
        after.setdefault(first, []).append(second)
    found: list[str] = []
    waiting = list(names)
    while waiting:
        name = next((each for each in waiting if waits[each] == 0), None)
        if name is None:
            return None
        waiting.remove(name)
        found.append(name)
        for second in after.get(name, ()):
            waits[second] -= 1
    return found
