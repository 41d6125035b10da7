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


@pytest.mark.parametrize("mean", [-2.0, 0.5, 0.9, 1.0, 1.5, 8.0])
def test_siegerts_formula_is_that_of_an_adaptive_quadrature(mean, x64):
    for deviation in (0.05, 0.2, 0.7, 3.0):
        expected = siegert(mean, deviation)
        found = siegert_rate(jnp.float64(mean), deviation, PARAMS)
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
    slope = jax.vmap(jax.grad(lambda mean: siegert_rate(mean, 0.3, PARAMS)))
    means = jnp.array([0.3, 0.8, 1.4])
    up, down = (siegert_rate(means + s * 1e-2, 0.3, PARAMS) for s in (1, -1))
    np.testing.assert_allclose(slope(means), (up - down) / 2e-2, 1e-2)
