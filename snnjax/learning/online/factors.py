"""Traces that factor: one for each input in place of one for each weight.

One unit does s' = f(s, u), u = Σ_i w_ij p_i. What w_ij did to it obeys

    e'_ij = A_j e_ij + d_j p_i        A = ∂f/∂s,  d = ∂f/∂u

which is the same for every unit j, e_ij = P_i, if and only if A and d are the same for
all units at all times: leaky neurons that do not reset, or by subtraction, without the
gradient of the reset. Then e-prop (Bellec et al. 2020, doi:10.1038/s41467-020-17236-y)
costs what truncated backpropagation does.

In blocks of one step it is the rule as one writes it. What such neurons put out most
often reads one array s_l of the state, the voltage, and the gradient is

    ∂L/∂w_ij = P_li δ_j        δ_j = ∂L/∂s_lj,  the learning signal

one product, with the trace that has just taken in the input.
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
from snnjax.kept import kinds, once
from snnjax.learning.online.influence import no_change, through
from snnjax.learning.online.rule import Carry, Rule
from snnjax.learning.online.split import check_connections, credited, split
from snnjax.learning.online.units import check_vectors, coupled, dice, drawn, judge
from snnjax.states import moving, one_by_one, samples

_SPREAD = 1e-5
_LITTLE = 1e-6  # of the square of what an array takes in


class Traces(NamedTuple):
    """What crosses the start of a block."""

    of_inputs: dict[Any, jax.Array]  # P of each connection, [K, B, m]
    of_ones: jax.Array | None  # of an input that is always 1, [K]; None without a bias


def factored(cell: Cell) -> Rule:
    """What each weight did to its unit crosses, kept as a trace for each input.

    As ``per_unit``, where traces factor: K·m numbers for each sample, m the inputs and
    K the arrays of the neuron's state. Whether they do is judged by numbers: A and d of
    the neuron at random states must agree to 10⁻⁵.

    Args:
        cell: ``chain(connection, neuron)``, or ``recurrent(…,
            recurrent_gradient=False)`` in either form; connections without memory,
            linear in their input. A neuron of ``reset="subtract"`` or ``"none"``
            factors, one that resets to zero does not.

    Raises:
        ValueError: for another cell, ``EventProp``, and a neuron with learned
            constants; by ``init`` for traces that do not factor, and units that act on
            each other. Where constants are traced, and it cannot be raised, every
            gradient is NaN.

    Example:
        >>> from snnjax.learning import online
        >>> cell = snn.chain(snn.dense(5, 2), snn.lif(2, reset="subtract"))
        >>> weights, xs = cell.init(jax.random.key(0)), jnp.ones((20, 3, 5))
        >>> @jax.jit
        ... def both(weights):
        ...     rule = online.factored(cell)
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
    layer = split("factored", cell)
    if uncut(cell):
        raise ValueError(
            "The traces of neurons with EventProp do not factor: what an input does "
            "to a spike's time differs from spike to spike. Take per_unit."
        )
    neuron = layer.parts[layer.neuron]

    def init(weights, x):
        check_vectors("factored", cell, x)
        state = rest_like(cell, weights, x)
        samples("factored", state, x.shape[:-1])
        linear, biased = check_connections("factored", layer, weights, state, x)
        inner = layer.inner(state)
        if not moving(inner)[0]:
            raise ValueError(
                "factored needs neurons that remember. Where they do not, nothing "
                "crosses the start of a block: truncated is the same."
            )
        like = jax.tree.map(
            lambda s: jax.ShapeDtypeStruct(s.shape[-1:], s.dtype), inner
        )
        judged, key = partial(_spread, neuron, like, 1e-3), ("spread", kinds(like))
        spread = once(neuron.step, key, lambda: judge(judged, _throws))
        with jax.ensure_compile_time_eval():
            sure = jnp.asarray(spread < _SPREAD)
        known = check.concrete(sure)
        if known is not None and not known:
            raise ValueError(
                "The traces of this neuron do not factor: what an input does differs "
                'from unit to unit, or from state to state. Take reset="subtract" or '
                '"none" without the gradient of the reset, or per_unit.'
            )
        sure &= linear & ~coupled("factored", cell, weights, x)
        arrays, dtype = len(moving(inner)[0]), check.precision(weights, x)
        count = prod(x.shape[:-1])
        none = check.or_nan(jnp.zeros((arrays, count, 1), dtype), sure)
        of_inputs = {
            key: jnp.broadcast_to(none, (arrays, count, width))
            for key, width in layer.widths(state, x).items()
        }
        of_ones = jnp.zeros(arrays, dtype) if biased else None
        return Carry(state, Traces(of_inputs, of_ones))

    def run(weights, carry, xs, dt):
        end, ys, back = through(cell, weights, carry.state, xs, dt)
        inner = layer.inner(carry.state)
        like = jax.tree.map(lambda s: s.reshape(-1, s.shape[-1])[0], inner)
        a, d = (x.mean(axis=-1) for x in _onward(neuron, like, dt))
        given, power = _response(a, d, len(xs))
        traces = {}
        for key, source in layer.sources.items():
            p = xs if source == "input" else _one_step_late(carry.state.spikes, ys)
            p = p.reshape(len(p), -1, p.shape[-1])
            traces[key] = _filtered(given, power, carry.past.of_inputs[key], p)
        of_ones = carry.past.of_ones
        if of_ones is not None:
            of_ones = power @ of_ones + given.sum(axis=0)
        after = Traces(traces, of_ones)
        array = _read(neuron, like, dt) if len(xs) == 1 else None
        pulled = back, no_change(end), carry.state, weights
        if array is None:
            pull = Partial(partial(_pull, layer), *pulled, carry.past)
        else:
            row = a[array]
            pull = Partial(partial(_pull_step, layer, array), *pulled, after, row)
        return Carry(end, after), ys, pull

    return Rule(init, run)


