"""How a small change grows from step to step: why gradients explode, or do not.

A gradient on its way back through time meets the Jacobian of every step,

    ∂L/∂z_t = J_{t+1}ᵀ … J_Tᵀ ∂L/∂z_T        J_t = ∂z_t/∂z_{t-1}

where z is all that a cell remembers, and spikes have the derivative that they pretend
to have. A leaky neuron flows, v⁻ = b v + g i, fires and resets, v = (1-s) v⁻, so that

    ∂v_t/∂v_{t-1} = b [(1-s) - v⁻ h(v⁻ - θ)]

The last term is the way through the reset. Left out, the entry is at most b < 1; let
in, it reaches b·β at threshold for a shape of peak β, and a product over T steps can
explode (Zenke & Vogels 2021, doi:10.1162/neco_a_01367). Explicit recurrence adds the
way through the spikes of the step before.
"""

from collections.abc import Callable
from functools import partial
from itertools import accumulate
from typing import NamedTuple

import jax
import jax.numpy as jnp

from snnjax import check
from snnjax.cell import (
    Cell,
    State,
    Weights,
    check_cell,
    check_input,
    check_state,
    rest_like,
    unroll,
)
from snnjax.check import Number
from snnjax.states import moving


class _Product(NamedTuple):
    """State of a cell that follows another and multiplies its Jacobians."""

    inner: State
    product: jax.Array  # J_t … J_1 over its norm, [*batch, k, k] or [*batch, n, k, k]
    log: jax.Array  # of that norm, [*batch] or [*batch, n]


def step_jacobians(
    cell: Cell,
    weights: Weights,
    xs: jax.Array,
    *,
    dt: Number,
    state: State | None = None,
    coupled: bool = True,
) -> jax.Array:
    """The Jacobian J_t = ∂z_t/∂z_{t-1} of the state in every step.

    Rows and columns are the floating-point arrays ``[*batch, n]`` of the state, in the
    order of ``jax.tree.leaves``: first v, then i for ``lif``. Exact, by one backward
    pass for each row, with the surrogate in place of the derivative of a spike.

    Args:
        cell: a neuron, a recurrent layer or a chain.
        weights: from ``cell.init``.
        xs: inputs ``[T, *batch, n_in]``.
        dt: time step [s].
        state: where to start; the resting state if omitted.
        coupled: whether units may act on each other. Those of a bare neuron do not:
            with False only the blocks of the matrix that are not zero are computed. To
            say so of a recurrent layer or a chain gives wrong numbers.

    Returns:
        The matrix ``[T, *batch, N, N]`` for N numbers in all, array after array; or,
        uncoupled, a block for each unit ``[T, *batch, n, k, k]`` for k arrays.

    Raises:
        ValueError: for a state without floating-point arrays, an uncoupled one whose
            arrays differ in shape, and all that ``unroll`` refuses.
    """
    check.flag("coupled", coupled)
    check_cell("cell", cell)

    def step(weights, state, x, dt):
        z, advance = _packed(cell, weights, state, x, dt, coupled)
        jacobian, state = _rows(advance, z)
        return state, jacobian

    looking = Cell(cell.init, cell.rest, step)
    return unroll(looking, weights, xs, dt=dt, state=state, record=_output)[1]


def gradient_growth(
    cell: Cell,
    weights: Weights,
    xs: jax.Array,
    *,
    dt: Number,
    state: State | None = None,
    coupled: bool = True,
) -> jax.Array:
    """How far a gradient has grown or shrunk after each number of steps, as ln G_t.

        G_t = ‖J_t … J_1‖ / √k        with the Frobenius norm and k the size of J

    is the factor by which the product of Jacobians stretches a vector of random
    direction, root mean square: 1 for a perfect memory. The product is kept scaled to
    norm 1 beside its logarithm, so that neither an explosion overflows nor a decay
    becomes zero.

    Args:
        cell: as for ``step_jacobians``, as all others.
        weights: from ``cell.init``.
        xs: inputs ``[T, *batch, n_in]``.
        dt: time step [s].
        state: where to start; the resting state if omitted.
        coupled: whether units may act on each other.

    Returns:
        ``ln G_t``, ``[T, *batch]``, or of each unit ``[T, *batch, n]`` if uncoupled; -∞
        once a product is exactly zero.

    Raises:
        ValueError: as ``step_jacobians``.

    Example:
        >>> net = snn.recurrent(5, 4, snn.lif(4))
        >>> weights, xs = net.init(jax.random.key(0)), jnp.ones((50, 2, 5))
        >>> growth = snn.analysis.gradient_growth(net, weights, xs, dt=1e-3)
        >>> growth.shape
        (50, 2)
        >>> bool((growth[-1] < 0.0).all())  # it shrinks
        True
    """
    check.flag("coupled", coupled)
    check_cell("cell", cell)

    def begin(inner):
        leaves, _ = moving(inner)
        z = _pack(leaves, coupled)
        k = z.shape[-1]
        eye = jnp.eye(k, dtype=z.dtype).reshape(*(z.ndim - 1) * (1,), k, k)
        eye = jnp.zeros_like(z)[..., None] + eye
        return _Product(inner, eye, jnp.zeros_like(z[..., 0]))

    def step(weights, state, x, dt):
        inner, product, log = state
        z, advance = _packed(cell, weights, inner, x, dt, coupled)
        jacobian, inner = _rows(advance, z)
        product = jacobian @ product
        norm = jnp.linalg.norm(product, axis=(-2, -1)) / product.shape[-1] ** 0.5
        product = product / jnp.where(norm > 0, norm, 1.0)[..., None, None]
        log = log + jnp.log(norm)
        return _Product(inner, product, log), log

    following = Cell(cell.init, lambda x: begin(cell.rest(x)), step)
    first = check_input(xs, dt)
    start = (
        None
        if state is None
        else begin(check_state(partial(rest_like, cell, weights), state, first))
    )
    return unroll(following, weights, xs, dt=dt, state=start, record=_output)[1]


