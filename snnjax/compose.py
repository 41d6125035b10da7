"""Cells made of cells: one after another, or of a plain function."""

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from snnjax import check
from snnjax.about import INPUT, OUTPUT, About, Edge, by_marks, factory
from snnjax.cell import Cell, Weights, check_cell, output_like, run_cell
from snnjax.check import Number
from snnjax.exported import exportable
from snnjax.probes import Names, Wanted, watched
from snnjax.replay import Shown, with_replay


@factory
def chain(*cells: Cell, outputs: Names = None, **named: Cell) -> Cell:
    """Feeds each cell with the output of the one before, within the same step.

    Over a sequence the chain runs layer by layer, so that every layer can use its
    fastest way.

    Args:
        *cells: one cell or more, in the order in which signals pass. Weights and state
            are tuples then, with one entry for each cell, and names are "0", "1" ….
        outputs: what to put out, by name: ``"hidden"`` is what that part puts out,
            ``"hidden.v"`` a field of its state at the end of the step,
            ``"hidden.v_before"`` the voltage before the reset; deeper parts have longer
            names. One name gives an array, several a dict by name. What the last cell
            puts out if omitted.
        **named: the cells by name, in place of ``*cells``. Weights and state are dicts.

    Returns:
        One cell, with the input of the first.

    Raises:
        ValueError: if there is nothing to chain, for what is no cell, cells with names
            and without, a name with ``.`` or ``->``, or outputs that there are not.

    Example:
        >>> net = snn.chain(
        ...     input=snn.dense(70, 50), hidden=snn.lif(50), readout=snn.dense(50, 2),
        ...     out=snn.li(2), outputs=("out", "hidden", "hidden.v"),
        ... )
        >>> weights = net.init(jax.random.key(0))
        >>> state, ys = snn.unroll(net, weights, jnp.ones((100, 8, 70)), dt=1e-3)
        >>> {name: y.shape for name, y in ys.items()}
        {'out': (100, 8, 2), 'hidden': (100, 8, 50), 'hidden.v': (100, 8, 50)}
        >>> snn.firing_rate(ys["hidden"], dt=1e-3).shape
        (8, 50)
    """
    if cells and named:
        raise ValueError("chain expects cells with names or without, got both.")
    parts: dict[Any, Cell] = dict(named) if named else dict(enumerate(cells))
    if not parts:
        raise ValueError("chain expects at least one cell, got none.")
    for key, cell in parts.items():
        check_cell(f"Cell {key} of a chain", cell)
        check_name(str(key))
    pack = Packing("chain", parts, by_name=bool(named))

    def build(beside):
        wanted = Wanted("chain", parts, outputs, list(parts)[-1], beside)
        return with_replay(_in_turn(parts, pack, wanted), build, parts)

    def rebuild(change):
        new = {key: change(key, cell) for key, cell in parts.items()}
        if named:
            return chain(outputs=outputs, **new)
        return chain(*new.values(), outputs=outputs)

    def puts_out(states, x):
        states = pack.states(states)
        for key, part in parts.items():
            x = output_like(part, states[key], x)
        return x

    heads = Wanted("chain", parts, outputs, list(parts)[-1]).heads
    inner = [Edge(a, b) for a, b in itertools.pairwise((INPUT, *parts))]
    cell = build(())
    about = About(
        parts=parts,
        edges=(*inner, *(Edge(head, OUTPUT) for head in heads)),
        weights=pack.weights,
        states=pack.states,
        rebuild=rebuild,
        watch=build,
        row=cell.step if outputs is None else None,
        puts_out=puts_out if outputs is None else None,
    )
    return cell._replace(about=about)


def _in_turn(parts, pack, wanted):
    """Parts one after another, told what was seen of each."""

    def init(key):
        keys = jax.random.split(key, len(parts))
        return pack([c.init(k) for c, k in zip(parts.values(), keys, strict=True)])

    def rest(x):
        states: list[Any] = []
        for key, cell in parts.items():
            with inside(key):
                states.append(cell.rest(x))
                if len(states) < len(parts):
                    x = output_like(cell, states[-1], x)
        return pack(states)

    handed_on = {
        key: run
        for (key, cell), (_, reader) in itertools.pairwise(parts.items())
        if (run := by_marks(cell, reader)) and not wanted.wants(key)
    }

    def through(advance, marked):
        def passing(weights, states, x, dt, recorded):
            weights, states = pack.weights(weights), pack.states(states)
            ends, outs, seen = [], {}, {}
            for key in parts:
                with inside(key):
                    given = weights[key], states[key]
                    if key in marked and key not in recorded:
                        end, x = marked[key](*given, x, dt)
                    else:
                        cell, x = wanted.given(key, x, recorded)
                        end, (x, seen[key]) = advance(cell, *given, x, dt)
                ends.append(end)
                outs[key] = x
            return pack(ends), wanted(outs, seen)

        return passing

    step = through(lambda cell, *args: cell.step(*args), {})
    run = through(run_cell, handed_on)
    return Shown(init, rest, step, run)


