import jax
import jax.numpy as jnp
import numpy as np
import pytest

import snnjax as snn
from snnjax.neurons import exp_weighted_voltage, peak_voltage, psp, voltage_at

TAU = 5e-3
PAIRS = [(TAU, TAU), (4 * TAU, TAU), (TAU, 4 * TAU), (None, TAU)]
every_pair = pytest.mark.parametrize("pair", PAIRS)


def drawn(rng):
    return rng.uniform(0.0, 4 * TAU, (3, 6)), rng.normal(size=(6, 8))


def dense(pair, times, w, at):
    """Voltages ``[T, B, n]`` as sums of kernels."""
    since = np.asarray(at)[:, None, None] - np.asarray(times)
    if pair[0] is None:
        kernel = -np.expm1(-np.maximum(since, 0.0) / pair[1])
    else:
        kernel = np.asarray(psp(since, *pair))
    return kernel @ np.asarray(w)


@every_pair
def test_voltages_are_sums_of_kernels(pair, rng, x64):
    (times, w), at = drawn(rng), np.linspace(0.0, 0.1, 40)
    found = np.asarray(voltage_at(snn.LIFParams(*pair), times, w, at))
    np.testing.assert_allclose(found, dense(pair, times, w, at), 1e-12, 1e-14)
    one = voltage_at(snn.LIFParams(*pair), times[0], w, at[7])
    np.testing.assert_allclose(one, found[7, 0], 1e-12, 1e-15)


@every_pair
def test_weighted_voltages_are_integrals(pair, rng, x64):
    times, w = drawn(rng)
    nodes, parts = np.polynomial.legendre.leggauss(12)
    found = exp_weighted_voltage(snn.LIFParams(*pair), times, w, tau=3 * TAU)
    for k in range(3):
        inside = np.linspace(4 * TAU, 200 * TAU, 400)
        ends = np.unique(np.concatenate([[0.0], times[k], inside]))
        half = np.diff(ends)[:, None] / 2
        t = (ends[:-1, None] + half * (1 + nodes)).ravel()
        v = dense(pair, times[k][None], w, t)[:, 0]
        weight = (half * parts).ravel() * np.exp(-t / (3 * TAU))
        np.testing.assert_allclose(found[k], weight @ v, 1e-10, 1e-15)


@every_pair
def test_peaks_are_the_highest_points_with_their_derivatives(pair, rng, x64):
    times, w = drawn(rng)
    f = jax.jit(lambda times, w: peak_voltage(snn.LIFParams(*pair), times, w))
    at = np.concatenate([np.linspace(0.0, 0.06, 6001), np.linspace(0.06, 0.6, 1000)])
    seen = np.maximum(dense(pair, times, w, at).max(axis=0), 0.0)
    found = np.asarray(f(times, w))
    np.testing.assert_allclose(found, seen, 0, 2e-4 * seen.max())
    assert np.all(found >= seen - 1e-12)
    mix = rng.normal(size=(3, 8))
    loss = jax.jit(lambda x: jnp.sum(mix * f(TAU * x[0], x[1])))
    gradient = jax.jit(jax.grad(loss))
    x = times / TAU, w
    grads, along = gradient(x), (rng.normal(size=(3, 6)), rng.normal(size=(6, 8)))
    moved = lambda h: jax.tree.map(lambda a, b: a + h * b, x, along)  # noqa: E731
    slope = sum(np.sum(g * a) for g, a in zip(grads, along, strict=True))
    number = (loss(moved(1e-6)) - loss(moved(-1e-6))) / 2e-6
    assert float(slope) == pytest.approx(float(number), rel=1e-6)
    bend = jax.jvp(gradient, (x,), (along,))[1]
    up, down = (gradient(moved(h)) for h in (1e-6, -1e-6))
    for b, u, d in zip(bend, up, down, strict=True):
        np.testing.assert_allclose(b, (u - d) / 2e-6, 1e-5, 1e-6)


def test_a_hinge_on_the_peak_wakes_a_silent_neuron(x64):
    times, w = np.zeros((1, 2)), np.array([[0.5], [0.3]])

    @jax.jit
    @jax.grad
    def gradient(w):
        peaks = peak_voltage(snn.LIFParams(), times, w)
        return snn.learning.voltage_band(peaks, lower=1.1, upper=jnp.inf)

    assert np.all(np.asarray(gradient(w)) < 0.0)
    for _ in range(300):
        w = w - 3.0 * np.asarray(gradient(w))
    assert np.isfinite(snn.neurons.first_spike_time(snn.LIFParams(), times, w)).all()


def test_below_rest_the_peak_is_rest_without_gradient():
    times, w = np.zeros((1, 2), "float32"), -np.ones((2, 1), "float32")
    total = lambda w: peak_voltage(snn.LIFParams(), times, w).sum()  # noqa: E731
    value, grad = jax.jit(jax.value_and_grad(total))(w)
    assert value == 0.0
    assert np.all(grad == 0.0)


def test_inputs_that_never_come_count_for_nothing_and_nan_for_everything():
    times, w = np.array([[0.0, 1e-3, np.inf]], "float32"), np.ones((3, 2), "float32")
    bad_times = np.array([[np.nan, 1e-3, np.inf]], "float32")
    for f in (
        lambda t, w: peak_voltage(snn.LIFParams(), t, w),
        lambda t, w: voltage_at(snn.LIFParams(), t, w, np.array([0.01])),
        lambda t, w: exp_weighted_voltage(snn.LIFParams(), t, w, tau=0.01),
    ):
        found, expected = jax.jit(lambda f=f: (f(times, w), f(times[:, :2], w[:2])))()
        np.testing.assert_allclose(found, expected, 1e-6)
        grads = jax.jit(jax.grad(lambda t, w, f=f: f(t, w).sum(), (0, 1)))(times, w)
        assert all(np.isfinite(g).all() for g in grads)
        assert np.all(np.asarray(grads[1])[2] == 0.0)
        assert np.isnan(jax.jit(f)(bad_times, w)).all()


def test_moments_and_times_at_which_there_is_nothing_are_refused():
    times, w = np.array([0.0, -1e-3], "float32"), np.ones((2, 3), "float32")
    with pytest.raises(ValueError, match=r"begins at 0; got -0\.001"):
        exp_weighted_voltage(snn.LIFParams(), times, w, tau=0.01)
    traced = jax.jit(lambda t: exp_weighted_voltage(snn.LIFParams(), t, w, tau=0.01))
    assert np.isnan(traced(times)).all()
    assert np.isfinite(traced(np.abs(times))).all()
    with pytest.raises(ValueError, match="at must be finite"):
        voltage_at(snn.LIFParams(), times, w, np.array([0.0, np.inf]))
