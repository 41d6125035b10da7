"""Cells: dynamical systems in discrete time, and how to run them.

A cell is a few pure functions. ``lax.scan`` does the rest: state goes in, state comes
out, and ``jit``, ``vmap``, ``grad`` and sharding stay in the hands of the caller.
"""

import warnings
from collections.abc import Callable
from functools import partial
from itertools import takewhile
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from snnjax import check, loops
from snnjax.about import About, check_cut, told, told_output
from snnjax.check import Number
from snnjax.chunks import checkpoint_length, in_chunks
from snnjax.kept import kinds, once
from snnjax.masks import Standing, zeroed

Weights = Any
State = Any


class Loop(NamedTuple):
    """A connection of a population onto itself, one step late."""

    r: jax.Array  # weights [n, n]
    spikes: jax.Array  # [*batch, n], of the step before the first
    recurrent_gradient: bool = True  # whether gradients pass through those spikes


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
        replay: the same cell of inputs ``(x, seen)``, where ``Seen`` (of a compound a
            dict by part) is what a device showed while it ran; its outputs are replaced
            if a cell has no better idea.
        about: how it was made and what is inside; None for a hand-written cell.

    Example:
        >>> def step(weights, state, x, dt):
        ...     state = state + dt * x
        ...     return state, state
        ...
        >>> integrator = snn.Cell(init=lambda key: (), rest=jnp.zeros_like, step=step)
        >>> state, y = snn.unroll(integrator, (), jnp.ones((100, 1)), dt=1e-3)
        >>> print(f"{state[0]:.1f}")  # after 100 ms
        0.1
    """

    init: Callable[[jax.Array], Weights]
    rest: Callable[[Any], State]
    step: Callable[[Weights, State, Any, Number], tuple[State, Any]]
    run: Callable[[Weights, State, Any, Number], tuple[State, Any]] | None = None
    loop: (
        Callable[[Weights, State, jax.Array, Loop, Number], tuple[State, Any]] | None
    ) = None
    replay: "Cell | None" = None
    about: About | None = None

    def __repr__(self) -> str:
        about = self.about
        if about is None or (about.make is None and not about.parts):
            step = getattr(self.step, "__qualname__", repr(self.step))
            return f"Cell(step={step})"
        return told(about)


def check_cell(what: str, cell: Any) -> None:
    """Refuses what is no cell.

    Raises:
        ValueError: with what came; a list is to be unpacked.
    """
    if isinstance(cell, Cell):
        return
    if isinstance(cell, list | tuple):
        raise ValueError(
            f"{what} must be a cell, got a {type(cell).__name__}: unpack it, "
            "chain(*cells)."
        )
    raise ValueError(f"{what} must be a cell such as lif(10), got {cell!r}.")


def unroll(
    cell: Cell,
    weights: Weights,
    xs: Any,
    *,
    dt: Number,
    state: State | None = None,
    mask: jax.Array | None = None,
    key: jax.Array | None = None,
    record: Callable[[State, Any], Any] | None = None,
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
            cell reads (connections take rasters of ``uint8`` or ``bool``). A tree of
            such arrays where a cell has several inputs.
        dt: time step [s].
        state: where to start; the resting state if omitted.
        mask: valid steps ``[T, *batch]``, for sequences of unequal length. A step
            outside changes no state, puts out zeros and has no gradient, whatever its
            input holds, NaN included. Parts with a state are stepped then.
        key: randomness of this run, for cells whose state holds a key (``reseed``).
        record: what to keep of each step, ``(state, y) -> anything``; the output
            ``y`` if omitted, which is the fast way. A voltage is cheaper to ask for
            where the network is made (``outputs=``).
        truncate: cut the gradient through the state every so many steps (truncated
            backpropagation through time). Values stay the same; so does the gradient
            with respect to ``state``, of the first so many steps. Not for neurons of
            ``EventProp``.
        checkpoint: keep the state only every so many steps and compute the rest again
            in the backward pass; a divisor of T near √T is a good choice. Values and
            gradients stay the same, memory falls from T to T/checkpoint + checkpoint.
        memory: choose ``checkpoint`` so that what the backward pass keeps fits into
            about so many bytes, of all chunks and inside one, a copy of whose input is
            a part of it; none if all fits.

    Returns:
        The final state, and what was recorded, ``[T, ...]``. Under ``jit`` numbers are
        not known: a ``dt`` that is not positive makes all of it NaN, NaN in the input
        passes into the state (``nonfinite`` tells).

    Raises:
        ValueError: for an input without a time axis, not floating point or, in a valid
            step and outside ``jit``, not finite; inputs of different length, a ``dt``
            that is not positive, a state of another batch, a mask of another shape,
            chunks below one step, a cut where a gradient cannot be cut, a memory that
            no chunk fits into, or both ``checkpoint`` and ``memory``.

    Example:
        >>> net = snn.chain(snn.dense(20, 5), snn.lif(5))
        >>> weights = net.init(jax.random.key(0))
        >>> xs = jnp.ones((100, 2, 20))  # 100 steps of 1 ms, two samples, 20 inputs
        >>> state, spikes = snn.unroll(net, weights, xs, dt=1e-3)
        >>> spikes.shape
        (100, 2, 5)
        >>> middle, first = snn.unroll(net, weights, xs[:50], dt=1e-3)
        >>> end, second = snn.unroll(net, weights, xs[50:], dt=1e-3, state=middle)
        >>> bool((jnp.concatenate([first, second]) == spikes).all())
        True
    """
    check_cell("cell", cell)
    check.arrays("weights", weights, numbers=True)
    dt, first = _checked_dt(dt), _first_of(xs)
    xs = jax.tree.map(jnp.asarray, xs)
    rest = partial(rest_like, cell, weights)
    state = rest(first) if state is None else check_state(rest, state, first)
    if key is not None:
        state = reseed(state, key)
    if record is not None:
        check.function("record", record)
    mask = None if mask is None else _valid(mask, xs)
    _check_finite(xs, mask)
    if mask is not None:
        xs = xs, mask

    def run(state, xs):
        if mask is None and record is None:
            return run_cell(cell, weights, state, xs, dt)
        if mask is None:
            return scan_steps(cell, weights, state, xs, dt, record)
        if record is None:
            return _under(xs[1], cell).run(weights, state, xs[0], dt)
        return scan_steps(_standing(cell), weights, state, xs, dt, record)

    if memory is not None:
        if checkpoint is not None:
            raise ValueError("Give unroll a checkpoint or a memory, not both.")
        checkpoint = checkpoint_length(run, state, xs, memory)
    if checkpoint is not None:
        check.whole("checkpoint", checkpoint)
        run = in_chunks(jax.checkpoint(run), checkpoint)
    if truncate is not None:
        check.whole("truncate", truncate)
        if truncate < len(jax.tree.leaves(xs)[0]):
            check_cut("unroll(…, truncate=…)", cell)
        run = in_chunks(run, truncate, detach=True)
    return run(state, xs)


