import jax
import jax.numpy as jnp
import numpy as np
import pytest

import snnjax as snn
from snnjax.analysis import membrane_statistics
from snnjax.inputs import poisson
from snnjax.networks import convolution, normal

N_IN, N_OUT, RATE, DT = 100, 300, 20.0, 1e-3


def membrane_deviation(params, weights, dt, steps=5000, seed=0):
    """Standard deviation over time, averaged as variance over neurons."""
    drawn = jax.random.uniform(jax.random.key(seed), (steps, weights.shape[0]))
    spikes = (drawn < RATE * dt).astype(float)
    cell = snn.chain(
        snn.dense(*weights.shape), snn.li(weights.shape[1], snn.LIParams(*params[:2]))
    )
    given = (snn.networks.DenseWeights(weights, None), ())
    _, v = snn.unroll(cell, given, spikes, dt=dt)
    variance = np.var(np.asarray(v[500:], np.float64), axis=0).mean()
    return np.sqrt(variance / (1 - RATE * dt))  # bins hold one spike at most


@pytest.mark.parametrize("xi", [1.0, 3.0])
@pytest.mark.parametrize(
    "taus", [(20e-3, 10e-3), (10e-3, 5e-3), (8e-3, 8e-3), (20e-3, None)]
)
def test_the_membrane_fluctuates_as_the_theory_says(taus, xi):
    params = snn.LIFParams(*taus, threshold=1.5)
    runs = []
    for seed in range(4):
        weights = snn.fluctuation_driven(
            *(jax.random.key(seed), N_IN, N_OUT), rate=RATE, xi=xi, params=params, dt=DT
        )
        runs.append(membrane_deviation(params, weights, DT, seed=seed) ** 2)
    assert np.sqrt(np.mean(runs)) == pytest.approx(1.5 / xi, rel=0.03)


@pytest.mark.parametrize("mean", [-0.5, 0.5])
def test_the_mean_of_the_membrane_may_be_chosen(mean):
    params = snn.LIFParams(20e-3, 10e-3)
    weights = snn.fluctuation_driven(
        *(jax.random.key(0), N_IN, N_OUT),
        **{"rate": RATE, "xi": 2.0, "params": params, "dt": DT, "mean": mean},
        binary=True,
    )
    cell = snn.chain(snn.dense(N_IN, N_OUT), snn.li(N_OUT, params))
    raster = poisson(jax.random.key(1), jnp.full(N_IN, RATE), steps=5000, dt=DT)
    given = (snn.networks.DenseWeights(weights, None), ())
    v = snn.unroll(cell, given, raster, dt=DT)[1]
    found = membrane_statistics(v, burn_in=200).population
    assert float(found.mean) == pytest.approx(mean, abs=0.05)
    assert float(found.deviation) == pytest.approx((1 - mean) / 2, rel=0.05)


def test_rates_may_differ_and_steps_of_one_spike_need_larger_weights():
    draw = lambda rate, **options: snn.fluctuation_driven(  # noqa: E731
        *(jax.random.key(0), 4, 5),
        **{"rate": rate, "xi": 1.0, "params": snn.LIFParams(), "dt": DT, **options},
    )
    rates = jnp.array([10.0, 20.0, 30.0, 100.0])
    np.testing.assert_allclose(draw(rates), draw(40.0), rtol=1e-5)
    larger = 1.0 / np.sqrt(1.0 - 40.0 * DT)
    np.testing.assert_allclose(draw(40.0, binary=True), larger * draw(40.0), rtol=1e-5)


def test_a_convolution_fluctuates_as_its_fan_in_says_and_less_at_the_border():
    params, kernel, variances = snn.LIFParams(20e-3, 10e-3), (3, 3), []

    def init(key, n_in, n_out):
        return snn.fluctuation_driven(
            *(key, n_in, n_out),
            **{"rate": RATE, "xi": 2.0, "params": params, "dt": DT, "binary": True},
        )

    layer = convolution(20, 40, kernel=kernel, padding="same", init=init)
    net = snn.chain(layer, snn.li(40, params))
    for seed in range(3):
        raster = poisson(
            jax.random.key(seed), jnp.full((4, 4, 20), RATE), steps=4000, dt=DT
        )
        v = snn.unroll(net, net.init(jax.random.key(100 + seed)), raster, dt=DT)[1]
        variances.append(np.var(v[200:], axis=0).mean(axis=-1))
    deviation = np.sqrt(np.mean(variances, axis=0))
    np.testing.assert_allclose(deviation[1:3, 1:3].mean(), 0.5, rtol=0.03)
    edge = np.mean([deviation[0, 1:3], deviation[1:3, 3]])
    corner = deviation[::3, ::3].mean()
    np.testing.assert_allclose(edge, 0.5 * np.sqrt(6 / 9), rtol=0.04)
    np.testing.assert_allclose(corner, 0.5 * np.sqrt(4 / 9), rtol=0.04)


