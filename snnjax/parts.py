"""What a network is made of: its leaves by dotted name, the same network of others.

    flat(net, weights).leaves["hidden.neuron"].cell
    rebuild(net, lambda name, cell: quieter if name == "hidden.neuron" else cell)
    print(summary(net, weights, xs, dt=1e-3))

All of it stands on what cells tell in ``about``. A hand-written cell is a leaf.
"""

import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from snnjax import check
from snnjax.about import INPUT, OUTPUT, Edge
from snnjax.cell import Cell, State, Weights, check_cell, run_cell
from snnjax.check import Number
from snnjax.probes import watched


class Leaf(NamedTuple):
    """A cell that is not made of others."""

    cell: Cell
    weights: Weights = None  # its part of what was given
    state: State = None


class Flat(NamedTuple):
    """A network taken apart."""

    leaves: dict[str, Leaf]  # by dotted name, in the order in which they act
    edges: tuple[Edge, ...]  # between leaves, ``INPUT`` (or "name->") and ``OUTPUT``


def flat(cell: Cell, weights: Weights = None, state: State = None) -> Flat:
    """Takes a network apart into leaves and plain edges.

    Args:
        cell: any cell. One that is a leaf itself is named by its factory.
        weights: of the cell, to be split; None for none.
        state: of the cell, to be split; None for none.

    Returns:
        ``Flat(leaves, edges)``. An edge with ``before`` carries the step before.

    Raises:
        ValueError: for what is no cell, or weights of another cell.
    """
    check_cell("What is taken apart, the cell,", cell)
    found = _flat(cell, weights, state, "")
    outer = [
        Edge(name, target, before)
        for name, targets in found.entries.items()
        for target, before in targets
    ]
    edges = *outer, *found.edges, *(Edge(name, OUTPUT) for name in found.exits)
    return Flat(found.leaves, edges)


class _Piece(NamedTuple):
    leaves: dict[str, Leaf]
    edges: list[Edge]
    entries: dict[str, list[tuple[str, bool]]]  # leaves that each input reaches
    exits: list[str]  # leaves that are put out


def _flat(cell, weights, state, prefix):
    about = cell.about
    if about is None or not about.parts:
        name = prefix.removesuffix(".") or _kind(cell)
        return _Piece(
            {name: Leaf(cell, weights, state)}, [], {INPUT: [(name, False)]}, [name]
        )
    of = None if weights is None else about.weights(weights)
    at = None if state is None else about.states(state)
    pieces = {
        key: _flat(part, of and of[key], at and at[key], f"{prefix}{key}.")
        for key, part in about.parts.items()
    }
    whole = _Piece({}, [], {}, [])
    for piece in pieces.values():
        whole.leaves.update(piece.leaves)
        whole.edges.extend(piece.edges)
    for edge in about.edges:
        _connect(whole, pieces, edge)
    return whole


def _connect(whole, pieces, edge):
    """Adds an edge between parts as edges between their leaves."""
    if edge.target == OUTPUT:
        whole.exits.extend(pieces[edge.source].exits)
        return
    targets = [
        (name, before or edge.before)
        for reached in pieces[edge.target].entries.values()
        for name, before in reached
    ]
    if edge.source not in pieces:
        whole.entries.setdefault(edge.source, []).extend(targets)
        return
    for source in pieces[edge.source].exits:
        whole.edges.extend(Edge(source, name, before) for name, before in targets)


def labels(cell: Cell, weights: Weights) -> Any:
    """The dotted name of the leaf that each array of the weights belongs to.

    A tree as ``optax.multi_transform`` takes it, or for a ``jax.tree.map`` beside the
    weights:

        frozen = jax.tree.map(lambda name, w: 0.0 if name == "input" else 1.0,
                              labels(net, weights), weights)

    Args:
        cell: the network.
        weights: of it.

    Returns:
        A tree like the weights, of names; of ``"learn"`` cells the logarithms are named
        by the cell itself.

    Raises:
        ValueError: as ``flat``.
    """
    check_cell("cell", cell)
    leaves, tree = jax.tree.flatten(weights)
    tokens = [_Token() for _ in leaves]
    names = dict.fromkeys(tokens, "")
    _label(cell, jax.tree.unflatten(tree, tokens), "", names)
    return jax.tree.unflatten(tree, names.values())


class _Token:
    """Stands for one array."""


def _label(cell, weights, prefix, names):
    """Names all tokens by the cell, then those of its parts by these."""
    for token in jax.tree.leaves(weights):
        names[token] = prefix.removesuffix(".") or _kind(cell)
    if cell.about is not None:
        for key, inner in cell.about.weights(weights).items():
            _label(cell.about.parts[key], inner, f"{prefix}{key}.", names)