def rest_like(cell: Cell, weights: Weights, x: Any) -> State:
    """Where a cell starts, in double precision if its weights or ``x`` have it.

    A cell is at rest in the precision of what it is shown: its weights may be wider.
    """
    return check.as_precise(cell.rest(x), check.precision(weights, x))


def run_cell(
    cell: Cell, weights: Weights, state: State, xs: Any, dt: Number
) -> tuple[State, Any]:
    """Runs a cell by its own ``run``, or by scanning its ``step`` if it has none."""
    if cell.run is not None:
        return cell.run(weights, state, xs, dt)
    return scan_steps(cell, weights, state, xs, dt)


def scan_steps(
    cell: Cell,
    weights: Weights,
    state: State,
    xs: Any,
    dt: Number,
    record: Callable[[State, Any], Any] | None = None,
) -> tuple[State, Any]:
    """Steps a cell through a sequence and keeps what ``record`` makes of each step.

    Its output if nothing is recorded.
    """
    plain, numbers = loops.split(dt)
    fixed, given = (cell.step, plain), (weights, numbers)
    if record is None:
        return loops.scan(_one, fixed, given, state, xs)

    def run(given, state, xs):
        step = partial(_one, fixed, given, record=record)
        return jax.lax.scan(step, state, xs)

    return loops.forgotten(run, given, state, xs)


def _one(fixed, given, state, x, record=None):
    (step, plain), (weights, dt) = fixed, given
    state, y = step(weights, state, x, dt if plain is None else plain)
    return state, y if record is None else record(state, y)


