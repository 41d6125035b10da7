import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

import snnjax as snn
from snnjax.neurons import AdLIFParams, ALIFParams, ALIFState

T, B, N, DT = 120, 3, 4, 1e-3
PARAMS = ALIFParams(5e-3, 2e-3, 0.3, None, 0.0, 30e-3, np.array([0.0, 0.1, 0.3, 0.6]))


def noise():
    return 0.4 + 0.8 * jax.random.normal(jax.random.key(1), (T, B, N))


def by_hand(xs, params, reset, refractory_steps):
    """Step after step in numpy, the flow as the two exponentials that solve it."""
    tm, ts, theta = params.tau_mem, params.tau_syn, params.threshold
    mem, syn, kept = (np.exp(-DT / tau) for tau in (tm, ts, params.tau_adapt))
    v, i, a = np.zeros((3, B, N))
    left, rows = np.zeros((B, N), int), []
    for x in np.asarray(xs):
        i = i + x
        flowed = mem * v + ts / (ts - tm) * (syn - mem) * i
        v, i = np.where(left > 0, v, flowed), syn * i
        s = (v > theta + params.beta * a) & (left == 0)
        v = np.where(s, 0.0, v) if reset == "zero" else v - theta * s
        left = np.where(s, refractory_steps, np.maximum(left - 1, 0))
        a = kept * a + s
        rows.append((s, v, a))
    return [np.stack(each) for each in zip(*rows, strict=True)]


@pytest.mark.parametrize("reset", ["zero", "subtract"])
@pytest.mark.parametrize("refractory", [0, 3])
def test_it_is_its_equations_step_after_step_in_numpy(reset, refractory, x64):
    params = PARAMS._replace(refractory=refractory * DT if refractory else None)
    xs = noise().astype(float)
    cell = snn.alif(N, params, reset=reset)
    found = snn.unroll(cell, (), xs, dt=DT, record=lambda s, y: (y, s.v, s.a))[1]
    expected = by_hand(xs, params, reset, refractory)
    assert 0.05 < expected[0].mean() < 0.5
    rates = expected[0].mean(axis=(0, 1))
    assert rates[0] > 1.2 * rates[3]
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("reset", ["zero", "subtract", "none"])
def test_a_threshold_that_does_not_move_is_lif_bit_for_bit(reset):
    still = PARAMS._replace(beta=0.0, refractory=2e-3)
    plain = snn.LIFParams(*still[:5])
    worth = jnp.cos(jnp.arange(float(T)))[:, None, None]

    def seen(cell):
        def total(xs):
            spikes = snn.unroll(cell, (), xs, dt=DT)[1]
            return jnp.sum(worth * spikes), spikes

        return jax.jit(jax.grad(total, has_aux=True))(noise())

    slope, spikes = seen(snn.lif(N, plain, reset=reset, backend="xla"))
    ours, same = seen(snn.alif(N, still, reset=reset))
    assert 0.03 < spikes.mean() < 0.97
    np.testing.assert_array_equal(same, spikes)
    np.testing.assert_allclose(ours, slope, rtol=1e-5, atol=1e-6)


def test_a_spike_raises_the_threshold_by_beta_from_the_next_step_on():
    params = ALIFParams(1e-3, None, 1.0, tau_adapt=50e-3, beta=0.5)
    cell, state = snn.alif(1, params, input="voltage"), None
    rest = cell.rest(jnp.zeros(1))
    state, s = cell.step((), rest, jnp.full(1, 9.0), DT)
    assert (s, state.a) == (1.0, 1.0)
    for late in (0, 7):
        count = np.exp(-late * DT / 50e-3)
        threshold = 1.0 + 0.5 * count
        for v, fires in ((threshold - 1e-4, 0.0), (threshold + 1e-4, 1.0)):
            at = ALIFState(jnp.zeros(1), None, None, jnp.full(1, count, jnp.float32))
            _, s = cell.step((), at, jnp.full(1, v * np.e), DT)
            assert s == fires


def test_a_steady_rate_raises_the_threshold_by_beta_times_rate_times_time():
    params = ALIFParams(20e-3, None, 1.0, tau_adapt=0.5, beta=0.2)
    xs = jnp.full((20_000, 1), 3.0)
    state, spikes = jax.jit(lambda xs: snn.unroll(snn.alif(1, params), (), xs, dt=DT))(
        xs
    )
    rate = spikes[-10_000:].mean() / DT
    assert spikes[:100].mean() / DT > 2 * rate
    np.testing.assert_allclose(state.a, 0.5 * rate, rtol=0.05)


