"""Nodes and edges of a file as one flat graph: subgraphs are opened, edges checked."""

from collections.abc import Container, Iterable, Mapping
from typing import Any, NamedTuple

from snnjax.interop.nir.primitives import NEURONS, Node, node_of
from snnjax.networks.wiring import reached

DEEPEST = 32  # subgraphs inside each other
Edges = list[tuple[str, str]]


class Graph(NamedTuple):
    """A flat graph of checked nodes; those of subgraphs are named "sub.node"."""

    nodes: dict[str, Node]
    edges: Edges
    metadata: dict[str, dict[str, Any]]  # of graphs, by name; "" is the whole
    ports: tuple[str, ...] = ()  # inputs and outputs of subgraphs

    def of(self, *kinds: str) -> list[str]:
        """Names of the nodes of some kinds."""
        return [name for name, node in self.nodes.items() if node.kind in kinds]

    def into(self, name: str) -> list[str]:
        """Names of the nodes that feed one."""
        return [a for a, b in self.edges if b == name]

    def behind(self, name: str) -> list[str]:
        """Names of the nodes that one feeds."""
        return [b for a, b in self.edges if a == name]


def graph_of(told: Mapping[str, Any]) -> Graph:
    """A flat graph of the dict of a ``NIRGraph``.

    Args:
        told: ``{"type": "NIRGraph", "nodes": {…}, "edges": […], "metadata": {…}}``.

    Raises:
        ValueError: for a node that makes no sense, by name, an edge that leads nowhere
            or twice to the same node, no input or output, or what they do not reach.
    """
    return opened(collected(told))


def collected(told: Mapping[str, Any], problems: dict[str, str] | None = None) -> Graph:
    """All nodes and edges as they are told, with inputs and outputs of subgraphs.

    Args:
        told: as of ``graph_of``.
        problems: filled in with what is wrong with a node, which is left out; raised if
            omitted.

    Raises:
        ValueError: as ``graph_of``, of nodes and names.
    """
    graph = Graph({}, [], {})
    _collect(told, "", graph, problems, 0)
    ports = graph.of("Input", "Output")
    return graph._replace(ports=tuple(n for n in ports if n not in told["nodes"]))


def opened(graph: Graph) -> Graph:
    """The graph without inputs and outputs of subgraphs, checked.

    Raises:
        ValueError: as ``graph_of``, of edges.
    """
    for name in graph.ports:
        graph = without(graph, name)
    check_edges(graph)
    return graph


def _collect(told, prefix, graph, problems, depth):
    """Adds nodes and edges of a graph and of its subgraphs to a flat one."""
    where = f"subgraph {prefix.removesuffix('.')!r}" if prefix else "the graph"
    if depth > DEEPEST:
        raise ValueError(f"Subgraphs lie more than {DEEPEST} levels deep.")
    if told.get("type") != "NIRGraph":
        raise ValueError(f"{where} is of the type {told.get('type')!r:.60}.")
    nodes, edges = told.get("nodes"), told.get("edges")
    if not isinstance(nodes, Mapping) or not nodes:
        raise ValueError(f"{where} has no nodes.")
    graph.metadata[prefix.removesuffix(".")] = dict(told.get("metadata") or {})
    _check_names(nodes, where)
    ends: dict[str, dict[str, list[str]]] = {}
    for name, inner in nodes.items():
        if not isinstance(inner, Mapping):
            raise ValueError(f"{where}: {name!r} is no node.")
        if inner.get("type") == "NIRGraph":
            _collect(inner, f"{prefix}{name}.", graph, problems, depth + 1)
            ends[name] = {
                kind: [
                    f"{prefix}{name}.{k}"
                    for k, n in inner["nodes"].items()
                    if isinstance(n, Mapping) and n.get("type") == kind
                ]
                for kind in ("Input", "Output")
            }
            continue
        try:
            graph.nodes[prefix + name] = node_of(inner)
        except ValueError as error:
            if problems is None:
                raise ValueError(f"Node {prefix + name!r}: {error}") from error
            problems[prefix + name] = str(error)
    for edge in _pairs(edges, where):
        for end in edge:
            if end not in nodes:
                raise ValueError(
                    f"{where}: the edge {edge} names {end!r:.60}, which is no node."
                )
        a, b = edge
        source, target = _end(ends, a, "Output", prefix), _end(ends, b, "Input", prefix)
        graph.edges.append((source, target))


