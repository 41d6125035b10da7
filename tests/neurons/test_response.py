import jax
import jax.numpy as jnp
import numpy as np
import pytest

import snnjax as snn
from snnjax.neurons import spike_response

DT, N, T = 1e-3, 3, 80
CONSTANTS = [
    snn.LIFParams(12e-3, 4e-3, 0.4),
    snn.LIFParams(10e-3, 10e-3, np.array([0.3, 0.5, 0.8])),
    snn.LIFParams(np.array([5e-3, 10e-3, 20e-3]), None, 0.35),
]
every_constant = pytest.mark.parametrize("params", CONSTANTS, ids=range(3))


def drive(rng):
    return jnp.asarray(rng.normal(0.7, 1.5, size=(T, N)))


@every_constant
def test_it_fires_as_the_leaky_neuron_that_subtracts(params, rng, x64):
    xs = drive(rng)
    _, as_sum = snn.unroll(snn.srm(N, params), (), xs, dt=DT)
    _, as_flow = snn.unroll(snn.lif(N, params, reset="subtract"), (), xs, dt=DT)
    assert np.all(as_sum.sum(0) > 3)
    np.testing.assert_array_equal(as_sum, as_flow)


@every_constant
@pytest.mark.parametrize("attached", [False, True])
def test_it_learns_as_the_leaky_neuron_that_subtracts(params, attached, rng, x64):
    xs, shades = drive(rng), jnp.asarray(rng.normal(size=(T, N)))

    def grads(neuron):
        def loss(xs, params):
            run = neuron(params)
            return jnp.sum(shades * snn.unroll(run, (), xs, dt=DT)[1])

        found = jax.grad(loss, (0, 1))(xs, jax.tree.map(jnp.asarray, params))
        return found[0], found[1]._replace(v_reset=None)  # not used by either

    as_sum = grads(lambda p: snn.srm(N, p, reset_gradient=attached))
    as_flow = grads(lambda p: snn.lif(N, p, reset="subtract", reset_gradient=attached))
    assert min(np.linalg.norm(g) for g in jax.tree.leaves(as_flow)) > 1e-3
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-11),
        as_sum,
        as_flow,
    )


def test_attaching_the_response_changes_the_gradient(rng, x64):
    xs = drive(rng)

    def grad(attached):
        cell = snn.srm(N, CONSTANTS[0], reset_gradient=attached)
        return jax.grad(lambda xs: snn.unroll(cell, (), xs, dt=DT)[1].sum())(xs)

    assert np.max(np.abs(grad(True) - grad(False))) > 1e-2


def test_the_membrane_is_the_sum_of_psps_and_spike_responses(rng, x64):
    tau_mem, tau_syn, theta = CONSTANTS[0][:3]
    xs = np.asarray(drive(rng))
    _, (state, s) = snn.unroll(
        snn.srm(N, CONSTANTS[0]), (), xs, dt=DT, record=lambda *both: both
    )
    t = DT * np.arange(T)
    both = np.exp(-(t + DT) / tau_syn) - np.exp(-(t + DT) / tau_mem)
    epsilon = tau_syn / (tau_syn - tau_mem) * both
    eta = -theta * np.exp(-t / tau_mem)
    np.testing.assert_allclose(spike_response(t, tau_mem, theta), eta, rtol=1e-12)
    for k in range(N):
        psps = np.convolve(xs[:, k], epsilon)[:T]
        responses = np.convolve(s[:, k], eta)[:T]
        np.testing.assert_allclose(state.free.v[:, k], psps, rtol=1e-9, atol=1e-11)
        np.testing.assert_allclose(
            state.response[:, k], responses, rtol=1e-9, atol=1e-11
        )


@pytest.mark.parametrize("refractory", [2e-3, 0.0])
def test_an_absolute_refractory_time_is_refused(refractory):
    with pytest.raises(ValueError, match="no absolute refractory period"):
        snn.srm(N, snn.LIFParams(refractory=refractory))


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ({"tau_mem": 0.0}, "tau_mem must be finite and positive"),
        ({"tau_syn": np.nan}, "tau_syn must be finite and positive"),
        ({"threshold": -1.0}, "threshold must be finite and positive"),
        ({"threshold": np.ones(2)}, "threshold must be one number or one per neuron"),
    ],
)
def test_it_refuses_what_a_leaky_neuron_refuses(bad, message):
    with pytest.raises(ValueError, match=message):
        snn.srm(N, snn.LIFParams(**bad))


def test_another_width_is_refused():
    with pytest.raises(ValueError, match="expects 3 channels"):
        snn.unroll(snn.srm(N), (), jnp.zeros((5, 4)), dt=DT)
