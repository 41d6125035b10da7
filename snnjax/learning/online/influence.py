"""Rules by what weights did to the state: nothing, to their own unit, or everything.

    M_t = J_t M_{t-1} + D_t        J = ∂z_t/∂z_{t-1},  D = ∂z_t/∂w

M is the influence of the weights on the state z of a sample. ``rtrl`` keeps all of it
(Williams & Zipser 1989, doi:10.1162/neco.1989.1.2.270), ``per_unit`` what each weight
did to the unit that it feeds, ``truncated`` none, and ``window`` computes the last
steps again. Here a step of M is a block of c steps, its J and D rows of ``jax.vjp``
(Schmidhuber 1992, doi:10.1162/neco.1992.4.2.243).
"""

from collections.abc import Callable
from functools import partial
from math import prod
from typing import Any

import jax
import jax.numpy as jnp
from jax.tree_util import Partial

from snnjax import check, loops
from snnjax.about import check_cut, uncut
from snnjax.cell import Cell, State, Weights, check_cell, rest_like, run_cell, unroll
from snnjax.check import Number
from snnjax.learning.online.rule import Carry, Rule
from snnjax.learning.online.units import check_vectors, coupled, units_of
from snnjax.states import moving, of_samples, one_by_one, samples, together


def truncated(cell: Cell) -> Rule:
    """Nothing crosses: backpropagation through time within each block.

    Args:
        cell: any whose gradient may be cut, not of ``EventProp``.

    Raises:
        ValueError: for what is no cell, or one whose gradient cannot be cut.

    Example:
        >>> from snnjax.learning import online
        >>> rule = online.truncated(snn.recurrent(5, 2, snn.lif(2)))
        >>> rule.leaves_out
        ('what weights did before the block',)
    """
    check_cell("What truncated is given", cell)
    check_cut("truncated(…)", cell)
    return forgetting(cell)


def forgetting(cell: Cell) -> Rule:
    """``truncated`` of any cell: of one block, it is the whole gradient."""

    def init(weights, x):
        return Carry(rest_like(cell, weights, x), None)

    def run(weights, carry, xs, dt):
        end, ys, back = through(cell, weights, carry.state, xs, dt)
        return Carry(end, None), ys, Partial(_pull, back, no_change(end))

    return Rule(init, run, ("what weights did before the block",))


def rtrl(cell: Cell) -> Rule:
    """Everything crosses: real-time recurrent learning, exact for every cell.

    It keeps N·W numbers for each sample, N those of its state and W the weights, and
    takes N rows of a vector-Jacobian product a block.

    Args:
        cell: any whose state is each sample's own.

    Raises:
        ValueError: for what is no cell; by ``init``, for a state that samples share.

    Example:
        >>> from snnjax.learning import online
        >>> cell = snn.recurrent(5, 2, snn.lif(2))
        >>> weights, xs = cell.init(jax.random.key(0)), jnp.ones((20, 3, 5))
        >>> @jax.jit
        ... def both(weights):
        ...     rule = online.rtrl(cell)
        ...     _, grads, _ = online.gradients(rule, weights, xs, jnp.sum, dt=1e-3)
        ...     return grads, jax.grad(through_time)(weights)
        ...
        >>> def through_time(weights):
        ...     return snn.unroll(cell, weights, xs, dt=1e-3)[1].sum()
        ...
        >>> grads, exact = both(weights)
        >>> bool(jnp.allclose(grads.recurrent, exact.recurrent, rtol=1e-3))
        True
    """
    check_cell("What rtrl is given", cell)

    def init(weights, x):
        check_vectors("rtrl", cell, x)
        state = rest_like(cell, weights, x)
        each = samples("rtrl", state, x.shape[:-1])
        size = sum(leaf[0].size for leaf in moving(each)[0])
        count, dtype = prod(x.shape[:-1]), check.precision(weights, x)
        none = lambda w: jnp.zeros((count, size, *w.shape), dtype)  # noqa: E731
        return Carry(state, jax.tree.map(none, weights))

    def run(weights, carry, xs, dt):
        end, ys, back = through(cell, weights, carry.state, xs, dt)
        batch = xs.shape[1:-1]
        each = samples("rtrl", carry.state, batch)

        def rows(state, xs):
            leaves, rebuild = moving(state)
            z, split = together(leaves)

            def advance(weights, z):
                after, _ = run_cell(cell, weights, rebuild(split(z)), xs, dt)
                return together(moving(after)[0])[0]

            _, back = jax.vjp(advance, weights, z)
            return jax.vmap(back)(jnp.eye(len(z), dtype=z.dtype))

        flat = xs.reshape(len(xs), prod(batch), xs.shape[-1])
        direct, onward = jax.vmap(rows, (0, 1))(each, flat)
        past = jax.tree.map(
            lambda d, m: d + jnp.einsum("bst,bt...->bs...", onward, m),
            direct,
            carry.past,
        )
        pull = Partial(partial(_pull_all, batch), back, no_change(end), carry.past)
        return Carry(end, past), ys, pull

    return Rule(init, run, uncut=uncut(cell))


