"""In: a file or a graph of NIR becomes a network, or is refused with the reason."""

from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from snnjax import check
from snnjax.cell import Cell
from snnjax.datasets.guard.checked import DataError
from snnjax.interop.nir.assembling import network_of
from snnjax.interop.nir.circuits import Method, Reset
from snnjax.interop.nir.hdf5_file import dict_of, read_tree
from snnjax.interop.nir.incoming import Reading
from snnjax.interop.nir.structure import Graph, graph_of
from snnjax.surrogate import Shape, SuperSpike

AUTHOR = "snnjax"  # of the metadata that are heeded
Metadata = dict[str, dict[str, Any]]


class Loaded(NamedTuple):
    """A network that was a graph of NIR."""

    network: Cell
    weights: Any
    dt: float | None  # [s], which the network must run at; None: at any
    metadata: Metadata  # of the graph, under "", and of its nodes by name


def load(
    path: str | Path,
    *,
    dt: float | None = None,
    method: Method | None = None,
    reset: Reset | None = None,
    surrogate: Shape = SuperSpike(),
    dtype: Literal["float32", "float64"] | None = None,
    limit: int | None = None,
) -> Loaded:
    """Reads a NIR file.

    Args:
        path: of the file, HDF5, as a rule ``NAME.nir``.
        dt: time step of the network [s], as of ``from_nir``.
        method: of integration, as of ``from_nir``.
        reset: of spikes, as of ``from_nir``.
        surrogate: pseudo-derivative of spikes.
        dtype: of the weights; as in the file if omitted.
        limit: most bytes of memory that reading it may take; 128 MiB and 200 times the
            file's size if omitted.

    Returns:
        ``Loaded(network, weights, dt, metadata)``.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: as ``from_nir``, or for a damaged file (``DataError``).
        ImportError: without h5py, ``pip install "snnjax[interop]"``.

    Example:
        >>> from snnjax.interop import nir
        >>> net = snn.chain(input=snn.dense(6, 5), hidden=snn.lif(5))
        >>> nir.save("net.nir", net, net.init(jax.random.key(0)), dt=1e-3)
        >>> loaded = nir.load("net.nir")
        >>> _, spikes = snn.unroll(
        ...     loaded.network, loaded.weights, jnp.ones((8, 2, 6)), dt=loaded.dt
        ... )
        >>> spikes.shape
        (8, 2, 5)
    """
    told = read_tree(path, limit=limit)
    try:
        return _loaded(told, dt, method, reset, surrogate, dtype)
    except ValueError as error:
        raise DataError(f"{path}: {error}") from error


def from_nir(
    graph: Any,
    *,
    dt: float | None = None,
    method: Method | None = None,
    reset: Reset | None = None,
    surrogate: Shape = SuperSpike(),
    dtype: Literal["float32", "float64"] | None = None,
) -> Loaded:
    """Makes a network of a graph of NIR.

    Every node becomes a cell and every edge a wire; a connection with one source and
    one target becomes an edge of ``graph``, and a mere row a ``chain``. Maps have
    channels last here: weights are transposed, and what reads a flattened map is put in
    order.

    Args:
        graph: a ``NIRGraph``, or its dict.
        dt: time step of the network [s]. Where spikes meet a synapse or a delay it must
            be known: files of ``save`` tell it.
        method: ``"exact"``, the equations of NIR integrated exactly for inputs that are
            held for a step; or ``"euler"``, as most libraries do. As the file tells if
            omitted, and exactly if it does not.
        reset: ``"zero"``, to ``v_reset`` as NIR says; or ``"subtract"``, which files of
            sinabs and Rockpool mean. As the file tells if omitted.
        surrogate: pseudo-derivative of spikes, a function of the distance to threshold.
        dtype: of the weights; as in the graph if omitted.

    Returns:
        ``Loaded(network, weights, dt, metadata)``.

    Raises:
        ValueError: by node, for what makes no sense, or cannot be the same here: a dt
            that is missing or another, a shape that does not match, a kind or an option
            that no cell has, with what to do.
    """
    return _loaded(dict_of(graph), dt, method, reset, surrogate, dtype)


def _loaded(told, dt, method, reset, surrogate, dtype):
    check.function("surrogate", surrogate)
    if dtype is not None:
        check.one_of("dtype", dtype, ("float32", "float64"))
    graph = graph_of(told)
    how, orders = reading_of(graph, dt, method, reset)
    given = how._replace(surrogate=surrogate, dtype=dtype and np.dtype(dtype))
    network, weights, nodes = network_of(graph, given, orders)
    found = {name: each for name, each in (graph.metadata | nodes).items() if each}
    return Loaded(network, weights, how.dt, found)


def reading_of(
    graph: Graph, dt: float | None, method: Any, reset: Any
) -> tuple[Reading, list[list[str]]]:
    """How a graph is read, of what is asked and what it tells; and orders of cells.

    Raises:
        ValueError: for what is asked that contradicts what the file tells.
    """
    if dt is not None:
        check.dt(dt)
    for name, value, known in (
        ("method", method, ("exact", "euler")),
        ("reset", reset, ("zero", "subtract")),
    ):
        if value is not None:
            check.one_of(name, value, known)
    ours = {
        name: told
        for name, told in graph.metadata.items()
        if told.get("author") == AUTHOR
    }
    dt = _clock(dt, ours)
    method = _agreed("method", method, ours, ("exact", "euler"))
    reset = _agreed("reset", reset, ours, ("zero", "subtract"))
    return Reading(dt, method, reset, SuperSpike(), None), _orders(ours)


def _orders(ours):
    """The orders of cells that the graph and its subgraphs tell."""
    orders = []
    for place, told in ours.items():
        order = told.get("order", [])
        order = [order] if isinstance(order, str) else order
        if not isinstance(order, list):
            raise ValueError(f"metadata: order must be names, got {order!r:.80}.")
        orders.append([f"{place}.{name}" if place else name for name in order])
    return orders


def _clock(dt, ours):
    """The time step that is asked for, or that the graph and its subgraphs tell."""
    dt = None if dt is None else float(dt)
    for name, told in ours.items():
        written = _number(told.get("dt"))
        if written is None:
            continue
        if dt is not None and abs(dt - written) > 1e-9 * written:
            raise ValueError(
                f"{_whose(name)} was written for dt={written:g} s, where a spike lasts "
                f"so long; at dt={dt:g} s it is another network. Leave dt out, or "
                "write it anew from a network made for that dt."
            )
        dt = written
    return dt


def _number(told):
    if told is None:
        return None
    value = np.asarray(told)
    if value.dtype.kind not in "iuf" or value.size != 1 or not 0 < value < np.inf:
        raise ValueError(f"metadata: dt [s] must be positive, got {told!r:.80}.")
    return float(value.reshape(()))


def _agreed(name, asked, ours, known) -> Any:
    """What is asked, or what the graph tells; a part that tells other is refused."""
    told = {whole: each[name] for whole, each in ours.items() if name in each}
    for value in told.values():
        if value not in known:
            raise ValueError(f"metadata: {name} must be of {known}, got {value!r:.80}.")
    taken = asked or told.get("") or known[0]
    for whole, value in told.items():
        if value == taken:
            continue
        asks = f"All of it is read by {name}={value!r}, if you say so"
        if not whole:
            asks = f"Leave {name} out"
        raise ValueError(
            f"{_whose(whole)} was written for {name}={value!r}; with {name}={taken!r} "
            f"it is another network. {asks}."
        )
    return taken


def _whose(name):
    return f"Subgraph {name!r}" if name else "The graph"
