import jax
import jax.numpy as jnp
import numpy as np
import pytest

import snnjax as snn
from snnjax.networks import (
    DenseWeights,
    poisson_drive,
    predict_membrane,
    superpose,
    weight_moments,
)
from snnjax.neurons import kernel_integrals

N_IN, N, DT, STEPS, SKIP = 40, 150, 1e-3, 20_000, 300
TAUS = [(20e-3, 10e-3), (10e-3, 5e-3), (8e-3, 8e-3), (20e-3, None)]


def trains(rates, *, binary, dt=DT, seed=0):
    """Counts of Poisson spikes, or their bins of one spike at most, by numpy."""
    rng = np.random.default_rng(seed)
    if binary:
        return 1.0 * (rng.random((STEPS, len(rates))) < np.asarray(rates) * dt)
    return rng.poisson(np.asarray(rates) * dt, (STEPS, len(rates))).astype(float)


def voltages(w, raster, params, dt=DT):
    cell = snn.chain(snn.dense(*w.shape), snn.li(w.shape[1], params))
    weights = DenseWeights(jnp.asarray(w, jnp.float32), None), ()
    xs = jnp.asarray(raster, jnp.float32)
    return np.asarray(snn.unroll(cell, weights, xs, dt=dt)[1], np.float64)[SKIP:]


def draw(mean, deviation, n_in=N_IN, seed=1):
    """Weights whose sample moments are exact, column by column."""
    w = np.random.default_rng(seed).normal(size=(n_in, N))
    w = (w - w.mean(axis=0)) / w.std(axis=0)
    return mean + deviation * w


@pytest.mark.parametrize("taus", TAUS)
@pytest.mark.parametrize("binary", [False, True])
def test_membranes_fluctuate_as_predicted(taus, binary):
    params, rate = snn.LIFParams(*taus), 80.0
    scale = 1.0 if taus[1] is not None else 10.0  # one step of current does less
    moments = 0.01 * scale, 0.1 * scale
    v = voltages(draw(*moments), trains([rate] * N_IN, binary=binary), params)
    inputs = poisson_drive(N_IN, rate=rate, params=params, dt=DT, binary=binary)
    theory = predict_membrane(inputs, *moments)
    assert v.mean() == pytest.approx(float(theory.mean), rel=0.05)
    assert np.sqrt(v.var(axis=0).mean()) == pytest.approx(
        float(theory.deviation), rel=0.02
    )
    other = poisson_drive(N_IN, rate=rate, params=params, dt=DT, binary=not binary)
    assert float(predict_membrane(other, *moments).deviation) != pytest.approx(
        float(theory.deviation), rel=0.02
    )


def test_means_spread_over_neurons_and_the_pooled_deviation_contains_it():
    params, rate = snn.LIFParams(20e-3, 10e-3), 15.8
    w = np.random.default_rng(2).normal(0.0, 0.1, (N_IN, 2000))
    v = voltages(w, trains([rate] * N_IN, binary=True), params)
    inputs = poisson_drive(N_IN, rate=rate, params=params, dt=DT, binary=True)
    theory = predict_membrane(inputs, 0.0, 0.1)
    assert v.mean(axis=0).std() == pytest.approx(float(theory.spread), rel=0.05)
    assert v.std() == pytest.approx(float(theory.pooled), rel=0.03)
    assert theory.pooled > 1.3 * theory.deviation


def test_drawn_weights_predict_every_neuron_on_its_own():
    params, rate = snn.LIFParams(20e-3, 10e-3), 60.0
    w = np.random.default_rng(3).lognormal(-3.0, 1.0, (N_IN, N))
    w[:, ::2] *= 3.0  # half the neurons fluctuate more
    v = voltages(w, trains([rate] * N_IN, binary=False), params)
    theory = predict_membrane(
        poisson_drive(N_IN, rate=rate, params=params, dt=DT),
        w.mean(axis=0),
        w.std(axis=0),
    )
    assert theory.mean.shape == theory.deviation.shape == (N,)
    np.testing.assert_allclose(v.mean(axis=0), theory.mean, rtol=0.06)
    np.testing.assert_allclose(v.std(axis=0), theory.deviation, rtol=0.12)


