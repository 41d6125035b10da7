"""Cells: dynamical systems in discrete time, and how to run them.

A cell is four pure functions. ``lax.scan`` does the rest: state goes in, state comes
out, and ``jit``, ``vmap``, ``grad`` and sharding stay in the hands of the caller.
"""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import wraps
from itertools import takewhile
from typing import Any, NamedTuple, ParamSpec

import jax
import jax.numpy as jnp

from snnjax import check
from snnjax.check import Number
from snnjax.chunks import fitting, forgetting, in_chunks

Weights = Any
State = Any


class Loop(NamedTuple):
    """A connection of a population onto itself, one step late."""

    r: jax.Array  # weights [n, n]
    spikes: jax.Array  # [*batch, n], of the step before the first
    recurrent_gradient: bool = True  # whether gradients pass through those spikes


class Edge(NamedTuple):
    """Who feeds whom inside a compound cell."""

    source: Any  # key of a part, or the name of an input
    target: Any  # key of a part, or "output"
    before: bool = False  # whether what arrives was put out one step before


@dataclass(frozen=True, eq=False)
class About:
    """How a cell was made, and what is inside.

    ``factory`` fills in ``make`` and ``options``; compound cells tell the rest.

    Attributes:
        make: the factory.
        options: what it was given, with its defaults.
        parts: the cells inside, by key, in the order in which they act; none in a leaf.
        edges: who feeds whom.
        weights: tree of the whole -> tree of each part, by key.
        states: the same for states.
        join: parts -> the same compound of other parts.
        watch: names -> the same cell, which puts out ``(y, {name: value})``; None where
            only fields of the state can be seen, by stepping.
        matrix: weights -> ``[n_in, n_out]``, of a connection that is one product.
    """

    make: Callable[..., "Cell"] | None = None
    options: inspect.BoundArguments | None = None
    parts: Mapping[Any, "Cell"] = field(default_factory=dict)
    edges: tuple[Edge, ...] = ()
    weights: Callable[[Weights], Mapping[Any, Weights]] = lambda weights: {}
    states: Callable[[State], Mapping[Any, State]] = lambda state: {}
    join: Callable[[Mapping[Any, "Cell"]], "Cell"] | None = None
    watch: Callable[[tuple[str, ...]], "Cell"] | None = None
    matrix: Callable[[Weights], jax.Array] | None = None


class Cell(NamedTuple):
    """A dynamical system in discrete time.

    Inputs and outputs are arrays, or trees of arrays where there are several.

    Attributes:
        init: ``key -> weights``, what is learned, drawn.
        rest: ``x -> state``, where it starts for inputs like ``x``, ``[*batch, n_in]``.
        step: ``(weights, state, x, dt) -> (state, y)``, one step of ``dt`` seconds.
        run: the same for a whole sequence ``[T, *batch, n_in]``, faster; the scan of
            ``step`` if a cell has no better idea.
        loop: the same for a sequence of currents ``[T, *batch, n]`` with feedback from
            one's own spikes, ``(weights, state, currents, loop, dt)``, faster; the
            connection scans ``step`` around it if a cell has no better idea. Only
            neurons need one.
        about: how it was made and what is inside; None for a hand-written cell.
    """

    init: Callable[[jax.Array], Weights]
    rest: Callable[[Any], State]
    step: Callable[[Weights, State, Any, Number], tuple[State, Any]]
    run: Callable[[Weights, State, Any, Number], tuple[State, Any]] | None = None
    loop: (
        Callable[[Weights, State, jax.Array, Loop, Number], tuple[State, Any]] | None
    ) = None
    about: About | None = None


Options = ParamSpec("Options")


def factory(make: Callable[Options, Cell]) -> Callable[Options, Cell]:
    """Lets a function that makes cells keep in ``about`` how each was made."""
    signature = inspect.signature(make)

    @wraps(make)
    def making(*args: Options.args, **kwargs: Options.kwargs) -> Cell:
        cell = make(*args, **kwargs)
        options = signature.bind(*args, **kwargs)
        options.apply_defaults()
        about = replace(cell.about or About(), make=making, options=options)
        return cell._replace(about=about)

    return making


