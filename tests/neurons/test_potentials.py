import jax
import numpy as np
import pytest

from snnjax import LIParams, li, unroll
from snnjax.neurons import kernel_integrals, psp, psp_peak, spike_response

compiled = jax.jit(psp)
slopes_of = jax.jit(jax.value_and_grad(psp, (0, 1, 2)))
NODES, WEIGHTS = np.polynomial.legendre.leggauss(60)
PAIRS = [
    (20e-3, 5e-3),
    (5e-3, 20e-3),
    (10e-3, 10e-3),
    (10e-3, 10e-3 * (1 + 1e-9)),
    (10e-3, 10e-3 * (1 + 1e-3)),
    (10e-3, 10.2e-3),
]
every_pair = pytest.mark.parametrize(("tau_mem", "tau_syn"), PAIRS)


def quadrature(t, tau_mem, tau_syn):
    """The convolution of both exponentials by Gauss and Legendre, for any two τ."""
    t = np.asarray(t, float)[..., None]
    s = t * (1 + NODES) / 2
    product = np.exp(-(t - s) / tau_mem - s / tau_syn) / tau_mem
    return (t[..., 0] / 2) * (product @ WEIGHTS)


@every_pair
@pytest.mark.parametrize("dt", [1e-4, 1e-3, 5e-3])
def test_psp_is_the_convolution_of_membrane_and_synapse(tau_mem, tau_syn, dt, x64):
    t = dt * np.arange(round(50e-3 / dt))
    voltage = compiled(t, tau_mem, tau_syn)
    np.testing.assert_allclose(voltage, quadrature(t, tau_mem, tau_syn), rtol=1e-12)


@every_pair
def test_single_precision_keeps_its_digits_near_equal_time_constants(tau_mem, tau_syn):
    t = 1e-3 * np.arange(50, dtype=np.float32)
    tau_mem, tau_syn = np.float32(tau_mem), np.float32(tau_syn)
    expected = quadrature(t, float(tau_mem), float(tau_syn))
    np.testing.assert_allclose(compiled(t, tau_mem, tau_syn), expected, rtol=2e-6)


def test_equal_time_constants_give_the_alpha_function(x64):
    t = 1e-3 * np.arange(100)
    alpha = t / 10e-3 * np.exp(-t / 10e-3)
    np.testing.assert_allclose(psp(t, 10e-3, 10e-3), alpha, rtol=1e-14)


def test_nothing_happens_before_the_spike():
    t = np.array([-np.inf, -1e9, -1e-3, 0.0], "float32")
    np.testing.assert_array_equal(psp(t, 20e-3, 5e-3), 0.0)
    np.testing.assert_array_equal(spike_response(t[:3], 20e-3), 0.0)
    slope = jax.jit(jax.grad(lambda tau: psp(t, tau, 5e-3).sum()))(20e-3)
    assert slope == 0.0


@pytest.mark.parametrize("t", [1.0, 1e4, 1e8, 1e20])
@every_pair
def test_long_after_the_spike_nothing_is_left_and_nothing_overflows(
    t, tau_mem, tau_syn
):
    voltage, slopes = map(np.asarray, slopes_of(t, tau_mem, tau_syn))
    assert 0.0 <= voltage < 1e-15
    assert np.all(np.abs(slopes) < 1e-15)


@every_pair
def test_gradient_of_the_psp_is_its_finite_difference(tau_mem, tau_syn, x64):
    point, step = np.array([8e-3, tau_mem, tau_syn]), 1e-5
    grads = slopes_of(*point)[1]
    for k, grad in enumerate(grads):
        up, down = (point * (1 + c * step * np.eye(3)[k]) for c in (1, -1))
        slope = (quadrature(*up) - quadrature(*down)) / (2 * step * point[k])
        np.testing.assert_allclose(grad, slope, rtol=1e-7, atol=1e-7)


curvature = jax.jit(jax.hessian(lambda t, tau: psp(t, *tau), 1))