@factory
def stateless(f: Callable[[Any], Any]) -> Cell:
    """Makes a cell of a function of one step, without weights and memory.

    Args:
        f: ``[*batch, n_in] -> [*batch, n_out]``, the same for every step; it is called
            with whole sequences too, ``[T, *batch, n_in]``.

    Returns:
        A cell without weights and state.

    Raises:
        ValueError: for what is no function.

    Example:
        >>> net = snn.chain(snn.dense(70, 50), snn.stateless(jax.nn.relu), snn.li(50))
        >>> weights = net.init(jax.random.key(0))
        >>> _, v = snn.unroll(net, weights, jnp.ones((5, 8, 70)), dt=1e-3)
        >>> v.shape
        (5, 8, 50)
    """
    if not callable(f):
        raise ValueError(f"f: stateless expects a function, got {f!r}.")

    def step(weights, state, x, dt):
        del weights, dt
        return state, f(x)

    return Cell(init=lambda key: (), rest=lambda x: (), step=step)


@exportable
class Learned(NamedTuple):
    """Weights of ``learn``."""

    logs: dict[str, jax.Array]  # logarithms of the learned constants
    weights: Weights  # of the cell itself


@factory
def learn(make: Callable[..., Cell], params: Any = None, **constants: Number) -> Cell:
    """Makes positive constants of any cell learnable, through their logarithms.

    The logarithm is unconstrained, so no step of an optimizer can leave the allowed
    range and no clipping stops the gradient.

        learn(partial(lif, 100), LIFParams(), tau_mem=jnp.full(100, 20e-3))
        learn(lambda tau_mem: lif(100, LIFParams(tau_mem=tau_mem)),
              tau_mem=jnp.full(100, 20e-3))

    Both are the same cell. The first can be told in a file (``saving.save``), as all
    functions in it are public.

    Args:
        make: builds the cell from the constants, given by name; with ``params`` from
            these alone, ``make(params=…)``.
        params: constants of the cell, such as ``LIFParams``; those that are learned
            take the place of its own.
        **constants: where each starts, a positive scalar or array.

    Returns:
        A cell whose weights are ``Learned(logs, weights)``.

    Raises:
        ValueError: for a constant that is not positive, or not among ``params``, or if
            none is given.

    Example:
        >>> def make(tau_mem):
        ...     return snn.lif(3, snn.LIFParams(tau_mem=tau_mem))
        ...
        >>> cell = snn.learn(make, tau_mem=jnp.full(3, 20e-3))
        >>> weights = cell.init(jax.random.key(0))
        >>> print(np.asarray(jnp.exp(weights.logs["tau_mem"])).round(3))
        [0.02 0.02 0.02]
    """
    if not constants:
        raise ValueError("learn expects at least one constant by name, got none.")
    check.function("make", make)
    if params is not None:
        check.fields("params", params, "_replace", *constants)
    for name, value in constants.items():
        check.positive(name, value)

    def made(**given):
        whole = given if params is None else {"params": params._replace(**given)}
        return make(**whole)

    def build(beside):
        return _learning(made, constants, beside)

    def rebuild(change):
        return learn(lambda **given: change("cell", made(**given)), **constants)

    about = About(
        parts={"cell": made(**constants)},
        edges=(Edge(INPUT, "cell"), Edge("cell", OUTPUT)),
        weights=lambda weights: {"cell": weights.weights},
        states=lambda state: {"cell": state},
        rebuild=rebuild,
        watch=build,
    )
    return build(())._replace(about=about)