def test_inputs_of_several_rates_and_kinds_add_up():
    params = snn.LIFParams(20e-3, 10e-3)
    fast, slow = np.linspace(20.0, 120.0, 30), np.full(10, 5.0)
    w, r = draw(0.02, 0.05, 30, seed=4), draw(-0.3, 0.6, 10, seed=5)
    spikes = trains(np.concatenate([fast, slow]), binary=True)
    v = voltages(np.concatenate([w, r]), spikes, params)
    constants = {"params": params, "dt": DT, "binary": True}
    theory = superpose(
        predict_membrane(poisson_drive(30, rate=fast, **constants), 0.02, 0.05),
        predict_membrane(poisson_drive(10, rate=5.0, **constants), -0.3, 0.6),
    )
    assert v.mean() == pytest.approx(float(theory.mean), rel=0.05)
    assert np.sqrt(v.var(axis=0).mean()) == pytest.approx(
        float(theory.deviation), rel=0.03
    )
    spreads = 0.01 * np.sqrt(np.sum(fast**2)) * 0.05, 0.01 * 5.0 * np.sqrt(10) * 0.6
    assert float(theory.spread) == pytest.approx(np.hypot(*spreads), rel=2e-3)


@pytest.mark.parametrize("mean", [-0.5, 0.0, 0.4])
@pytest.mark.parametrize("xi", [1.0, 3.0])
def test_moments_of_weights_bring_the_membrane_where_it_should_be(mean, xi, x64):
    params = snn.LIFParams(20e-3, 10e-3, threshold=1.5)
    inputs = poisson_drive(100, rate=10.0, params=params, dt=DT)
    moments = weight_moments(inputs, xi=xi, threshold=1.5, mean=mean)
    membrane = predict_membrane(inputs, *moments)
    np.testing.assert_allclose(membrane.mean, mean, atol=1e-12)
    np.testing.assert_allclose(membrane.deviation, (1.5 - mean) / xi, rtol=1e-12)
    np.testing.assert_allclose(membrane.xi(1.5), xi, rtol=1e-12)


@pytest.mark.parametrize("share", [0.5, 0.9])
def test_feed_forward_and_recurrent_shares_make_one_whole(share, x64):
    params = snn.LIFParams(20e-3, 10e-3)
    parts = []
    for n, rate, part in ((100, 20.0, share), (50, 5.0, 1.0 - share)):
        inputs = poisson_drive(n, rate=rate, params=params, dt=DT)
        moments = weight_moments(inputs, xi=2.0, mean=0.2, share=part)
        parts.append(predict_membrane(inputs, *moments))
    whole = superpose(*parts)
    np.testing.assert_allclose(whole.mean, 0.2, rtol=1e-12)
    np.testing.assert_allclose(whole.xi(), 2.0, rtol=1e-12)
    np.testing.assert_allclose(parts[0].deviation ** 2, share * 0.16, rtol=1e-12)


@pytest.mark.parametrize(("dt", "sign"), [(1e-3, 0), (10e-3, -1)])
def test_the_continuous_kernel_is_wrong_by_what_theory_says(dt, sign):
    taus = 10e-3, 5e-3
    params = snn.LIFParams(*taus)
    weights = weight_moments(poisson_drive(N_IN, rate=10.0, params=params), xi=1.0)
    inputs = poisson_drive(N_IN, rate=10.0, params=params, dt=dt, binary=True)
    k = dt * (np.arange(2000) + 1)  # every step of a PSP, by hand
    psp = np.exp(-k / 10e-3) - np.exp(-k / 5e-3)
    expected = np.sqrt(dt * np.sum(psp**2) * 2 * 15e-3 / 5e-3**2 * (1 - 10.0 * dt))
    assert float(predict_membrane(inputs, *weights).deviation) == pytest.approx(
        expected, rel=1e-4
    )
    assert (expected / np.sqrt(1 - 10.0 * dt) < 0.95) == (sign < 0)
    v = voltages(draw(*weights), trains([10.0] * N_IN, binary=True, dt=dt), params, dt)
    assert np.sqrt(v.var(axis=0).mean()) == pytest.approx(expected, rel=0.02)