def per_unit(cell: Cell) -> Rule:
    """What each weight did to the unit that it feeds crosses: eligibility traces.

    Exact where units do not act on each other: a connection and neurons of any kind,
    or a layer whose recurrent gradient is left out, ``recurrent(n_in, n, lif(n),
    recurrent_gradient=False)``, where it is e-prop (Bellec et al. 2020,
    doi:10.1038/s41467-020-17236-y). It keeps K numbers for each weight and sample, K
    the arrays ``[*batch, n]`` of the state.

    Args:
        cell: of n units. Weights are ``[..., n]``, the last axis the unit that they
            feed, or one number for all.

    Raises:
        ValueError: for what is no cell; by ``init``, for a state that is not of n
            units, weights that feed none, and units that act on each other, judged by
            random numbers. Where constants of the cell are traced, and it cannot be
            raised, every gradient is NaN.

    Example:
        >>> from snnjax.learning import online
        >>> cell = snn.chain(snn.dense(5, 2), snn.alif(2))
        >>> weights, xs = cell.init(jax.random.key(0)), jnp.ones((20, 3, 5))
        >>> @jax.jit
        ... def both(weights):
        ...     rule = online.per_unit(cell)
        ...     _, grads, _ = online.gradients(rule, weights, xs, jnp.sum, dt=1e-3)
        ...     return grads, jax.grad(through_time)(weights)
        ...
        >>> def through_time(weights):
        ...     return snn.unroll(cell, weights, xs, dt=1e-3)[1].sum()
        ...
        >>> grads, exact = both(weights)
        >>> bool(jnp.allclose(grads[0].w, exact[0].w, rtol=1e-3))
        True
    """
    check_cell("What per_unit is given", cell)

    def init(weights, x):
        check_vectors("per_unit", cell, x)
        state = rest_like(cell, weights, x)
        each = samples("per_unit", state, x.shape[:-1])
        arrays, n = units_of("per_unit", each, weights)
        count, dtype = prod(x.shape[:-1]), check.precision(weights, x)
        sure = ~coupled("per_unit", cell, weights, x)

        def none(w):
            shape = w.shape or (n,)
            return check.or_nan(jnp.zeros((count, arrays, *shape), dtype), sure)

        return Carry(state, jax.tree.map(none, weights))

    def run(weights, carry, xs, dt):
        end, ys, back = through(cell, weights, carry.state, xs, dt)
        batch = xs.shape[1:-1]
        each = samples("per_unit", carry.state, batch)

        def rows(state, xs):
            leaves, rebuild = moving(state)

            def advance(weights, *z):
                after, _ = run_cell(cell, weights, rebuild(list(z)), xs, dt)
                return moving(after)[0]

            ends, back = jax.vjp(advance, weights, *leaves)
            direct, *onward = jax.vmap(back)(one_by_one(ends))
            return _of_one_number(back, ends, weights, direct), jnp.stack(onward, 1)

        flat = xs.reshape(len(xs), prod(batch), xs.shape[-1])
        direct, onward = jax.vmap(rows, (0, 1))(each, flat)
        past = jax.tree.map(partial(_carried, onward), direct, carry.past)
        pull = Partial(partial(_pull_units, batch), back, no_change(end), carry.past)
        return Carry(end, past), ys, pull

    return Rule(init, run, uncut=uncut(cell))


def window(cell: Cell, steps: int) -> Rule:
    """The last steps are computed again: truncated backpropagation that slides.

    Of each block the gradient reaches back through the last ``steps`` steps, those of
    the block among them.

    Args:
        cell: any whose gradient may be cut, not of ``EventProp``.
        steps: how far back; T and more is backpropagation through time.

    Raises:
        ValueError: for what is no cell, or one whose gradient cannot be cut, or less
            than one step.

    Example:
        >>> from snnjax.learning import online
        >>> rule = online.window(snn.recurrent(5, 2, snn.lif(2)), 50)
        >>> rule.leaves_out
        ('what weights did more than 50 steps ago',)
    """
    check_cell("What window is given", cell)
    check.whole("steps", steps)
    check_cut("window(…)", cell)

    def init(weights, x):
        state = rest_like(cell, weights, x)
        before = jnp.zeros((steps - 1, *x.shape), x.dtype)
        return Carry(state, (state, before, jnp.zeros(steps - 1, bool)))

    def run(weights, carry, xs, dt):
        state, before, valid = carry.past
        count = len(xs)
        xs = jnp.concatenate([before, xs])
        valid = jnp.concatenate([valid, jnp.ones(count, bool)])

        late = min(count, steps) - 1
        near, _ = _standing(cell, weights, state, xs[:late], dt, valid[:late])
        seen = xs[late:], dt, valid[late:], count
        end, ys, back = through(cell, weights, near, *seen)
        pull = Partial(partial(_pull_last, count), back, no_change(end))
        first = xs[:count], dt, valid[:count]
        after, _ = _standing(cell, weights, state, *first)
        return Carry(end, (after, xs[count:], valid[count:])), ys, pull

    return Rule(init, run, (f"what weights did more than {steps} steps ago",))


