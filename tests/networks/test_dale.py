from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import snnjax as snn
from snnjax.analysis import membrane_statistics
from snnjax.inputs import poisson
from snnjax.networks import (
    Exponential,
    LogNormal,
    balance,
    balanced,
    convolution,
    dale_signs,
    poisson_drive,
    project_signs,
    signed_weights,
)
from snnjax.training import init_train_state, make_step

DT, RATE = 1e-3, 20.0
PARAMS = snn.LIFParams(20e-3, 10e-3)
SIGNS = dale_signs(80, 20)
DISTRIBUTIONS = [Exponential(), LogNormal(0.5), LogNormal(2.0)]


def draw(key=0, n_out=300, signs=SIGNS, n_in=None, **options):
    options = {"rate": RATE, "xi": 2.0, "params": PARAMS, "dt": DT, **options}
    n_in = len(signs) if n_in is None else n_in
    return balanced(jax.random.key(key), n_in, n_out, signs=signs, **options)


def membranes(rates, steps=4000, seeds=6, **options):
    """Mean and deviation over time of free membranes, over draws of weights."""
    means, variances = [], []
    for seed in range(seeds):
        w = draw(seed, rate=rates, **options)
        raster = poisson(jax.random.key(100 + seed), rates, steps=steps, dt=DT)
        v = snn.unroll(snn.li(w.shape[1], PARAMS), (), raster @ w, dt=DT)[1]
        found = membrane_statistics(v, burn_in=200).population
        means.append(found.mean)
        variances.append(found.deviation**2)
    return np.mean(means), np.sqrt(np.mean(variances))


@pytest.mark.parametrize("distribution", DISTRIBUTIONS, ids=str)
def test_balanced_membranes_stay_at_rest_and_fluctuate_as_asked(distribution):
    mean, deviation = membranes(
        jnp.full(100, RATE), distribution=distribution, binary=True
    )
    assert mean == pytest.approx(0.0, abs=0.05)
    assert deviation == pytest.approx(0.5, rel=0.05)


def test_fast_inhibition_is_balanced_by_smaller_weights():
    rates = jnp.where(SIGNS > 0, 10.0, 60.0)
    mean, deviation = membranes(rates, binary=True)
    assert mean == pytest.approx(0.0, abs=0.05)
    assert deviation == pytest.approx(0.5, rel=0.05)
    w = draw(rate=rates)
    ratio = np.mean(w[:80]) / -np.mean(w[80:])
    assert ratio == pytest.approx(20 * 60.0 / (80 * 10.0), rel=0.03)


def test_weights_are_exponential_with_the_published_means():
    w = np.asarray(draw(n_out=4000, dt=None, xi=1.5))
    square = 10e-3**2 / (2 * 30e-3)
    delta = 20 / 80  # of equal rates and kernels
    sizes = delta**2 * 80 * RATE * square + 20 * RATE * square
    lambda_e = 1.5 * np.sqrt(2.0) * np.sqrt(sizes) / delta
    assert w[:80].mean() == pytest.approx(1.0 / lambda_e, rel=0.01)
    assert w[80:].mean() == pytest.approx(-1.0 / (lambda_e * delta), rel=0.02)
    for part in (w[:80], -w[80:]):
        assert np.all(part >= 0)
        assert part.std() == pytest.approx(part.mean(), rel=0.02)
        median = np.log(2.0) * part.mean()  # of an exponential
        assert np.median(part) == pytest.approx(median, rel=0.02)


@pytest.mark.parametrize("distribution", DISTRIBUTIONS, ids=str)
def test_distributions_have_mean_one_and_the_second_moment_they_say(distribution):
    x = np.asarray(distribution.draw(jax.random.key(0), (1000, 1000)), np.float64)
    assert x.mean() == pytest.approx(1.0, rel=0.01)
    assert (x**2).mean() == pytest.approx(float(distribution.second_moment), rel=0.05)


def test_logarithms_of_log_normal_magnitudes_are_normal():
    logs = np.log(LogNormal(1.0).draw(jax.random.key(0), (100_000,)))
    z = (logs - logs.mean()) / logs.std()
    assert logs.var() == pytest.approx(np.log(2.0), rel=0.02)
    assert np.mean(z**3) == pytest.approx(0.0, abs=0.05)
    assert np.mean(z**4) == pytest.approx(3.0, abs=0.1)


