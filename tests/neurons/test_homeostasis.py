import jax
import jax.numpy as jnp
import numpy as np
import pytest

import snnjax as snn
from snnjax.neurons import HomeostasisParams, homeostatic_lif, synaptic_scaling

DT = 1e-3
FAST = snn.LIFParams(5e-3, 2e-3, 0.3)
QUICK = HomeostasisParams(target=40.0, tau_rate=10e-3, speed=30.0)


def noise(steps=200, batch=4, n=3):
    return 0.8 * jax.random.normal(jax.random.key(1), (steps, batch, n))


@pytest.mark.parametrize("reset", ["zero", "subtract", "none"])
@pytest.mark.parametrize("refractory", [None, 3e-3])
def test_without_drift_it_is_the_lif_neuron_bit_for_bit(reset, refractory):
    params = FAST._replace(refractory=refractory)
    still = QUICK._replace(speed=0.0)
    plain = snn.lif(3, params, reset=reset, backend="xla")

    def spikes_and_gradient(cell):
        def total(xs):
            spikes = snn.unroll(cell, (), xs, dt=DT)[1]
            return jnp.sum(spikes * jnp.cos(jnp.arange(200.0))[:, None, None]), spikes

        return jax.jit(jax.grad(total, has_aux=True))(noise())

    slope, spikes = spikes_and_gradient(plain)
    assert 0.03 < spikes.mean() < 0.97
    for cell in (
        homeostatic_lif(3, params, still, reset=reset),
        synaptic_scaling(3, plain, still),
    ):
        ours, same = spikes_and_gradient(cell)
        np.testing.assert_array_equal(same, spikes)
        np.testing.assert_allclose(ours, slope, rtol=1e-5, atol=1e-6)


def two_cells(n, params, homeostasis, **options):
    plain = snn.lif(n, params, backend="xla", **options)
    return {
        "threshold": homeostatic_lif(n, params, homeostasis, **options),
        "scaling": synaptic_scaling(n, plain, homeostasis),
    }


@pytest.mark.parametrize("kind", ["threshold", "scaling"])
@pytest.mark.parametrize("dt", [1e-3, 2.5e-4])
def test_under_given_spikes_the_drift_is_the_closed_form_at_any_dt(kind, dt, x64):
    # x(t) = η ((N - τν ν̂) / ν* - t), with N spikes so far and ν̂ their decayed sum / τν.
    times = np.array([7e-3, 8e-3, 30e-3, 61e-3])
    homeostasis = HomeostasisParams(target=25.0, tau_rate=20e-3, speed=3.0)
    params = snn.LIFParams(1e-3, None)  # a strong current fires it, in the same step
    cell = two_cells(1, params, homeostasis)[kind]
    steps = round(100e-3 / dt)
    xs = jnp.zeros((steps, 1), float).at[np.rint(times / dt).astype(int) - 1].set(100.0)

    _, (state, spikes) = snn.unroll(cell, (), xs, dt=dt, record=lambda s, y: (s, y))

    t = dt * np.arange(1, steps + 1)[:, None]
    fired = times <= t + 1e-9
    np.testing.assert_array_equal(np.flatnonzero(spikes), np.rint(times / dt) - 1)
    rate = np.sum(np.where(fired, np.exp((times - t) / 20e-3), 0), axis=1) / 20e-3
    np.testing.assert_allclose(state.rate[:, 0], rate, rtol=1e-10, atol=1e-12)
    drift = 3.0 * ((fired.sum(axis=1) - 20e-3 * rate) / 25.0 - t[:, 0])
    np.testing.assert_allclose(state.drift[:, 0], drift, rtol=1e-10, atol=1e-12)


DRIVE = np.array([0.5, 1.05, 1.5, 10.0])  # the first does not reach θ₀ = 1 by itself
TARGET = np.array([20.0, 20.0, 40.0, 10.0])


