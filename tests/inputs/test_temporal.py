import jax
import jax.numpy as jnp
import numpy as np
import pytest

import snnjax as snn
from snnjax.inputs import add, add_floor, mimic, pattern_generation, spike_mapping

KEY = jax.random.key(3)


def test_targets_of_add_are_sums_of_two_inputs_of_the_past():
    xs, targets = map(np.asarray, add(KEY, steps=50, batch=3, delays=(2, 5)))
    x = np.concatenate([np.zeros((5, 3)), xs[..., 0]])  # nothing before the start
    for t in range(50):
        p = 0.5 + 0.5 * x[5 + t - 2] - 0.25 * x[t]
        np.testing.assert_array_equal(targets[t], np.stack([p, 1 - p], 1))


def test_floors_of_add_are_the_least_cross_entropies_of_many_steps():
    published = {(0, 0): 0.66156, (0, 1): 0.62774, (1, 0): 0.51917, (1, 1): 0.45445}
    xs, targets = add(KEY, steps=50_000, delays=(6, 10))
    p, x = np.asarray(targets, float)[10:, 0, 0], np.asarray(xs)[:, 0, 0]
    inputs = np.stack([x[4:-6], x[:-10]])
    for known, floor in published.items():
        ours = add_floor(first=bool(known[0]), second=bool(known[1]))
        assert ours == pytest.approx(floor, abs=6e-6)
        code = np.array(known) @ (inputs * [[1], [2]])
        best = np.array(
            [p[code == c].mean() if (code == c).any() else 0.5 for c in range(4)]
        )
        best = np.clip(best[code.astype(int)], 1e-9, 1 - 1e-9)
        lost = -np.mean(p * np.log(best) + (1 - p) * np.log(1 - best))
        assert lost == pytest.approx(floor, abs=6e-3)


def test_a_mimicked_network_is_a_tanh_network_of_its_own_key(x64):
    teacher = jax.random.key(9)
    sizes = {"n_in": 3, "n": 5, "n_out": 2}
    xs, ys = mimic(KEY, teacher=teacher, steps=20, batch=4, **sizes)
    keys = jax.random.split(teacher, 3)
    w = np.asarray(jax.random.orthogonal(keys[0], 5))
    v = np.asarray(jax.random.normal(keys[1], (3, 5))) / 3**0.5
    u = np.asarray(jax.random.normal(keys[2], (5, 2))) / 5**0.5
    h = np.zeros((4, 5))
    for x, y in zip(np.asarray(xs), ys, strict=True):
        h = np.tanh(h @ w + x @ v)
        np.testing.assert_allclose(y, h @ u, rtol=1e-4, atol=1e-5)
    same = mimic(jax.random.key(4), teacher=teacher, steps=20, batch=4, **sizes)
    assert not np.array_equal(same.xs, xs)
    other = mimic(KEY, teacher=KEY, steps=20, batch=4, **sizes)
    assert np.array_equal(other.xs, xs)
    assert not np.allclose(other.targets, ys)


def test_curves_are_their_sines_and_silence_is_off_by_one():
    periods = (1.0, 0.5, 0.25, 0.2)
    xs, ys = pattern_generation(
        KEY, steps=1000, n_in=50, n_out=7, rate=50.0, periods=periods, dt=1e-3
    )
    assert (xs.shape, ys.shape) == ((1000, 1, 50), (1000, 1, 7))
    assert xs.mean() / 1e-3 == pytest.approx(50.0, rel=0.05)
    np.testing.assert_allclose((ys**2).mean(axis=0), 1.0, rtol=1e-3)
    power = np.abs(np.fft.rfft(np.asarray(ys)[:, 0], axis=0)) ** 2
    power /= power.sum(axis=0)
    lines = np.array([1, 2, 4, 5])
    np.testing.assert_allclose(power[lines].sum(axis=0), 1.0, rtol=1e-4)
    assert np.all(power[lines] > 0.01)


def test_a_mapping_loses_what_its_filtered_targets_weigh_where_it_is_silent():
    # Each spike of rate ν brings ν ∫ε², and their mean the square of ν ∫ε.
    xs, goal = spike_mapping(
        KEY,
        steps=20_000,
        patterns=2,
        n_in=3,
        n_out=20,
        rate=5.0,
        rate_out=20.0,
        dt=1e-3,
    )
    assert (xs.shape, goal.shape) == ((20_000, 2, 3), (20_000, 2, 20))
    assert xs.mean() / 1e-3 == pytest.approx(5.0, rel=0.1)
    assert goal.mean() / 1e-3 == pytest.approx(20.0, rel=0.03)
    assert not np.array_equal(goal[:, 0], goal[:, 1])
    params = snn.LIParams(10e-3, 5e-3)
    _, v = jax.jit(lambda x: snn.unroll(snn.li(20, params), (), x, dt=1e-3))(goal)
    kernel = snn.unroll(
        snn.li(1, params), (), jnp.zeros((200, 1)).at[0].set(1.0), dt=1e-3
    )[1]
    nu = 0.02
    expected = nu * (1 - nu) * (kernel**2).sum() + (nu * kernel.sum()) ** 2
    assert (v[200:] ** 2).mean() == pytest.approx(float(expected), rel=0.03)


def test_delays_that_are_no_two_are_refused():
    for delays in ((3, 3), (1, 2, 3), (0, 1), 5):
        with pytest.raises(ValueError, match="delays must"):
            add(KEY, steps=5, delays=delays)
    with pytest.raises(ValueError, match="periods must be one or more"):
        pattern_generation(KEY, steps=5, n_in=2, n_out=1, rate=9.0, periods=(), dt=1e-3)
