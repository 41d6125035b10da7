import jax
import jax.numpy as jnp
import numpy as np
import pytest

import snnjax as snn
from snnjax.networks import batch_norm, channel_statistics, dropout, layer_norm

T, B, N, DT = 40, 16, 8, 1e-3


def currents(seed=0):
    scale = 1.0 + np.arange(N)
    drawn = jax.random.normal(jax.random.key(seed), (T, B, N))
    return jnp.asarray(scale * np.asarray(drawn) + scale[::-1], jnp.float32)


def run(cell, weights, xs, **more):
    return snn.unroll(cell, weights, xs, dt=DT, **more)[1]


def test_a_layer_of_maps_is_normalised_as_one(rng, x64):
    x = rng.normal(2.0, 3.0, size=(5, 2, 4, 6, 3))
    cell = layer_norm(3, space=2, gain=0.5)
    weights = cell.init(jax.random.key(0))
    np.testing.assert_array_equal(weights.gain, 0.5)
    _, ys = cell.run(weights, (), jnp.asarray(x), 1e-3)
    mean = x.mean(axis=(2, 3, 4), keepdims=True)
    off = x.std(axis=(2, 3, 4), keepdims=True)
    np.testing.assert_allclose(ys, 0.5 * (x - mean) / np.sqrt(off**2 + 1e-5), 1e-10)
    alone = layer_norm(3, gain=0.5).run(weights, (), jnp.asarray(x), 1e-3)[1]
    assert np.abs(np.asarray(alone - ys)).max() > 0.1
    with pytest.raises(ValueError, match=r"needs \[\*batch, \*space, 3\]"):
        cell.step(weights, (), jnp.ones((4, 3)), 1e-3)
    for options in ({"space": -1}, {"gain": 0.0}, {"gain": np.ones(3)}):
        with pytest.raises(ValueError, match=next(iter(options))):
            layer_norm(3, **options)


def test_layers_are_normalised_over_neurons():
    cell = layer_norm(N)
    ys = run(cell, cell.init(jax.random.key(0)), currents())
    np.testing.assert_allclose(ys.mean(-1), 0.0, atol=1e-5)
    np.testing.assert_allclose(ys.std(-1), 1.0, atol=1e-3)


def test_channels_are_normalised_by_what_was_measured():
    cell, xs = batch_norm(N), currents()
    weights = cell.init(jax.random.key(0))
    np.testing.assert_allclose(run(cell, weights, xs), xs, 1e-4)  # 0 and 1 at first
    weights = weights._replace(statistics=channel_statistics(xs))
    ys = run(cell, weights, xs)
    np.testing.assert_allclose(ys.mean((0, 1)), 0.0, atol=1e-5)
    np.testing.assert_allclose(ys.std((0, 1)), 1.0, atol=1e-3)
    grads = jax.grad(lambda w: jnp.sum(run(cell, w, xs) ** 2))(weights)
    assert not np.any(grads.statistics.mean)
    assert not np.any(grads.statistics.variance)
    assert np.all(grads.gain != 0.0)


def test_statistics_are_of_the_valid_steps_alone():
    xs = currents()
    mask = np.arange(T)[:, None] < np.resize([T, 5, 0], B)
    found = channel_statistics(jnp.where(mask[..., None], xs, jnp.nan), mask=mask)
    valid = np.asarray(xs)[mask]
    np.testing.assert_allclose(found.mean, valid.mean(0), 1e-4)
    np.testing.assert_allclose(found.variance, valid.var(0), 1e-4)


def test_a_channel_is_silent_for_a_whole_trial_or_not_at_all():
    cell, xs = dropout(N, 0.25, key=jax.random.key(0)), jnp.ones((T, 500, N))
    ys = run(cell, (), xs)
    kept = ys[0] > 0
    np.testing.assert_allclose(ys, jnp.where(kept, 1.0 / 0.75, 0.0)[None] + 0 * ys)
    np.testing.assert_allclose(kept.mean(), 0.75, atol=0.03)
    assert len(np.unique(kept, axis=0)) > 50  # samples differ
    other = run(cell, (), xs, key=jax.random.key(1))
    assert np.any(other != ys)
    np.testing.assert_array_equal(run(cell, (), xs, record=lambda s, y: y), ys)
    middle, first = snn.unroll(cell, (), xs[:9], dt=DT)
    second = run(cell, (), xs[9:], state=middle)
    np.testing.assert_array_equal(np.concatenate([first, second]), ys)


def test_nothing_is_dropped_at_rate_0_and_wrong_rates_are_refused_or_nan():
    key, xs = jax.random.key(0), currents()
    np.testing.assert_array_equal(run(dropout(N, 0.0, key=key), (), xs), xs)
    for rate in (-0.1, 1.0, np.array([0.1, 0.2])):
        with pytest.raises(ValueError, match="rate"):
            dropout(N, rate, key=key)
    traced = jax.jit(lambda rate: run(dropout(N, rate, key=key), (), xs))
    assert np.isnan(traced(1.0)).all()
    assert np.isnan(traced(-0.5)).all()
    assert np.isfinite(traced(0.5)).all()


def test_no_valid_step_has_no_statistics():
    xs, never = jnp.ones((4, 3)), jnp.zeros(4, bool)
    with pytest.raises(ValueError, match="mask must leave some steps"):
        channel_statistics(xs, mask=never)
    found = jax.jit(lambda mask: channel_statistics(xs, mask=mask))(never)
    assert np.isnan(found).all()
