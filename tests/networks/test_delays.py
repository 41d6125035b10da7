from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import snnjax as snn
from snnjax.networks import LearnedDelayWeights, delay, learned_delay, ring

T, B, N, LONGEST, DT = 30, 3, 4, 6, 1e-3
WHOLE = np.array([0, 1, 4, 6])


def raster(steps=T, batch=(B,), seed=0):
    fired = jax.random.bernoulli(jax.random.key(seed), 0.3, (steps, *batch, N))
    return fired.astype(jnp.result_type(float))


def smooth(steps=T):
    t = jnp.arange(steps, dtype=jnp.result_type(float))
    return jnp.sin(0.3 * t)[:, None, None] * jnp.ones((1, B, N))


def shifted(xs, steps):
    """Line by line, on the host."""
    ys = np.zeros_like(xs)
    for k, by in enumerate(np.broadcast_to(steps, N)):
        ys[by:, :, k] = np.asarray(xs)[: len(xs) - by, :, k]
    return ys


def run(cell, weights, xs, dt=DT):
    return snn.unroll(cell, weights, xs, dt=dt)[1]


def tilted(ys):
    shades = jnp.cos(1.0 + jnp.arange(ys.size, dtype=ys.dtype))
    return jnp.sum(ys * shades.reshape(ys.shape))


@pytest.mark.parametrize("dt", [1e-4, 1e-3, 3.3e-3])
@pytest.mark.parametrize("steps", [WHOLE, 3])
def test_whole_delays_shift_a_raster_bit_for_bit(dt, steps):
    xs, by = raster(), steps * dt
    expected = shifted(xs, steps)
    np.testing.assert_array_equal(run(delay(N, by, LONGEST), (), xs, dt), expected)
    traced = jax.jit(lambda by, dt: run(delay(N, by, LONGEST), (), xs, dt))
    np.testing.assert_array_equal(traced(by, dt), expected)


def test_a_ring_is_a_delay_of_whole_steps(x64):
    xs = raster()
    for steps in (1, 4, 7):
        expected = shifted(xs, steps)
        np.testing.assert_array_equal(run(ring(N, steps), (), xs), expected)
        one = partial(snn.unroll, ring(N, steps), (), dt=DT, record=lambda s, y: y)
        np.testing.assert_array_equal(one(xs[:, 0])[1], expected[:, 0])
        np.testing.assert_array_equal(one(xs)[1], expected)


def test_between_whole_steps_two_neighbours_share(x64):
    xs = raster()
    ys = run(delay(N, 2.25e-3, LONGEST), (), xs)
    expected = 0.75 * shifted(xs, 2) + 0.25 * shifted(xs, 3)
    np.testing.assert_allclose(ys, expected, 1e-12)


def test_learned_delays_are_the_given_ones_at_the_same_times(x64):
    xs, d = raster(), np.array([0.3, 1.7, 3.0, 5.9])
    logit = jnp.asarray(np.log(d / (LONGEST - d)))
    found = run(learned_delay(N, LONGEST), LearnedDelayWeights(logit), xs)
    expected = run(delay(N, d * DT, LONGEST), (), xs)
    np.testing.assert_allclose(found, expected, 1e-10, 1e-12)
    certain = LearnedDelayWeights(jnp.full(N, 1e3))
    np.testing.assert_array_equal(
        run(learned_delay(N, LONGEST), certain, xs), shifted(xs, LONGEST)
    )


def test_run_equals_step_and_gradients_equal_finite_differences(x64):
    cell, xs = learned_delay(N, LONGEST), raster()
    weights = cell.init(jax.random.key(1))
    slow = snn.unroll(cell, weights, xs, dt=DT, record=lambda s, y: y)[1]
    np.testing.assert_allclose(run(cell, weights, xs), slow, 0, 1e-12)
    loss = jax.jit(lambda logit: tilted(run(cell, LearnedDelayWeights(logit), xs)))
    found, eps = jax.grad(loss)(weights.logit), 1e-6
    for k in range(N):
        up, down = (loss(weights.logit.at[k].add(s * eps)) for s in (1, -1))
        np.testing.assert_allclose(found[k], (up - down) / (2 * eps), 1e-5, 1e-7)
    by = jnp.array([0.3e-3, 2.4e-3, 1.5e-3, 5.2e-3])
    loss = jax.jit(lambda by: tilted(run(delay(N, by, LONGEST), (), xs)))
    found, eps = jax.grad(loss)(by), 1e-9
    for k in range(N):
        up, down = (loss(by.at[k].add(s * eps)) for s in (1, -1))
        np.testing.assert_allclose(found[k], (up - down) / (2 * eps), 1e-5)


def test_a_smooth_signal_learns_the_delay_that_it_was_given(x64):
    xs, cell = smooth(200), learned_delay(N, LONGEST)
    target = run(delay(N, 2.6e-3, LONGEST), (), xs)

    def loss(weights):
        return jnp.mean((run(cell, weights, xs) - target)[LONGEST:] ** 2)

    step = jax.jit(
        lambda w: jax.tree.map(lambda w, g: w - 5.0 * g, w, jax.grad(loss)(w))
    )
    weights = LearnedDelayWeights(jnp.array([-1.5, -0.5, 0.5, 1.5]))
    for _ in range(600):
        weights = step(weights)
    found = LONGEST * jax.nn.sigmoid(weights.logit)
    np.testing.assert_allclose(found, 2.6, atol=0.02)


def test_a_delay_that_does_not_fit_is_refused_where_it_is_known_and_else_nan():
    xs = raster()
    for by in (7e-3, np.array([0.0, 1e-3, 6.01e-3, 0.0])):
        with pytest.raises(ValueError, match="by: a delay"):
            run(delay(N, by, LONGEST), (), xs)
    traced = jax.jit(lambda by: run(delay(N, by, LONGEST), (), xs))
    ys = traced(jnp.array([0.0, 6e-3, 6.01e-3, -1e-3]))
    assert np.isfinite(ys[..., :2]).all()
    assert np.isnan(ys[..., 2:]).all()
    with pytest.raises(ValueError, match="by"):
        delay(N, -1e-3, LONGEST)


def test_delays_are_drawn_evenly():
    logit = learned_delay(10_000, 5).init(jax.random.key(0)).logit
    parts = np.histogram(jax.nn.sigmoid(logit), 4, (0.0, 1.0))[0]
    np.testing.assert_allclose(parts, 2500, atol=150)


def test_silence_stays_silence():
    xs = jnp.zeros((T, B, N)).at[0].set(1.0)
    cell = learned_delay(N, LONGEST)
    ys = run(cell, cell.init(jax.random.key(2)), xs)
    assert not np.any(ys[LONGEST + 1 :])


def test_an_edge_up_waits_one_step_already():
    connect = partial(snn.dense, N, N, init=lambda key, n, m: jnp.eye(n))
    fired = []
    for back in (ring(N, 3), snn.chain(ring(N, 1), ring(N, 2))):
        edges = {"input->a": connect(), "a->a": snn.chain(back, connect())}
        net = snn.graph({"a": snn.stateless(lambda x: x)}, edges, outputs="a")
        xs = jnp.zeros((9, N)).at[0].set(1.0)
        fired.append(run(net, net.init(jax.random.key(0)), xs))
    np.testing.assert_array_equal(*fired)
    np.testing.assert_array_equal(np.flatnonzero(fired[0][:, 0]), [0, 4, 8])
