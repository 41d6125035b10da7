"""Steps outside a mask: no state, no output, no gradient, whatever they hold."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import snnjax as snn
from snnjax.networks import convolution
from snnjax.neurons import stochastic_lif

T, B, N, DT = 12, 3, 4, 1e-3
LENGTHS = np.array([12, 5, 0])
MASK = np.arange(T)[:, None] < LENGTHS
FAST = snn.LIFParams(5e-3, 2e-3, 0.3)


def network():
    return snn.chain(snn.recurrent(N, N, snn.lif(N, FAST)), snn.dense(N, 2), snn.li(2))


def inputs():
    return 3.0 * jax.random.normal(jax.random.key(1), (T, B, N))


def test_every_sample_ends_where_its_own_steps_end(x64):
    net = network()
    weights, xs = net.init(jax.random.key(0)), inputs()
    state, ys = snn.unroll(net, weights, xs, dt=DT, mask=MASK)
    assert not np.any(np.asarray(ys)[~MASK])
    for b, steps in enumerate(LENGTHS):
        own = xs[:steps, b]
        end, alone = snn.unroll(net, weights, own, dt=DT)
        np.testing.assert_allclose(ys[:steps, b], alone, 1e-12)
        jax.tree.map(
            lambda a, e, b=b: np.testing.assert_allclose(a[b], e, 1e-12), state, end
        )


def test_a_hole_is_time_that_does_not_pass(x64):
    net, keep = network(), np.ones(T, bool)
    keep[[2, 3, 7]] = False
    weights, xs = net.init(jax.random.key(0)), inputs()
    mask = np.broadcast_to(keep[:, None], (T, B))
    state, ys = snn.unroll(net, weights, xs, dt=DT, mask=mask)
    end, short = snn.unroll(net, weights, xs[keep], dt=DT)
    np.testing.assert_allclose(np.asarray(ys)[keep], short, 1e-12)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, 1e-12), state, end)


def test_nothing_of_the_padding_reaches_values_or_gradients(x64):
    net = network()
    weights, xs = net.init(jax.random.key(0)), inputs()

    def loss(weights, xs):
        state, ys = snn.unroll(net, weights, xs, dt=DT, mask=MASK, checkpoint=4)
        return jnp.sum(jnp.sin(ys)) + jnp.sum(state[0].neuron.v)

    clean = jax.value_and_grad(loss, (0, 1))(weights, xs)
    for odd in (np.nan, np.inf, 1e30):
        dirty = jnp.where(MASK[..., None], xs, odd)
        found = jax.value_and_grad(loss, (0, 1))(weights, dirty)
        jax.tree.map(np.testing.assert_array_equal, found, clean)
    assert not np.any(np.asarray(clean[1][1])[~MASK])
    assert np.any(np.asarray(clean[1][1])[MASK])


def test_a_full_mask_changes_nothing():
    net = network()
    weights, xs = net.init(jax.random.key(0)), inputs()
    full = snn.unroll(net, weights, xs, dt=DT, mask=np.ones((T, B), bool))
    plain = snn.unroll(net, weights, xs, dt=DT)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, 1e-5), full, plain)


def test_maps_are_masked_sample_by_sample():
    net = snn.chain(convolution(2, 3, kernel=(3, 3)), snn.lif(3, FAST))
    weights = net.init(jax.random.key(0))
    xs = 3.0 * jax.random.normal(jax.random.key(1), (T, B, 5, 5, 2))
    state, ys = snn.unroll(net, weights, xs, dt=DT, mask=MASK)
    assert ys[:5, 1].any()
    assert not ys[5:, 1].any()
    early, _ = snn.unroll(net, weights, xs[:5, 1], dt=DT)
    np.testing.assert_allclose(state[1].v[1], early[1].v, 1e-5)


def test_noise_goes_on_for_those_that_run():
    cell = stochastic_lif(N, FAST, key=jax.random.key(0))
    _, ys = snn.unroll(cell, (), inputs(), dt=DT, mask=MASK)
    _, plain = snn.unroll(cell, (), inputs(), dt=DT)
    np.testing.assert_array_equal(ys[:, 0], plain[:, 0])
    assert plain[:, 0].any()


def test_a_run_may_have_its_own_noise():
    cell = snn.chain(stochastic_lif(N, FAST, key=jax.random.key(0)), snn.li(N))
    traces = []

    @jax.jit
    def run(key):
        traces.append(1)
        return snn.unroll(cell, ((), ()), 0.1 * inputs(), dt=DT, key=key)[1]

    first, other = run(jax.random.key(1)), run(jax.random.key(2))
    assert len(traces) == 1
    assert np.any(first != other)
    np.testing.assert_array_equal(first, run(jax.random.key(1)))
    state = snn.reseed(cell.rest(inputs()[0]), jax.random.key(1))
    again = snn.unroll(cell, ((), ()), 0.1 * inputs(), dt=DT, state=state)[1]
    np.testing.assert_allclose(first, again, 1e-5, 1e-6)


@pytest.mark.parametrize(
    ("mask", "words"),
    [
        (MASK.T, r"must be \[T, \*batch\] .*\(12, 3\), got \(3, 12\)"),
        (MASK[:5], r"got \(5, 3\)"),
        (np.ones((T, B, N), bool), "got"),
        (0.5 * np.ones((T, B)), "True or False"),
    ],
)
def test_a_mask_of_another_shape_is_refused(mask, words):
    with pytest.raises(ValueError, match=words):
        snn.unroll(snn.li(N), (), inputs(), dt=DT, mask=mask)


@pytest.mark.parametrize("backend", ["native", "xla"])
def test_connections_of_a_masked_chain_run_at_once(backend):
    first = snn.dense(N, N, bias=True, backend=backend)
    inner = snn.chain(hidden=first, spikes=snn.lif(N, FAST, backend=backend))
    net = snn.chain(inner, snn.dense(N, 2), snn.li(2))
    weights, xs = net.init(jax.random.key(0)), inputs()
    dirty = jnp.where(MASK[..., None], xs, jnp.nan)
    alone = snn.unroll(net, weights, jnp.where(MASK[..., None], xs, 0.0), dt=DT)[1]
    ys = snn.unroll(net, weights, dirty, dt=DT, mask=MASK)[1]
    expected = np.where(MASK[..., None], alone, 0.0)
    np.testing.assert_allclose(ys, expected, 1e-6, 1e-6)

    def masked(xs):
        return snn.unroll(net, weights, xs, dt=DT, mask=MASK)[1]

    inside = [e for e in jax.make_jaxpr(masked)(xs).eqns if e.primitive.name == "scan"]
    assert not any("dot_general" in str(e.params["jaxpr"]) for e in inside)


def test_names_that_are_watched_are_seen_under_a_mask():
    net = snn.chain(
        input=snn.dense(N, N), hidden=snn.lif(N, FAST), outputs=("hidden", "hidden.v")
    )
    weights = net.init(jax.random.key(0))
    state, ys = snn.unroll(net, weights, inputs(), dt=DT, mask=MASK)
    v = np.asarray(ys["hidden.v"])
    assert not v[~MASK].any()
    for b, steps in enumerate(LENGTHS[:2]):
        np.testing.assert_array_equal(v[steps - 1, b], state["hidden"].v[b])


def test_a_chain_that_was_given_another_step_is_stepped_under_a_mask():
    net = snn.chain(snn.dense(N, N), snn.li(N))
    weights = net.init(jax.random.key(0))

    def twice(weights, state, x, dt):
        state, y = net.step(weights, state, x, dt)
        return state, 2.0 * y

    changed = net._replace(step=twice, run=None)
    found, plain = (
        snn.unroll(cell, weights, inputs(), dt=DT, mask=MASK)[1]
        for cell in (changed, net)
    )
    np.testing.assert_allclose(found, 2.0 * plain, 1e-5, 1e-5)
