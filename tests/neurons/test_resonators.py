import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

import snnjax as snn
from snnjax.neurons import ResonateParams, resonate

SILENT = ResonateParams(threshold=1e3)


def final(cell, xs, dt):
    return snn.unroll(cell, (), xs, dt=dt)[0]


@pytest.mark.parametrize("dt", [1e-3, 10e-3])
def test_below_threshold_the_rotation_is_exact_at_any_dt(dt, x64):
    p, xs = SILENT, np.sin(np.arange(20.0))[:, None]
    omega, y = 2 * np.pi * p.frequency, np.zeros(2)
    for (x,) in xs:

        def slope(t, y, x=x):
            v, u = y
            decay = 1.0 / p.tau_mem
            return [-decay * v - omega * u + x * decay, omega * v - decay * u]

        options = {"method": "LSODA", "rtol": 1e-12, "atol": 1e-14}
        y = solve_ivp(slope, (0, dt), y, **options).y[:, -1]
    state = final(resonate(1, p), xs, dt)
    np.testing.assert_allclose([state.v[0], state.u[0]], y, atol=1e-10)


def test_it_answers_its_own_frequency_as_the_docstring_says():
    dt, t = 1e-4, 1e-4 * np.arange(10_000)
    own = np.array([20.0, 5.0, 60.0])  # of the input
    xs = 2.0 * np.cos(2 * np.pi * own * t[:, None])
    record = lambda s, y: s.v  # noqa: E731
    _, v = snn.unroll(resonate(3, SILENT), (), xs, dt=dt, record=record)
    amplitude = np.asarray(v)[-2_000:].max(axis=0)
    np.testing.assert_allclose(amplitude[0], 1.0, rtol=0.02)
    assert amplitude[1:].max() < 0.4
    still = final(resonate(1, SILENT), np.ones((2_000, 1)), 1e-3).v[0]
    swing = 2 * np.pi * SILENT.frequency * SILENT.tau_mem
    np.testing.assert_allclose(still, 1.0 / (1.0 + swing**2), rtol=1e-3)


def test_a_spike_leaves_the_swing_raises_the_threshold_and_damps():
    cell, p, dt = resonate(1), ResonateParams(), 1e-3
    start = cell.rest(jnp.zeros(1))._replace(v=jnp.full(1, 2.0))
    state, s = cell.step((), start, jnp.zeros(1), dt)
    assert s == 1.0
    assert state.v > 1.9
    assert state.q == p.jump
    at = lambda q: cell.step((), start._replace(q=jnp.full(1, q)), jnp.zeros(1), dt)  # noqa: E731
    (calm, fired), (raised, silent) = at(0.0), at(1.6)
    assert (fired, silent) == (1.0, 0.0)
    radius = lambda state: np.hypot(state.v, state.u)  # noqa: E731
    factor = np.exp(-p.damping * 1.6 * dt)
    np.testing.assert_allclose(radius(raised) / radius(calm), factor, rtol=1e-5)


def test_it_stays_balanced_under_strong_input_and_its_gradient_finite():
    xs = 30.0 * jax.random.normal(jax.random.key(0), (2_000, 8))
    cell = resonate(8)
    loss = lambda xs: jnp.mean(snn.unroll(cell, (), xs, dt=1e-3)[1])  # noqa: E731
    rate, found = jax.jit(jax.value_and_grad(loss))(xs)
    assert 0.02 < rate < 0.5
    assert np.isfinite(found).all()


def test_the_gradient_keeps_the_state_and_little_else():
    T, n = 40, 500
    xs = jnp.ones((T, 8, n))

    def loss(xs):
        return snn.unroll(resonate(n), (), xs, dt=1e-3)[1].sum()

    compiled = jax.jit(jax.grad(loss)).lower(xs).compile()
    kept = compiled.memory_analysis().temp_size_in_bytes / xs.nbytes
    assert kept < 8.0  # three of the state, the input, the spike; 15 if all is kept


def test_constants_of_no_resonator_are_refused():
    for name, value in (("frequency", 0.0), ("jump", -1.0), ("damping", np.ones(3))):
        with pytest.raises(ValueError, match=name):
            resonate(2, ResonateParams()._replace(**{name: value}))
