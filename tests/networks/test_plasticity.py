import jax
import jax.numpy as jnp
import numpy as np
import pytest

import snnjax as snn
from snnjax.networks import ShortTermParams, short_term

DT, EVERY = 1e-3, 50  # a spike every 50 ms


def steady(p, spikes):
    """What the last of many regular spikes releases."""
    xs = np.zeros((EVERY * spikes, 1))
    xs[EVERY - 1 :: EVERY] = 1.0
    _, ys = snn.unroll(short_term(1, p), (), xs, dt=DT)
    return float(ys[-1, 0])


def closed_form(p):
    """Of a spike in an endless row, each leaving what the next one finds."""
    u = p.use
    if p.tau_facilitation is not None:
        u = p.use / (1.0 - (1.0 - p.use) * np.exp(-EVERY * DT / p.tau_facilitation))
    left = np.exp(-EVERY * DT / p.tau_recovery)
    return u * (1.0 - left) / (1.0 - (1.0 - u) * left)


def test_depression_ends_at_its_closed_form(x64):
    p = ShortTermParams(0.5, 800e-3)
    np.testing.assert_allclose(steady(p, 80), closed_form(p), rtol=1e-12)


def test_facilitation_ends_at_its_closed_form(x64):
    p = ShortTermParams(0.05, 100e-3, 800e-3)
    assert closed_form(p) > 2 * p.use
    np.testing.assert_allclose(steady(p, 200), closed_form(p), rtol=1e-5)


def test_the_first_spike_releases_the_share_and_rest_comes_back():
    p = ShortTermParams(np.array([0.1, 0.6]), 50e-3, 100e-3)
    xs = jnp.zeros((3_000, 2)).at[jnp.array([0, 2_999])].set(1.0)
    state, ys = snn.unroll(short_term(2, p), (), xs, dt=DT)
    np.testing.assert_allclose(ys[jnp.array([0, 2_999])], [p.use, p.use], rtol=1e-5)
    assert not ys[1:-1].any()
    np.testing.assert_allclose(state.x, 1.0 - p.use * np.exp(-DT / 50e-3), rtol=1e-5)


def test_time_constants_can_be_learned_through_it(x64):
    xs = (np.arange(200) % 7 == 0).astype(float)[:, None]

    def total(tau):
        cell = short_term(1, ShortTermParams(0.3, tau, 0.2))
        return snn.unroll(cell, (), xs, dt=DT)[1].sum()

    found = jax.grad(total)(0.1)
    expected = (total(0.1 + 1e-6) - total(0.1 - 1e-6)) / 2e-6
    np.testing.assert_allclose(found, expected, 1e-7)


def test_shares_and_times_that_there_are_not_are_refused():
    for name, value in (("use", 1.5), ("use", 0.0), ("tau_recovery", 0.0)):
        with pytest.raises(ValueError, match=name):
            short_term(2, ShortTermParams()._replace(**{name: value}))
    with pytest.raises(ValueError, match="expects 2 channels"):
        short_term(2).rest(jnp.zeros(3))


@pytest.mark.parametrize("use", [0.3, 1.0])
@pytest.mark.parametrize("tau", [None, 0.5])
def test_several_spikes_in_one_step_follow_each_other(use, tau, x64):
    cell = short_term(1, ShortTermParams(use, 50e-3, tau))
    counts = np.array([3.0, 0.0, 2.0, 1.0, 7.0, 2.0])
    state, ys = snn.unroll(cell, (), counts[:, None], dt=DT)
    x, u = 1.0, 0.0
    for count, y in zip(counts, ys[:, 0], strict=True):
        before = x
        for _ in range(int(count)):
            u = use if tau is None else u + use * (1.0 - u)
            x -= u * x
        np.testing.assert_allclose(y, before - x, 1e-12, 1e-14)
        x += (1.0 - x) * -np.expm1(-DT / 50e-3)
        u *= 1.0 if tau is None else np.exp(-DT / tau)
    np.testing.assert_allclose(state.x[0], x, 1e-12)

    def total(xs, use):
        cell = short_term(1, ShortTermParams(use, 50e-3, tau))
        return snn.unroll(cell, (), xs, dt=DT)[1].sum()

    slopes = jax.grad(total, (0, 1))(jnp.asarray(counts[:, None]), use)
    assert all(np.isfinite(each).all() for each in slopes)