def _learning(make, constants, beside):
    """The state is that of the cell inside: its names do with "cell." or without."""
    inner = {name: name.removeprefix("cell.") for name in beside}
    fields = tuple(field for field in inner.values() if field != "cell")

    def made(constants):
        cell = make(**constants)
        return watched(cell, fields) if beside else cell

    def cell_of(weights):
        return made({name: jnp.exp(log) for name, log in weights.logs.items()})

    def put_out(end):
        if not beside:
            return end
        state, (y, seen) = end
        seen = {**seen, "cell": y}
        return state, (y, {name: seen[field] for name, field in inner.items()})

    def init(key):
        dtype = jnp.result_type(float)
        logs = {k: jnp.log(jnp.asarray(v, dtype)) for k, v in constants.items()}
        return Learned(logs, made(constants).init(key))

    def as_constants(weights, x):
        return check.as_precise(x, check.precision(weights.logs, x))

    def step(weights, state, x, dt):
        _check_learned(weights, constants)
        x = as_constants(weights, x)
        return put_out(cell_of(weights).step(weights.weights, state, x, dt))

    def run(weights, state, xs, dt):
        _check_learned(weights, constants)
        xs = as_constants(weights, xs)
        return put_out(run_cell(cell_of(weights), weights.weights, state, xs, dt))

    def loop(weights, state, currents, loop, dt):
        _check_learned(weights, constants)
        cell = cell_of(weights)
        return put_out(cell.loop(weights.weights, state, currents, loop, dt))

    return Cell(
        init=init,
        rest=lambda x: made(constants).rest(x),
        step=step,
        run=run,
        loop=loop if made(constants).loop is not None else None,
    )


def _check_learned(weights, constants):
    """Refuses weights of something else."""
    if not isinstance(weights, Learned) or set(weights.logs) != set(constants):
        raise ValueError(
            f"The weights of learn must be Learned, with logs of "
            f"{', '.join(constants)}, got {shapes_of(weights)}."
        )
    for name, value in constants.items():
        what, log = f"The logarithm of {name}", weights.logs[name]
        check.floating(what, log)
        check.shape(what, log, jnp.shape(value))


class Packing:
    """The weights or state of a compound, from and to those of its parts by key.

    Args:
        what: the compound, for messages.
        keys: of the parts, in order.
        by_name: whether trees are dicts; tuples otherwise.
    """

    def __init__(self, what: str, keys: Iterable[Any], *, by_name: bool):
        self.what, self.keys, self.by_name = what, tuple(keys), by_name

    def __call__(self, values: Iterable[Any]) -> Any:
        """The tree of the whole."""
        if self.by_name:
            return dict(zip(self.keys, values, strict=True))
        return tuple(values)

    def weights(self, tree: Any) -> dict[Any, Any]:
        """The weights of each part.

        Raises:
            ValueError: for a tree of something else, with what came.
        """
        return self._split("weights", tree)

    def states(self, tree: Any) -> dict[Any, Any]:
        """The state of each part; raises as ``weights``."""
        return self._split("state", tree)

    def _split(self, what, tree):
        kind = Mapping if self.by_name else tuple
        named = isinstance(tree, Mapping)
        if not isinstance(tree, kind) or hasattr(tree, "_fields"):
            came = f"a {type(tree).__name__}"
        elif set(tree) != set(self.keys) if named else len(tree) != len(self.keys):
            came = f"{', '.join(map(str, tree))}" if named else f"{len(tree)} entries"
        else:
            return {k: tree[k] for k in self.keys} if named else dict(enumerate(tree))
        parts = ", ".join(map(str, self.keys))
        wanted = f"dict of {parts}" if self.by_name else f"tuple of {len(self.keys)}"
        raise ValueError(
            f"The {what} of {self.what} must be a {wanted}, as its init and rest make "
            f"them, got {came}."
        )


def shapes_of(tree: Any) -> str:
    """What a tree of arrays is, for messages."""
    leaves = [
        f"{jnp.result_type(x)}{list(jnp.shape(x))}" for x in jax.tree.leaves(tree)
    ]
    return f"{type(tree).__name__}({', '.join(leaves)})"


def check_name(name: Any) -> None:
    """Refuses a name that could not be told from a path or an edge.

    Raises:
        ValueError: for an empty one, or one with ``.`` or ``->``.
    """
    if not isinstance(name, str) or not name or "." in name or "->" in name:
        raise ValueError(
            f"A part is named by a word without '.' and '->', got {name!r}: dots lead "
            "inside a part, arrows are edges."
        )


@contextmanager
def inside(key: Any) -> Iterator[None]:
    """Says in which part of a compound something was refused."""
    try:
        yield
    except ValueError as error:
        if type(error) is not ValueError:
            raise
        raise ValueError(f"In {key}: {error}") from error