def _check_names(nodes, where):
    """Refuses a node whose name reads as that of a node of a subgraph beside it."""
    graphs = [
        name
        for name, inner in nodes.items()
        if isinstance(inner, Mapping) and inner.get("type") == "NIRGraph"
    ]
    for name in nodes:
        for beside in graphs:
            if name.startswith(f"{beside}."):
                raise ValueError(
                    f"{where}: {name!r} beside the subgraph {beside!r} reads as a node "
                    "of it. Rename one of the two."
                )


def _end(ends, name, kind, prefix):
    """Where an edge of a subgraph really begins or ends."""
    if name not in ends:
        return prefix + name
    if len(ends[name][kind]) != 1:
        raise ValueError(
            f"Subgraph {prefix + name!r} has {len(ends[name][kind])} nodes of type "
            f"{kind}; an edge to it needs one."
        )
    return ends[name][kind][0]


def _pairs(edges, where) -> Iterable[tuple[str, str]]:
    if edges is None:
        raise ValueError(f"{where} has no edges.")
    for edge in edges:
        pair = tuple(e.decode() if isinstance(e, bytes) else e for e in edge)
        if len(pair) != 2 or not all(isinstance(end, str) for end in pair):
            raise ValueError(f"{where}: an edge is a pair of names, got {edge!r:.80}.")
        yield pair


def without(graph: Graph, name: str) -> Graph:
    """The graph in which those that feed a node feed those behind it."""
    sources, targets = graph.into(name), graph.behind(name)
    edges: Edges = []
    for edge in graph.edges:
        if edge[1] == name:
            edges += [(edge[0], target) for target in targets]
        elif edge[0] != name:
            edges.append(edge)
    if not sources or not targets:
        raise ValueError(f"Node {name!r} of a subgraph lies on no way through it.")
    nodes = {k: node for k, node in graph.nodes.items() if k != name}
    return graph._replace(nodes=nodes, edges=edges)


def free_name(taken: Container[str], name: str) -> str:
    """A name that no node has, with as many "_" behind it as that takes."""
    while name in taken:
        name += "_"
    return name


def check_edges(graph: Graph) -> None:
    """Refuses edges that make no sense.

    Raises:
        ValueError: for an edge that is there twice, no input or output, edges into the
            one or out of the other, nodes that lie on no way between them, and a cycle
            without neuron or delay.
    """
    seen = set()
    for edge in graph.edges:
        if edge in seen:
            raise ValueError(f"The edge {edge} is there twice.")
        seen.add(edge)
    starts, ends = graph.of("Input"), graph.of("Output")
    for kind, found in (("Input", starts), ("Output", ends)):
        if not found:
            raise ValueError(f"The graph has no node of the type {kind}.")
    for a, b in graph.edges:
        if b in starts or a in ends:
            raise ValueError(f"The edge {(a, b)} leads into an Input or out of one.")
    forth = {*starts} | reached(starts, graph.edges)
    back = {*ends} | reached(ends, [(b, a) for a, b in graph.edges])
    for name in graph.nodes:
        if name not in forth or name not in back:
            raise ValueError(
                f"Node {name!r} lies on no way from an Input to an Output."
            )
    _check_cycles(graph)


def _check_cycles(graph):
    """Refuses a cycle in which nothing takes time."""
    timed = {*graph.of(*NEURONS, "Delay")}
    edges = [(a, b) for a, b in graph.edges if a not in timed and b not in timed]
    left = _held([name for name in graph.nodes if name not in timed], edges)
    left = _held(left, [(b, a) for a, b in edges if a in left and b in left])
    if left:
        raise ValueError(
            f"A cycle through {', '.join(map(repr, left[:4]))} has no neuron and no "
            "Delay: what it computes is not defined."
        )


def _held(names, edges):
    """What is left when nodes that nothing leads to are taken away, one by one."""
    waits = dict.fromkeys(names, 0)
    after: dict[str, list[str]] = {}
    for a, b in edges:
        waits[b] += 1
        after.setdefault(a, []).append(b)
    free = [name for name, count in waits.items() if count == 0]
    while free:
        name = free.pop()
        del waits[name]
        for b in after.get(name, ()):
            waits[b] -= 1
            if waits[b] == 0:
                free.append(b)
    return list(waits)
