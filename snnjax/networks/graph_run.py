"""How a graph rests, steps, and runs over a sequence."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from snnjax import check, loops
from snnjax.cell import Loop, output_like, run_cell
from snnjax.compose import Packing, inside
from snnjax.exported import exportable
from snnjax.networks.wiring import Plan
from snnjax.probes import Wanted
from snnjax.replay import Shown


@exportable
class GraphState(NamedTuple):
    """What a graph remembers."""

    cells: dict[str, Any]  # state of each cell
    edges: dict[str, Any]  # state of each edge that is a cell
    before: dict[str, Any]  # what was put out at the last step, where an edge needs it


@dataclass(frozen=True, eq=False)
class _Graph:
    """What a graph is made of; one for each cell, told apart as itself."""

    plan: Plan
    wanted: Wanted


def wired(plan: Plan, wanted: Wanted) -> Shown:
    """The cell of a plan, told what was seen of each of its own."""
    graph = _Graph(plan, wanted)
    pack = Packing("graph", plan.keys, by_name=True)

    def init(key):
        made = {**plan.cells, **plan.connections}.values()
        keys = jax.random.split(key, len(plan.keys))
        return pack([cell.init(k) for cell, k in zip(made, keys, strict=True)])

    def step(weights, state, x, dt, recorded):
        inputs = _by_name(plan, x)
        now = _Pass(graph, pack.weights(weights), state, inputs, dt, recorded)
        now.step(plan.cells, {})
        return now.state({k: now.outs[k] for k in plan.late}), now.wanted()

    def run(weights, state, xs, dt, recorded):
        inputs = _by_name(plan, xs)
        now = _Pass(graph, pack.weights(weights), state, inputs, dt, recorded)
        for group in plan.groups:
            now.run(group)
        last = {k: _last(now.outs[k], state.before[k]) for k in plan.late}
        return now.state(last), now.wanted()

    return Shown(init, lambda x: _rest(plan, x), step, run)


def _by_name(plan, x):
    if len(plan.inputs) == 1:
        return {plan.inputs[0]: x}
    if not isinstance(x, Mapping) or set(x) != set(plan.inputs):
        came = list(x) if isinstance(x, Mapping) else f"a {type(x).__name__}"
        raise ValueError(
            f"A graph of several inputs takes a dict of {', '.join(plan.inputs)}, got "
            f"{came}."
        )
    return dict(x)


def _rest(plan, x):
    """States of all cells, found from the inputs on along edges of any direction."""
    outs = _by_name(plan, x)
    cells: dict[str, Any] = {}
    edges: dict[str, Any] = {}
    currents: dict[str, dict[str, Any]] = {name: {} for name in plan.cells}
    waiting = list(plan.wires)
    while waiting:
        ready = [wire for wire in waiting if wire.source in outs]
        for wire in ready:
            with inside(wire.key):
                currents[wire.target][wire.key] = _arriving(wire, edges, outs)
        for name, cell in plan.cells.items():
            if name not in outs and currents[name]:
                with inside(name):
                    like = _sum(list(currents[name].values()))
                    cells[name] = cell.rest(like)
                    outs[name] = output_like(cell, cells[name], like)
        waiting = [wire for wire in waiting if wire not in ready]
    for name, arriving in currents.items():
        shapes = {key: current.shape for key, current in arriving.items()}
        if len(set(shapes.values())) > 1:
            raise ValueError(f"What arrives at {name} differs in shape: {shapes}.")
    before = {name: outs[name] for name in plan.late}
    return GraphState({name: cells[name] for name in plan.cells}, edges, before)


def _arriving(wire, states, outs):
    """Zeros like what an edge brings; its state goes into ``states``."""
    x = outs[wire.source]
    if wire.cell is None:
        return jnp.zeros_like(x)
    states[wire.key] = wire.cell.rest(x)
    return output_like(wire.cell, states[wire.key], x)


def _sum(currents):
    shapes = [current.shape for current in currents]
    if len(set(shapes)) > 1:  # a state of another batch would be broadcast
        raise ValueError(f"Currents that add up must have one shape, got {shapes}.")
    dtype = check.common_dtype(*(current.dtype for current in currents))
    total = currents[0].astype(dtype)
    for current in currents[1:]:
        total = total + current.astype(dtype)
    return total


class _Pass:
    """One step, or a whole sequence, on its way through a graph."""

    def __init__(self, graph, weights, state, outs, dt, recorded):
        self.graph, self.weights, self.dt = graph, weights, dt
        self.recorded = recorded
        self.plan, self.looking = graph.plan, graph.wanted
        self.cells, self.edges = dict(state.cells), dict(state.edges)
        self.before, self.outs, self.seen = state.before, dict(outs), {}

    def state(self, last):
        """After it, with what was put out at the end."""
        for name, x in last.items():
            if jnp.issubdtype(x.dtype, jnp.floating):
                check.floating(f"What {name} put out before", self.before[name])
        before = {k: x.astype(self.before[k].dtype) for k, x in last.items()}
        return GraphState(self.cells, self.edges, before)

    def wanted(self):
        """What the graph puts out."""
        return self.looking(self.outs, self.seen)

    def advance(self, advance, states, key, x):
        """Moves a cell or an edge on by what comes in."""
        with inside(key):
            cell, x = self.looking.given(key, x, self.recorded)
            end = advance(cell, self.weights[key], states[key], x, self.dt)
            states[key], (self.outs[key], self.seen[key]) = end
        return self.outs[key]

    def step(self, names, outside):
        """Cells in their order; ``outside`` is what reaches them from elsewhere."""
        for name in names:
            currents = [outside[name]] if name in outside else []
            for wire in self.plan.into(name):
                if outside and wire.source not in names:
                    continue
                x = (self.before if wire.before else self.outs)[wire.source]
                if wire.cell is not None:
                    x = self.advance(_one_step, self.edges, wire.key, x)
                currents.append(x)
            self.advance(_one_step, self.cells, name, _sum(currents))

    def run(self, group):
        """A loop, or one cell, over all of time."""
        own = [w for w in self.plan.wires if w.source == w.target == group[0]]
        cell, _ = self.looking.given(group[0], None, self.recorded)
        if len(group) == 1 and not own:
            current = self.arriving(group, group[0])
            self.advance(run_cell, self.cells, group[0], current)
        elif len(group) == 1 and cell.loop is not None and _is_product(own[0].cell):
            self.run_own_loop(own[0], self.arriving(group, group[0]))
        else:
            outside = {name: self.arriving(group, name) for name in group}
            self.scan(group, {k: x for k, x in outside.items() if x is not None})

    def arriving(self, group, name):
        """What reaches a cell from outside its loop; None for nothing."""
        currents = []
        for wire in self.plan.into(name):
            if wire.source in group:
                continue
            xs = self.outs[wire.source]
            if wire.before:
                xs = _late(self.before[wire.source], xs)
            if wire.cell is not None:
                xs = self.advance(run_cell, self.edges, wire.key, xs)
            currents.append(xs)
        return _sum(currents) if currents else None

    def run_own_loop(self, wire, current):
        """A population with one plain connection onto itself: as the neuron can."""
        name, first = wire.source, self.before[wire.source]
        with inside(wire.key):
            r = wire.cell.about.matrix(self.weights[wire.key])
        with inside(name):
            cell, current = self.looking.given(name, current, self.recorded)
            given = self.weights[name], self.cells[name], current
            loop = Loop(r, first, recurrent_gradient=True)
            end = cell.loop(*given, loop, self.dt)
        self.cells[name], (self.outs[name], self.seen[name]) = end
        if self.looking.wants(wire.key):
            late = _late(first, self.outs[name])
            self.advance(run_cell, self.edges, wire.key, late)

    def scan(self, group, outside):
        """Cells on a loop, step by step."""
        names = [name for name in self.plan.cells if name in group]
        inner = [w for w in self.plan.wires if w.source in group and w.target in group]
        edges = [wire.key for wire in inner if wire.cell is not None]
        shown = [*names, *(key for key in edges if self.looking.wants(key))]
        late = [name for name in names if name in self.before]
        start = GraphState(
            {k: self.cells[k] for k in names},
            {k: self.edges[k] for k in edges},
            {k: self.before[k] for k in late},
        )
        plain, number = loops.split(self.dt)
        fixed = self.graph, tuple(names), tuple(shown), tuple(late), plain
        given = {k: self.weights[k] for k in (*names, *edges)}, number
        recorded = {k: self.recorded[k] for k in names if k in self.recorded}
        over_time = outside, recorded
        end, (outs, seen) = loops.scan(_one_round, fixed, given, start, over_time)
        self.cells.update(end.cells)
        self.edges.update(end.edges)
        self.outs.update(outs)
        self.seen.update(seen)


def _one_round(fixed, given, state, at):
    """One step of cells on a loop."""
    (graph, names, shown, late, plain), (weights, dt) = fixed, given
    dt = dt if plain is None else plain
    outside, recorded = at
    now = _Pass(graph, weights, state, {}, dt, recorded)
    now.step(names, outside)
    seen = ({k: part[k] for k in shown} for part in (now.outs, now.seen))
    return now.state({k: now.outs[k] for k in late}), tuple(seen)


def _one_step(cell, *given):
    return cell.step(*given)


def _is_product(cell):
    """Whether a connection is one matrix."""
    return cell is not None and cell.about is not None and cell.about.matrix is not None


def _late(first, xs):
    """One step later, after what was put out before the first."""
    return jnp.concatenate([first[None], xs.astype(first.dtype)])[: len(xs)]


def _last(xs, before):
    return xs[-1] if len(xs) else before
