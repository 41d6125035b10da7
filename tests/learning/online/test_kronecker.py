"""A sketch of the form u ⊗ A: right on average, never alone."""

import itertools

import jax
import jax.numpy as jnp
import pytest

import snnjax as snn
from snnjax.learning.online import gradients, kronecker
from snnjax.networks import normal
from snnjax.surrogate import EventProp

DT, T = 1e-3, 5
PARAMS = snn.LIFParams(5e-3, 2e-3, 0.5)


def leaky_tanh(n):
    def step(weights, state, x, dt):
        state = 0.7 * state + 0.3 * jnp.tanh(x + 0.5 * state)
        return state, state

    return snn.Cell(lambda key: (), lambda x: jnp.zeros_like(x), step)


def lif(n, **options):
    return snn.lif(n, PARAMS, backend="xla", **options)


def layer(neuron, **options):
    return snn.recurrent(1, 2, neuron, init=normal, init_recurrent=normal, **options)


LAYERS = {
    "tanh": layer(leaky_tanh(2)),
    "tanh without memory": layer(snn.stateless(jnp.tanh)),
    "to zero, bias": layer(lif(2), bias=True),
    "subtract, gradient": layer(lif(2, reset="subtract", reset_gradient=True)),
    "to zero, exact times": layer(lif(2, surrogate=EventProp())),
    "closed": snn.recurrent(lif(2), snn.dense(2, 2, init=normal, backend="xla")),
}


def total(ys, worth):
    return jnp.sum(ys * worth)


def task(cell, n_in):
    keys = jax.random.split(jax.random.key(3), 3)
    weights = jax.tree.map(
        lambda w: jnp.abs(w.astype(jnp.float64)) + 0.3, cell.init(keys[0])
    )
    xs = 0.5 + jnp.abs(2 * jax.random.normal(keys[1], (T, 1, n_in), jnp.float64))
    return weights, xs, jax.random.normal(keys[2], (T, 1, 2), jnp.float64)


def largest(found, expected):
    pairs = zip(*map(jax.tree.leaves, (found, expected)), strict=True)
    return max(float(jnp.max(jnp.abs(a - b)) / jnp.max(jnp.abs(b))) for a, b in pairs)


@pytest.mark.parametrize("name", LAYERS)
def test_the_mean_over_all_signs_is_backpropagation_through_time(
    name, x64, monkeypatch
):
    cell = LAYERS[name]
    weights, xs, worth = task(cell, 2 if name == "closed" else 1)

    def one(signs, block):
        left = iter(signs)
        monkeypatch.setattr(
            jax.random,
            "bernoulli",
            lambda key, p, shape: (
                jnp.stack([next(left) for _ in range(shape[0])])[:, None] > 0
            ),
        )
        rule = kronecker(cell, jax.random.key(0))
        grads, carry = jax.tree.map(jnp.zeros_like, weights), rule.init(weights, xs[0])
        for t in range(0, T, block):
            part = slice(t, t + block)
            carry, ys, pull = rule.run(weights, carry, xs[part], DT)
            change = pull(jax.grad(total)(ys, worth[part]))[0]
            grads = jax.tree.map(jnp.add, grads, change)
        return grads

    def both(signs):
        def through_time(weights):
            ys = snn.unroll(cell, weights, xs, dt=DT)[1]
            return total(ys, worth), ys

        exact, ys = jax.grad(through_time, has_aux=True)(weights)
        draws = [jax.vmap(lambda s, c=c: one(s, c))(signs) for c in (1, 2)]
        return exact, ys, draws

    every = jnp.asarray([*itertools.product([-1.0, 1.0], repeat=T)])
    exact, ys, draws = jax.jit(both)(every)
    assert 0.0 < jnp.mean(ys != 0) <= 1.0
    assert not name.startswith(("to", "sub", "clo")) or ys.mean() < 1.0
    for drawn in draws:
        assert largest(jax.tree.map(lambda g: g.mean(axis=0), drawn), exact) < 1e-12
        assert largest(jax.tree.map(lambda g: g[0], drawn), exact) > 1e-3


def test_memory_does_not_depend_on_time_and_batches_have_signs_of_their_own():
    cell = LAYERS["to zero, bias"]
    weights = cell.init(jax.random.key(0))

    def needed(steps):
        given = [jax.ShapeDtypeStruct((steps, 3, n), jnp.float32) for n in (1, 2)]
        run = lambda xs, worth: gradients(  # noqa: E731
            kronecker(cell, jax.random.key(0)), weights, xs, total, worth, dt=DT
        )[1]
        compiled = jax.jit(run).lower(*given).compile()
        return compiled.memory_analysis().temp_size_in_bytes

    assert abs(needed(4000) / needed(250) - 1) < 0.01
    rule = kronecker(cell, jax.random.key(0))
    x = 3.0 * jnp.ones((4, 2, 3, 1))
    carry, _, _ = rule.run(weights, rule.init(weights, x[0]), x, DT)
    assert carry.past.of_state.shape[0] == 6
    sketches = {tuple(map(float, a)) for a in carry.past.of_inputs["feedback"]}
    assert len(sketches) > 1