def test_the_gradient_of_the_jump_is_left_out_where_it_is_said():
    xs, worth = noise(), jnp.cos(jnp.arange(float(T)))[:, None, None]

    def slope(**options):
        cell = snn.alif(N, PARAMS, **options)
        total = lambda xs: jnp.sum(  # noqa: E731
            worth * snn.unroll(cell, (), xs, dt=DT)[1]
        )
        return jax.jit(jax.value_and_grad(total))(xs)

    value, whole = slope()
    same, without = slope(adaptation_gradient=False)
    assert value == same
    np.testing.assert_allclose(whole[..., 0], without[..., 0], 1e-6, 1e-7)  # β = 0
    assert np.abs(whole - without)[..., 3].max() > 0.1 * np.abs(whole).max()


def test_constants_of_another_kind_are_refused():
    with pytest.raises(ValueError, match=r"params must have tau_adapt, beta"):
        snn.alif(2, snn.LIFParams())
    for name, value in (("beta", -0.1), ("tau_adapt", 0.0), ("beta", np.ones(3))):
        with pytest.raises(ValueError, match=name):
            snn.alif(2, ALIFParams()._replace(**{name: value}))


# adlif

CURRENTS = {  # oscillating, overdamped, critical, oscillating with negative a
    "tau_mem": np.array([5e-3, 5e-3, 10e-3, 20e-3]),
    "tau_adapt": np.array([30e-3, 60e-3, 20e-3, 100e-3]),
    "a": np.array([3.0, 0.1, 0.125, -0.5]),
    "b": np.array([0.5, 0.2, 0.0, 0.3]),
}


def lsoda(params, xs, dt, threshold):
    """Between spikes by LSODA, spikes and jumps at the ends of steps."""
    n = xs.shape[-1]
    v, w, rows = np.zeros(n), np.zeros(n), []

    def slope(t, y, x):
        v, w = np.split(y, 2)
        dv = (-v - w + x) / params.tau_mem
        return np.concatenate([dv, (-w + params.a * v) / params.tau_adapt])

    for x in xs:
        options = {"method": "LSODA", "rtol": 1e-13, "atol": 1e-14, "args": (x,)}
        end = solve_ivp(slope, (0, dt), np.concatenate([v, w]), **options).y[:, -1]
        v, w = np.split(end, 2)
        s = v > threshold
        v, w = np.where(s, 0.0, v), w + params.b * s
        rows.append((s, v, w))
    return [np.stack(each) for each in zip(*rows, strict=True)]


@pytest.mark.parametrize("dt", [1e-3, 5e-3, 20e-3])
def test_an_adaptation_current_flows_as_lsoda_says_at_any_dt(dt, x64):
    params = AdLIFParams(**CURRENTS)
    noise = jax.random.normal(jax.random.key(2), (round(0.2 / dt), N))
    xs = 1.0 + np.asarray(noise)
    cell = snn.neurons.adlif(N, params)
    found = snn.unroll(cell, (), xs, dt=dt, record=lambda s, y: (y, s.v, s.w))[1]
    expected = lsoda(params, xs, dt, 1.0)
    assert expected[0].sum() > 4
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-11)


def test_the_gradient_at_equal_eigenvalues_is_that_of_finite_differences(x64):
    xs = np.sin(np.arange(40.0))[:, None]

    def end(a):  # eigenvalues are equal at a = 1/8
        params = AdLIFParams(10e-3, 20e-3, a, b=0.0, threshold=10.0)
        state, _ = snn.unroll(snn.neurons.adlif(1, params), (), xs, dt=2e-3)
        return state.v[0] + 2.0 * state.w[0]

    slope, h = jax.grad(end)(0.125), 1e-5
    np.testing.assert_allclose(slope, (end(0.125 + h) - end(0.125 - h)) / (2 * h), 1e-6)


def test_the_gradients_of_reset_and_jump_are_left_out_where_it_is_said():
    xs, worth = 3.0 * noise(), jnp.cos(jnp.arange(float(T)))[:, None, None]

    def slope(**options):
        cell = snn.neurons.adlif(N, AdLIFParams(**CURRENTS), **options)
        total = lambda xs: jnp.sum(  # noqa: E731
            worth * snn.unroll(cell, (), xs, dt=DT)[1]
        )
        return jax.jit(jax.value_and_grad(total))(xs)

    found = [slope(), slope(adaptation_gradient=False), slope(reset_gradient=True)]
    assert len({float(value) for value, _ in found}) == 1
    for _, other in found[1:]:
        apart = np.abs(other - found[0][1]).max(axis=(0, 1))
        assert apart[0] > 0.01 * np.abs(found[0][1]).max()
    np.testing.assert_allclose(
        found[0][1][..., 2], found[1][1][..., 2], 1e-6, 1e-7
    )  # b = 0


def test_constants_without_a_rest_are_refused():
    for name, value in (("a", -1.0), ("b", np.nan), ("tau_adapt", -1.0)):
        with pytest.raises(ValueError, match=name):
            snn.neurons.adlif(2, AdLIFParams()._replace(**{name: value}))
