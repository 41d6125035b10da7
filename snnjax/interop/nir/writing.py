"""Out: a network becomes a graph of NIR or a file, or is refused with the reason."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from snnjax import check
from snnjax.about import OUTPUT
from snnjax.cell import Cell
from snnjax.interop.nir.cells import channels_first
from snnjax.interop.nir.circuits import Method, Reset
from snnjax.interop.nir.flattening import reordered
from snnjax.interop.nir.folding import delays_apart
from snnjax.interop.nir.hdf5_file import package, write_graph
from snnjax.interop.nir.lateness import in_order
from snnjax.interop.nir.leaves import Apart, taken_apart
from snnjax.interop.nir.loading import AUTHOR
from snnjax.interop.nir.primitives import Node
from snnjax.interop.nir.shapes import shapes_of
from snnjax.interop.nir.structure import Graph, check_edges, free_name
from snnjax.interop.nir.told import Writing, node_from
from snnjax.parts import options_of

Notes = Mapping[str, Mapping[str, Any]]


def save(
    path: str | Path,
    network: Cell,
    weights: Any,
    *,
    dt: float,
    shape: Any = None,
    method: Method = "exact",
    reset: Reset = "zero",
    metadata: Notes | None = None,
) -> None:
    """Writes a network as a NIR file, whole or not at all.

        from snnjax.interop import nir

        nir.save("net.nir", net, weights, dt=1e-3)

    Args:
        path: of the file, as a rule ``NAME.nir``; replaced if it exists.
        network: any cell that tells in ``about`` how it was made.
        weights: of it.
        dt: time step [s] that it runs at.
        shape: of one input, as of ``to_nir``.
        method: as of ``to_nir``.
        reset: as of ``to_nir``.
        metadata: as of ``to_nir``.

    Raises:
        ValueError: as ``to_nir``.
        ImportError: without nir, ``pip install "snnjax[interop]"``.
        OSError: if the disk refuses; what was there stays.
    """
    given = {"shape": shape, "method": method, "reset": reset, "metadata": metadata}
    write_graph(path, to_nir(network, weights, dt=dt, **given))


def to_nir(
    network: Cell,
    weights: Any,
    *,
    dt: float,
    shape: Any = None,
    method: Method = "exact",
    reset: Reset = "zero",
    metadata: Notes | None = None,
) -> Any:
    """Makes a graph of NIR of a network.

    Every leaf becomes a node. NIR has no time step: dt, method, reset and the order in
    which cells act go into the metadata, which ``from_nir`` heeds. What is only of
    training, surrogates and gradients of resets, is not told.

    Args:
        network: any cell that tells in ``about`` how it was made.
        weights: of it.
        dt: time step [s] that it runs at: a spike lasts so long.
        shape: of one input without batch, ``(28, 28, 1)`` for images with channels
            last; a dict by name for several inputs. Needed where the first leaf does
            not tell.
        method: ``"exact"``; ``"euler"`` if the neurons are circuits of that method.
        reset: ``"zero"``; ``"subtract"`` if all neurons subtract, which NIR does not
            know: for readers that do so.
        metadata: texts and numbers by name to go along, of the graph under ``""``, and
            of its nodes by the names of leaves.

    Returns:
        A ``NIRGraph``. Names are those of the leaves, with ``_`` for ``.`` and
        ``_to_`` for ``->``; then the node's metadata tell the old one.

    Raises:
        ValueError: by the name of the leaf, for what NIR cannot tell, with the reason:
            a reset or a method that is another, refractoriness, a neuron or a function
            without node, an order of acting that no graph has; for a shape that is
            needed, or weights of another network.
        ImportError: without nir, ``pip install "snnjax[interop]"``.
    """
    nir = package()
    check.dt(dt)
    check.one_of("method", method, ("exact", "euler"))
    check.one_of("reset", reset, ("zero", "subtract"))
    apart = taken_apart(network, weights, shape)
    how = Writing(float(dt), method, reset, _precision(weights))
    names = _names(apart)
    graph, copies = delays_apart(_graph(apart, how, names))
    graph, order = in_order(graph, _steps(graph, apart, names, copies), how.dt)
    check_edges(graph)
    graph = _channels_first(graph, apart, names)
    told = {"author": AUTHOR, "dt": how.dt, "method": method, "reset": reset}
    return _built(nir, graph, _noted(metadata, graph, names, told | {"order": order}))


def _precision(weights):
    """Of the constants: that of the weights, single at least."""
    dtype = check.precision(weights) if jax.tree.leaves(weights) else np.float32
    return np.dtype(np.float64 if dtype == np.float64 else np.float32)


def _names(apart: Apart) -> dict[str, str]:
    """What each leaf and each input is called as a node."""
    found: dict[str, str] = {}
    for name in (*apart.leaves, *(f"{each}->" for each in apart.inputs)):
        plain = name.removesuffix("->").replace("->", "_to_").replace(".", "_")
        plain = re.sub(r"\W", "_", plain)
        taken, first, number = {*found.values()}, plain, 2
        while plain in taken:
            plain, number = f"{first}_{number}", number + 1
        found[name] = plain
    return found


def _graph(apart, how, names) -> Graph:
    """Nodes and edges as they are, neurons still in our order."""
    nodes = {}
    for name, shape in apart.inputs.items():
        sizes = np.array([shape[-1], *shape[:-1]])
        nodes[names[f"{name}->"]] = Node("Input", {"shape": sizes}, {})
    for name, leaf in apart.leaves.items():
        try:
            options = options_of(name, leaf.cell)
            node = node_from(leaf, options, apart.given[name], how)
        except ValueError as error:
            told = str(error)
            start = "" if told.startswith(name) else f"{name}: "
            raise ValueError(f"{start}{told}") from error
        metadata = {} if names[name] == name else {"name": name}
        nodes[names[name]] = node._replace(metadata=node.metadata | metadata)
    edges = [
        (names[e.source], names[e.target]) for e in apart.edges if e.target != OUTPUT
    ]
    ends = list(dict.fromkeys(e.source for e in apart.edges if e.target == OUTPUT))
    for source in ends:
        name = "output" if len(ends) == 1 else f"output_{names[source]}"
        name = free_name(nodes, name)
        nodes[name] = Node("Output", {"shape": np.zeros(0, int)}, {})
        edges.append((names[source], name))
    return Graph(nodes, edges, {})


def _steps(graph, apart, names, copies):
    """How many steps late each edge is."""
    told = {
        (names[e.source], names[e.target]): int(e.before)
        for e in apart.edges
        if e.target != OUTPUT
    }
    return {
        (a, b): told.get((copies.get(a, a), copies.get(b, b)), 0)
        for a, b in graph.edges
    }  # from a sum to its own delay there is no edge, so no step


def _channels_first(graph, apart, names):
    """The graph with what belongs to neurons of a flattened map in the order of NIR."""
    done = frozenset(
        names[name]
        for name, leaf in apart.leaves.items()
        if leaf.cell.about.make is channels_first
    )
    shapes = shapes_of(graph)
    graph, stuck = reordered(graph, shapes, outward=True, done=done)
    if stuck:
        raise ValueError(
            f"{stuck[0]}: NIR flattens channel by channel, and here neurons of a "
            "flattened map are put out, or meet others. Take nir.channels_first() in "
            "the place of flatten()."
        )
    nodes = dict(graph.nodes)
    for end in graph.of("Output"):
        sizes = np.array(shapes[graph.into(end)[0]])
        nodes[end] = Node("Output", {"shape": sizes}, {})
    return graph._replace(nodes=nodes)


def _noted(metadata, graph, names, told):
    """All metadata by name of the node; what the caller gives goes along."""
    found = {name: dict(node.metadata) for name, node in graph.nodes.items()}
    found[""] = {}
    known = {"": "", **names}
    check.mapping("metadata", metadata or {})
    for name, notes in (metadata or {}).items():
        place = known.get(name, name if name in graph.nodes else None)
        if place is None:
            raise ValueError(
                f"metadata name {name!r}, which is no leaf; there are {list(names)}."
            )
        check.mapping(f"metadata of {name!r}", notes)
        for key, value in notes.items():
            _check_note(name, key, value, told if place == "" else found[place])
            found[place][key] = value
    found[""] |= told
    return found


def _check_note(name, key, value, taken):
    odd = not isinstance(key, str) or not key or "/" in key or key in taken
    if odd or not isinstance(value, str | int | float | np.ndarray):
        raise ValueError(
            f"metadata of {name!r} must be texts, numbers or arrays by names without "
            f"'/', other than {', '.join(taken) or 'none'}; got {key!r}: {value!r:.60}."
        )


def _built(nir, graph, metadata):
    """The nodes as the package has them."""
    nodes = {}
    for name, node in graph.nodes.items():
        fields = {key: _plain(node.kind, key, v) for key, v in node.fields.items()}
        if node.kind in ("Input", "Output"):
            fields = {f"{node.kind.lower()}_type": fields.pop("shape")}
        made = getattr(nir, node.kind)(**fields, metadata=metadata[name])
        nodes[name] = made
    plain = all(
        node.kind == "Conv2d" and _plainly_convolves(node)
        for node in graph.nodes.values()
        if node.kind.startswith("Conv")
    )  # else the package finds other shapes than there are
    given = {"metadata": metadata[""], "type_check": plain}
    return nir.NIRGraph(nodes=nodes, edges=list(graph.edges), **given)


def _plainly_convolves(node):
    """Whether the package knows the shapes that a convolution has."""
    square = len(set(node.fields["weight"].shape[2:])) == 1
    return square and int(np.reshape(node.fields["groups"], -1)[0]) == 1


def _plain(kind, name, value):
    """Whole numbers as the package wants them."""
    if isinstance(value, str) or name == "shape" or kind.endswith("Pool2d"):
        return value
    if kind == "Flatten" and name == "input_type":
        return {"input": value}
    if value.dtype.kind != "i":
        return value
    numbers = tuple(value.reshape(-1).tolist())
    return numbers[0] if kind != "Conv2d" or name == "groups" else numbers
