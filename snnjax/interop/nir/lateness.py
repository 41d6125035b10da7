"""Edges that carry the step before, told in continuous time.

An edge that closes a cycle carries the step before in every simulator with time steps,
and is told as it is. Any other that does waits in a ``Delay`` of one step. On an edge
that closes a cycle a delay of D steps is told as D + 1, which is what passes.
"""

import itertools

import numpy as np

from snnjax.interop.nir.folding import Path, folded, sorted_by
from snnjax.interop.nir.primitives import Node, Shape
from snnjax.interop.nir.shapes import output_shape
from snnjax.interop.nir.structure import Graph, free_name
from snnjax.networks.wiring import reached

Steps = dict[tuple[str, str], int]


def in_order(graph: Graph, steps: Steps, dt: float) -> tuple[Graph, list[str]]:
    """The graph with delays where they are needed, and the order of its cells.

    Args:
        graph: of a network, its nodes in the order in which they act.
        steps: how late each edge is.
        dt: time step [s].

    Raises:
        ValueError: for an order of acting that cannot be told.
    """
    whole = folded(graph)
    place = {name: k for k, name in enumerate(graph.nodes)}
    between = whole.between()
    cycles = _on_cycles(whole.cells, between)
    nodes, edges = dict(graph.nodes), list(graph.edges)
    before: list[tuple[str, str]] = []
    for path in between:
        late = sum(steps.get(hop, 0) for hop in _hops(path))
        up = place[path.source] >= place[path.target]
        if late == 1 and up and path in cycles:
            before.append((path.target, path.source))
            _count_the_step(nodes, path, dt)
            continue
        before.append((path.source, path.target))
        if late:
            shape = _shape(graph, path.source)
            name = free_name(nodes, f"{path.source}_delay")
            nodes[name] = Node("Delay", {"delay": np.full(shape, late * dt)}, {})
            first = _hops(path)[0]
            edges[edges.index(first)] = (name, first[1])
            edges.insert(0, (first[0], name))
    order = sorted_by(whole.cells, [pair for pair in before if pair[0] != pair[1]])
    if order is None:
        raise ValueError(
            f"The order in which {', '.join(whole.cells[:4])} act cannot be told in "
            "NIR: edges within the step and edges of the step before contradict "
            "each other. Put the cells in one order."
        )
    return Graph(nodes, edges, graph.metadata), order


def _hops(path: Path) -> list[tuple[str, str]]:
    names = (path.source, *path.through, path.target)
    return list(itertools.pairwise(names))


def _on_cycles(cells, between):
    edges = [(p.source, p.target) for p in between]
    after = {name: reached([name], edges) for name in cells}
    return {p for p in between if p.source in after[p.target]}


def _count_the_step(nodes, path, dt):
    """The first delay of a path that closes a cycle counts the step before."""
    for name in path.through:
        if nodes[name].kind == "Delay":
            by = nodes[name].fields["delay"]
            total = (by.astype(float) + dt).astype(by.dtype)
            nodes[name] = nodes[name]._replace(fields={"delay": total})
            return


def _shape(graph, name) -> Shape:
    """What a cell puts out, which is neurons or a connection of known size."""
    found: dict[str, Shape] = {}
    waiting = graph.of("Input")
    while name not in found:
        here = waiting.pop(0)
        sources = [found[a] for a in graph.into(here) if a in found]
        found[here] = output_shape(graph.nodes[here], sources[0] if sources else ())
        waiting += [b for b in graph.behind(here) if b not in found]
    return found[name]
