"""Every rule computes in the precision of its network, whatever was switched on."""

import inspect
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import snnjax as snn
from snnjax.kernels import build
from snnjax.learning import online

T, B, N, DT = 5, 2, 3, 1e-3
GIVEN = {"key": jax.random.key(0), "steps": 3}
RULES = [
    rule
    for rule in map(partial(getattr, online), online.__all__)
    if inspect.isfunction(rule)
    and next(iter(inspect.signature(rule).parameters)) == "cell"
]


def squared(y):
    return jnp.mean(y**2)


def made(rule):
    neuron = snn.lif(N, snn.LIFParams(5e-3, 2e-3, 0.3), reset="subtract", backend="xla")
    cell = snn.recurrent(N, N, neuron, bias=True, recurrent_gradient=False)
    wanted = inspect.signature(rule).parameters
    return cell, rule(cell, **{k: v for k, v in GIVEN.items() if k in wanted})


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_double_precision_elsewhere_widens_and_changes_nothing(rule):
    cell, rule = made(rule)
    weights = jax.jit(cell.init)(jax.random.key(0))
    xs = np.random.default_rng(0).uniform(0.0, 4.0, (T, B, N)).astype(np.float32)

    def found():
        one = partial(online.gradients, rule, loss=squared, dt=DT, block=2)
        return jax.jit(lambda w, x: one(w, x)[:2])(weights, xs)

    plain = found()
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", True)
    wide = found()
    jax.config.update("jax_enable_x64", before)
    assert plain[0] > 0.0
    for a, b in zip(*map(jax.tree.leaves, (plain, wide)), strict=True):
        assert a.dtype == b.dtype == jnp.float32
        np.testing.assert_allclose(b, a, 1e-5, 1e-6)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_numbers_of_the_host_and_gradients_that_are_not_finite(rule):
    cell, rule = made(rule)
    weights = jax.tree.map(np.asarray, jax.jit(cell.init)(jax.random.key(0)))
    xs = np.random.default_rng(0).uniform(0.0, 4.0, (T, B, N))

    def found(x):
        return online.gradients(rule, weights, x, squared, dt=DT, block=2)[1]

    grads = jax.jit(lambda: found(xs))()  # which are those of the host to the rule
    assert all(g.dtype == jnp.float32 for g in jax.tree.leaves(grads))
    xs[0, 0, 0] = np.nan
    spoiled = jax.tree.leaves(jax.jit(found)(xs.astype(np.float32)))
    assert any(np.isnan(g).any() for g in spoiled)


@pytest.mark.skipif(bool(build.load()), reason="no native code here")
@pytest.mark.parametrize("block", [1, 7])
def test_native_code_inside_a_block_gives_the_gradient_of_traces_for_each_weight(block):
    fast = snn.LIFParams(5e-3, 2e-3, 0.5)

    def layer(backend):
        neuron = snn.lif(N, fast, reset="subtract", backend=backend)
        return snn.recurrent(N, N, neuron, bias=True, recurrent_gradient=False)

    weights = layer("xla").init(jax.random.key(0))
    xs = jax.random.uniform(jax.random.key(1), (60, B, N), maxval=2.5)

    def found(rule):
        one = partial(online.gradients, rule, loss=squared, dt=DT, block=block)
        return jax.jit(lambda w, x: one(w, x)[:2])(weights, xs)

    value, grads = found(online.factored(layer("native")))
    expected_value, expected = found(online.per_unit(layer("xla")))
    assert 0.05 < value / 60 < 0.5  # spikes are 0 or 1: their rate
    np.testing.assert_allclose(value, expected_value, 1e-6)
    for a, b in zip(*map(jax.tree.leaves, (grads, expected)), strict=True):
        assert jnp.max(jnp.abs(a - b)) < 1e-5 * jnp.max(jnp.abs(b))
