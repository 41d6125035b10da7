"""Exact gradients of spike times online: whole, or refused where a rule cuts.

A spike is worth what it is worth a step later as well. Its mark, a field of the state,
carries that from block to block.
"""

import itertools
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import snnjax as snn
from snnjax.learning.online import (
    along_training,
    factored,
    gradients,
    kronecker,
    per_unit,
    rank_one,
    rtrl,
    stack,
    truncated,
    window,
)
from snnjax.networks import normal
from snnjax.surrogate import EventProp

DT, T, B, M, N = 1e-3, 24, 2, 5, 6
FAST = snn.LIFParams(5e-3, 2e-3, 0.3)
KEY = jax.random.key(0)


def strong(key, n_in, n):
    return 0.3 + 0.4 * jax.random.normal(key, (n_in, n))


def weak(key, n_in, n):
    return 0.2 * jax.random.normal(key, (n_in, n))


dense = partial(snn.dense, init=strong, backend="xla")


def neurons(n=N, reset="zero"):
    return snn.lif(n, FAST, surrogate=EventProp(), reset=reset, backend="xla")


def plain(reset="zero"):
    return snn.chain(dense(M, N), neurons(N, reset))


def looped(reset="zero", **options):
    options = {"init": strong, "init_recurrent": weak, **options}
    return snn.recurrent(M, N, neurons(N, reset), **options)


def loss(y, worth):
    return jnp.sum(y * worth[..., : y.shape[-1]])


def task(cell, seed=0):
    rng = np.random.default_rng(seed)
    weights = jax.tree.map(np.float64, jax.jit(cell.init)(KEY))
    xs = (rng.random((T, B, M)) < 0.3) * 1.0
    return weights, xs, rng.normal(size=(T, B, N))


def summed(cell):
    """``(weights, xs, worth)`` -> the gradient through time, and what is put out."""

    def run(weights, xs, worth):
        def total(weights):
            ys = snn.unroll(cell, weights, xs, dt=DT)[1]
            return loss(ys, worth), ys

        return jax.grad(total, has_aux=True)(weights)

    return run


def through_time(cell, *given):
    return spiking(jax.jit(summed(cell))(*given))


def spiking(found):
    """The gradient of a network that fires neither never nor always."""
    grads, ys = found
    assert 5 < np.sum(ys) < 0.9 * ys.size
    return grads


def check_equal(found, expected):
    def each(a, b):
        np.testing.assert_allclose(a, b, 1e-11, 1e-12 * np.abs(b).max())

    jax.tree.map(each, found, expected)


CELLS = {
    f"{wiring}, {reset}": make(reset)
    for reset in ("zero", "subtract")
    for wiring, make in {
        "plain": plain,
        "looped": looped,
        "left out": partial(looped, recurrent_gradient=False),
    }.items()
}


@pytest.mark.parametrize("name", CELLS)
def test_rules_that_keep_all_have_the_whole_gradient_in_any_block(name, x64):
    cell = CELLS[name]
    rules = (rtrl, per_unit)[: 1 if name.startswith("looped") else 2]
    runs = [by(rule(cell), block) for rule in rules for block in (1, 5, T)]
    run = jax.jit(lambda *given: [each(*given) for each in (summed(cell), *runs)])
    through_time, *every = run(*task(cell))
    expected = spiking(through_time)
    for found in every:
        check_equal(found, expected)


def by(rule, block):
    def found(weights, xs, worth):
        return gradients(rule, weights, xs, loss, worth, dt=DT, block=block)[1]

    return found


def online(rule, weights, xs, worth, block):
    return jax.jit(by(rule, block))(weights, xs, worth)


def test_rtrl_of_two_layers_has_the_whole_gradient(x64):
    cell = snn.chain(plain(), dense(N, 3), neurons(3))
    weights, xs, worth = task(cell)
    found = online(rtrl(cell), weights, xs, worth, 5)
    check_equal(found, through_time(cell, weights, xs, worth))


