"""A random sketch of what the weights did: wrong each time, right on average.

    M ≈ s̃ ⊗ w̃        E[s̃ ⊗ w̃] = M

Unbiased online recurrent optimization (Tallec & Ollivier 2018,
doi:10.48550/arXiv.1702.05043) keeps one vector of the size of the state and one of the
size of the weights for each sample.
"""

from functools import partial
from math import prod
from typing import Any

import jax
import jax.numpy as jnp
from jax.tree_util import Partial

from snnjax import check
from snnjax.about import uncut
from snnjax.cell import Cell, check_cell, rest_like, run_cell
from snnjax.learning.online.influence import no_change, through
from snnjax.learning.online.rule import Carry, Rule
from snnjax.learning.online.units import check_vectors
from snnjax.states import moving, of_samples, samples, together


def rank_one(cell: Cell, key: jax.Array) -> Rule:
    """A random sketch of rank one crosses: right on average, of large variance (UORO).

        s̃ ← ρ₀ J s̃ + ρ₁ ν    w̃ ← w̃/ρ₀ + νᵀD/ρ₁    ν random signs

    with ρ such that both terms of each have the same length.

    Args:
        cell: any whose state is each sample's own.
        key: of the signs, drawn anew for each block and sample.

    Raises:
        ValueError: for what is no cell, an old-style key; by ``init``, for a state that
            samples share; by ``run``, for a cell that runs natively.

    Example:
        >>> from snnjax.learning import online
        >>> cell = snn.recurrent(5, 2, snn.lif(2, backend="xla"))
        >>> rule = online.rank_one(cell, jax.random.key(1))
        >>> weights = cell.init(jax.random.key(0))
        >>> @jax.jit
        ... def gradients(weights, xs):
        ...     return online.gradients(rule, weights, xs, jnp.sum, dt=1e-3)
        ...
        >>> total, grads, carry = gradients(weights, jnp.ones((20, 3, 5)))
        >>> grads.recurrent.shape
        (2, 2)
    """
    check_cell("What rank_one is given", cell)
    check.key(key)

    def init(weights, x):
        check_vectors("rank_one", cell, x)
        state = rest_like(cell, weights, x)
        each = samples("rank_one", state, x.shape[:-1])
        size = sum(leaf[0].size for leaf in moving(each)[0])
        count, dtype = prod(x.shape[:-1]), check.precision(weights, x)
        of_state = jnp.zeros((count, size), dtype)
        none = lambda w: jnp.zeros((count, *w.shape), dtype)  # noqa: E731
        return Carry(state, (of_state, jax.tree.map(none, weights), key))

    def run(weights, carry, xs, dt):
        end, ys, back = through(cell, weights, carry.state, xs, dt)
        of_state, of_weights, key = carry.past
        batch = xs.shape[1:-1]
        key, key_signs = jax.random.split(key)
        signs = random_signs(key_signs, of_state.shape, of_state.dtype)

        def sketch(state, xs, s, w, signs):
            leaves, rebuild = moving(state)
            z, part = together(leaves)

            def advance(weights, z):
                after, _ = run_cell(cell, weights, rebuild(part(z)), xs, dt)
                return together(moving(after)[0])[0]

            after, back = jax.vjp(advance, weights, z)
            still = jax.tree.map(jnp.zeros_like, weights)
            onward = _forward(back, after, (still, s))
            return _mixed(onward, w, signs, back(signs)[0])

        each = samples("rank_one", carry.state, batch)
        flat = xs.reshape(len(xs), prod(batch), xs.shape[-1])
        past = jax.vmap(sketch, (0, 1, 0, 0, 0))(
            each, flat, of_state, of_weights, signs
        )
        pull = Partial(
            partial(_pull, batch), back, no_change(end), of_state, of_weights
        )
        return Carry(end, (*past, key)), ys, pull

    told = ("all but a random sketch, right on average",)
    return Rule(init, run, told, uncut(cell))


def _forward(back, after, tangents):
    """What a pullback is of, applied to tangents."""
    try:
        return jax.linear_transpose(back, after)(tangents)[0]
    except ValueError as error:
        raise ValueError(
            "rank_one pushes a sketch forward, which native kernels cannot do. Make "
            'connections and neurons with backend="xla".'
        ) from error


def random_signs(key: jax.Array, shape: tuple[int, ...], dtype: Any) -> jax.Array:
    """±1, the same whether or not double precision is switched on elsewhere."""
    fair = jax.random.bernoulli(key, jnp.float32(0.5), shape)
    return jnp.where(fair, jnp.ones((), dtype), -jnp.ones((), dtype))


def _mixed(s, w, signs, direct):
    """ρ s + ρ' ν, and w/ρ + νᵀD/ρ': both parts of each of one length."""
    first, second = _balance(w, s), _balance(direct, signs)
    w = jax.tree.map(lambda w, d: w / first + d / second, w, direct)
    return first * s + second * signs, w


def _balance(w, s):
    """√(‖w‖ / ‖s‖); 1 where one of them is zero."""
    total = sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(w))
    ratio = jnp.sqrt(total / jnp.where(jnp.any(s != 0), jnp.sum(s**2), 1.0))
    return jnp.where((total > 0) & jnp.any(s != 0), jnp.sqrt(ratio), 1.0)


def _pull(batch, back, none, of_state, of_weights, dys):
    dw, dz, dxs = back((none, dys))
    dz = of_samples(dz, prod(batch))
    share = jnp.sum(dz * of_state, axis=1)
    before = jax.tree.map(lambda w: jnp.einsum("b,b...->...", share, w), of_weights)
    return jax.tree.map(jnp.add, dw, before), dxs