def unroll(
    cell: Cell,
    weights: Weights,
    xs: jax.Array,
    *,
    dt: Number,
    state: State | None = None,
    record: Callable[[State, jax.Array], Any] | None = None,
    truncate: int | None = None,
    checkpoint: int | None = None,
    memory: float | None = None,
) -> tuple[State, Any]:
    """Runs a cell over a sequence.

    Continuing from a returned state equals never having stopped.

    Args:
        cell: what to run.
        weights: from ``cell.init``.
        xs: inputs ``[T, *batch, n_in]``, time first: floating point, or what the first
            cell reads (connections take rasters of ``uint8`` or ``bool``).
        dt: time step [s].
        state: where to start; the resting state if omitted.
        record: what to keep of each step, ``(state, y) -> anything``; the output
            ``y`` if omitted, which is the fast way.
        truncate: cut the gradient through the state every so many steps (truncated
            backpropagation through time). Values stay the same.
        checkpoint: keep the state only every so many steps and compute the rest again
            in the backward pass; a divisor of T near √T is a good choice. Values and
            gradients stay the same, memory falls from T to T/checkpoint + checkpoint.
        memory: choose ``checkpoint`` so that what the backward pass keeps fits into
            about so many bytes, of all chunks and inside one, a copy of whose input is
            a part of it; none if all fits.

    Returns:
        The final state, and what was recorded, ``[T, ...]``.

    Raises:
        ValueError: for an input without a time axis or not floating point, a ``dt``
            that is not positive, a state of another batch, chunks below one step, a
            memory that no chunk fits into, or both ``checkpoint`` and ``memory``.
    """
    if xs.ndim < 2:
        raise ValueError(
            f"unroll expects inputs [T, *batch, n_in], got shape {xs.shape}. "
            "A single channel is xs[:, None]."
        )
    check.signal("The input of unroll", xs)
    check.positive("dt", dt, " [s]")
    if jnp.ndim(dt) != 0:
        raise ValueError(f"dt must be one number [s], got shape {jnp.shape(dt)}.")

    first = xs[0] if len(xs) else xs.sum(axis=0)
    state = cell.rest(first) if state is None else _matching(cell, state, first)

    def run(state, xs):
        if record is None:
            return run_cell(cell, weights, state, xs, dt)
        return _scan(cell, weights, state, xs, dt, record)

    if memory is not None:
        if checkpoint is not None:
            raise ValueError("Give unroll a checkpoint or a memory, not both.")
        checkpoint = fitting(run, state, xs, memory)
    if checkpoint is not None:
        check.whole("checkpoint", checkpoint)
        run = in_chunks(jax.checkpoint(run), checkpoint)
    if truncate is not None:
        check.whole("truncate", truncate)
        run = in_chunks(forgetting(run), truncate)
    return run(state, xs)


def run_cell(
    cell: Cell, weights: Weights, state: State, xs: jax.Array, dt: Number
) -> tuple[State, jax.Array]:
    """Runs a cell by its own ``run``, or by scanning its ``step`` if it has none."""
    if cell.run is not None:
        return cell.run(weights, state, xs, dt)
    return _scan(cell, weights, state, xs, dt, lambda _, y: y)


def chain(*cells: Cell, every: bool = False) -> Cell:
    """Feeds each cell with the output of the one before, within the same step.

    Weights and state are tuples with one entry for each cell. Over a sequence the
    chain runs layer by layer, so that every layer can use its fastest way.

        _, (_, spikes, _, v) = unroll(
            chain(dense(70, 50), lif(50), dense(50, 2), li(2), every=True), …)

    Args:
        *cells: one cell or more, in the order in which signals pass.
        every: whether to put out what each cell puts out, as a tuple, in place of the
            output of the last: the hidden spikes that a rate bound looks at.

    Returns:
        One cell, with the input of the first and the output of the last (or of all).

    Raises:
        ValueError: if there is nothing to chain.
    """
    if not cells:
        raise ValueError("chain expects at least one cell, got none.")

    def init(key):
        keys = jax.random.split(key, len(cells))
        return tuple(cell.init(k) for cell, k in zip(cells, keys, strict=True))

    def rest(x):
        states = []
        for cell in cells:
            states.append(cell.rest(x))
            x = _output_like(cell, states[-1], x)
        return tuple(states)

    def through(advance):
        def passing(weights, states, x, dt):
            ends, outputs = [], []
            for cell, w, state in zip(cells, weights, states, strict=True):
                state, x = advance(cell, w, state, x, dt)
                ends.append(state)
                outputs.append(x)
            return tuple(ends), tuple(outputs) if every else x

        return passing

    return Cell(
        init=init,
        rest=rest,
        step=through(lambda cell, *args: cell.step(*args)),
        run=through(run_cell),
    )


