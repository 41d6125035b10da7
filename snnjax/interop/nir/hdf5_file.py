"""NIR files: HDF5, read on guard; the package nir believes what a file says.

One flipped byte may change a number and nothing tells, so all values are checked
afterwards (``primitives``). What is not asked for is not fetched. A file is written by
the package ``nir`` itself, whole or not at all.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from snnjax.datasets.containers import hdf5
from snnjax.datasets.containers.hdf5_attributes import at_hand
from snnjax.datasets.guard.checked import HoldsError, listed, reading
from snnjax.files import atomic

MOST_NODES, MOST_EDGES = 1000, 10_000
_DEEPEST = 32  # groups inside each other
_NODE_BYTES, _EDGE_BYTES = 4096, 512  # of memory that each takes, beside its arrays
_LONGEST = 200  # of a name


def read_tree(path: str | Path, *, limit: int | None = None) -> dict[str, Any]:
    """The ``NIRGraph`` of a file as a dict, as its ``to_dict`` makes it.

    Args:
        path: of the file.
        limit: most bytes of memory that reading it may take; 128 MiB and 200 times the
            file's size if omitted.

    Raises:
        FileNotFoundError: if there is no such file.
        DataError: naming the file and what is wrong with it.
        ImportError: without h5py.
    """
    library()
    with reading(path, "NIR", limit) as file, at_hand(file) as (tree, raw):
        top = hdf5.group(tree, "node")
        if top is None:
            raise HoldsError(f"{hdf5.names(tree)}, no group 'node'")
        told = _Reader(raw, file).node(top, "node", 0)
        if told["type"] != "NIRGraph":
            raise HoldsError(f"one node of the type {told['type']!r:.60}, no graph")
        return told


class _Reader:
    """Nodes of one file, counted."""

    def __init__(self, raw, file):
        self.raw, self.file = raw, file
        self.nodes = self.edges = self.groups = 0

    def node(self, group, place, depth):
        """The dict of one node, or of a graph with all its nodes."""
        names = self._members(group, place, depth)
        kind = hdf5.text(group, "type", self.raw, self.file)
        if kind is None:
            raise HoldsError(f"{place!r:.200} without a type")
        told: dict[str, Any] = {"type": kind}
        for name in names:
            if name == "metadata":
                told[name] = self._metadata(group, name, depth + 1)
            elif kind == "NIRGraph" and name == "nodes":
                told[name] = self._nodes(self._group(group, name), depth + 1)
            elif kind == "NIRGraph" and name == "edges":
                told[name] = self._pairs(group, name)
            elif name != "type":
                told[name] = self._value(group, name)
        return told

    def _group(self, group, name):
        found = hdf5.group(group, name)
        if found is None:
            raise HoldsError(f"{name!r:.200} that is no group")
        return found

    def _members(self, group, place, depth):
        """Names of what lies in a group."""
        self.groups += 1
        if depth > _DEEPEST or self.groups > 4 * MOST_NODES:
            raise HoldsError(f"groups more than {_DEEPEST} deep, or too many of them")
        names: list[str] = []
        for name in group:
            if len(names) >= MOST_NODES or len(name) > _LONGEST:
                raise HoldsError(f"more than {MOST_NODES} nodes, or names too long")
            names.append(name)
        self.file.take(_NODE_BYTES * (1 + len(names)), place)
        return names

    def _nodes(self, group, depth):
        names = self._members(group, "nodes", depth)
        self.nodes += len(names)
        if self.nodes > MOST_NODES:
            raise HoldsError(f"more than {MOST_NODES} nodes")
        return {
            name: self.node(self._group(group, name), name, depth + 1) for name in names
        }

    def _pairs(self, group, name):
        """Edges ``[n, 2]`` of names."""
        node = hdf5.dataset(group, name)
        if node is None or node.shape is None or 0 in node.shape:
            return []
        if len(node.shape) != 2 or node.shape[1] != 2 or node.dtype.kind not in "SO":
            raise HoldsError(f"edges of type {node.dtype}, shape {node.shape}")
        self.edges += node.shape[0]
        if self.edges > MOST_EDGES:
            raise HoldsError(f"{self.edges} edges, more than {MOST_EDGES}")
        self.file.take(_EDGE_BYTES * node.shape[0], name)
        if node.dtype.kind == "O":
            hdf5.take_rows(name, node, ("ascii", "utf-8"), self.raw, self.file)
        ends = hdf5.fetch(node, name, self.raw, self.file)
        return [(a.decode(), b.decode()) for a, b in ends.tolist()]

    def _value(self, group, name):
        """An array, a text, or several texts."""
        node = hdf5.dataset(group, name)
        if node is None or node.shape is None:
            raise HoldsError(f"{name!r:.200} without a value")
        if node.dtype.kind in "SO":
            if node.shape in ((), (1,)):
                return hdf5.text(group, name, self.raw, self.file)
            return list(hdf5.texts(group, name, self.raw, self.file))
        if node.dtype.kind not in "iufb":
            raise HoldsError(f"{name!r:.200} of type {node.dtype}")
        array = hdf5.fetch(node, name, self.raw, self.file)
        return array.astype(array.dtype.newbyteorder("="), copy=False)

    def _metadata(self, group, name, depth):
        """Texts and numbers by name."""
        inner = hdf5.group(group, name)
        if inner is None:
            return {name: self._value(group, name)}
        return {
            key: self._metadata(inner, key, depth + 1)
            if hdf5.group(inner, key) is not None
            else self._value(inner, key)
            for key in self._members(inner, name, depth)
        }


def write_graph(path: str | Path, graph: Any) -> None:
    """Writes a ``NIRGraph``, whole or not at all.

    Raises:
        ImportError: without the package nir.
        OSError: if the disk refuses; what was there stays.
    """
    nir = package()
    with atomic(path) as new:
        nir.write(new, graph)
        with library().File(new, "r+") as tree:
            for name in _resets_to_zero(tree):
                del tree[name]


def _resets_to_zero(tree):
    """Fields v_reset that say what their absence does, which older readers refuse."""
    found: list[str] = []
    tree.visititems(
        lambda name, node: (
            found.append(name)
            if name.endswith("/v_reset")
            and isinstance(node, library().Dataset)
            and not node[()].any()
            else None
        )
    )
    return found


def library() -> Any:
    """The package h5py.

    Raises:
        ImportError: saying what to install.
    """
    try:
        import h5py
    except ImportError as error:
        raise ImportError(
            'NIR files need h5py: pip install "snnjax[interop]".'
        ) from error
    return h5py


def package() -> Any:
    """The package nir.

    Raises:
        ImportError: saying what to install.
    """
    try:
        import nir
    except ImportError as error:
        raise ImportError(
            'Graphs of NIR need nir: pip install "snnjax[interop]".'
        ) from error
    return nir


def dict_of(graph: Any) -> Mapping[str, Any]:
    """The dict of a ``NIRGraph``; a dict stays.

    Raises:
        ValueError: for anything else, or a graph of too many nodes.
    """
    if not isinstance(graph, Mapping):
        if not hasattr(graph, "to_dict") or not hasattr(graph, "nodes"):
            raise ValueError(f"graph must be a nir.NIRGraph, got {graph!r:.80}.")
        graph = graph.to_dict()
    nodes, edges = graph.get("nodes", ()), graph.get("edges", ())
    if len(nodes) > MOST_NODES or len(edges) > MOST_EDGES:
        raise ValueError(
            f"graph has {len(nodes)} nodes and {len(edges)} edges, more than "
            f"{MOST_NODES} and {MOST_EDGES}: {listed(nodes)}."
        )
    return graph