def spectral_norms(
    key: jax.Array,
    cell: Cell,
    weights: Weights,
    xs: jax.Array,
    *,
    dt: Number,
    state: State | None = None,
    coupled: bool = True,
    iterations: int = 30,
) -> jax.Array:
    """The largest factor by which J_t stretches any vector, without writing J_t down.

    Power iteration, u ← J v / ‖J v‖, v ← Jᵀu / ‖Jᵀu‖, from a random start: for layers
    whose matrix would be too large. Never above the true norm, and within a few per
    cent of it even where the largest singular values lie close together.

    Args:
        key: draws where the iteration starts, the same for all steps.
        cell: as for ``step_jacobians``, as all others.
        weights: from ``cell.init``.
        xs: inputs ``[T, *batch, n_in]``.
        dt: time step [s].
        state: where to start; the resting state if omitted.
        coupled: whether units may act on each other.
        iterations: of each step.

    Returns:
        ``‖J_t‖₂``, ``[T, *batch]``, or of each unit ``[T, *batch, n]`` if uncoupled.

    Raises:
        ValueError: as ``step_jacobians``, and for less than one iteration.
    """
    check.key(key)
    check.flag("coupled", coupled)
    check_cell("cell", cell)
    check.whole("iterations", iterations)

    def step(weights, state, x, dt):
        z, advance = _packed(cell, weights, state, x, dt, coupled)
        end, backward, state = jax.vjp(advance, z, has_aux=True)
        forward = jax.linear_transpose(backward, end)  # spikes have no jvp

        def iterate(_, v):
            (back,) = backward(forward((v,))[0])
            norm = jnp.linalg.norm(back, axis=-1, keepdims=True)
            return back / jnp.where(norm > 0, norm, 1.0)

        v = jax.random.normal(key, z.shape, z.dtype)
        v = jax.lax.fori_loop(0, iterations, iterate, v)
        stretched = check.or_nan(forward((v,))[0], _known(end))
        return state, jnp.linalg.norm(stretched, axis=-1)

    looking = Cell(cell.init, cell.rest, step)
    return unroll(looking, weights, xs, dt=dt, state=state, record=_output)[1]


def _output(state, y):
    """Recorded, so that the program of a step made for one call goes with it."""
    del state
    return y


def _rows(advance, z):
    """The Jacobian ``[*z.shape, k]`` of ``[..., k] -> [..., k]``, and the new state.

    One cotangent asks for the same row of every unit and sample at once.
    """
    end, backward, state = jax.vjp(advance, z, has_aux=True)
    k = z.shape[-1]
    one_hot = jnp.eye(k, dtype=z.dtype).reshape(k, *(z.ndim - 1) * (1,), k)
    asked = jnp.zeros_like(z)[None] + one_hot
    (rows,) = jax.vmap(backward)(asked)
    return check.or_nan(jnp.moveaxis(rows, 0, -2), _known(end)[..., None]), state


def _known(end):
    """Whether a state holds numbers, ``[..., 1]``: NaN has no derivative."""
    return jnp.all(jnp.isfinite(end), axis=-1, keepdims=True)


def _packed(
    cell: Cell, weights: Weights, state: State, x: jax.Array, dt: Number, coupled: bool
) -> tuple[jax.Array, Callable[[jax.Array], tuple[jax.Array, State]]]:
    """The state as one array ``[..., k]``, and the step as a function of it."""
    leaves, rebuild = moving(state)

    def advance(z):
        if coupled:
            widths = [leaf.shape[-1] for leaf in leaves]
            parts = jnp.split(z, list(accumulate(widths))[:-1], axis=-1)
        else:
            parts = list(jnp.moveaxis(z, -1, 0))
        parts = [p.astype(leaf.dtype) for p, leaf in zip(parts, leaves, strict=True)]
        after, _ = cell.step(weights, rebuild(parts), x, dt)
        return _pack(moving(after)[0], coupled), after

    return _pack(leaves, coupled), advance


def _pack(leaves: list[jax.Array], coupled: bool) -> jax.Array:
    shapes = [leaf.shape for leaf in leaves]
    if not leaves:
        raise ValueError(
            "A Jacobian needs a state with floating-point arrays, got none."
        )
    if coupled:
        return jnp.concatenate(leaves, axis=-1)
    if len(set(shapes)) > 1:
        raise ValueError(
            f"Uncoupled units need arrays of one shape in the state, got {shapes}. A "
            "chain or a recurrent layer is coupled=True."
        )
    return jnp.stack(leaves, axis=-1)