def nonfinite(state: State) -> dict[str, jax.Array]:
    """Tells where a state holds NaN or infinity.

    A NaN voltage fires no spike, so it hides: outputs stay finite while neurons are
    dead. It stays in the state, so one look at the final state of a run finds it.

    Args:
        state: what ``unroll`` returned.

    Returns:
        Path of each floating-point leaf -> whether it does, ``[]``.

    Raises:
        ValueError: for what is no state.

    Example:
        >>> state, spikes = snn.unroll(snn.lif(2), (), jnp.zeros((5, 2)), dt=1e-3)
        >>> broken = state._replace(v=jnp.array([0.0, jnp.nan]))
        >>> {name: bool(found) for name, found in snn.nonfinite(broken).items()}
        {'.v': True, '.i': False}
    """
    check.arrays("The state", state)
    leaves = jax.tree_util.tree_leaves_with_path(state)
    return {
        jax.tree_util.keystr(path): ~jnp.all(jnp.isfinite(leaf))
        for path, leaf in leaves
        if jnp.issubdtype(leaf.dtype, jnp.floating)
    }


def reseed(state: State, key: jax.Array) -> State:
    """Gives a state other randomness: the noise of the steps to come.

    Every key inside a state is replaced by one drawn from ``key``, a different one for
    each. The cell stays the same, so that nothing is built or compiled anew.

    Args:
        state: of any cell, such as ``cell.rest(x)``.
        key: randomness.

    Returns:
        The state with other keys; as it came where there are none.

    Raises:
        ValueError: for a key of another kind, or what is no state.

    Example:
        >>> net = snn.neurons.stochastic_lif(3, key=jax.random.key(0))
        >>> xs = jnp.full((50, 3), 0.3)
        >>> state = snn.reseed(net.rest(xs[0]), jax.random.key(1))
        >>> _, spikes = snn.unroll(net, (), xs, dt=1e-3)
        >>> _, others = snn.unroll(net, (), xs, dt=1e-3, state=state)
        >>> bool((spikes == others).all())
        False
    """
    check.key(key)
    check.arrays("The state", state)
    leaves, tree = jax.tree.flatten(state)
    for k, leaf in enumerate(leaves):
        if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            drawn = jax.random.split(jax.random.fold_in(key, k), leaf.shape)
            leaves[k] = drawn if leaf.ndim else drawn.reshape(())
    return jax.tree.unflatten(tree, leaves)


def output_like(cell: Cell, state: State, x: Any) -> Any:
    """Zeros as the cell would put out, with the batch, device and sharding of ``x``.

    The batch is the axes that both begin with; of several inputs, of the first. Weights
    are taken to be as precise as ``x`` and the state, which is that of ``rest``,
    whatever ``init`` would draw.
    """
    known = told_output(cell)
    y = known(state, x) if known else _traced_output(cell, state, x)
    return jax.tree.map(lambda y: _zeros_like(y, jax.tree.leaves(x)[0]), y)


def _traced_output(cell, state, x):
    dtype = check.precision(state, x)

    def alike(w):
        wide = jnp.issubdtype(w.dtype, jnp.floating)
        return jax.ShapeDtypeStruct(w.shape, dtype if wide else w.dtype)

    weights = jax.tree.map(alike, _weights_like(cell))
    # JAX traces a function once for arrays of a kind, as long as the function lives.
    return jax.eval_shape(cell.step, weights, state, x, 1.0)[1]  # a dt nobody knows


def _weights_like(cell):
    """Shapes of what ``init`` draws."""

    def find():
        return jax.tree.map(_bare, jax.eval_shape(cell.init, jax.random.key(0)))

    return once(cell.init, ("drawn", kinds()), find)


def _bare(x):
    """Its shape and type, without where it lies."""
    return jax.ShapeDtypeStruct(x.shape, x.dtype, weak_type=x.weak_type)


def _zeros_like(y, x):
    both = zip(x.shape[:-1], y.shape[:-1], strict=False)
    batch = len(list(takewhile(lambda sizes: sizes[0] == sizes[1], both)))
    zeros = jnp.zeros_like(x[(slice(None),) * batch + (0,) * (x.ndim - batch)])
    zeros = jnp.expand_dims(zeros, tuple(range(batch, y.ndim)))
    shape = (*zeros.shape[:batch], *y.shape[batch:])
    return jnp.broadcast_to(zeros, shape).astype(y.dtype)


def check_input(xs: Any, dt: Number, mask: Any = None) -> Any:
    """The first step of an input; refuses what ``unroll`` cannot run over.

    Raises:
        ValueError: as ``unroll``, for ``xs``, ``dt`` and ``mask``.
    """
    _checked_dt(dt)
    first = _first_of(xs)
    xs = jax.tree.map(jnp.asarray, xs)
    _check_finite(xs, None if mask is None else _valid(mask, xs))
    return first


