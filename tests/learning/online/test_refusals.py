"""What a rule cannot treat is refused by it, with the cure; never a silent number."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import snnjax as snn
from snnjax.kernels import build
from snnjax.learning.online import (
    factored,
    kronecker,
    per_unit,
    rank_one,
    rtrl,
    stack,
    truncated,
    window,
)
from snnjax.networks import DenseWeights, convolution, from_events
from snnjax.neurons import stochastic_lif

B, M, N, DT = 3, 4, 5, 1e-3
KEY = jax.random.key(0)
lif = partial(snn.lif, N, reset="subtract", backend="xla")
RULES = {
    "rtrl": rtrl,
    "per_unit": per_unit,
    "factored": factored,
    "rank_one": partial(rank_one, key=KEY),
    "kronecker": partial(kronecker, key=KEY),
}


def layer(connection=None, neuron=None):
    return snn.chain(connection or snn.dense(M, N), neuron or lif())


def closed(neuron, feedback=None):
    return snn.recurrent(neuron, feedback or snn.dense(N, N), recurrent_gradient=False)


def inhibited():
    """Neurons that take away from each other, without a connection that shows it."""
    inner = lif()

    def step(weights, state, x, dt):
        return inner.step(weights, state, x - 0.3 * jnp.sum(state.v, -1)[..., None], dt)

    return snn.Cell(inner.init, inner.rest, step)


def bent():
    """A connection that is not linear in what it is given."""
    inner = snn.dense(M, N)

    def step(weights, state, x, dt):
        state, y = inner.step(weights, state, x, dt)
        return state, jnp.tanh(y)

    return snn.Cell(inner.init, inner.rest, step)


def refused(rule, cell, x, words):
    """At once, and while tracing, where weights and inputs are not known."""

    def begin(way):
        return way(rule(cell).init, cell.init(KEY), x)

    for way in (lambda f, *args: f(*args), jax.eval_shape):
        with pytest.raises(ValueError, match=words):
            begin(way)


def test_resets_to_zero_and_lateral_inhibition():
    x = jnp.ones((B, M))
    reset = layer(neuron=snn.lif(N, backend="xla"))
    refused(factored, reset, x, "do not factor")
    for rule in ("per_unit", "factored"):
        refused(RULES[rule], layer(neuron=inhibited()), x, "act on each other|factor")
    for neuron in (inhibited(), snn.stateless(jax.nn.softmax)):
        refused(RULES["kronecker"], closed(neuron), jnp.ones((B, N)), "each other")


@pytest.mark.parametrize("name", RULES)
def test_noise_that_a_batch_shares(name):
    noisy = stochastic_lif(N, key=KEY)
    cell = closed(noisy) if name == "kronecker" else layer(neuron=noisy)
    x = jnp.ones((B, N if name == "kronecker" else M))
    refused(RULES[name], cell, x, "each sample's own")


@pytest.mark.parametrize("name", [name for name in RULES if name != "kronecker"])
def test_feature_maps_and_indices_of_events(name):
    maps = snn.chain(convolution(2, N, kernel=(3, 3), padding="same"), lif())
    refused(RULES[name], maps, jnp.ones((B, 6, 6, 2)), "truncated or window")
    events = layer(from_events(M, N))
    refused(RULES[name], events, jnp.zeros((B, 7), jnp.int32), "their raster")


def test_rules_that_go_through_everything_take_maps():
    maps = snn.chain(convolution(2, N, kernel=(3, 3), padding="same"), lif())
    weights, xs = jax.jit(maps.init)(KEY), np.ones((4, B, 6, 6, 2), np.float32)
    for rule in (truncated(maps), window(maps, 3)):

        def credit(weights, rule=rule):
            _, ys, pull = rule.run(weights, rule.init(weights, xs[0]), xs, DT)
            return pull(jnp.ones_like(ys))[0]

        assert any(np.any(g != 0) for g in jax.tree.leaves(jax.jit(credit)(weights)))


@pytest.mark.parametrize("name", ["factored", "kronecker"])
def test_what_is_no_connection_with_neurons(name):
    rule = RULES[name]
    learned = snn.learn(
        lambda tau: snn.lif(N, snn.LIFParams(tau), backend="xla"), tau=5e-3
    )
    slow = snn.chain(snn.dense(N, N), snn.li(N))
    x = jnp.ones((B, N))
    refused(rule, closed(learned), x, "learned constants")
    refused(rule, closed(lif(), slow), x, "without memory, feedback has a state")
    refused(rule, snn.dense(M, N), jnp.ones((B, M)), "needs a layer")
    many = snn.chain(snn.dense(M, N), lif(), snn.dense(N, N), lif())
    refused(rule, many, jnp.ones((B, M)), "needs a layer")
    other = layer()._replace(step=layer(neuron=snn.li(N)).step)
    refused(rule, other, jnp.ones((B, M)), "needs a layer|recurrent layer")
    words = snn.chain(neuron=snn.li(N), feedback=snn.dense(N, N))
    refused(rule, words, x, "learned constants|recurrent layer")
    shown = snn.recurrent(M, N, lif(), outputs=("spikes", "v"))
    refused(rule, shown, jnp.ones((B, M)), "no outputs=")
    if name == "factored":
        refused(rule, closed(snn.stateless(jnp.tanh)), x, "truncated is the same")
    if name == "kronecker":
        refused(rule, layer(), jnp.ones((B, M)), "recurrent layer.*per_unit is exact")
        refused(partial(kronecker, key=jax.random.PRNGKey(0)), closed(lif()), x, "key")
    else:
        refused(rule, layer(bent()), jnp.ones((B, M)), "linear in what they are given")


def test_a_memory_without_weights_above_others():
    above = stack(factored(layer()), truncated(snn.li(N)))
    with pytest.raises(ValueError, match="remembers and has no weights"):
        above.init((layer().init(KEY), ()), jnp.ones((B, M)))


@pytest.mark.parametrize("name", ["per_unit", "factored", "kronecker"])
def test_constants_that_are_traced_make_nan_and_never_zero(name):
    x = jnp.ones((4, B, N))

    def grads(tau, reset):
        neuron = snn.lif(N, snn.LIFParams(tau), reset=reset, backend="xla")
        cell = closed(neuron if reset == "subtract" else _pushed(neuron, tau))
        weights = cell.init(KEY)
        rule = RULES[name](cell)
        _, ys, pull = rule.run(weights, rule.init(weights, x[0]), x, DT)
        return pull(jnp.ones_like(ys))[0].feedback

    fine, odd = (jax.jit(partial(grads, reset=r))(5e-3) for r in ("subtract", "zero"))
    assert all(jnp.isfinite(g).all() for g in jax.tree.leaves(fine))
    assert all(jnp.isnan(g).all() for g in jax.tree.leaves(odd))


def _pushed(neuron, tau):
    """Neurons that act on each other by what is traced."""

    def step(weights, state, x, dt):
        push = 10.0 * tau * jnp.sum(state.v, -1)[..., None]
        return neuron.step(weights, state, x - push, dt)

    return snn.Cell(neuron.init, neuron.rest, step)


def test_weights_of_a_connection_by_name_only():
    """A connection written by hand, of fields that nobody knows, is credited too."""

    def step(weights, state, x, dt):
        return state, jnp.einsum("...m,mn->...n", x, jnp.exp(weights.w))

    own = snn.Cell(
        lambda key: DenseWeights(jnp.zeros((M, N)), None), lambda x: (), step
    )
    cell = layer(own)
    weights, xs = cell.init(KEY), jnp.ones((6, B, M))

    def grads(rule):
        @jax.jit
        def step(carry, x):
            carry, ys, pull = rule.run(weights, carry, x[None], DT)
            return carry, pull(jnp.ones_like(ys))[0][0].w

        total, carry = jnp.zeros((M, N)), rule.init(weights, xs[0])
        for x in xs:
            carry, change = step(carry, x)
            total += change
        return total

    one, other = grads(factored(cell)), grads(rtrl(cell))
    assert jnp.any(other != 0)
    assert jnp.allclose(one, other, 1e-5, 1e-6)


@pytest.mark.skipif(bool(build.load()), reason="no native code here")
def test_a_sketch_that_is_pushed_forward_through_native_code():
    cell = layer(snn.dense(M, N, backend="native"), snn.lif(N, backend="native"))
    rule, weights = rank_one(cell, KEY), cell.init(KEY)
    xs = jnp.ones((2, B, M))
    with pytest.raises(ValueError, match='backend="xla"'):
        rule.run(weights, rule.init(weights, xs[0]), xs, DT)
