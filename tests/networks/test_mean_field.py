import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate, special

import snnjax as snn
from snnjax.networks import siegert_rate, sparse_network_rate

PARAMS = snn.LIFParams(20e-3, None, 1.0, refractory=2e-3, v_reset=0.5)


def siegert(mean, deviation, params=PARAMS):
    """By another quadrature, of another form of the integrand."""
    sigma = math.sqrt(2.0) * deviation
    ends = [(v - mean) / sigma for v in (params.v_reset, params.threshold)]
    area = integrate.quad(lambda u: special.erfcx(-u), *ends, epsrel=1e-12)[0]
    return 1.0 / (params.refractory + params.tau_mem * math.sqrt(math.pi) * area)


rate_of = jax.jit(lambda mean, deviation: siegert_rate(mean, deviation, PARAMS))


@pytest.mark.parametrize("mean", [-2.0, 0.5, 0.9, 1.0, 1.5, 8.0])
def test_siegerts_formula_is_that_of_an_adaptive_quadrature(mean, x64):
    for deviation in (0.05, 0.2, 0.7, 3.0):
        expected = siegert(mean, deviation)
        found = rate_of(np.float64(mean), deviation)
        np.testing.assert_allclose(found, expected, 1e-6, 1e-12)


def test_single_precision_is_enough():
    for mean, deviation in ((0.5, 0.3), (0.9, 0.1), (3.0, 0.05)):
        found = siegert_rate(mean, deviation, PARAMS)
        assert found.dtype == jnp.float32
        np.testing.assert_allclose(found, siegert(mean, deviation), 1e-4)


def test_without_noise_it_is_the_rate_of_a_constant_current():
    found = siegert_rate(1.5, 1e-3, PARAMS)
    expected = 1.0 / (2e-3 + 20e-3 * math.log((1.5 - 0.5) / (1.5 - 1.0)))
    np.testing.assert_allclose(found, expected, 1e-3)


def test_a_network_fires_at_the_rate_that_its_input_makes_it_fire_at(x64):
    for g, eta in ((5.0, 2.0), (6.0, 4.0), (4.5, 0.9)):
        weight, e, i = 0.005, 1000, 250
        external = eta / (weight * PARAMS.tau_mem)
        rate = float(
            sparse_network_rate(
                PARAMS,
                **{"excitatory": e, "inhibitory": i, "weight": weight},
                **{"inhibition": g, "external": external},
            )
        )
        mean = 20e-3 * weight * ((e - g * i) * rate + external)
        square = 20e-3 * weight**2 * ((e + g**2 * i) * rate + external) / 2.0
        np.testing.assert_allclose(siegert(mean, math.sqrt(square)), rate, 1e-6)


def test_rates_can_be_swept_and_differentiated():
    slope = jax.jit(jax.vmap(jax.grad(lambda mean: siegert_rate(mean, 0.3, PARAMS))))
    means = np.array([0.3, 0.8, 1.4], "float32")
    up, down = (np.asarray(rate_of(means + s * 1e-2, 0.3)) for s in (1, -1))
    np.testing.assert_allclose(slope(means), (up - down) / 2e-2, 1e-2)


def test_little_noise_leaves_the_rate_exact(x64):
    for mean, deviation in ((1.0, 1e-4), (0.995, 1e-3), (1.5, 1e-4), (100.0, 1.0)):
        sigma, free = math.sqrt(2.0) * deviation, PARAMS._replace(v_reset=0.0)
        ends = np.linspace(-mean / sigma, (1.0 - mean) / sigma, 400)
        pieces = [
            integrate.quad(lambda u: special.erfcx(-u), *pair)[0]
            for pair in itertools.pairwise(ends)
        ]
        expected = 1.0 / (2e-3 + 20e-3 * math.sqrt(math.pi) * sum(pieces))
        found = siegert_rate(np.float64(mean), deviation, free)
        np.testing.assert_allclose(found, expected, 1e-7)


def test_what_never_fires_has_a_rate_and_a_derivative_of_zero():
    slopes = jax.jit(jax.value_and_grad(rate_of, (0, 1)))
    for mean, deviation in ((-5.0, 0.1), (0.5, 0.01), (-1e6, 1e-3)):
        both = slopes(mean, deviation)
        assert not np.any(jax.tree.leaves(both))


def test_the_rate_of_a_network_has_its_derivatives(x64):
    def rate(weight, g, external):
        inputs = {"excitatory": 1000, "inhibitory": 250}
        given = {"weight": weight, "inhibition": g, "external": external}
        return sparse_network_rate(PARAMS, **inputs, **given)

    at = 0.005, 5.0, 20_000.0
    found = jax.jit(jax.grad(rate, (0, 1, 2)))(*at)
    rate = jax.jit(rate)
    for k, slope in enumerate(found):
        up, down = (
            rate(*(x * (1.0 + s * 1e-5 * (j == k)) for j, x in enumerate(at)))
            for s in (1, -1)
        )
        np.testing.assert_allclose(slope, (up - down) / (2e-5 * at[k]), 1e-5)


def test_a_network_without_bound_is_refused_and_nan_if_traced():
    def rate(external, params):
        inputs = {"excitatory": 1000, "inhibitory": 1, "weight": 0.1, "inhibition": 1.0}
        return sparse_network_rate(params, **inputs, external=external)

    free = PARAMS._replace(refractory=None)
    with pytest.raises(ValueError, match="nothing bounds"):
        rate(1000.0, free)
    assert np.isnan(jax.jit(rate)(1000.0, free))
    np.testing.assert_allclose(rate(1000.0, free._replace(refractory=1e-5)), 99e3, 1e-2)
    with pytest.raises(ValueError, match="tau_mem must be one number"):
        rate(1000.0, free._replace(tau_mem=jnp.array([20e-3])))
