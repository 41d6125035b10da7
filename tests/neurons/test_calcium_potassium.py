import jax
import jax.numpy as jnp
import numpy as np
from scipy.integrate import solve_ivp

import snnjax as snn
from snnjax.neurons import MorrisLecarParams, morris_lecar

DT = 1e-4
KINDS = {  # type II and type I
    "g_calcium": np.array([44.0, 40.0]),
    "v_3": np.array([2e-3, 12e-3]),
    "v_4": np.array([30e-3, 17.4e-3]),
    "phi": np.array([40.0, 67.0]),
}
DRIVES = np.array([1.0, 0.45])


def lsoda(p, current, rest):
    """v after every step of half a second."""

    def slope(t, y):
        v, w = y
        m, w_end = (
            (1 + np.tanh((v - at) / over)) / 2
            for at, over in ((p.v_1, p.v_2), (p.v_3, p.v_4))
        )
        ionic = p.g_calcium * m * (v - p.e_calcium) + p.g_leak * (v - p.e_leak)
        ionic = ionic + p.g_potassium * w * (v - p.e_potassium)
        rate = p.phi * np.cosh((v - p.v_3) / (2 * p.v_4))
        return [(current - ionic) / p.capacitance, (w_end - w) * rate]

    t = DT * np.arange(1, 5_001)
    options = {"method": "LSODA", "rtol": 1e-9, "atol": 1e-11, "t_eval": t}
    return solve_ivp(slope, (0.0, t[-1] + 1e-9), rest, **options).y[0]


def test_half_a_second_is_that_of_lsoda_and_the_error_falls_fourfold(x64):
    params, xs = MorrisLecarParams(**KINDS), np.tile(DRIVES, (5_000, 1))
    found = [
        snn.unroll(cell, (), xs, dt=DT, record=lambda s, y: (s.v, y))[1]
        for cell in (morris_lecar(2, params, substeps=parts) for parts in (2, 4))
    ]
    rest = morris_lecar(2, params).rest(jnp.zeros(2))
    for k in range(2):
        own = params._replace(**{name: values[k] for name, values in KINDS.items()})
        start = [float(rest.v[k]), float(rest.w[k])]
        expected = lsoda(own, DRIVES[k], start)
        rises = np.flatnonzero((expected[1:] > 0) & (expected[:-1] <= 0)) + 1
        errors = [1e3 * np.abs(v[:, k] - expected).max() for v, _ in found]
        assert errors[0] < 0.5
        np.testing.assert_allclose(errors[0] / errors[1], 4.0, rtol=0.1)
        np.testing.assert_array_equal(np.flatnonzero(found[0][1][:, k]), rises)
        assert len(rises) > 3


def test_at_rest_nothing_moves():
    cell = morris_lecar(2, MorrisLecarParams(**KINDS))
    rest = cell.rest(jnp.zeros(2))
    state, spikes = snn.unroll(cell, (), jnp.zeros((2_000, 2)), dt=DT)
    np.testing.assert_allclose(state, rest, 1e-5)
    assert not spikes.any()


def test_the_gradient_is_that_of_finite_differences_and_that_of_spikes_finite(x64):
    cell, xs = morris_lecar(1), np.ones((1_500, 1))

    @jax.jit
    def end(drive):
        state, spikes = snn.unroll(cell, (), drive * xs, dt=DT)
        return state.v[0], spikes.sum()

    (_, spikes), found = jax.value_and_grad(end, has_aux=True)(1.0)
    assert spikes > 0
    expected = (end(1.0 + 1e-6)[0] - end(1.0 - 1e-6)[0]) / 2e-6
    np.testing.assert_allclose(found, expected, 1e-6)
    surrogate = jax.jit(jax.grad(lambda drive: end(drive)[1]))(1.0)
    assert np.isfinite(surrogate)
    assert surrogate != 0.0