def test_a_free_membrane_forgets_as_its_kernel_does():
    # Autocorrelation at lag l: Σ ε_k ε_{k+l} / Σ ε_k².
    params = snn.LIFParams(20e-3, 10e-3)
    v = voltages(draw(0.0, 0.1), trains([50.0] * N_IN, binary=True), params)
    v = v - v.mean(axis=0)
    k = DT * (np.arange(1000) + 1)
    psp = np.exp(-k / 20e-3) - np.exp(-k / 10e-3)
    for lag in (5, 20, 60):
        found = np.mean(v[lag:] * v[:-lag]) / np.mean(v**2)
        expected = np.sum(psp[lag:] * psp[:-lag]) / np.sum(psp**2)
        assert found == pytest.approx(expected, abs=0.03)


def test_constants_of_every_neuron_give_moments_of_every_neuron():
    taus = np.array([5e-3, 20e-3])
    inputs = poisson_drive(10, rate=20.0, params=snn.LIFParams(taus, 5e-3), dt=DT)
    mean, deviation = weight_moments(inputs, xi=1.0, mean=0.1)
    assert mean.shape == deviation.shape == (2,)
    for k, tau in enumerate(taus):
        alone = poisson_drive(10, rate=20.0, params=snn.LIFParams(tau, 5e-3), dt=DT)
        expected = weight_moments(alone, xi=1.0, mean=0.1)
        np.testing.assert_allclose((mean[k], deviation[k]), expected, rtol=1e-5)


def test_the_drive_is_what_the_kernel_integrals_make_of_the_rates(x64):
    params = snn.LIFParams(20e-3, 10e-3)
    mean, square = kernel_integrals(20e-3, 10e-3)
    inputs = poisson_drive(3, rate=np.array([1.0, 2.0, 3.0]), params=params)
    np.testing.assert_allclose(inputs, [6 * mean, 6 * square, 14 * mean**2])


def test_a_target_that_no_weights_can_meet_is_refused_or_not_a_number():
    inputs = poisson_drive(4, rate=5.0, params=snn.LIFParams(), dt=DT)
    with pytest.raises(ValueError, match=r"even if all are equal\. Take a smaller ξ"):
        weight_moments(inputs, xi=3.0, mean=0.9)
    traced = jax.jit(lambda mean: weight_moments(inputs, xi=3.0, mean=mean))
    assert np.isnan(traced(0.9)[1])
    assert np.isfinite(traced(0.01)[1])


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"rate": 0.0}, r"rate \[Hz\] must be finite and positive, got 0.0"),
        ({"rate": np.ones(4)}, r"rate must be one number .* got shape \(4,\)"),
        ({"n_in": 0}, "n_in must be at least 1, got 0"),
        ({"dt": np.nan}, "dt"),
        ({"params": snn.LIFParams(tau_syn=None)}, "needs a time step"),
        ({"binary": True}, r"Binary steps need a time step dt \[s\]"),
        (
            {"binary": True, "dt": 0.1},
            "At rate=20.0 Hz a step of dt=0.1 s holds one spike",
        ),
    ],
)
def test_inputs_that_make_no_sense_are_refused(options, words):
    options = {"n_in": 3, "rate": 20.0, "params": snn.LIFParams(), **options}
    with pytest.raises(ValueError, match=words):
        poisson_drive(options.pop("n_in"), **options)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"xi": -1.0}, "xi must be finite and positive, got -1.0"),
        ({"share": 0.0}, "share must be finite and positive"),
        ({"share": 1.5}, "at most 1, got 1.5"),
        ({"mean": 1.0}, "mean μ_U = 1.0 must lie below the threshold 1.0"),
        ({"mean": 0.1, "threshold": 0.1}, "below the threshold 0.1"),
    ],
)
def test_targets_that_make_no_sense_are_refused(options, words):
    inputs = poisson_drive(100, rate=20.0, params=snn.LIFParams(), dt=DT)
    with pytest.raises(ValueError, match=words):
        weight_moments(inputs, **{"xi": 1.0, **options})