def test_a_sketch_of_rank_one_is_right_on_average(x64, monkeypatch):
    """Over all signs, of a single neuron."""
    cell = snn.recurrent(*(1, 1, neurons(1)), init=normal, init_recurrent=normal)
    weights = jax.tree.map(lambda w: 0.4 + 0.0 * w, cell.init(KEY))
    weights = jax.tree.map(lambda w: w.astype(float), weights)
    xs = jnp.array([[[2.0]], [[3.0]], [[1.0]]])
    worth = jnp.array([1.0, -0.6, 0.8])[:, None, None]
    size = rank_one(cell, KEY).init(weights, xs[0]).past[0].shape[1]

    def one(signs):
        left = iter(signs)
        fair = lambda key, p, shape: next(left)[None] > 0  # noqa: E731
        monkeypatch.setattr(jax.random, "bernoulli", fair)
        rule = rank_one(cell, KEY)
        at, total = rule.init(weights, xs[0]), jax.tree.map(jnp.zeros_like, weights)
        for x, w in zip(xs, worth, strict=True):
            at, ys, pull = rule.run(weights, at, x[None], DT)
            change = pull(jnp.broadcast_to(w, ys.shape))[0]
            total = optax.tree.add(total, change)
        return total

    every = itertools.product([-1.0, 1.0], repeat=2 * size)
    signs = np.asarray([*every]).reshape(-1, 2, size)
    signs = np.concatenate([signs, np.ones_like(signs[:, :1])], axis=1)
    draws = jax.jit(jax.vmap(one))(signs)

    def total(weights):
        ys = snn.unroll(cell, weights, xs, dt=DT)[1]
        return loss(ys, worth), ys

    expected, ys = jax.jit(jax.grad(total, has_aux=True))(weights)
    assert ys.sum() > 0
    check_equal(jax.tree.map(lambda g: g.mean(axis=0), draws), expected)


def test_rules_that_cut_are_refused():
    cells = plain(), looped(), snn.chain(plain(), dense(N, 2), snn.li(2))
    for cell in cells:
        with pytest.raises(ValueError, match=r"truncated\(…\) cuts .* wrong slope"):
            truncated(cell)
        with pytest.raises(ValueError, match=r"window\(…\) cuts .* wrong slope"):
            window(cell, T)
    for cell in cells[:2]:
        with pytest.raises(ValueError, match=r"EventProp do not factor"):
            factored(cell)


def test_below_others_in_a_stack_it_is_refused_but_for_losses_of_its_own(x64):
    readout, above = (
        snn.chain(dense(N, 2), snn.li(2)),
        snn.chain(dense(N, N), neurons()),
    )
    surrogate = snn.chain(dense(M, N), snn.lif(N, FAST, backend="xla"))
    for below in (
        *(rtrl(plain()), per_unit(plain()), stack(per_unit(plain()))),
        *(rank_one(looped(), KEY), kronecker(looped(), KEY)),
    ):
        for options in ({}, {"feedback": [np.ones((2, N))]}):
            with pytest.raises(ValueError, match="Layer 0 of stack has EventProp"):
                stack(below, per_unit(readout), **options)
    stack(per_unit(surrogate), per_unit(above))
    rules = per_unit(plain()), per_unit(above)
    alone = stack(*rules, every=True, feedback="local")
    weights, xs, worth = task(plain())
    above_weights = jax.tree.map(np.float64, jax.jit(above.init)(KEY))
    each = lambda ys, worth: loss(ys[0], worth) + jnp.sum(ys[1])  # noqa: E731
    run = lambda w, xs, *told: gradients(alone, w, xs, each, *told, dt=DT, block=5)  # noqa: E731
    _, found, _ = jax.jit(run)((weights, above_weights), xs, worth)
    check_equal(found[0], through_time(plain(), weights, xs, worth))


def test_along_training_exact_gradients_are_whole(x64):
    weights, xs, worth = task(cell := plain())
    given = optax.sgd(1e-3), weights, xs[None], loss, worth[None]
    found = along_training({"rtrl": rtrl(cell)}, cell, *given, dt=DT, block=5)["rtrl"]
    for error in jax.tree.leaves(found.alignment.error):
        assert np.all(error < 1e-12)
