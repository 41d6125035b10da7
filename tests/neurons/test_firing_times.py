from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from spike_oracle import by_events, by_formula

import snnjax as snn
from snnjax.neurons import first_spike_time, spike_times

TAU = 5e-3
PAIRS = [  # τm and τs
    *((TAU, TAU), (2 * TAU, TAU), (4 * TAU, TAU), (TAU, TAU * (1 + 1e-7))),
    *((TAU, 4 * TAU), (1000 * TAU, TAU), (None, TAU)),
]
every_pair = pytest.mark.parametrize("pair", PAIRS)


def drawn(rng, samples, n_in, n, scale=1.0):
    """Inputs within three time constants, weights of both signs."""
    times = rng.uniform(0.0, 3 * TAU, (samples, n_in))
    return times, scale * rng.normal(0.6, 1.0, (n_in, n))


def gain(pair):
    """How much weaker a PSP is than that of τm = τs."""
    tau_mem, tau_syn = pair
    return 1.0 if tau_mem is None else max(1.0, tau_mem / tau_syn)


@pytest.mark.parametrize("pair", [(TAU, TAU), (2 * TAU, TAU), (None, TAU)])
def test_first_spikes_are_those_of_the_closed_forms(pair, rng, x64):
    times, weights = drawn(rng, 30, 12, 50, scale=0.4 if pair[0] is None else 1.0)
    params = snn.LIFParams(*pair)
    found = np.asarray(jax.jit(partial(first_spike_time, params))(times, weights))
    expected = [[by_formula(t, w, *pair) for w in weights.T] for t in times]
    expected = np.array(expected)
    np.testing.assert_array_equal(np.isfinite(found), np.isfinite(expected))
    assert 0.2 < np.isfinite(found).mean() < 0.98
    fired = np.isfinite(found)
    np.testing.assert_allclose(found[fired], expected[fired], 0, 1e-12 * TAU)


def test_the_numbers_that_were_worked_out_by_hand(x64):
    times, weights = np.array([0.1, 0.3, 0.5]), np.array([[2.0], [1.5], [1.7]])
    for tau_mem, expected in ((1.0, 0.567442263), (2.0, 0.919219504)):
        found = first_spike_time(snn.LIFParams(tau_mem, 1.0), times, weights)
        assert np.asarray(found)[0] == pytest.approx(expected, abs=1e-9)


def steps(f, x, relative, least):
    """Central differences of a number by every entry of an array."""
    x = np.asarray(x, float)
    out = np.zeros(x.size)
    for k in range(x.size):
        h, moved = relative * max(abs(x.flat[k]), least), []
        for by in (1, -1, 2, -2):
            at = x.copy()
            at.flat[k] += by * h
            moved.append(f(at))
        out[k] = np.dot([8, -8, -1, 1], moved) / (12 * h)  # to fourth order
    return out.reshape(x.shape)


@every_pair
def test_gradients_are_differences(pair, rng, x64):
    times, weights = drawn(rng, 3, 6, 4)
    weights, delay = weights * gain(pair), rng.uniform(0.1, 1.0, (6, 4)) * 1e-3
    mix = rng.normal(size=(3, 3, 4))

    @jax.jit
    def loss(times, weights, delay, constants):
        tau_mem, tau_syn, theta, v_reset = constants
        tau_mem = None if pair[0] is None else tau_mem
        params = snn.LIFParams(tau_mem, tau_syn, theta, None, v_reset)
        t = spike_times(params, times, weights, count=40, delay=delay)[:, :3]
        return jnp.sum(mix * jnp.where(jnp.isfinite(t), t, 0.0)) / TAU

    constants = np.array([pair[0] or 1.0, pair[1], 1.0, 0.05])
    given = [times, weights, delay, constants]
    grads = jax.jit(jax.grad(loss, (0, 1, 2, 3)))(*given)
    assert np.isfinite(loss(*given))
    for k, (grad, least) in enumerate(zip(grads, (TAU, 1.0, TAU, TAU), strict=True)):
        f = lambda x, k=k: float(loss(*given[:k], x, *given[k + 1 :]))  # noqa: E731
        numbers = steps(f, given[k], 1e-5, least)
        np.testing.assert_allclose(grad, numbers, 0, 1e-7 * np.abs(numbers).max())