def rebuild(cell: Cell, change: Callable[[str, Cell], Cell]) -> Cell:
    """Makes the same network from changed leaves: other surrogates, other constants.

    Weights and states of the one are those of the other, as long as the leaves keep
    theirs.

    Args:
        cell: the network.
        change: ``(dotted name, leaf) -> cell``; hand back the leaf to keep it.

    Returns:
        A network wired as ``cell``.

    Raises:
        ValueError: for what is no cell, or a compound that does not tell how it is
            rebuilt, by name.
    """
    check_cell("What is rebuilt, the cell,", cell)
    check.function("change", change)
    return _rebuilt(cell, change, "")


def _rebuilt(cell, change, prefix):
    about, name = cell.about, prefix.removesuffix(".")
    if about is None or not about.parts:
        new = change(name or _kind(cell), cell)
        check_cell(f"What {name or 'the cell'} is changed into", new)
        return new
    if about.rebuild is None:
        raise ValueError(f"{name or cell!r} does not tell how it is rebuilt.")
    return about.rebuild(lambda key, part: _rebuilt(part, change, f"{prefix}{key}."))


def options_of(name: str, cell: Cell) -> dict[str, Any]:
    """What the factory of a cell was given, by name, defaults included.

    Of a leaf, ``make(**options)`` gives it again.

    Raises:
        ValueError: for a hand-written cell, by the name that it has in its network.
    """
    check_cell("cell", cell)
    if cell.about is None or cell.about.options is None:
        raise ValueError(
            f"{name or 'This cell'} is hand-written: it does not tell how it was made. "
            "Make it by a function with the decorator snnjax.about.factory."
        )
    given = dict(cell.about.options.arguments)
    for name, p in cell.about.options.signature.parameters.items():
        if p.kind is p.VAR_KEYWORD:
            given |= given.pop(name)
    return given


class Row(NamedTuple):
    """One leaf of a summary."""

    name: str
    kind: str  # its factory
    output: str  # shape of what it puts out
    weights: int  # how many
    bytes: int  # of the weights
    state: int  # numbers that it remembers, of the whole batch
    rate: float | None = None  # [Hz], where it fires
    silent: float | None = None  # share of neurons that never fired, where it fires
    operations: float | None = None  # synaptic, in a second of a sample


