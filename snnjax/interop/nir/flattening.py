"""Neurons behind a flattened map: NIR counts channel by channel, we pixel by pixel.

So everything that has one number for each of these neurons changes its order, and with
it the connections that read them or reach them. x_ours[k] = x_nir[order[k]].
"""

import numpy as np

from snnjax.interop.nir.primitives import NEURONS, Node, Shape
from snnjax.interop.nir.structure import Graph

_ELEMENTWISE = (*NEURONS, "Scale", "Threshold", "Delay")
_DENSE = ("Affine", "Linear")


def reordered(
    graph: Graph,
    shapes: dict[str, Shape],
    *,
    outward: bool,
    done: frozenset[str] = frozenset(),
) -> tuple[Graph, list[str]]:
    """The graph in the other order behind each ``Flatten``.

    Args:
        graph: with nodes in the order of NIR; in ours, to go ``outward``.
        shapes: what each node puts out.
        outward: from our order to that of NIR.
        done: names of ``Flatten`` that are in the order of NIR as they are.

    Returns:
        The graph, and names of ``Flatten`` whose order cannot change, as they are put
        out or meet something else; their neurons stay as they are.
    """
    nodes, stuck = dict(graph.nodes), []
    changed: set[str] = set()
    for name in graph.of("Flatten"):
        given = shapes[graph.into(name)[0]]
        space = [size for size in given[1:] if size > 1]
        if name in changed | done or given[0] == 1 or not space:
            continue
        members = _in_this_order(graph, shapes, name)
        if members is None or members & (changed | done):
            stuck.append(name)
            continue
        changed |= members
        order = np.moveaxis(np.arange(np.prod(given)).reshape(given), 0, -1).reshape(-1)
        _change(graph, nodes, members, np.argsort(order) if outward else order)
    return graph._replace(nodes=nodes), stuck


def _in_this_order(graph, shapes, flatten):
    """All nodes that put out the neurons of a ``Flatten``; None if others mix in."""
    given = shapes[graph.into(flatten)[0]]
    members, waiting = {flatten}, [flatten]
    while waiting:
        name = waiting.pop()
        near = []
        for target in graph.behind(name):
            kind = graph.nodes[target].kind
            if kind in _ELEMENTWISE:
                near.append(target)
            elif kind not in _DENSE:
                return None
            near += graph.into(target)
        if graph.nodes[name].kind in _ELEMENTWISE:
            near += graph.into(name)
        for other in near:
            kind = graph.nodes[other].kind
            alike = kind == "Flatten" and shapes[graph.into(other)[0]] == given
            if kind not in (*_ELEMENTWISE, *_DENSE) and not alike:
                return None
            if other not in members:
                members.add(other)
                waiting.append(other)
    return members


def _change(graph, nodes, members, order):
    """Puts what belongs to neurons of this order into the other."""
    n = len(order)
    for name, node in nodes.items():
        if node.kind in _DENSE:
            fields = dict(node.fields)
            if name in members:
                fields = {key: value[order] for key, value in fields.items()}
            if any(source in members for source in graph.into(name)):
                fields["weight"] = fields["weight"][:, order]
            nodes[name] = node._replace(fields=fields)
        elif name in members and node.kind in _ELEMENTWISE:
            nodes[name] = Node(
                node.kind,
                {k: v[order] if v.shape == (n,) else v for k, v in node.fields.items()},
                node.metadata,
            )