@every_pair
def test_curvature_in_the_time_constants_is_that_of_the_integral(tau_mem, tau_syn, x64):
    t, h = 8e-3, 1e-6
    hessian = curvature(t, np.array([tau_mem, tau_syn]))

    def at(p, q):
        return quadrature(t, tau_mem + p * h, tau_syn + q * h)

    mem = (at(1, 0) - 2 * at(0, 0) + at(-1, 0)) / h**2
    syn = (at(0, 1) - 2 * at(0, 0) + at(0, -1)) / h**2
    both = (at(1, 1) - at(1, -1) - at(-1, 1) + at(-1, -1)) / (4 * h**2)
    np.testing.assert_allclose(hessian, [[mem, both], [both, syn]], rtol=1e-5)


def test_psp_broadcasts_over_time_and_neurons(x64):
    tau = np.array([5e-3, 10e-3, 20e-3])
    t = 1e-3 * np.arange(4)[:, None]
    together = psp(t, tau, 10e-3)
    assert together.shape == (4, 3)
    np.testing.assert_allclose(together[:, 2], quadrature(t[:, 0], 20e-3, 10e-3))


def test_the_textbook_psp_peaks_after_13863_us_at_a_quarter(x64):
    time, height = psp_peak(20e-3, 10e-3)
    np.testing.assert_allclose([time, height], [20e-3 * np.log(2), 0.25], rtol=1e-14)


@every_pair
def test_the_peak_is_where_the_psp_is_highest(tau_mem, tau_syn, x64):
    time, height = psp_peak(tau_mem, tau_syn)
    np.testing.assert_allclose(quadrature(time, tau_mem, tau_syn), height, rtol=1e-12)
    around = quadrature(time + 1e-4 * np.array([-1, 1]), tau_mem, tau_syn)
    assert np.all(around < height)
    slope = slopes_of(float(time), tau_mem, tau_syn)[1][0]
    np.testing.assert_allclose(slope, 0, atol=1e-9)


def test_the_spike_response_is_the_reset_fading(x64):
    t = np.array([0.0, 10e-3, 20e-3])
    expected = -1.5 * np.exp([0.0, -0.5, -1.0])
    np.testing.assert_allclose(spike_response(t, 20e-3, 1.5), expected, rtol=1e-14)


@every_pair
def test_continuous_integrals_are_areas_under_the_psp(tau_mem, tau_syn, x64):
    t = np.linspace(0.0, 0.6, 120_001)
    kernel = np.asarray(compiled(t, tau_mem, tau_syn))
    areas = np.trapezoid(kernel, t), np.trapezoid(kernel**2, t)
    integrals = kernel_integrals(tau_mem, tau_syn)
    np.testing.assert_allclose(integrals, areas, rtol=1e-6)


@pytest.mark.parametrize("dt", [1e-4, 1e-3, 5e-3])
@pytest.mark.parametrize(("tau_mem", "tau_syn"), [*PAIRS[:4], (20e-3, None)])
def test_discrete_integrals_are_sums_over_a_simulated_psp(tau_mem, tau_syn, dt, x64):
    jump = 1.0 * (np.arange(round(0.6 / dt)) == 0)[:, None]
    _, v = unroll(li(1, LIParams(tau_mem, tau_syn)), (), jump, dt=dt)
    sums = dt * np.sum(v), dt * np.sum(np.square(v))
    np.testing.assert_allclose(
        kernel_integrals(tau_mem, tau_syn, dt=dt), sums, rtol=1e-11
    )


def test_halving_the_step_brings_the_sums_four_and_sixteen_times_closer(x64):
    areas = np.array(kernel_integrals(20e-3, 5e-3))
    coarse, fine = (kernel_integrals(20e-3, 5e-3, dt=dt) - areas for dt in (1e-3, 5e-4))
    np.testing.assert_allclose(coarse / fine, [4.0, 16.0], rtol=1e-2)


def test_without_a_synapse_the_integrals_need_a_step():
    with pytest.raises(ValueError, match="needs a time step dt"):
        kernel_integrals(20e-3, None)