def test_the_discrete_kernel_becomes_the_continuous_one_as_steps_shrink():
    params = snn.LIFParams(10e-3, 5e-3)
    options = {"rate": RATE, "xi": 1.0, "params": params}
    key = jax.random.key(0)
    coarse = snn.fluctuation_driven(key, 10, 10, dt=5e-3, **options)
    fine = snn.fluctuation_driven(key, 10, 10, dt=1e-6, **options)
    whole = snn.fluctuation_driven(key, 10, 10, **options)
    np.testing.assert_allclose(fine, whole, rtol=1e-3)
    assert np.abs(coarse / whole - 1).min() > 5e-3


def test_weights_have_the_deviation_of_the_formula():
    params = snn.LIFParams(20e-3, 10e-3, threshold=2.0)
    weights = snn.fluctuation_driven(
        jax.random.key(0), 400, 500, rate=RATE, xi=2.0, params=params, share=0.25
    )
    kernel = 10e-3**2 / (2 * 30e-3)
    expected = 2.0 / 2.0 * np.sqrt(0.25 / (400 * RATE * kernel))
    np.testing.assert_allclose(np.std(weights), expected, rtol=0.01)
    np.testing.assert_allclose(np.mean(weights) / expected, 0.0, atol=0.01)


def test_shares_add_up_to_the_whole_variance():
    params, key = snn.LIFParams(), jax.random.key(0)
    draw = lambda share: snn.fluctuation_driven(  # noqa: E731
        key, 50, 60, rate=RATE, xi=1.0, params=params, share=share
    )
    parts = draw(0.9) ** 2 + draw(0.1) ** 2
    np.testing.assert_allclose(parts, draw(1.0) ** 2, rtol=1e-5)


def test_rate_and_distance_may_be_swept_in_one_program():
    rates, xis = jnp.array([5.0, 50.0]), jnp.array([1.0, 2.0])

    def draw(rate, xi):
        return snn.fluctuation_driven(
            jax.random.key(0), 20, 30, rate=rate, xi=xi, params=snn.LIFParams(), dt=DT
        )

    swept = jax.vmap(draw)(rates, xis)
    np.testing.assert_allclose(swept[1], draw(50.0, 2.0), rtol=1e-6)


def test_initial_weights_are_strongly_typed_and_in_the_usual_precision():
    for w in (
        normal(jax.random.key(0), 3, 4),
        snn.fluctuation_driven(
            jax.random.key(0), 3, 4, rate=5.0, xi=1.0, params=snn.LIFParams(), dt=DT
        ),
    ):
        assert w.dtype == jnp.float32
        assert not w.weak_type


@pytest.mark.parametrize("gain", [1.0, 3.0])
def test_normal_weights_keep_the_scale_of_their_input(gain):
    weights = normal(jax.random.key(0), 300, 400, gain=gain)
    np.testing.assert_allclose(np.std(weights), gain / np.sqrt(300), rtol=0.01)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"rate": 0.0}, r"rate \[Hz\] must be finite and positive, got 0.0"),
        ({"xi": -1.0}, "xi must be finite and positive, got -1.0"),
        ({"share": 0.0}, "share must be finite and positive"),
        ({"share": 1.5}, "at most 1, got 1.5"),
        ({"dt": np.nan}, "dt"),
        ({"mean": 1.0}, "must lie below the threshold"),
        ({"mean": 0.9}, "Take a smaller ξ or a mean closer to rest"),
        ({"binary": True}, "need a time step"),
        ({"params": snn.LIFParams(tau_syn=None)}, "needs a time step"),
    ],
)
def test_what_makes_no_sense_is_refused(options, words):
    options = {"rate": RATE, "xi": 1.0, "params": snn.LIFParams(), **options}
    with pytest.raises(ValueError, match=words):
        snn.fluctuation_driven(jax.random.key(0), 3, 4, **options)


def test_neurons_of_their_own_constants_and_gains_have_weights_of_their_own():
    key, taus, gains = jax.random.key(3), (5e-3, 40e-3), (0.5, 2.0)
    made = lambda tau: snn.fluctuation_driven(  # noqa: E731
        *(key, 7, 2), rate=RATE, xi=1.0, params=snn.LIFParams(tau_mem=tau), dt=DT
    )
    both = made(jnp.array(taus))
    wide = normal(key, 7, 2, gain=jnp.array(gains))
    for k in range(2):
        np.testing.assert_allclose(both[:, k], made(taus[k])[:, k], rtol=1e-6)
        alone = normal(key, 7, 2, gain=gains[k])
        np.testing.assert_allclose(wide[:, k], alone[:, k], rtol=1e-6)