@pytest.mark.parametrize("kind", ["threshold", "scaling"])
def test_under_a_constant_current_it_ends_where_the_inverted_rate_curve_says(kind):
    # ν = 1 / (τm ln(i / (i - θ))), so that θ = i (1 - e^(-1/(τm ν*))) fires at ν*.
    params = snn.LIFParams(20e-3, None)
    homeostasis = HomeostasisParams(target=TARGET, tau_rate=0.5, speed=0.1)
    cell = two_cells(4, params, homeostasis)[kind]
    xs = jnp.broadcast_to(jnp.asarray(DRIVE, jnp.float32), (60_000, 4))

    state, spikes = jax.jit(lambda xs: snn.unroll(cell, (), xs, dt=DT))(xs)

    np.testing.assert_allclose(spikes[-10_000:].mean(axis=0) / DT, TARGET, rtol=0.02)
    threshold = DRIVE * -np.expm1(-1 / (20e-3 * TARGET))
    np.testing.assert_allclose(np.exp(state.drift), threshold, rtol=0.02)


@pytest.mark.parametrize("kind", ["threshold", "scaling"])
def test_under_noise_it_keeps_its_target_from_above_and_from_below(kind):
    homeostasis = HomeostasisParams(target=20.0, tau_rate=0.5, speed=0.3)
    cell = two_cells(2, snn.LIFParams(20e-3, 5e-3), homeostasis)[kind]
    inputs = jax.random.bernoulli(jax.random.key(0), 0.05, (40_000, 10))
    xs = inputs.astype(float) @ jnp.stack([jnp.full(10, 3.0), jnp.full(10, 0.15)], 1)

    state, spikes = jax.jit(lambda xs: snn.unroll(cell, (), xs, dt=DT))(xs)

    first, second = spikes[:500].mean(axis=0) / DT, spikes[-20_000:].mean(axis=0) / DT
    assert first[0] > 80
    assert first[1] < 2
    np.testing.assert_allclose(second, 20.0, rtol=0.05)
    assert state.drift[0] > 0 > state.drift[1]


def test_by_default_it_does_not_move_while_a_membrane_forgets():
    xs = 4.0 * noise(20)  # one membrane time constant
    state, spikes = snn.unroll(homeostatic_lif(3), (), xs, dt=DT)
    assert np.all(np.abs(state.drift) < 0.01)
    np.testing.assert_array_equal(
        spikes, snn.unroll(snn.lif(3, backend="xla"), (), xs, dt=DT)[1]
    )


@pytest.mark.parametrize("kind", ["threshold", "scaling"])
def test_without_input_it_stays_silent_however_long(kind):
    cell = two_cells(1, FAST, QUICK)[kind]
    state, spikes = snn.unroll(cell, (), jnp.zeros((20_000, 1)), dt=DT)
    assert state.drift < -500
    assert not np.any(spikes)


@pytest.mark.parametrize("kind", ["threshold", "scaling"])
def test_gradients_see_the_drift_as_given(kind, x64):
    # By hand: plain neurons, one for each step, with the thresholds or gains recorded.
    xs = noise(15).astype(float)
    shades = jnp.cos(jnp.arange(xs.size, dtype=float)).reshape(xs.shape)
    cell = two_cells(3, FAST, QUICK, reset="subtract")[kind]
    drifts = snn.unroll(cell, (), xs, dt=DT, record=lambda s, y: s.drift)[1]
    before = jnp.concatenate([jnp.zeros_like(drifts[:1]), drifts[:-1]])

    def by_hand(xs, threshold):
        state, total = snn.lif(3, FAST).rest(xs[0]), 0.0
        for x, drift, shade in zip(xs, before, shades, strict=True):
            up, gain = (jnp.exp(drift), 1.0) if kind == "threshold" else (1.0, -drift)
            gain = jnp.exp(gain) if kind == "scaling" else gain

            def one(x, state, up):
                neuron = snn.lif(
                    3, FAST._replace(threshold=threshold * up), reset="subtract"
                )
                return neuron.step((), state, x, DT)

            each = jax.vmap(one, in_axes=(0, 0, 0 if kind == "threshold" else None))
            state, spikes = each(gain * x, state, up)
            total += jnp.sum(shade * spikes)
        return total

    def by_cell(xs, threshold):
        params = FAST._replace(threshold=threshold)
        cell = two_cells(3, params, QUICK, reset="subtract")[kind]
        return jnp.sum(shades * snn.unroll(cell, (), xs, dt=DT)[1])

    expected, found = (
        jax.jit(jax.value_and_grad(f, (0, 1)))(xs, 0.3) for f in (by_hand, by_cell)
    )
    assert np.abs(drifts).max() > 0.2
    assert abs(expected[1][1]) > 1e-3
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12),
        found,
        expected,
    )