class Learned(NamedTuple):
    """Weights of ``learn``."""

    logs: dict[str, jax.Array]  # logarithms of the learned constants
    weights: Weights  # of the cell itself


def learn(make: Callable[..., Cell], **constants: Number) -> Cell:
    """Makes positive constants of any cell learnable, through their logarithms.

    The logarithm is unconstrained, so no step of an optimizer can leave the allowed
    range and no clipping stops the gradient.

        learn(lambda tau_mem: lif(100, LIFParams(tau_mem=tau_mem)),
              tau_mem=jnp.full(100, 20e-3))

    Args:
        make: builds the cell from the constants, given by name.
        **constants: where each starts, a positive scalar or array.

    Returns:
        A cell whose weights are ``Learned(logs, weights)``.

    Raises:
        ValueError: for a constant that is not positive, or if none is given.
    """
    if not constants:
        raise ValueError("learn expects at least one constant by name, got none.")
    for name, value in constants.items():
        check.positive(name, value)

    def init(key):
        dtype = jnp.result_type(float)
        logs = {k: jnp.log(jnp.asarray(v, dtype)) for k, v in constants.items()}
        return Learned(logs, make(**constants).init(key))

    def cell_of(weights):
        return make(**{name: jnp.exp(log) for name, log in weights.logs.items()})

    def loop(weights, state, currents, loop, dt):
        return cell_of(weights).loop(weights.weights, state, currents, loop, dt)

    return Cell(
        init=init,
        rest=lambda x: make(**constants).rest(x),
        step=lambda w, state, x, dt: cell_of(w).step(w.weights, state, x, dt),
        run=lambda w, state, xs, dt: run_cell(cell_of(w), w.weights, state, xs, dt),
        loop=loop if make(**constants).loop is not None else None,
    )


def nonfinite(state: State) -> dict[str, jax.Array]:
    """Tells where a state holds NaN or infinity.

    A NaN voltage fires no spike, so it hides: outputs stay finite while neurons are
    dead. It stays in the state, so one look at the final state of a run finds it.

    Args:
        state: what ``unroll`` returned.

    Returns:
        Path of each floating-point leaf -> whether it does, ``[]``.
    """
    leaves = jax.tree_util.tree_leaves_with_path(state)
    return {
        jax.tree_util.keystr(path): ~jnp.all(jnp.isfinite(leaf))
        for path, leaf in leaves
        if jnp.issubdtype(leaf.dtype, jnp.floating)
    }


def _scan(cell, weights, state, xs, dt, record):
    def body(state, x):
        state, y = cell.step(weights, state, x, dt)
        return state, record(state, y)

    return jax.lax.scan(body, state, xs)


def _output_like(cell, state, x):
    """Zeros as the cell would put out, with the batch, device and sharding of ``x``.

    The batch is the axes that both begin with.
    """

    def first_output(state, x):
        return cell.step(cell.init(jax.random.key(0)), state, x, 1.0)[1]

    y = jax.eval_shape(first_output, state, x)
    both = zip(x.shape[:-1], y.shape[:-1], strict=False)
    batch = len(list(takewhile(lambda sizes: sizes[0] == sizes[1], both)))
    zeros = jnp.zeros_like(x[(slice(None),) * batch + (0,) * (x.ndim - batch)])
    zeros = jnp.expand_dims(zeros, tuple(range(batch, y.ndim)))
    return (zeros + jnp.zeros(y.shape[batch:], x.dtype)).astype(y.dtype)


def _matching(cell, state, x):
    """Refuses a state that was made for another cell, width, batch or dtype."""
    expected = jax.eval_shape(cell.rest, x)
    came, wanted = (
        [(jax.tree_util.keystr(k), jnp.shape(v), jnp.result_type(v)) for k, v in leaves]
        for leaves in map(jax.tree_util.tree_leaves_with_path, (state, expected))
    )
    if came != wanted:
        odd = [f"{k} {s} {d}" for k, s, d in came if (k, s, d) not in wanted]
        raise ValueError(
            f"The state does not fit this cell and input {x.shape}: got "
            f"{'; '.join(odd) or f'{len(came)} arrays'}, expected "
            f"{'; '.join(f'{k} {s} {d}' for k, s, d in wanted)}. Start from the "
            "state that a run of the same cell and batch returned, or from none."
        )
    return state
