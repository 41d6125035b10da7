"""A random sketch of a recurrent layer: what was given, times what it does.

    M ≈ u ⊗ A        E[u ⊗ A] = M

What weights do to a recurrent layer in one step is p ⊗ F, p what its connections were
given and F what a current does to the state. A sum of two such terms is again one, with
a random sign between them (KF-RTRL; Mujika et al. 2018, doi:10.48550/arXiv.1805.10842).
Its variance is far smaller than that of a sketch of rank one, since A is kept whole.
"""

from functools import partial
from math import prod
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.tree_util import Partial

from snnjax import check, loops
from snnjax.about import uncut
from snnjax.cell import Cell, rest_like
from snnjax.learning.online.influence import no_change, through
from snnjax.learning.online.rule import Carry, Rule
from snnjax.learning.online.sketch import random_signs
from snnjax.learning.online.split import check_connections, credited, split
from snnjax.learning.online.units import check_vectors, coupled
from snnjax.states import moving, of_samples, one_by_one, samples, together


class Sketch(NamedTuple):
    """What crosses the start of a block, of each sample."""

    of_inputs: dict[Any, jax.Array]  # u of each connection, [B, m]
    of_ones: jax.Array | None  # u of an input that is always 1, [B]; None without bias
    of_state: jax.Array  # A, [B, N, n]
    key: jax.Array


def kronecker(cell: Cell, key: jax.Array) -> Rule:
    """A random Kronecker product crosses: right on average, of small variance.

        u ← ρ₀ u + σ ρ₁ p    A ← J A / ρ₀ + σ F / ρ₁    σ a random sign

    with ρ such that both terms of each have the same length. It keeps m + N·n numbers
    for each sample, N those of its state, n units, m inputs and recurrent ones, and
    takes N rows of a vector-Jacobian product and N²·n multiplications a step, whatever
    the block.

    Args:
        cell: ``recurrent(…)`` in either form; connections without memory, linear in
            their input, neurons that do not act on each other but by these.
        key: of the signs, drawn anew for each step and sample.

    Raises:
        ValueError: for another cell, an old-style key; by ``init``, for learned
            constants of neurons, connections that remember, and neurons that act on
            each other. Where constants are traced, and it cannot be raised, every
            gradient is NaN.

    Example:
        >>> from snnjax.learning import online
        >>> cell = snn.recurrent(5, 2, snn.lif(2))
        >>> rule = online.kronecker(cell, jax.random.key(1))
        >>> weights = cell.init(jax.random.key(0))
        >>> @jax.jit
        ... def gradients(weights, xs):
        ...     return online.gradients(rule, weights, xs, jnp.sum, dt=1e-3)
        ...
        >>> total, grads, carry = gradients(weights, jnp.ones((20, 3, 5)))
        >>> grads.recurrent.shape
        (2, 2)
    """
    layer = split("kronecker", cell)
    check.key(key)
    if "before" not in layer.sources.values():
        raise ValueError(
            f"kronecker needs a recurrent layer, got {cell!r}. Without recurrence "
            "per_unit is exact."
        )

    shown = _with_output(layer.parts[layer.neuron])

    def init(weights, x):
        check_vectors("kronecker", cell, x)
        state = rest_like(cell, weights, x)
        each = samples("kronecker", state, x.shape[:-1])
        linear, biased = check_connections("kronecker", layer, weights, state, x)
        n, count = each.spikes.shape[-1], prod(x.shape[:-1])
        like = jnp.zeros((n,), check.precision(weights, x))
        sure = linear & ~coupled("kronecker", shown, like, like)
        none = check.or_nan(jnp.zeros((count, 1), like.dtype), sure)
        of_inputs = {
            key: jnp.broadcast_to(none, (count, width))
            for key, width in layer.widths(state, x).items()
        }
        size = sum(leaf[0].size for leaf in moving(each)[0])
        of_state = jnp.zeros((count, size, n), like.dtype)
        of_ones = jnp.zeros_like(none[:, 0]) if biased else None
        return Carry(state, Sketch(of_inputs, of_ones, of_state, key))

    def run(weights, carry, xs, dt):
        end, ys, back = through(cell, weights, carry.state, xs, dt)
        past, batch = carry.past, xs.shape[1:-1]
        flat = xs.reshape(len(xs), prod(batch), xs.shape[-1])
        key, key_signs = jax.random.split(past.key)
        signs = random_signs(key_signs, flat.shape[:2], past.of_state.dtype)
        each = samples("kronecker", carry.state, batch)
        sketch = partial(_sketched, cell, layer, weights, dt)
        u = past.of_inputs, past.of_ones
        (of_inputs, of_ones), of_state = jax.vmap(sketch, (0, 0, 0, 1, 1))(
            each, u, past.of_state, flat, signs
        )
        after = Sketch(of_inputs, of_ones, of_state, key)
        crossing = back, no_change(end), past._replace(key=None), weights
        return Carry(end, after), ys, Partial(partial(_pull, layer, batch), *crossing)

    told = ("all but a random sketch, right on average",)
    return Rule(init, run, told, uncut(cell))