def test_second_derivatives_are_differences_of_first_ones(rng, x64):
    times, weights = drawn(rng, 1, 5, 1)
    weights = np.abs(weights) + 0.5

    def third(x):
        t = spike_times(snn.LIFParams(2 * TAU, TAU), x[0], x[1][:, None], count=40)
        return t[2, 0] / TAU

    x = np.stack([times[0] / TAU, weights[:, 0]])
    scaled = lambda x: third(x * np.array([[TAU], [1.0]]))  # noqa: E731
    grad = jax.jit(jax.grad(scaled))
    hessian = np.asarray(jax.jit(jax.hessian(scaled))(x)).reshape(10, 10)
    slope = lambda x: np.ravel(grad(x))  # noqa: E731
    numbers = [
        (slope(x + h.reshape(2, 5)) - slope(x - h.reshape(2, 5))) / 2e-5
        for h in 1e-5 * np.eye(10)
    ]
    np.testing.assert_allclose(hessian, np.array(numbers), 1e-6, 1e-7)
    forward = jax.jvp(grad, (x,), (np.ones_like(x),))[1]
    np.testing.assert_allclose(np.ravel(forward), hessian.sum(1), 1e-10, 1e-12)


def test_forward_mode_is_reverse_mode(rng, x64):
    times, weights = drawn(rng, 4, 6, 5, scale=3.0)
    f = jax.jit(lambda w: spike_times(PARAMS, times, w, count=30))
    finite = np.isfinite(f(weights))
    total = lambda w: jnp.sum(jnp.where(finite, f(w), 0.0))  # noqa: E731
    along = rng.normal(size=weights.shape)
    change = jax.jit(lambda: jax.jvp(total, (weights,), (along,))[1])()
    gradient = jax.jit(jax.grad(total))(weights)
    np.testing.assert_allclose(change, np.sum(gradient * along), 1e-12)
    assert finite.sum() > 20


@pytest.mark.parametrize("pair", [(4 * TAU, TAU), (TAU, TAU), (None, TAU)])
def test_spike_after_spike_is_that_of_a_loop_over_events(pair, rng, x64):
    times, weights = drawn(rng, 3, 6, 4)
    weights = 3.0 * weights * gain(pair) * (0.5 if pair[0] is None else 1.0)
    params = snn.LIFParams(*pair, 1.0, None, 0.1)
    found = np.asarray(spike_times(params, times, weights, count=30))
    seen = 0
    for k in range(3):
        spikes = by_events(params, times[k], range(6), weights, None, None, 60 * TAU)
        for n in range(4):
            own = [t for t, unit in spikes if unit == n]
            seen += len(own)
            np.testing.assert_allclose(found[k, : len(own), n], own, 0, 1e-12)
            assert np.all(found[k, len(own) :, n] == np.inf)
    assert seen > 12


def test_what_comes_after_a_spike_changes_no_bit(rng):
    times, weights = (np.float32(x) for x in drawn(rng, 8, 10, 20))
    params = snn.LIFParams(2 * TAU, TAU)

    @jax.jit
    def both(times, weights):
        total = lambda w: jnp.sum(jnp.minimum(first_spike_time(params, times, w), 1.0))  # noqa: E731
        return first_spike_time(params, times, weights), jax.grad(total)(weights)

    t, grad = map(np.asarray, both(times[:1], weights))
    for n in np.flatnonzero(np.isfinite(t[0])):
        late = times[0] > float(t[0, n])
        if late.any():
            other = weights.copy()
            other[late] = rng.normal(0, 9, other[late].shape)
            moved = times[:1].copy()
            moved[:, late] += np.float32(3e-3)
            again, back = map(np.asarray, both(moved, other))
            assert again[0, n] == t[0, n]
            np.testing.assert_array_equal(back[:, n], grad[:, n])
            assert np.all(grad[late, n] == 0.0)