def _onward(neuron, like, dt):
    """A ``[K, K, n]`` and d ``[K, n]`` of a neuron, for each unit."""
    leaves, rebuild = moving(like)

    def advance(u, z):
        return moving(neuron.step((), rebuild(z), u, dt)[0])[0]

    ends, back = jax.vjp(advance, jnp.zeros_like(leaves[0]), leaves)
    by_input, by_state = jax.vmap(back)(one_by_one(ends))
    return jnp.stack(by_state, axis=1), by_input


def _throws():
    """Random keys, each with a scale; one argument."""
    scales = dice()[1]
    return ((jax.vmap(jax.random.key)(jnp.arange(len(scales))), scales),)


def _spread(neuron, like, dt, throws):
    """How far A and d differ over units and random states, relative."""

    def at(key, scale):
        both = _onward(neuron, drawn(key, like, scale), dt)
        return jnp.concatenate([x.reshape(-1, x.shape[-1]) for x in both])

    found = jax.vmap(at, out_axes=1)(*throws)
    rows = found.reshape(len(found), -1)  # an entry of A or d over units and states
    apart, size = jnp.ptp(rows, axis=1), jnp.max(jnp.abs(rows), axis=1)
    return jnp.max(apart / jnp.maximum(size, 1e-6 * jnp.max(size)))


def _read(neuron, like, dt):
    """Which array of the state after a step all that is put out passes through.

    Judged by numbers. None if there is no such array, if next to nothing of it is from
    the step before, or where constants or ``dt`` are traced.
    """
    if check.concrete(dt) is None:
        return None
    like = jax.tree.map(lambda s: jax.ShapeDtypeStruct(s.shape, s.dtype), like)

    def at(key, scale):
        state = drawn(key, like, scale)
        leaves, rebuild = moving(state)

        def put_out(z, u):
            return moving(neuron.step((), rebuild(z), u, dt)[1])[0]

        ys, back = jax.vjp(put_out, leaves, jnp.zeros_like(leaves[0]))
        before, u = back([jax.random.normal(key, y.shape, y.dtype) for y in ys])
        a, d = (x.mean(axis=-1) for x in _onward(neuron, state, dt))
        return jnp.concatenate([a, d[:, None]], axis=1), jnp.stack([*before, u])

    def judged(throws):
        rows, outs = jax.vmap(at, out_axes=(0, 1))(*throws)
        rows = rows.mean(axis=0)  # [K, K + 1], of the state before and the input
        outs = outs.reshape(len(outs), -1)  # [K + 1, N], over units and states
        size = jnp.max(jnp.abs(outs), axis=0, keepdims=True)
        size = jnp.maximum(size, 1e-6 * jnp.max(size))

        def reads(row):
            norm = jnp.sum(row**2)
            along = row[:, None] * (row @ outs / norm)[None]
            alone = jnp.max(jnp.abs(outs - along) / size) < _SPREAD
            return alone & (jnp.sum(row[:-1] ** 2) > _LITTLE * norm)

        return jax.vmap(reads)(rows)

    key = "read", kinds(like), dt
    found = check.concrete(once(neuron.step, key, lambda: judge(judged, _throws)))
    return None if found is None or not found.any() else int(found.argmax())


def _response(a, d, steps):
    """What an input of each step is at the end, ``[c, K]``, and A to the power c."""

    def later(held, _):
        power, given = held
        return (a @ power, a @ given), given

    start = jnp.eye(len(d), dtype=a.dtype), d
    scan = partial(jax.lax.scan, later, xs=None, length=steps)
    (power, _), given = loops.forgotten(scan, start)
    return given[::-1], power


def _filtered(given, power, old, p):
    """Traces at the end of a block, of those before it and what came in it."""
    p, beside = p.astype(old.dtype), lambda x: x[:, None, None]
    new = beside(given[0]) * p if len(p) == 1 else jnp.einsum("tk,tbm->kbm", given, p)
    return sum((beside(a) * old[k : k + 1] for k, a in enumerate(power.T)), new)


def _one_step_late(first, ys):
    return jnp.concatenate([first[None].astype(ys.dtype), ys[:-1]])


def _pull(layer, back, none, state, weights, past, dys):
    dw, dz, dxs = back((none, dys))
    ones = None if past.of_ones is None else past.of_ones[:, None]
    credit = _credit(layer, state, dz)
    before = credited(layer, weights, past.of_inputs, ones, credit)
    return jax.tree.map(jnp.add, dw, before), dxs


def _pull_step(layer, array, back, none, state, weights, after, row, dys):
    """The same of a single step, whose output reads one array of the state."""
    _, dz, dxs = back((none, dys))
    signal = jnp.einsum("k,kbn->bn", row / jnp.sum(row**2), _credit(layer, state, dz))
    traces = {key: p[array, None] for key, p in after.of_inputs.items()}
    ones = None if after.of_ones is None else after.of_ones[array, None, None]
    return credited(layer, weights, traces, ones, signal[None]), dxs


def _credit(layer, state, dz):
    """What the arrays of the neurons' state are worth at the start, ``[K, B, n]``."""
    inner = layer.inner(moving(state)[1](dz))
    return jnp.stack([d.reshape(-1, d.shape[-1]) for d in moving(inner)[0]])
