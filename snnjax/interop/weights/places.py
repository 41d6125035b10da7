"""Where weights of ours are: each array by the name of its leaf and its field."""

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

import jax

from snnjax import check, parts
from snnjax.about import OUTPUT
from snnjax.cell import Cell, check_cell
from snnjax.networks import convolution

_MATRICES = ("dense", "from_events")  # w [n_in, n_out]


class Place(NamedTuple):
    """One array of the weights of a network."""

    name: str  # as "hidden.w"
    leaf: str  # as "hidden"
    field: str  # as "w", "statistics.mean"
    kind: str  # "matrix", "convolution", "bias", "plain", or "other", of unknown layout
    shape: tuple[int, ...]
    dtype: Any
    behind_flatten: bool  # whether its inputs are a flattened map
    channels: int | None = None  # of that map, where a convolution puts it out


class Weights(NamedTuple):
    """The arrays of a network's weights, in order, and the tree that holds them."""

    places: dict[str, Place]
    tree: Any


def places_of(network: Cell) -> Weights:
    """Names all arrays that a network draws.

    Raises:
        ValueError: for what is no cell, two arrays of one name, or logarithms of
            ``learn``, which no other library has.
    """
    check_cell("network", network)
    like = jax.eval_shape(network.init, jax.random.key(0))
    shapes, tree = jax.tree.flatten(like)
    tokens = [_Token() for _ in shapes]
    whole = parts.flat(network, jax.tree.unflatten(tree, tokens))
    behind = _behind_flatten(whole)
    named = {}
    for leaf, part in whole.leaves.items():
        for path, token in jax.tree_util.tree_leaves_with_path(part.weights):
            field = jax.tree_util.keystr(path, simple=True, separator=".")
            named[token] = leaf, field, part.cell
    found: dict[str, Place] = {}
    for token, shape in zip(tokens, shapes, strict=True):
        if token not in named:
            raise ValueError(
                "network learns logarithms of constants (learn), which no other "
                "library has: take the cells inside over, set the logarithms by hand."
            )
        leaf, field, cell = named[token]
        name = f"{leaf}.{field}" if field else leaf
        if name in found:
            raise ValueError(f"network has two arrays of the name {name!r}.")
        kind = _kind(cell, field, len(shape.shape))
        found[name] = Place(
            *(name, leaf, field, kind, shape.shape, shape.dtype, leaf in behind),
            channels=_channels(whole, leaf) if leaf in behind else None,
        )
    return Weights(found, tree)


class _Token:
    """Stands for one array."""


def _kind(cell, field, ndim):
    made = cell.about.make.__name__ if cell.about and cell.about.make else ""
    connection = made in (*_MATRICES, "convolution")
    if ndim < 2:
        return "bias" if connection and field == "b" else "plain"
    if not connection or field != "w":
        return "other"
    return "matrix" if made in _MATRICES else made


def _behind_flatten(whole):
    """Leaves that see a flattened map, if only through others that mix nothing."""
    made = {
        name: leaf.cell.about.make.__name__
        for name, leaf in whole.leaves.items()
        if leaf.cell.about is not None and leaf.cell.about.make is not None
    }
    mixes = {
        name
        for name, leaf in whole.leaves.items()
        if any(
            _kind(leaf.cell, jax.tree_util.keystr(path, simple=True, separator="."), 2)
            in ("matrix", "convolution")
            for path, _ in jax.tree_util.tree_leaves_with_path(leaf.weights)
        )
    }
    behind: set[str] = set()
    at = [name for name, kind in made.items() if kind == "flatten"]
    while at:
        source = at.pop()
        for edge in whole.edges:
            if edge.source == source and edge.target not in behind | {OUTPUT}:
                behind.add(edge.target)
                at += [] if edge.target in mixes else [edge.target]
    closed = [
        edge
        for edge in whole.edges
        if edge.source in behind & mixes and edge.target in behind - mixes
    ]
    if closed:
        raise ValueError(
            f"{closed[0].source} leads back to neurons on a flattened map, "
            f"{closed[0].target}: which order they have is not known. Put a dense "
            "connection between."
        )
    return behind


def _channels(whole, leaf):
    """Channels of the map in front of a leaf, of the convolution that puts it out."""
    at, seen, found = [leaf], {leaf}, set()
    while at:
        target = at.pop()
        for edge in whole.edges:
            if edge.target != target or edge.source in seen:
                continue
            seen.add(edge.source)
            about = edge.source in whole.leaves and whole.leaves[edge.source].cell.about
            if about and about.make is convolution:
                found.add(about.options.arguments["c_out"])
            else:
                at.append(edge.source)
    return found.pop() if len(found) == 1 else None


def meant(name: str, known: Mapping[str, Any]) -> str:
    """What was probably meant by a name that is not known."""
    import difflib

    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    return f" Did you mean {' or '.join(near)}?" if near else ""


def shown(shape: tuple[int, ...]) -> str:
    """A shape as it is written here."""
    return f"[{', '.join(map(str, shape))}]"


def check_names(name: str, value: Any) -> tuple[str, ...]:
    """Names as a tuple.

    Raises:
        ValueError: for one text, or what is no collection of texts.
    """
    several = isinstance(value, Collection) and not isinstance(value, str)
    if not several or not all(isinstance(each, str) for each in value):
        raise ValueError(f"{name} must be a list of names, got {check.told(value)}.")
    return tuple(value)