def test_kinds_of_their_own_number_rate_and_kernel_balance(x64):
    slow = snn.LIFParams(20e-3, 30e-3)
    excite = poisson_drive(70, rate=8.0, params=PARAMS)
    inhibit = poisson_drive(30, rate=25.0, params=slow)
    (e,), i = balance([excite], inhibit, deviation=0.7, second_moment=3.0)
    np.testing.assert_allclose(70 * 8.0 * 10e-3 * e, 30 * 25.0 * 30e-3 * i, rtol=1e-12)
    squares = 10e-3**2 / (2 * 30e-3), 30e-3**2 / (2 * 50e-3)
    variance = 3.0 * (70 * 8.0 * squares[0] * e**2 + 30 * 25.0 * squares[1] * i**2)
    np.testing.assert_allclose(variance, 0.49, rtol=1e-12)


def test_feed_forward_and_recurrent_excitation_share_as_published(x64):
    # One over the means, in the authors' way of writing them.
    (n_ff, n_rec, n_inh), rate, xi, alpha = (700, 128, 32), 15.8, 1.5, 0.9
    slow = snn.LIFParams(20e-3, 20e-3)
    e_mean, e_square = 10e-3, 10e-3**2 / (2 * 30e-3)
    i_mean, i_square = 20e-3, 20e-3**2 / (2 * 40e-3)
    rec = np.sqrt(alpha * n_rec / (n_ff - alpha * n_ff))
    ei = rec * i_mean * n_inh / (e_mean * (rec * n_ff + n_rec))
    inside = ei**2 * e_square * n_rec
    inside += rec**2 * (n_ff * ei**2 * e_square + i_square * n_inh)
    lambda_ff = xi * np.sqrt(2.0 * rate * inside) / (ei * rec)

    kinds = [poisson_drive(n, rate=rate, params=PARAMS) for n in (n_ff, n_rec)]
    inhibition = poisson_drive(n_inh, rate=rate, params=slow)
    (ff, back), i = balance(
        kinds, inhibition, deviation=1.0 / xi, shares=(alpha, 1.0 - alpha)
    )
    expected = 1.0 / lambda_ff, 1.0 / (lambda_ff * rec), 1.0 / (lambda_ff * ei)
    np.testing.assert_allclose((ff, back, i), expected, rtol=1e-10)


def test_constants_of_every_neuron_give_weights_of_every_neuron():
    taus = np.tile([5e-3, 20e-3], 50)
    w = draw(n_out=100, params=snn.LIFParams(taus, 10e-3))
    alone = draw(n_out=100, params=snn.LIFParams(5e-3, 10e-3))
    np.testing.assert_allclose(w[:, ::2], alone[:, ::2], rtol=1e-5)
    assert np.std(w[:, 1::2]) > 1.3 * np.std(w[:, ::2])


@pytest.mark.parametrize("mean", [-0.3, np.linspace(-1, 1, 5)[:, None]])
def test_signed_weights_have_the_means_asked_for(mean):
    w = signed_weights(
        jax.random.key(0), 5, 20_000, mean=mean, distribution=LogNormal(0.5)
    )
    expected = np.broadcast_to(mean, (5, 1))[:, 0]
    np.testing.assert_allclose(np.mean(w, axis=1), expected, rtol=0.02)
    np.testing.assert_allclose(np.std(w, axis=1), 0.5 * np.abs(expected), rtol=0.03)


def test_shares_threshold_and_binary_steps_scale_the_weights():
    w = draw()
    np.testing.assert_allclose(draw(share=0.25), 0.5 * w, rtol=1e-5)
    params = PARAMS._replace(threshold=3.0)
    np.testing.assert_allclose(draw(params=params), 3.0 * w, rtol=1e-5)
    larger = 1.0 / np.sqrt(1.0 - RATE * DT)
    np.testing.assert_allclose(draw(binary=True), larger * w, rtol=1e-5)
    assert w.dtype == jnp.float32
    assert not w.weak_type