@every_pair
def test_nobody_fires_otherwise_in_single_precision(pair, rng, x64):
    times, weights = drawn(rng, 20, 10, 20)
    weights *= gain(pair)
    find = jax.jit(lambda *given: first_spike_time(snn.LIFParams(*pair), *given))
    single, double = (
        np.asarray(find(times.astype(dtype), weights.astype(dtype)))
        for dtype in (np.float32, np.float64)
    )
    assert single.dtype == np.float32
    np.testing.assert_array_equal(np.isfinite(single), np.isfinite(double))
    fired = np.isfinite(double)
    assert 0.2 < fired.mean() < 1.0
    np.testing.assert_allclose(single[fired], double[fired], 0, 1e-3 * TAU)


def test_units_of_time_do_not_matter(rng, x64):
    times, weights = drawn(rng, 4, 6, 5)

    def grads(c):
        params = snn.LIFParams(c * 2 * TAU, c * TAU)
        total = lambda w: jnp.sum(  # noqa: E731
            jnp.exp(-spike_times(params, c * times, w, count=30) / (c * TAU))
        )
        return jax.jit(jax.grad(total))(weights)

    np.testing.assert_allclose(grads(1.0), grads(1e3), 1e-10, 1e-13)


def test_delays_are_later_inputs(rng, x64):
    times, weights = drawn(rng, 3, 6, 4)
    params, axon, synapse = (
        snn.LIFParams(),
        np.arange(6) * 1e-3,
        rng.random((6, 4)) * 1e-3,
    )
    run = jax.jit(partial(first_spike_time, params))
    late = run(times, weights, delay=axon)
    np.testing.assert_array_equal(late, run(times + axon, weights))
    each = np.asarray(run(times, weights, delay=synapse))
    for n in range(4):
        one = run(times + synapse[:, n], weights[:, n : n + 1])
        np.testing.assert_allclose(each[:, n : n + 1], one, 1e-14)


@cache
def capped(pair):
    """``(times, weights)`` -> a sum of first spike times, and its gradients."""

    def total(t, w):
        return jnp.sum(jnp.minimum(first_spike_time(snn.LIFParams(*pair), t, w), 1.0))

    return jax.jit(jax.value_and_grad(total, (0, 1)))


@pytest.mark.parametrize("odd", ["ties", "huge", "zero", "negative", "never", "one"])
@pytest.mark.parametrize("pair", [(2 * TAU, TAU), (TAU, TAU), (None, TAU)])
def test_gradients_are_finite_whatever_comes(pair, odd, rng):
    times, weights = (x.astype("float32") for x in drawn(rng, 3, 6, 4))
    times = {"ties": 0.0 * times, "never": np.full_like(times, np.inf)}.get(odd, times)
    scale = {"huge": 1e6, "zero": 0.0}.get(odd, 1.0)
    weights = scale * (-np.abs(weights) if odd == "negative" else weights)
    if odd == "one":
        times[:, 1:] = np.inf
    value, grads = capped(pair)(times, weights)
    assert np.isfinite(value)
    assert all(np.isfinite(g).all() for g in grads)
    if odd in ("zero", "negative", "never"):
        assert all(np.all(np.asarray(g) == 0.0) for g in grads)


@pytest.mark.parametrize("excess", [1e-3, 1e-6, 1e-9])
def test_near_tangency_the_gradient_is_that_of_the_closed_form(excess, x64):
    # One input, τm = τs: the peak is w/e, at τ.
    weight = np.e * (1.0 + excess)
    params = snn.LIFParams(1.0, 1.0)
    f = lambda w: first_spike_time(params, np.zeros(1), w[None, None])[0]  # noqa: E731
    t, slope = jax.jit(jax.value_and_grad(f))(weight)
    # w t e^-t = 1: dt/dw = -t / (w (1 - t))
    expected = -float(t) / (weight * (1.0 - float(t)))
    assert float(slope) == pytest.approx(expected, rel=1e-4)


