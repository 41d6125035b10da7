"""A cell around another one, which changes what that is given."""

from collections.abc import Callable
from functools import partial
from typing import Any

from snnjax.about import INPUT, OUTPUT, About, Edge
from snnjax.cell import Cell, Weights, run_cell
from snnjax.probes import watched


def wrapped(
    part: str,
    cell: Cell,
    again: Callable[[Cell], Cell],
    *,
    weights: Callable[[Weights], Weights] = lambda weights: weights,
    currents: Callable[[Any], Any] = lambda x: x,
) -> Cell:
    """A cell with the weights and state of its only part.

    Args:
        part: key of that part. Outputs by name are found with ``"part."`` before them
            or without.
        cell: that part.
        again: the same around another cell.
        weights: what is changed of the weights.
        currents: what is changed of the input, ``[..., n]``.
    """
    inner, matrix = cell.about or About(), None
    if inner.matrix is not None:
        matrix = lambda w: inner.matrix(weights(w))  # noqa: E731

    def build(names):
        made = _around(part, cell, names, weights, currents)
        if cell.replay is None:
            return made
        replay = _around(part, cell.replay, names, weights, currents, paired=True)
        about = About(watch=lambda names: build(names).replay)
        return made._replace(replay=replay._replace(about=about))

    about = About(
        parts={part: cell},
        edges=(Edge(INPUT, part), Edge(part, OUTPUT)),
        weights=lambda weights: {part: weights},
        states=lambda state: {part: state},
        rebuild=lambda change: again(change(part, cell)),
        watch=build,
        matrix=matrix,
    )
    return build(())._replace(about=about)


def _around(part, cell, names, weights, currents, paired=False):
    """The cell, showing fields by name beside its output if there are any."""
    drive = (lambda given: (currents(given[0]), given[1])) if paired else currents
    fields = {name: name.removeprefix(f"{part}.") for name in names}
    look = watched(cell, tuple(k for k in fields.values() if k != part))
    look = look if names else cell
    inner: Any = look.loop

    def put_out(end):
        if not names:
            return end
        state, (y, seen) = end
        seen = {**seen, part: y}
        return state, (y, {name: seen[field] for name, field in fields.items()})

    def through(advance):
        def passing(given, state, x, dt):
            return put_out(advance(weights(given), state, drive(x), dt))

        return passing

    def loop(given, state, xs, loop, dt):
        loop = loop._replace(r=currents(loop.r))  # its columns lead to neurons
        return put_out(inner(weights(given), state, drive(xs), loop, dt))

    step, run = through(look.step), through(partial(run_cell, look))
    fast = None if inner is None else loop
    return Cell(init=cell.init, rest=cell.rest, step=step, run=run, loop=fast)