class Summary(NamedTuple):
    """A table of the leaves of a network; ``print`` it."""

    rows: tuple[Row, ...]

    def __str__(self) -> str:
        ran = any(
            row.rate is not None or row.operations is not None for row in self.rows
        )
        heads = ["name", "kind", "output", "weights", "bytes", "state"]
        heads += ["rate [Hz]", "silent", "operations/s"] if ran else []
        table = [heads, *([*map(_told, row)][: len(heads)] for row in self.rows)]
        sums = "weights", "bytes", "state"
        total = [sum(getattr(row, name) for row in self.rows) for name in sums]
        table.append((["total", "", "", *map(_told, total)] + [""] * 3)[: len(heads)])
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        return "\n".join(
            "  ".join(
                text.ljust(width) if k < 3 else text.rjust(width)
                for k, (text, width) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
            for line in table
        )


def summary(
    cell: Cell, weights: Weights, x: Any, *, dt: Number | None = None
) -> Summary:
    """Sums up a network: names, kinds, shapes, weights, state; with a run, activity.

    A synaptic operation is one addition that a spike causes: a spike times the
    connections with a weight that is not zero.

    Args:
        cell: the network.
        weights: of it.
        x: one input ``[*batch, n_in]``; a sequence ``[T, *batch, n_in]`` with ``dt``.
        dt: time step [s] of a run over the sequence.

    Returns:
        ``Summary(rows)``, a row for each leaf; it prints as a table. A rate is that of
        leaves that put out ones and zeros.

    Raises:
        ValueError: for weights or an input of another cell, or an empty sequence.

    Example:
        >>> net = snn.chain(input=snn.dense(6, 5), hidden=snn.lif(5))
        >>> weights = net.init(jax.random.key(0))
        >>> print(snn.parts.summary(net, weights, jnp.ones((2, 6))))
        name    kind   output  weights  bytes  state
        input   dense  [2, 5]       30    120      0
        hidden  lif    [2, 5]        0      0     20
        total                       30    120     20
    """
    whole = flat(cell, weights)
    for each in jax.tree.leaves(x):
        check.array("x", each, "[*batch, n_in]" if dt is None else "[T, *batch, n_in]")
        if dt is not None and each.size == 0:
            raise ValueError(
                f"x must hold a step and a sample, got shape {each.shape}."
            )
    if not jax.tree.leaves(x):
        raise ValueError("x must be an input, got none.")
    if dt is not None:
        check.dt(dt)
    first = x if dt is None else jax.tree.map(lambda x: x[0], x)
    state = cell.rest(first)
    look, names = _looking(cell, whole)
    _, (_, seen) = jax.eval_shape(look.step, weights, state, first, 1.0)
    after = flat(cell, weights, state)
    rows = [_row(name, after.leaves[name], seen[names[name]]) for name in whole.leaves]
    if dt is not None:
        _, (_, seen) = run_cell(look, weights, state, x, dt)
        outs = {name: seen[names[name]] for name in whole.leaves}
        rows = [_active(row, whole, outs, x, dt) for row in rows]
    return Summary(tuple(rows))


def _looking(cell, whole):
    """The network, putting out what each leaf does; and how each is called there."""
    if cell.about is None or not cell.about.parts:
        (name,) = whole.leaves
        look = watched(cell, ())
        aside = lambda end: (end[0], (end[1][0], {name: end[1][0]}))  # noqa: E731
        return Cell(
            cell.init,
            cell.rest,
            lambda *given: aside(look.step(*given)),
            lambda *given: aside(run_cell(look, *given)),
        ), {name: name}
    return watched(cell, tuple(whole.leaves)), {name: name for name in whole.leaves}


def _row(name, leaf, out):
    sizes = [(w.size, w.size * w.dtype.itemsize) for w in jax.tree.leaves(leaf.weights)]
    return Row(
        name,
        _kind(leaf.cell),
        str(list(out.shape)),
        sum(size for size, _ in sizes),
        sum(size for _, size in sizes),
        sum(math.prod(jnp.shape(part)) for part in jax.tree.leaves(leaf.state)),
    )


def _active(row, whole, outs, xs, dt):
    """The row with what a run has shown."""
    leaf, out = whole.leaves[row.name], outs[row.name]
    if any(jnp.ndim(w) >= 2 for w in jax.tree.leaves(leaf.weights)):
        return row._replace(operations=_operations(row.name, whole, outs, xs, dt))
    if not bool(jnp.all((out == 0) | (out == 1))):
        return row
    fired = jnp.any(out.reshape(-1, out.shape[-1]) > 0, axis=0)
    return row._replace(
        rate=float(jnp.mean(check.wide(out)) / dt), silent=float(jnp.mean(~fired))
    )


def _operations(name, whole, outs, xs, dt):
    """Additions in a second of a sample: spikes through weights that are ones."""
    samples = _samples(whole, outs, xs)
    leaf, total = whole.leaves[name], 0.0
    ones = jax.tree.map(
        lambda w: (
            (w != 0).astype(jnp.float32)
            if jnp.ndim(w) >= 2
            else jnp.zeros_like(w, jnp.float32)
        ),
        leaf.weights,
    )
    for arriving in _arriving(name, whole, outs, xs):
        x = (arriving != 0).astype(jax.tree.leaves(ones)[0].dtype)
        _, added = run_cell(leaf.cell, ones, leaf.cell.rest(x[0]), x, dt)
        total += float(jnp.sum(added))
    return total / (samples * float(dt))


def _samples(whole, outs, xs):
    """Steps times samples: the axes that input and output share, space apart."""
    x, y = jax.tree.leaves(xs)[0], list(outs.values())[-1]
    weights = jax.tree.leaves([leaf.weights for leaf in whole.leaves.values()])
    space = max([0, *(jnp.ndim(w) - 2 for w in weights)])
    both = zip(x.shape[: x.ndim - 1 - space], y.shape[:-1], strict=False)
    shared = itertools.takewhile(lambda sizes: sizes[0] == sizes[1], both)
    return math.prod(size for size, _ in shared)


def _arriving(name, whole, outs, xs) -> Iterator[jax.Array]:
    """What comes in over each edge, over time."""
    for edge in whole.edges:
        if edge.target != name:
            continue
        source = outs.get(edge.source)
        if source is None:
            several = edge.source != INPUT
            source = xs[edge.source.removesuffix("->")] if several else xs
        if edge.before:
            source = jnp.concatenate([jnp.zeros_like(source[:1]), source])[
                : len(source)
            ]
        yield source


def _kind(cell):
    made = cell.about is not None and cell.about.make is not None
    return cell.about.make.__name__ if made else "cell"


def _told(value):
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:,.3g}"
    return value if isinstance(value, str) else f"{value:,}"
