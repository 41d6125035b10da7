"""Populations wired freely: named cells, and edges between them.

    graph({"e": lif(80), "i": lif(20), "out": li(10)},
          {"input->e": dense(70, 80), "e->e": dense(80, 80), "e->i": dense(80, 20),
           "i->e": dense(20, 80), "e->out": dense(80, 10)},
          outputs=("out", "e"))

Cells stand in the order in which they act. An edge down passes within the step; an edge
up, or from a cell to itself, carries what was put out one step before. What arrives
over several edges adds up.
"""

from collections.abc import Mapping

from snnjax import check
from snnjax.about import INPUT, OUTPUT, About, Edge, factory
from snnjax.cell import Cell
from snnjax.compose import Packing, stateless
from snnjax.networks.graph_run import wired
from snnjax.networks.wiring import plan_of, reached
from snnjax.probes import Names, Wanted
from snnjax.replay import with_replay


@factory
def graph(
    cells: Mapping[str, Cell],
    edges: Mapping[str, Cell | None],
    *,
    outputs: Names,
    inputs: tuple[str, ...] = ("input",),
    at_once: bool = True,
) -> Cell:
    """Wires named cells by named edges: excitation and inhibition, skips, feedback.

    Over a sequence it runs cell by cell, each its fastest way, and steps only through
    those that lie on a loop. A population with one plain connection onto itself, and
    nothing else on its loop, has the fast way of ``recurrent``.

    Args:
        cells: by name, in the order in which they act.
        edges: ``"a->b"`` from a cell or an input to a cell: any connection, or None for
            a bare wire. Down the order within the step; up, or to itself, a step late.
        outputs: what to put out by name, as of ``chain``: ``"out"``, ``"e.v"``. One
            name gives an array, several a dict.
        inputs: names of the inputs; several come as a dict by name.
        at_once: whether edges down the order pass within the step. If not, every edge
            between cells carries the step before, and their order does not matter.

    Returns:
        A cell with a dict of weights, of cells and edges by name, and ``GraphState``.

    Raises:
        ValueError: for a name that is unknown, doubled or holds ``.`` or ``->``, what
            is no cell, a cell that no input reaches or that reaches no output, an input
            that leads nowhere, or currents that differ in shape.

    Example:
        >>> net = snn.graph(
        ...     {"e": snn.lif(8), "i": snn.lif(2)},
        ...     {
        ...         "input->e": snn.dense(5, 8),
        ...         "e->i": snn.dense(8, 2),
        ...         "i->e": snn.dense(2, 8),
        ...     },
        ...     outputs=("e", "i.v"),
        ... )
        >>> weights = net.init(jax.random.key(0))
        >>> _, ys = snn.unroll(net, weights, jnp.ones((100, 3, 5)), dt=1e-3)
        >>> {name: y.shape for name, y in ys.items()}
        {'e': (100, 3, 8), 'i.v': (100, 3, 2)}
    """
    check.flag("at_once", at_once)
    plan = plan_of(cells, edges, inputs, at_once)
    parts = {**plan.cells, **plan.connections}

    def build(beside):
        wanted = Wanted("graph", parts, outputs, None, beside)
        return with_replay(wired(plan, wanted), build, plan.cells)

    def rebuild(change):
        new = {k: change(k, cell) for k, cell in plan.cells.items()}
        wires = {w.key: w.cell and change(w.key, w.cell) for w in plan.wires}
        return graph(new, wires, outputs=outputs, inputs=inputs, at_once=at_once)

    cell = build(())
    heads = _heads(plan, outputs)
    pack = Packing("graph", plan.keys, by_name=True)
    about = About(
        parts=parts,
        edges=tuple(_edges(plan, heads)),
        weights=pack.weights,
        states=lambda state: {**state.cells, **state.edges},
        rebuild=rebuild,
        watch=build,
    )
    return cell._replace(about=about)


@factory
def residual(block: Cell) -> Cell:
    """Adds the input of a block to its output: ``y = block(x) + x``.

    Args:
        block: a cell that puts out what it takes in, in shape.

    Returns:
        A graph of the cells ``block`` and ``sum``.

    Raises:
        ValueError: for what is no cell.
    """
    wires = {"input->block": None, "block->sum": None, "input->sum": None}
    return graph({"block": block, "sum": stateless(_same)}, wires, outputs="sum")


def _same(x):
    return x


def _heads(plan, outputs):
    """Cells that are put out; refuses what leads to none of them."""
    names = (outputs,) if isinstance(outputs, str) else tuple(outputs)
    heads = tuple(dict.fromkeys(str(name).split(".")[0] for name in names))
    backward = [(wire.target, wire.source) for wire in plan.wires]
    useful = reached(heads, backward) | {*heads}
    idle = [name for name in (*plan.inputs, *plan.cells) if name not in useful]
    if idle:
        raise ValueError(
            f"{', '.join(idle)} leads to no output; outputs are {', '.join(names)}."
        )
    return heads


def _edges(plan, heads):
    """As ``About`` tells them."""
    for wire in plan.wires:
        source = wire.source
        if source in plan.inputs:
            source = INPUT if len(plan.inputs) == 1 else f"{source}->"
        if wire.cell is None:
            yield Edge(source, wire.target, wire.before)
        else:
            yield Edge(source, wire.key, wire.before)
            yield Edge(wire.key, wire.target)
    yield from (Edge(head, OUTPUT) for head in heads)
