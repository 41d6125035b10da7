"""The plan of a graph: who feeds whom, who lies on a loop, in which order to run."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import NamedTuple

from snnjax.cell import Cell, check_cell
from snnjax.compose import check_name

Pairs = Sequence[tuple[Hashable, Hashable]]


class Wire(NamedTuple):
    """One edge."""

    key: str  # "a->b"
    source: str
    target: str
    before: bool  # carries the step before
    cell: Cell | None  # None: a bare wire


class Plan(NamedTuple):
    """A graph, checked."""

    cells: dict[str, Cell]
    wires: list[Wire]
    inputs: tuple[str, ...]
    groups: list[list[str]]  # cells on one loop, or one cell, in an order to run

    @property
    def connections(self) -> dict[str, Cell]:
        """Edges that are cells."""
        return {w.key: w.cell for w in self.wires if w.cell is not None}

    @property
    def keys(self) -> tuple[str, ...]:
        """Of all cells inside."""
        return (*self.cells, *self.connections)

    @property
    def late(self) -> dict[str, None]:
        """Cells whose output of the step before is needed."""
        return {w.source: None for w in self.wires if w.before}

    def into(self, target: str) -> list[Wire]:
        """Edges to a cell: those from outside its loop first."""
        group = next(group for group in self.groups if target in group)
        here = [wire for wire in self.wires if wire.target == target]
        return sorted(here, key=lambda wire: wire.source in group)


def plan_of(
    cells: Mapping[str, Cell],
    edges: Mapping[str, Cell | None],
    inputs: tuple[str, ...],
    at_once: bool,
) -> Plan:
    """Everything by name, refused unless it makes sense."""
    for name, given in (("cells", cells), ("edges", edges)):
        if not isinstance(given, Mapping):
            raise ValueError(
                f"{name} of graph must be a dict by name, got {type(given).__name__}."
            )
    if not isinstance(inputs, tuple | list):
        raise ValueError(f"inputs of graph is a tuple of names: ({inputs!r},).")
    for name in (*cells, *inputs):
        check_name(name)
    doubled = {*cells} & {*inputs} or {n for n in inputs if inputs.count(n) > 1}
    if doubled or not cells:
        raise ValueError(
            f"A graph needs cells and inputs of different names, got {list(cells)} and "
            f"{list(inputs)}."
        )
    for name, cell in cells.items():
        check_cell(f"Cell {name} of a graph", cell)
    wires = [_wire(k, cell, cells, inputs, at_once) for k, cell in edges.items()]
    pairs = [(wire.source, wire.target) for wire in wires]
    lost = [name for name in cells if name not in reached(inputs, pairs)]
    if lost:
        raise ValueError(
            f"No input reaches {', '.join(lost)}; there are {list(edges)}."
        )
    return Plan(dict(cells), wires, tuple(inputs), components(list(cells), pairs))


def _wire(key, cell, cells, inputs, at_once):
    source, arrow, target = key.partition("->")
    if not arrow or "->" in target:
        raise ValueError(f"An edge is named 'a->b', got {key!r}.")
    if source not in cells and source not in inputs:
        raise ValueError(
            f"Edge {key!r} comes from {source!r}, which is no cell and no input; there "
            f"are {', '.join([*inputs, *cells])}."
        )
    if target not in cells:
        raise ValueError(
            f"Edge {key!r} leads to {target!r}, which is no cell; there are "
            f"{', '.join(cells)}."
        )
    if cell is not None:
        check_cell(f"Edge {key}", cell)
    order = list(cells)
    up = source in cells and order.index(source) >= order.index(target)
    return Wire(key, source, target, up or (source in cells and not at_once), cell)


def reached(starts: Iterable[Hashable], pairs: Pairs) -> set:
    """All nodes that edges ``(source, target)`` lead to from some."""
    after: dict = {}
    for a, b in pairs:
        after.setdefault(a, []).append(b)
    found: set = set()
    waiting = list(starts)
    while waiting:
        new = {b for b in after.get(waiting.pop(), ()) if b not in found}
        found.update(new)
        waiting += new
    return found


def components(nodes: Sequence, pairs: Pairs) -> list[list]:
    """Groups of nodes that reach each other, sources before targets.

    Nodes of a group, and groups that do not depend on each other, keep the order in
    which they came.
    """
    after = {node: reached([node], pairs) for node in nodes}
    groups: list[list] = []
    for node in nodes:
        mates = [
            other for other in nodes if other in after[node] and node in after[other]
        ]
        if not any(node in group for group in groups):
            groups.append(mates or [node])
    ordered: list[list] = []
    while groups:
        free = next(
            group
            for group in groups
            if not any(
                group[0] in after[other[0]] for other in groups if other is not group
            )
        )
        ordered.append(free)
        groups.remove(free)
    return ordered
