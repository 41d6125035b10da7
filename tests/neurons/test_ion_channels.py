import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

import snnjax as snn
from snnjax.neurons import HodgkinHuxleyParams, hodgkin_huxley

DT = 1e-4
GATES = ("m", "h", "n")


def rates(v):
    """As the paper has them, in mV and ms, v from -65 mV on."""
    u = v + 65.0
    m = 0.1 * (25 - u) / np.expm1((25 - u) / 10), 4 * np.exp(-u / 18)
    h = 0.07 * np.exp(-u / 20), 1 / (np.exp((30 - u) / 10) + 1)
    return m, h, (0.01 * (10 - u) / np.expm1((10 - u) / 10), 0.125 * np.exp(-u / 80))


def slope(t, y, current):
    v, m, h, n = y
    ionic = 120 * m**3 * h * (v - 50) + 36 * n**4 * (v + 77) + 0.3 * (v + 54.387)
    pairs = zip(rates(v), y[1:], strict=True)
    return [current - ionic, *(a * (1 - x) - b * x for (a, b), x in pairs)]


def at_rest():
    rest = hodgkin_huxley(1).rest(jnp.zeros(1))
    return [1e3 * float(rest.v[0]), *(float(getattr(rest, gate)[0]) for gate in GATES)]


def lsoda(current, until):
    """v in mV after every step, and the times of spikes in ms."""
    t = 1e3 * DT * np.arange(1, round(until / DT) + 1)
    crosses = lambda t, y, current: y[0]  # noqa: E731
    crosses.direction = 1
    options = {"method": "LSODA", "rtol": 1e-9, "atol": 1e-10, "t_eval": t}
    options |= {"events": crosses, "args": (current,)}
    found = solve_ivp(slope, (0.0, t[-1] + 1e-6), at_rest(), **options)
    return found.y[0], found.t_events[0]


def voltages(cell, xs):
    run = lambda xs: snn.unroll(cell, (), xs, dt=DT, record=lambda s, y: (s.v, y))  # noqa: E731
    return jax.jit(run)(xs)[1]


def test_the_resting_gates_are_their_closed_form_and_nothing_moves(x64):
    v, *gates = at_rest()
    for (a, b), gate in zip(rates(v), gates, strict=True):
        np.testing.assert_allclose(gate, a / (a + b), rtol=1e-12)
    np.testing.assert_allclose(slope(0.0, [v, *gates], 0.0), 0.0, atol=1e-11)
    np.testing.assert_allclose(v, -65.0, atol=0.01)


@pytest.mark.parametrize("double", [True, False])
def test_fifty_milliseconds_are_those_of_lsoda_and_the_error_falls_fourfold(double):
    jax.config.update("jax_enable_x64", double)
    try:
        expected, times = lsoda(10.0, 50e-3)
        errors = []
        for parts in (10, 20):
            xs = np.ones((500, 1), np.float64 if double else np.float32)
            v, spikes = voltages(hodgkin_huxley(1, substeps=parts), xs)
            errors.append(np.abs(1e3 * np.asarray(v)[:, 0] - expected).max())
            steps = np.flatnonzero(spikes)
            assert len(steps) == len(times) > 2
            np.testing.assert_array_equal(steps, np.floor(times / (1e3 * DT)))
    finally:
        jax.config.update("jax_enable_x64", False)
    assert errors[0] < 1.0
    np.testing.assert_allclose(errors[0] / errors[1], 4.0, rtol=0.1 if double else 0.5)


def test_firing_goes_on_from_the_published_current_on():
    onset = 6.2618  # µA/cm²; below it a few spikes die out
    share = np.array([0.999, 1.001], np.float32)
    xs = jnp.broadcast_to(share * onset / 10.0, (10_000, 2))
    _, spikes = voltages(hodgkin_huxley(2), xs)
    late = np.asarray(spikes)[-3_000:].sum(axis=0)
    assert late[0] == 0 < late[1]
    for factor, fires in zip((0.999, 1.001), (False, True), strict=True):
        times = lsoda(factor * onset, 1.0)[1]
        assert (times > 700.0).any() == fires


def test_the_gradient_of_the_voltage_is_its_finite_difference(x64):
    xs = np.ones((500, 1))

    @jax.jit
    def end(drive):
        state, spikes = snn.unroll(hodgkin_huxley(1), (), drive * xs, dt=DT)
        return state.v[0], spikes.sum()

    (_, spikes), found = jax.value_and_grad(end, has_aux=True)(1.0)
    assert spikes > 2
    h = 1e-6
    expected = (end(1.0 + h)[0] - end(1.0 - h)[0]) / (2 * h)
    np.testing.assert_allclose(found, expected, 1e-6)


def test_surrogate_gradients_are_finite_over_a_tenth_of_a_second():
    xs = jnp.tile(jnp.array([0.5, 1.0, 2.0]), (1_000, 1))
    loss = lambda xs: snn.unroll(hodgkin_huxley(3), (), xs, dt=DT)[1].sum()  # noqa: E731
    found = jax.jit(jax.grad(loss))(xs)
    assert np.isfinite(found).all()
    assert 0.0 < np.abs(found).max() < 1e3


@pytest.mark.parametrize("drive", [-1e6, -100.0, 1e3, 1e6])
def test_no_input_overflows(drive):
    state, _ = snn.unroll(hodgkin_huxley(1), (), jnp.full((50, 1), drive), dt=DT)
    assert np.isfinite(state).all()


def test_parts_that_are_too_long_are_refused_with_their_error():
    xs = jnp.ones((3, 1))
    message = r"parts of a dt of 0.0001 s are 50 µs each, .* about 14 mV off; .*=4\."
    with pytest.raises(ValueError, match=message):
        snn.unroll(hodgkin_huxley(1, substeps=2), (), xs, dt=DT)
    snn.unroll(hodgkin_huxley(1, substeps=4), (), xs, dt=DT)
    traced = jax.jit(lambda dt: snn.unroll(hodgkin_huxley(1), (), xs, dt=dt)[0].v)
    assert np.isnan(traced(1e-3)).all()
    assert np.isfinite(traced(1e-4)).all()


def test_constants_of_no_membrane_are_refused():
    for name, value in (("g_leak", 0.0), ("e_leak", np.nan), ("unit", np.ones(3))):
        with pytest.raises(ValueError, match=name):
            hodgkin_huxley(2, HodgkinHuxleyParams()._replace(**{name: value}))


def test_membranes_far_from_the_squids_rest_where_nothing_moves(x64):
    spread = np.random.default_rng(0).lognormal(0.0, 0.7, (3, 300))
    sodium, potassium, leak = spread * np.array([[1200.0], [360.0], [3.0]])
    p = HodgkinHuxleyParams(g_sodium=sodium, g_potassium=potassium, g_leak=leak)
    cell = hodgkin_huxley(300, p)
    rest = cell.rest(jnp.zeros(300))
    assert (rest.v > p.e_potassium).all()
    assert (rest.v < p.e_sodium).all()
    state, _ = cell.step((), rest, jnp.zeros(300), DT)
    np.testing.assert_allclose(state, rest, 1e-5)