def test_no_gradient_asks_for_another_target():
    def make(target):
        return homeostatic_lif(3, FAST, QUICK._replace(target=target))

    cell = snn.learn(make, target=np.full(3, 40.0))
    weights = cell.init(jax.random.key(0))
    grads = jax.grad(lambda w: snn.unroll(cell, w, noise(), dt=DT)[1].sum())(weights)
    np.testing.assert_array_equal(grads.logs["target"], 0.0)


def test_scaling_keeps_the_weights_of_the_neuron_it_is_wrapped_around():
    def make(tau_mem):
        return snn.lif(3, FAST._replace(tau_mem=tau_mem), backend="xla")

    inner = snn.learn(make, tau_mem=np.full(3, 5e-3))
    cell = synaptic_scaling(3, inner, QUICK)
    weights = cell.init(jax.random.key(0))
    slower = jax.tree.map(lambda log: log + 2.0, weights)
    ys = [snn.unroll(cell, w, noise(), dt=DT)[1] for w in (weights, slower)]
    assert np.any(ys[0] != ys[1])
    grads = jax.grad(lambda w: snn.unroll(cell, w, noise(), dt=DT)[1].sum())(weights)
    assert np.all(grads.logs["tau_mem"] != 0)


def test_every_constant_may_differ_between_neurons():
    each = HomeostasisParams(
        np.array([20.0, 40, 80]), np.array([5e-3, 1e-2, 2e-2]), np.array([0.0, 30, 60])
    )
    together = snn.unroll(homeostatic_lif(3, FAST, each), (), noise(), dt=DT)[0]
    assert len(np.unique(together.drift[0])) == 3
    for k in range(3):
        alone = HomeostasisParams(*(c[k] for c in each))
        state, _ = snn.unroll(
            homeostatic_lif(1, FAST, alone), (), noise()[..., k : k + 1], dt=DT
        )
        np.testing.assert_allclose(
            state.drift[:, 0], together.drift[:, k], rtol=1e-5, atol=1e-7
        )


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"target": 0.0}, "target must be finite and positive"),
        ({"tau_rate": -1.0}, "tau_rate must be finite and positive"),
        ({"speed": -1.0}, r"speed \[1/s\] must be finite and zero or positive"),
        ({"speed": np.ones(2)}, r"speed must be one number.*\(3,\)"),
        ({"target": np.ones(2)}, r"target must be one number.*\(3,\)"),
    ],
)
def test_constants_that_make_no_sense_are_refused(options, words):
    for make in (
        lambda homeostasis: homeostatic_lif(3, FAST, homeostasis),
        lambda homeostasis: synaptic_scaling(3, snn.lif(3), homeostasis),
    ):
        with pytest.raises(ValueError, match=words):
            make(HomeostasisParams(**options))


def test_what_lif_refuses_is_refused_and_so_is_another_width():
    with pytest.raises(ValueError, match="reset must be"):
        homeostatic_lif(3, reset="soft")
    with pytest.raises(ValueError, match="threshold"):
        homeostatic_lif(3, snn.LIFParams(threshold=-1.0))
    for cell in (homeostatic_lif(3), synaptic_scaling(3, snn.lif(3))):
        with pytest.raises(ValueError, match="expects 3 channels"):
            snn.unroll(cell, (), jnp.zeros((5, 2)), dt=DT)
        state = cell.rest(jnp.zeros(3))
        for run in (cell.step, lambda w, s, x, dt, c=cell: c.run(w, s, x[None], dt)):
            with pytest.raises(ValueError, match="expects 3 channels"):
                run((), state, jnp.zeros(2), DT)


def test_a_gradient_through_the_reset_is_there_when_asked_for():
    def slope(**options):
        cell = homeostatic_lif(3, FAST, QUICK, surrogate=snn.SuperSpike(2.0), **options)
        return jax.grad(lambda xs: snn.unroll(cell, (), xs, dt=DT)[1].sum())(noise(20))

    assert np.any(slope() != slope(reset_gradient=True))