def _with_output(neuron):
    """Neurons with a current of each as weights, and their output in the state."""

    def step(weights, state, x, dt):
        inner, y = neuron.step((), state[0], x + weights, dt)
        return (inner, y.astype(x.dtype)), y

    rest = lambda x: (neuron.rest(x), jnp.zeros_like(x))  # noqa: E731
    return Cell(lambda key: (), rest, step)


def _sketched(cell, layer, weights, dt, state, u, a, xs, signs):
    """The sketch of one sample after a block, step by step."""

    def later(carry, given):
        (state, u, a), (x, sign) = carry, given
        leaves, rebuild = moving(state)
        z, part = together(leaves)

        def advance(z):
            after, _ = cell.step(weights, rebuild(part(z)), x, dt)
            return together(moving(after)[0])[0], after

        after, back, state_after = jax.vjp(advance, z, has_aux=True)
        onward = jax.vmap(back)(jnp.eye(len(after), dtype=after.dtype))[0] @ a
        seen, direct = _direct(layer, weights, dt, state, x)
        one = None if u[1] is None else jnp.ones_like(u[1])
        p = {k: v.astype(a.dtype) for k, v in seen.items()}, one
        first, second = _balance(onward, u), _balance(direct, p)
        u = jax.tree.map(lambda u, p: first * u + sign * second * p, u, p)
        return (state_after, u, onward / first + sign * direct / second), None

    scan = partial(jax.lax.scan, later)
    (_, u, a), _ = loops.forgotten(scan, (state, u, a), (xs, signs))
    return u, a


def _direct(layer, weights, dt, state, x):
    """What each connection is given, and F, ``[N, n]``."""
    each, inner = layer.about.weights(weights), layer.inner(state)
    seen = {k: x if v == "input" else state.spikes for k, v in layer.sources.items()}
    currents = [layer.parts[k].step(each[k], (), p, dt)[1] for k, p in seen.items()]
    if "input" not in seen:  # what comes in is a current already
        currents.append(x)
    neuron = layer.parts[layer.neuron]

    def react(current):
        end, spikes = neuron.step((), inner, current, dt)
        return [*moving(end)[0], spikes.astype(state.spikes.dtype)]

    ends, back = jax.vjp(react, sum(currents[1:], start=currents[0]))
    of_units = jax.vmap(back)(one_by_one(ends))[0]  # by array of the state, [K, n]
    return seen, jnp.concatenate([*jax.vmap(jnp.diag)(of_units)])


def _balance(of_state, of_inputs):
    """√(‖A‖ / ‖u‖); 1 where one of them is zero."""
    a = jnp.sum(of_state**2)
    u = sum(jnp.sum(leaf**2) for leaf in jax.tree.leaves(of_inputs))
    ratio = a / jnp.where(u > 0, u, 1.0)
    return jnp.where((a > 0) & (u > 0), ratio, 1.0) ** 0.25


def _pull(layer, batch, back, none, past, weights, dys):
    dw, dz, dxs = back((none, dys))
    dz = of_samples(dz, prod(batch))
    credit = jnp.einsum("bs,bsn->bn", dz, past.of_state)[None]
    of_inputs, ones = jax.tree.map(lambda u: u[None], (past.of_inputs, past.of_ones))
    before = credited(layer, weights, of_inputs, ones, credit)
    return jax.tree.map(jnp.add, dw, before), dxs
