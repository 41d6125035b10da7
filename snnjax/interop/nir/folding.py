"""Nodes of NIR as cells and wires: connections become edges, cells get an order.

A connection with one source and one target is an edge, so that a population with one
connection onto itself has the fast way of ``recurrent``. Cells act in an order in which
as few edges as can be lead up: these close a cycle, and carry the step before.
"""

from collections.abc import Mapping
from typing import NamedTuple

from snnjax.interop.nir.primitives import CONNECTIONS
from snnjax.interop.nir.structure import Graph


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
    whole: Folded, delayed: set[str], order: list[str] | None
) -> tuple[list[str], set[Path]]:
    """Cells in the order in which they act, and the paths that carry the step before.

    Args:
        whole: cells and paths.
        delayed: connections that wait for a step or more.
        order: what the file tells, if it does.

    Raises:
        ValueError: for an order that names other cells, or in which a path that lies on
            no cycle leads up.
    """
    between = whole.between()
    if order is not None:
        if sorted(order) != sorted(whole.cells):
            raise ValueError(
                f"metadata: order names {order}, the cells are {whole.cells}."
            )
        late = _up(order, between)
        after = _successors(between)
        for path in late:
            if path.source not in _reached(path.target, after):
                raise ValueError(
                    f"metadata: in the order {order} the edge from {path.source!r} to "
                    f"{path.target!r} leads up, and closes no cycle."
                )
        return order, late
    starts = [p.target for p in whole.paths if p.source not in {*whole.cells}]
    order = _reversed_postorder(starts, whole.cells, _successors(between))
    at_once = [p for p in between if not delayed & {*p.through}]
    sorted_ = _topological(order, at_once)
    order = order if sorted_ is None else sorted_
    return order, _up(order, between)


def _up(order, paths):
    place = {name: k for k, name in enumerate(order)}
    return {p for p in paths if place[p.source] >= place[p.target]}


def _successors(paths) -> Mapping[str, list[str]]:
    after: dict[str, list[str]] = {}
    for path in paths:
        after.setdefault(path.source, []).append(path.target)
    return after


def _reached(start, after):
    found, waiting = {start}, [start]
    while waiting:
        new = [b for b in after.get(waiting.pop(), ()) if b not in found]
        found.update(new)
        waiting += new
    return found


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


def _topological(order, paths):
    """The order changed as little as may be so that all paths lead down, or None."""
    after = _successors(paths)
    waits = dict.fromkeys(order, 0)
    for path in paths:
        waits[path.target] += 1
    found: list[str] = []
    waiting = list(order)
    while waiting:
        name = next((each for each in waiting if waits[each] == 0), None)
        if name is None:
            return None
        waiting.remove(name)
        found.append(name)
        for target in after.get(name, ()):
            waits[target] -= 1
    return found
