"""What a NIR file holds, as a table for people, and what would be refused of it."""

from pathlib import Path
from typing import Any

from snnjax.datasets.guard.checked import DataError
from snnjax.interop.nir.assembling import made_at, network_of
from snnjax.interop.nir.hdf5_file import read_tree
from snnjax.interop.nir.loading import reading_of
from snnjax.interop.nir.primitives import ranges
from snnjax.interop.nir.shapes import shapes_of
from snnjax.interop.nir.structure import Graph, collected, opened
from snnjax.parts import flat

_WIDEST = 100  # letters of a field


def told_of(
    path: str | Path,
    *,
    dt: float | None = None,
    method: Any = None,
    reset: Any = None,
) -> str:
    """A table of the nodes of a file, its edges, and what ``load`` would refuse.

    Args:
        path: of the file.
        dt: as of ``load``.
        method: as of ``load``.
        reset: as of ``load``.

    Raises:
        FileNotFoundError: if there is no such file.
        DataError: if it cannot be read as NIR at all.
    """
    tree = read_tree(path)
    odd: dict[str, str] = {}
    try:
        graph = collected(tree, odd)
    except ValueError as error:
        raise DataError(f"{path}: {error}") from error
    shapes: dict[str, Any] = {}
    network = None if odd else _tried(graph, shapes, odd, (dt, method, reset))
    lines = [_head(path, graph, dt), *_table(graph, shapes, odd)]
    lines += ["", "edges", *(f"  {a} -> {b}" for a, b in _along(graph)), ""]
    if odd or network is None:
        lines += ["refused", *(f"  {name or 'graph'}: {odd[name]}" for name in odd)]
    else:
        leaves = flat(network).leaves.items()
        kind = network.about.make.__name__
        lines += [f"here a {kind} of", *(f"  {k}  {leaf.cell!r}" for k, leaf in leaves)]
    return "\n".join(lines)


def _along(graph):
    """Edges in the order in which an input reaches them; others last."""
    edges, found = list(graph.edges), []
    at = graph.of("Input")
    while at:
        source = at.pop(0)
        ahead = [edge for edge in edges if edge[0] == source]
        edges = [edge for edge in edges if edge[0] != source]
        found += ahead
        at += [b for _, b in ahead]
    return found + edges


def _tried(graph, shapes, odd, asked):
    """The network of a graph, or None with the reasons under the names of nodes."""
    try:
        graph = opened(graph)
        how, orders = reading_of(graph, *asked)
        shapes |= shapes_of(graph)
    except ValueError as error:
        odd[""] = str(error)
        return None
    for name, node in graph.nodes.items():
        if node.kind in ("Input", "Output"):
            continue
        try:
            made_at(name, node, shapes[graph.into(name)[0]], how, stuck=False)
        except ValueError as error:
            odd[name] = str(error).removeprefix(f"Node {name!r}: ")
    try:
        return None if odd else network_of(graph, how, orders)[0]
    except ValueError as error:
        odd[""] = str(error)
        return None


def _head(path, graph: Graph, dt):
    own = graph.metadata.get("", {})
    words = [f"{len(graph.nodes)} nodes, {len(graph.edges)} edges"]
    if len(graph.metadata) > 1:
        words.append(f"{len(graph.metadata) - 1} subgraphs")
    for name in ("author", "dt", "method", "reset"):
        if name in own:
            words.append(f"{name} {own[name]!s:.40}")
    if dt is None and "dt" not in own:
        words.append("no dt told")
    return f"{Path(path).name}: {', '.join(words)}\n"


def _table(graph, shapes, odd):
    rows = [("node", "type", "out", "fields")]
    for name, node in graph.nodes.items():
        shape = shapes.get(name)
        size = "x".join(map(str, shape)) if shape else "?"
        rows.append((name, node.kind, size, ranges(node)[:_WIDEST]))
    rows += [
        (name, "?", "?", "refused") for name in odd if name and name not in graph.nodes
    ]
    widths = [max(len(row[k]) for row in rows) for k in range(3)]
    return [
        "  ".join([*(row[k].ljust(widths[k]) for k in range(3)), row[3]]).rstrip()
        for row in rows
    ]