def _first_of(xs):
    """The first step of an input, and refusal of what is none."""
    leaves = jax.tree.leaves(xs)
    for x in leaves:
        check.array("xs, the input of unroll,", x)
        if jnp.ndim(x) < 2:
            raise ValueError(
                f"unroll expects inputs [T, *batch, n_in], got shape {jnp.shape(x)}. "
                "A single channel is xs[:, None]."
            )
        check.signal("The input of unroll", x)
    steps = sorted({len(x) for x in leaves})
    if len(steps) != 1:
        raise ValueError(
            "unroll expects inputs of one length, got "
            f"{steps or 'no array'} as xs. Pad the shorter ones. Weights come before "
            "xs: unroll(net, weights, xs, dt=dt)."
        )
    xs = jax.tree.map(jnp.asarray, xs)
    return jax.tree.map(lambda x: x[0] if len(x) else x.sum(0, dtype=x.dtype), xs)


def _checked_dt(dt):
    """A time step; NaN if it is traced and not positive."""
    check.positive("dt", dt, " [s]")
    if jnp.ndim(dt) != 0:
        raise ValueError(f"dt must be one number [s], got shape {jnp.shape(dt)}.")
    known = check.concrete(dt)
    if known is None:
        return jnp.where(dt > 0, dt, jnp.nan)
    if known >= 0.1:
        warnings.warn(
            f"Times are in seconds: dt={known:g} is {1e3 * known:g} ms. "
            "One millisecond is dt=1e-3.",
            UserWarning,
            stacklevel=3,
        )
    return dt


def _valid(mask, xs):
    """The mask as truth values, refused unless it fits all inputs."""
    check.array("mask", mask, "[T, *batch]")
    mask = check.truth("A mask", mask)
    for x in jax.tree.leaves(xs):
        if mask.ndim < 1 or mask.shape != x.shape[: mask.ndim] or mask.ndim == x.ndim:
            raise ValueError(
                f"The mask must be [T, *batch] of the inputs xs {x.shape}, "
                f"{x.shape[:-1]}, got {mask.shape}. Time comes first."
            )
    return mask


def _check_finite(xs, mask):
    """Refuses NaN and infinity where a step is valid, as far as one can know."""
    known = None if mask is None else check.concrete(mask)
    if mask is not None and known is None:
        return
    for x in jax.tree.leaves(xs):
        values = check.concrete(x)
        if values is None or not jnp.issubdtype(x.dtype, jnp.floating):
            continue
        odd = ~np.isfinite(values if known is None else values[known])
        if odd.any():
            raise ValueError(
                f"xs, the input of unroll, must be finite, {odd.sum()} of {odd.size} "
                "values are not. Where NaN fills up shorter sequences, say which steps "
                "are valid: unroll(…, mask=mask)."
            )


def _under(valid, cell):
    """A cell that stands still where a step is not valid.

    Parts in a row run one after another; those without memory do so at once.
    """
    if cell.about is not None and cell.about.row is cell.step:
        return cell.about.rebuild(lambda key, part: _under(valid, part))

    def run(weights, state, xs, dt):
        if jax.tree.leaves(state):
            return scan_steps(_standing(cell), weights, state, (xs, valid), dt)
        state, ys = run_cell(cell, weights, state, zeroed(valid, xs), dt)
        return state, zeroed(valid, ys)

    return cell._replace(run=run, loop=None, replay=None, about=None)


def _standing(cell):
    return cell._replace(step=Standing(cell.step))


def _shapes(x):
    return ", ".join(str(jnp.shape(leaf)) for leaf in jax.tree.leaves(x))


def check_state(rest: Callable[[Any], State], state: State, x: Any) -> State:
    """Refuses a state that was made for another cell, width, batch or dtype.

    Args:
        rest: as of the cell.
        state: what came.
        x: one input.

    Raises:
        ValueError: with what came and what was expected.
    """
    check.arrays("The state, such as v and i,", state)
    expected = jax.eval_shape(rest, x)
    came, wanted = (
        [(jax.tree_util.keystr(k), jnp.shape(v), jnp.result_type(v)) for k, v in leaves]
        for leaves in map(jax.tree_util.tree_leaves_with_path, (state, expected))
    )
    if came != wanted:
        odd = [f"{k} {s} {d}" for k, s, d in came if (k, s, d) not in wanted]
        raise ValueError(
            f"The state does not fit this cell and xs, {_shapes(x)}: got "
            f"{'; '.join(odd) or f'{len(came)} arrays'}, expected "
            f"{'; '.join(f'{k} {s} {d}' for k, s, d in wanted)}. Start from the "
            "state that a run of the same cell and batch returned, or from none."
        )
    return state