def through(
    cell: Cell,
    weights: Weights,
    state: State,
    xs: jax.Array,
    dt: Number,
    valid: jax.Array | None = None,
    count: int | None = None,
) -> tuple[State, Any, Callable]:
    """A block: its end, its last outputs, and ``(dz, dys) -> (dw, dz, dxs)``."""
    leaves, rebuild = moving(state)

    def advance(weights, z, xs):
        end, ys = _standing(cell, weights, rebuild(z), xs, dt, valid)
        last = jax.tree.map(lambda y: y[-count:], ys) if count else ys
        return (moving(end)[0], last), end

    (_, ys), back, end = jax.vjp(advance, weights, leaves, xs, has_aux=True)
    return end, ys, back


def _standing(cell, weights, state, xs, dt, valid):
    """Runs a cell that stands still where a step is not valid."""
    if valid is None:
        return run_cell(cell, weights, state, xs, dt)
    if not len(xs):
        return state, None
    mask = valid.reshape(-1, *(xs.ndim - 2) * (1,))
    mask = jnp.broadcast_to(mask, xs.shape[:-1])
    return unroll(cell, weights, xs, dt=dt, state=state, mask=mask)


def no_change(end: State) -> list[jax.Array]:
    """Cotangents of a state on which nothing depends."""
    return [jnp.zeros_like(z) for z in moving(end)[0]]


def _pull(back, none, dys):
    dw, _, dxs = back((none, dys))
    return dw, dxs


def _pull_last(count, back, none, dys):
    dw, dxs = _pull(back, none, dys)
    return dw, dxs[-count:]


def _pull_all(batch, back, none, past, dys):
    dw, dz, dxs = back((none, dys))
    dz = of_samples(dz, prod(batch))
    before = jax.tree.map(lambda m: jnp.einsum("bs,bs...->...", dz, m), past)
    return jax.tree.map(jnp.add, dw, before), dxs


def _carried(onward, direct, past):
    """D + J M of each unit, array by array of the state, so that XLA fuses the sum."""
    for k in range(onward.shape[2]):
        by_array = onward[:, :, k].reshape(
            *onward.shape[:2], *(past.ndim - 3) * (1,), -1
        )
        direct = direct + by_array * past[:, k, None]
    return direct


def _pull_units(batch, back, none, past, dys):
    dw, dz, dxs = back((none, dys))
    dz = jnp.stack([d.reshape(prod(batch), -1) for d in dz], axis=1)

    def before(dw, e):
        found = _over_samples(dz, e)
        return dw + (found if dw.ndim else jnp.sum(found))

    return jax.tree.map(before, dw, past), dxs


def _over_samples(dz, past):
    """Σ_bk dz_bk · M_bk, sample by sample: each is read once."""

    def add(total, given):
        dz, past = given
        for k in range(len(dz)):
            total = total + dz[k].reshape(*(past.ndim - 2) * (1,), -1) * past[k]
        return total, None

    total = jnp.zeros(past.shape[2:], jnp.result_type(dz, past))
    return loops.forgotten(partial(jax.lax.scan, add), total, (dz, past))[0]


def _of_one_number(back, ends, weights, direct):
    """Of a number that all units share, what it did to each of them."""
    if all(w.ndim for w in jax.tree.leaves(weights)):
        return direct
    forward = jax.linear_transpose(back, ends)
    leaves, tree = jax.tree.flatten(weights)
    rows = jax.tree.leaves(direct)
    for k, w in enumerate(leaves):
        if w.ndim == 0:
            ones = [
                jnp.ones_like(v) if j == k else jnp.zeros_like(v)
                for j, v in enumerate(leaves)
            ]
            moved = jax.tree.unflatten(tree, ones), *map(jnp.zeros_like, ends)
            rows[k] = jnp.stack(forward(moved)[0])
    return jax.tree.unflatten(tree, rows)