def test_a_kernel_has_the_sign_of_each_channel_at_all_its_places():
    signs = dale_signs(3, 1)
    init = partial(balanced, signs=signs, rate=RATE, xi=1.0, params=PARAMS, dt=DT)
    cell = convolution(4, 200, kernel=(3, 5), init=init)
    w = cell.init(jax.random.key(0)).w
    assert w.shape == (3, 5, 4, 200)
    assert np.all(np.sign(w) == signs[:, None])
    np.testing.assert_array_equal(project_signs(w, signs), w)
    one = draw(signs=dale_signs(45, 15), n_out=2000)  # the same fan-in and balance
    many = draw(signs=signs, n_in=60, n_out=2000)
    assert np.std(many) == pytest.approx(float(np.std(one)), rel=0.02)


def test_the_projection_keeps_what_obeys_and_is_idempotent(rng):
    w = jnp.asarray(rng.normal(size=(100, 7)), jnp.float32).at[3, 3].set(jnp.nan)
    w = w.at[5].set(-1e-42)  # too small for the usual arithmetic
    once = project_signs(w, SIGNS)
    obeys = np.sign(w) == SIGNS[:, None]
    np.testing.assert_array_equal(np.asarray(once)[obeys], np.asarray(w)[obeys])
    assert np.isnan(once[3, 3])
    rest = np.asarray(once)[~obeys & np.isfinite(w)]
    assert np.all(rest == 0)
    assert not np.any(np.signbit(rest))
    np.testing.assert_array_equal(project_signs(once, SIGNS), once)


def test_signs_hold_throughout_training_and_weights_leave_zero_again():
    signs, goal = dale_signs(2, 1), jnp.array([[1.0], [-1.0], [-1.0]])
    update = make_step(lambda w, goal: jnp.sum((w - goal) ** 2), optax.adam(0.05))
    state = init_train_state(draw(n_out=1, signs=signs), optax.adam(0.05))

    @jax.jit
    def step(state, goal):
        state, _ = update(state, goal)
        return state._replace(weights=project_signs(state.weights, signs))

    for _ in range(200):
        state = step(state, goal)
        assert np.all(state.weights * signs[:, None] >= 0)
    np.testing.assert_allclose(state.weights[:, 0], [1.0, 0.0, -1.0], atol=0.02)
    for _ in range(200):
        state = step(state, -goal)
    np.testing.assert_allclose(state.weights[:, 0], [0.0, 1.0, 0.0], atol=0.02)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"signs": np.ones(5)}, "one sign alone do not balance"),
        ({"signs": np.array([1.0, 0.5])}, r"signs must be 1 or -1.* got \[1. +0.5\]"),
        ({"signs": np.ones((2, 1))}, "signs must be 1 or -1"),
        ({"n_in": 150}, "100 signs do not divide a fan-in of 150"),
        ({"rate": np.ones(3)}, r"rate must be one number .* got shape \(3,\)"),
        ({"xi": 0.0}, "xi must be finite and positive"),
        ({"share": 2.0}, "at most 1"),
        ({"dt": None, "binary": True}, "need a time step"),
    ],
)
def test_weights_that_cannot_balance_are_refused(options, words):
    with pytest.raises(ValueError, match=words):
        draw(**options)


def test_signs_that_do_not_fit_the_weights_are_refused():
    with pytest.raises(ValueError, match=r"shape \(3, 4\) need one sign.*shape \(4,\)"):
        project_signs(jnp.ones((3, 4)), np.ones(4))
    with pytest.raises(
        ValueError, match=r"shape \(\) or \(3, 1\), .* got shape \(3,\)"
    ):
        signed_weights(jax.random.key(0), 3, 3, mean=np.ones(3))
    parts = [poisson_drive(3, rate=5.0, params=PARAMS)] * 2
    for shares in ((1.0,), (0.5, 0.6)):
        with pytest.raises(ValueError, match="2 kinds of excitation need as many"):
            balance(parts, parts[0], deviation=1.0, shares=shares)
    with pytest.raises(ValueError, match="a share must be finite and positive"):
        balance(parts, parts[0], deviation=1.0, shares=(1.5, -0.5))
    with pytest.raises(ValueError, match="w must be an array"):
        project_signs(jnp.ones(3), np.ones(3))
    with pytest.raises(ValueError, match="signs must be 1 or -1"):
        project_signs(jnp.ones((3, 4)), np.zeros(3))
    with pytest.raises(ValueError, match="excitatory must be at least 0, got -1"):
        dale_signs(-1, 3)
    with pytest.raises(ValueError, match="inhibitory must be a whole number"):
        dale_signs(1, 3.5)
