import jax
import jax.numpy as jnp
import numpy as np
import pytest

import snnjax as snn
from snnjax.neurons import ALIFParams, ALIFState

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
    np.testing.assert_allclose(whole[..., 0], without[..., 0], rtol=1e-6)  # β = 0
    assert np.abs(whole - without)[..., 3].max() > 0.1 * np.abs(whole).max()


def test_constants_of_another_kind_are_refused():
    with pytest.raises(ValueError, match=r"params must have tau_adapt, beta"):
        snn.alif(2, snn.LIFParams())
    for name, value in (("beta", -0.1), ("tau_adapt", 0.0), ("beta", np.ones(3))):
        with pytest.raises(ValueError, match=name):
            snn.alif(2, ALIFParams()._replace(**{name: value}))