def but(x, where, value):
    """A copy with another entry."""
    x = x.copy()
    x[where] = value
    return x


def test_one_spike_too_many_or_nan_anywhere_makes_everything_nan(rng):
    times, weights = (x.astype("float32") for x in drawn(rng, 3, 6, 4))
    weights = 3.0 * np.abs(weights)
    every = np.asarray(spike_times(PARAMS, times, weights, count=40))
    most = np.isfinite(every).sum(1).max()

    @partial(jax.jit, static_argnums=0)
    def pulled(count, times, weights):
        f = lambda t, w: spike_times(PARAMS, t, w, count=count)  # noqa: E731
        out, pull = jax.vjp(f, times, weights)
        return out, *pull(jnp.ones_like(out))

    def gone(*given):
        return [np.isnan(x).all() for x in pulled(*given)]

    assert not any(gone(most, times, weights))
    assert all(gone(most - 1, times, weights))
    first = spike_times(PARAMS, times, weights, count=2, more="drop")
    np.testing.assert_array_equal(first, every[:, :2])
    run = jax.jit(lambda *given: spike_times(PARAMS, *given, count=40))
    assert np.isnan(run(but(times, (1, 2), np.nan), weights)).all()
    assert np.isnan(run(times, but(weights, (0, 0), np.nan))).all()
    assert np.isnan(run(times, but(weights, (0, 0), np.inf))).all()
    first = jax.jit(jax.grad(lambda t, w: first_spike_time(PARAMS, t, w).sum(), (0, 1)))
    assert all(np.isnan(g).all() for g in first(times, but(weights, (0, 0), np.nan)))
    bad = jax.jit(lambda tau: first_spike_time(snn.LIFParams(tau), times, weights))
    assert np.isnan(bad(-1.0)).all()
    assert np.isnan(bad(jnp.nan)).all()


def test_constants_of_each_neuron_and_vmap(rng):
    times, weights = (x.astype("float32") for x in drawn(rng, 5, 6, 3))
    taus = np.array([5e-3, 10e-3, 20e-3], "float32")
    weights = 3.0 * weights

    @jax.jit
    def run(tau, times, weights):
        return spike_times(snn.LIFParams(tau, TAU), times, weights, count=30)

    each = np.asarray(run(taus, times, weights))
    for n in range(3):
        one = run(taus[n], times, weights[:, n : n + 1])
        np.testing.assert_allclose(each[..., n : n + 1], one, 1e-6)
    first = lambda tau: first_spike_time(snn.LIFParams(tau, TAU), times, weights)  # noqa: E731
    sweep = np.asarray(jax.jit(jax.vmap(first))(taus))
    np.testing.assert_allclose(sweep[2, :, 2], each[:, 0, 2], 1e-6)
    single = jax.jit(jax.vmap(run, (None, 0, None)))(2 * TAU, times, weights)
    np.testing.assert_allclose(single, run(2 * TAU, times, weights), 1e-6)


def test_what_has_no_exact_times_is_refused():
    times, weights = np.zeros(3, "float32"), np.ones((3, 2), "float32")
    for params, why in (
        (snn.LIFParams(tau_syn=None), "tau_syn"),
        (snn.LIFParams(refractory=1e-3), "refractory"),
        (snn.LIFParams(v_reset=1.0), "v_reset"),
    ):
        with pytest.raises(ValueError, match=why):
            first_spike_time(params, times, weights)
    with pytest.raises(ValueError, match="-∞"):
        first_spike_time(PARAMS, -np.full(3, np.inf), weights)
    with pytest.raises(ValueError, match="delay"):
        first_spike_time(PARAMS, times, weights, delay=np.zeros((2, 3)))
    with pytest.raises(ValueError, match="more must be one of"):
        spike_times(PARAMS, times, weights, count=2, more="keep")
    with pytest.raises(ValueError, match="tau_mem=None"):
        snn.lif(3, snn.LIFParams(tau_mem=None))


PARAMS = snn.LIFParams(2 * TAU, TAU)
