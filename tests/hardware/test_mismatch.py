"""Draws against their theory, and what they do not depend on."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import snnjax as snn
from snnjax import neurons
from snnjax.hardware import Gamma, LogNormal, Shift, distorted, vary, vary_weights

KEY = jax.random.key(0)
MANY = 100_000


def test_factors_have_mean_one_their_spread_and_a_normal_logarithm():
    for spread in (0.1, 0.3, 1.0):
        params = snn.LIFParams(tau_mem=10e-3)
        drawn = vary(KEY, params, MANY, tau_mem=LogNormal(spread))
        factors = np.asarray(drawn.tau_mem, np.float64) / 10e-3
        error = spread * 4.0 / np.sqrt(MANY)  # of the mean, four standard errors
        assert abs(factors.mean() - 1.0) < error
        np.testing.assert_allclose(factors.std(), spread, rtol=0.05)
        logs, variance = np.log(factors), np.log(1.0 + spread**2)
        np.testing.assert_allclose(logs.mean(), -variance / 2.0, atol=error)
        np.testing.assert_allclose(logs.std(), np.sqrt(variance), rtol=0.01)
        z = (logs - logs.mean()) / logs.std()
        np.testing.assert_allclose([np.mean(z**3), np.mean(z**4)], [0.0, 3.0], 0, 0.06)


def test_gamma_factors_have_mean_one_their_spread_and_their_skewness():
    for spread in (0.2, 3.0**-0.5):
        drawn = vary(KEY, snn.LIFParams(tau_mem=10e-3), MANY, tau_mem=Gamma(spread))
        factors = np.asarray(drawn.tau_mem, np.float64) / 10e-3
        np.testing.assert_allclose(factors.mean(), 1.0, atol=4 * spread / MANY**0.5)
        np.testing.assert_allclose(factors.std(), spread, rtol=0.02)
        z = (factors - factors.mean()) / factors.std()
        np.testing.assert_allclose(np.mean(z**3), 2.0 * spread, atol=0.1)
        assert factors.min() > 0.0
    same = vary(KEY, snn.LIFParams(), 9, tau_mem=Gamma(0.0)).tau_mem
    np.testing.assert_array_equal(same, np.float32(20e-3))


def test_constants_in_si_units_vary_and_learn():
    params = neurons.AdExParams()
    drawn = vary(KEY, params, 50, tau_adapt=Gamma(0.5), v_threshold=Shift(1e-3))
    assert len(np.unique(drawn.tau_adapt)) == len(np.unique(drawn.v_threshold)) == 50
    neurons.adex(50, drawn)
    chip = distorted(KEY, neurons.adex(50), 0.1)
    assert (
        chip.about.parts["neuron"].about.options.arguments["params"].v_rest == -70.6e-3
    )
    make = lambda tau: neurons.adex(3, params._replace(tau_adapt=tau))  # noqa: E731
    cell = snn.learn(make, tau=np.full(3, 50e-3))
    xs = jnp.ones((300, 3))

    def voltage(weights):
        return snn.unroll(cell, weights, xs, dt=2e-4)[0].v.sum()

    slope = jax.jit(jax.grad(voltage))(cell.init(KEY)).logs["tau"]
    assert np.isfinite(slope).all()
    assert (slope != 0.0).all()


def test_offsets_have_mean_zero_and_their_spread_in_the_unit_of_the_constant():
    drawn = vary(KEY, snn.LIFParams(v_reset=-0.2), MANY, v_reset=Shift(0.15))
    np.testing.assert_allclose(drawn.v_reset.mean(), -0.2, atol=2e-3)
    np.testing.assert_allclose(drawn.v_reset.std(), 0.15, rtol=0.01)


def test_what_is_drawn_depends_on_key_and_name_alone():
    params = snn.ALIFParams(refractory=2e-3, beta=np.linspace(0.0, 1.0, 5))
    how = LogNormal(0.3)
    one = vary(KEY, params, 5, tau_mem=how)
    names = "beta", "tau_syn", "tau_adapt", "threshold", "refractory", "tau_mem"
    more = vary(KEY, params, 5, **dict.fromkeys(names, how), v_reset=Shift(0.1))
    np.testing.assert_array_equal(one.tau_mem, more.tau_mem)
    np.testing.assert_array_equal(one.beta, params.beta)
    other_cell = vary(KEY, snn.LIParams(), 5, tau_mem=how)
    np.testing.assert_array_equal(one.tau_mem, other_cell.tau_mem)
    assert len(np.unique(more.tau_mem / params.tau_mem)) == 5
    assert np.all(more.tau_mem / params.tau_mem != more.tau_syn / params.tau_syn)
    assert np.all(one.tau_mem != vary(jax.random.key(1), params, 5, tau_mem=how)[0])
    larger = vary(KEY, params, 5, tau_mem=LogNormal(0.6))  # the same neurons, further
    order = np.argsort(one.tau_mem)
    np.testing.assert_array_equal(order, np.argsort(larger.tau_mem))


def test_no_mismatch_changes_no_bit():
    params = snn.LIFParams(refractory=2e-3)
    drawn = vary(KEY, params, 3, tau_mem=LogNormal(0.0), v_reset=Shift(0.0))
    for name in ("tau_mem", "v_reset"):
        mean = np.float32(getattr(params, name))
        np.testing.assert_array_equal(getattr(drawn, name), np.full(3, mean))


def test_constants_are_as_precise_as_they_came(x64):
    for dtype in (np.float32, np.float64):
        params = snn.LIFParams(tau_mem=jnp.full(3, 10e-3, dtype))
        assert vary(KEY, params, 3, tau_mem=LogNormal(0.3)).tau_mem.dtype == dtype


def test_spreads_are_data():
    traces = []

    @jax.jit
    @jax.vmap
    def chip(key, spread):
        traces.append(1)
        return vary(key, snn.LIFParams(), 4, tau_mem=LogNormal(spread)).tau_mem

    keys = jax.random.split(KEY, 3)
    for spreads in ([0.0, 0.1, 0.3], [0.5, 0.2, -0.1]):
        found = chip(keys, np.float32(spreads))
        for key, spread, tau in zip(keys, spreads, found, strict=True):
            if spread < 0:
                assert np.isnan(tau).all()
                continue
            alone = vary(key, snn.LIFParams(), 4, tau_mem=LogNormal(spread))
            np.testing.assert_allclose(tau, alone.tau_mem, rtol=1e-6)
    assert len(traces) == 1


def test_a_reset_above_the_threshold_is_refused_or_nan():
    params = snn.LIFParams(threshold=0.1)
    with pytest.raises(ValueError, match="v_reset must be drawn below the threshold"):
        vary(KEY, params, 50, v_reset=Shift(1.0))
    drawn = jax.jit(lambda key: vary(key, params, 50, v_reset=Shift(1.0)))(KEY)
    plain = jax.random.normal(snn.hardware.mismatch.by_name(KEY, "v_reset"), (50,))
    np.testing.assert_array_equal(np.isnan(drawn.v_reset), plain >= 0.1)
    shifted = jax.jit(lambda key: vary(key, params, 50, threshold=Shift(1.0)))(KEY)
    bad = np.isnan(shifted.threshold)
    assert bad.any()
    np.testing.assert_array_equal(np.isnan(shifted.v_reset), bad)  # so that it shows


@pytest.mark.parametrize(
    ("spreads", "words"),
    [
        ({"tau": LogNormal(0.3)}, "LIFParams has no tau to vary; it has tau_mem"),
        ({"refractory": LogNormal(0.3)}, "refractory of LIFParams is None"),
        ({"tau_mem": LogNormal(-0.3)}, "The spread of tau_mem must be finite and zero"),
        (
            {"tau_mem": LogNormal(np.ones(3))},
            "spread of tau_mem must be one number",
        ),
        ({"tau_mem": 0.3}, r"tau_mem varies by LogNormal\(spread\)"),
        ({"tau_mem": Shift(1e-3)}, "tau_mem is a time and varies by a factor"),
        ({"threshold": Shift(3.0)}, "threshold must be finite and positive"),
    ],
)
def test_what_cannot_vary_is_refused(spreads, words):
    with pytest.raises(ValueError, match=words):
        vary(KEY, snn.LIFParams(), 50, **spreads)


def test_synapses_vary_by_themselves_and_some_do_not_conduct():
    weights = snn.dense(300, 200, bias=True).init(KEY)
    weights = weights._replace(b=jnp.ones(200))
    found = vary_weights(KEY, weights, LogNormal(0.3), broken=0.15)
    factors = np.asarray(found.w) / np.asarray(weights.w)
    dead = factors == 0.0
    np.testing.assert_allclose(dead.mean(), 0.15, atol=4 * 0.36 / np.sqrt(dead.size))
    np.testing.assert_allclose(factors[~dead].mean(), 1.0, atol=0.01)
    np.testing.assert_allclose(factors[~dead].std(), 0.3, rtol=0.02)
    assert found.b.shape == (200,)
    same = vary_weights(KEY, weights, LogNormal(0.3))
    np.testing.assert_array_equal(np.where(dead, 0.0, same.w), found.w)
    more = vary_weights(KEY, weights, Shift(0.1), broken=0.3)
    assert np.all(more.w[dead] == 0.0)  # which ones does not depend on how


def test_shares_of_broken_synapses_and_dtypes():
    w = jnp.ones((4, 3), jnp.bfloat16)
    assert vary_weights(KEY, w, LogNormal(0.3)).dtype == jnp.bfloat16
    assert not np.any(vary_weights(KEY, w, LogNormal(0.3), broken=1.0))
    share = jax.jit(lambda b: vary_weights(KEY, w, LogNormal(0.0), broken=b))
    np.testing.assert_array_equal(share(0.0), w)
    assert np.isnan(np.float32(share(1.5))).all()
    with pytest.raises(ValueError, match="broken must be finite, at least 0"):
        vary_weights(KEY, w, LogNormal(0.3), broken=1.5)
