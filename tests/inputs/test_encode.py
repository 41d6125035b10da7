import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from snnjax.inputs import (
    latency,
    latency_intensity,
    latency_times,
    level_crossing,
    level_reconstruction,
    poisson,
    population,
    to_events,
    to_raster,
)

KEY = jax.random.key(3)
RATES = np.array([20.0, 100.0, 400.0])
DT, STEPS, TRIALS = 1e-3, 4000, 50
CODE = {"tau": 20e-3, "threshold": 0.4}
relaxed = settings(
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
steps_of_time = st.sampled_from([1e-3, 3e-4, 0.1, 1 / 3, 0.7])


def trains(key=KEY, rates=RATES):
    rates = jnp.broadcast_to(rates, (TRIALS, len(RATES)))
    return np.asarray(poisson(key, rates, steps=STEPS, dt=DT), np.float64)


def within_errors(value, expected, error):
    assert np.all(np.abs(value - expected) < 4.5 * error), (value, expected, error)


def test_poisson_fires_at_its_rate():
    chance = RATES * DT
    error = np.sqrt(chance * (1 - chance) / (STEPS * TRIALS))
    within_errors(trains().mean((0, 1)), chance, error)


def test_poisson_counts_vary_as_a_sum_of_coin_flips():
    window, chance = 100, RATES * DT
    counts = trains().reshape(-1, window, TRIALS, 3).sum(1).reshape(-1, 3)
    expected = window * chance * (1 - chance)
    within_errors(counts.var(0), expected, expected * np.sqrt(2 / len(counts)) * 1.1)


def test_poisson_intervals_are_geometric():
    for k, chance in enumerate(RATES * DT):
        flat = trains()[:, :, k].T
        gaps = np.concatenate([np.diff(np.flatnonzero(train)) for train in flat])
        within_errors(gaps.mean(), 1 / chance, gaps.std() / np.sqrt(len(gaps)))
        cv = gaps.std() / gaps.mean()
        within_errors(cv, np.sqrt(1 - chance), 1.5 / np.sqrt(len(gaps)))


def test_poisson_forgets_the_step_before_and_its_neighbours():
    spikes = (trains() - RATES * DT) / np.sqrt(RATES * DT * (1 - RATES * DT))
    error = 1 / np.sqrt(STEPS * TRIALS)
    within_errors((spikes[1:] * spikes[:-1]).mean((0, 1)), 0, error)
    within_errors((spikes[..., :1] * spikes[..., 1:]).mean((0, 1)), 0, error)


def test_a_thinned_poisson_train_is_a_slower_one():
    keep, slower = 0.3, 0.3 * RATES * DT
    coins = trains(jax.random.key(4), np.full(3, keep / DT))
    thinned = trains() * coins
    error = np.sqrt(slower * (1 - slower) / (STEPS * TRIALS))
    within_errors(thinned.mean((0, 1)), slower, error)
    counts = thinned.reshape(-1, 100, TRIALS, 3).sum(1).reshape(-1, 3)
    expected = 100 * slower * (1 - slower)
    within_errors(counts.var(0), expected, expected * np.sqrt(2 / len(counts)) * 1.3)


def test_poisson_repeats_with_its_key_only():
    rates = jnp.full((2, 5), 300.0)
    first, again, other = (
        poisson(jax.random.key(k), rates, steps=200, dt=DT) for k in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, again)
    assert first.shape == (200, 2, 5)
    assert first.dtype == jnp.float32
    assert set(np.unique(first)) == {0.0, 1.0}
    assert np.any(first != other)


@pytest.mark.parametrize("dt", [1e-3, 1e-5, 3e-4, 0.7, 1 / 3, *np.geomspace(1e-5, 1)])
def test_a_rate_of_one_per_step_always_fires_and_zero_never(dt):
    spikes = poisson(KEY, jnp.array([1 / dt, 0.0]), steps=50, dt=dt)
    np.testing.assert_array_equal(spikes, np.tile([1.0, 0.0], (50, 1)))


@pytest.mark.parametrize("rate", [-1.0, np.nan, np.inf, 1001.0])
def test_impossible_rates_are_refused(rate):
    with pytest.raises(ValueError, match="rate"):
        poisson(KEY, jnp.array([10.0, rate]), steps=5, dt=DT)


def test_a_rate_too_high_names_the_step_that_would_do():
    with pytest.raises(ValueError, match=r"2000 Hz.*dt below 0.0005 s"):
        poisson(KEY, jnp.array([2000.0]), steps=5, dt=DT)


def test_poisson_is_the_same_inside_jit():
    rates = jnp.asarray(RATES)
    inside = jax.jit(lambda r: poisson(KEY, r, steps=100, dt=DT))(rates)
    np.testing.assert_array_equal(inside, poisson(KEY, rates, steps=100, dt=DT))


intensities = hnp.arrays(np.float64, 8, elements=st.floats(0.401, 400.0))


@given(x=intensities)
@relaxed
def test_at_its_latency_a_charging_membrane_is_at_threshold(x, x64):
    t = latency_times(x, **CODE)
    np.testing.assert_allclose(t, 20e-3 * np.log(x / (x - 0.4)), rtol=1e-9)
    charged = -x * np.expm1(-np.asarray(t) / CODE["tau"])
    np.testing.assert_allclose(charged, CODE["threshold"], rtol=1e-12)


@given(x=intensities)
@relaxed
def test_latency_is_undone_by_its_inverse(x, x64):
    back = latency_intensity(latency_times(x, **CODE), **CODE)
    np.testing.assert_allclose(back, x, rtol=1e-9)


@given(t=hnp.arrays(np.float64, 8, elements=st.floats(1e-6, 0.4)))
@relaxed
def test_an_intensity_fires_at_the_time_it_was_made_for(t, x64):
    back = latency_times(latency_intensity(t, **CODE), **CODE)
    np.testing.assert_allclose(back, t, rtol=1e-6)


def test_stronger_is_sooner():
    t = latency_times(jnp.linspace(0.41, 5.0, 200), **CODE)
    assert np.all(np.diff(t) < 0)


def test_up_to_threshold_nothing_ever_fires():
    x = jnp.array([-1.0, 0.0, 0.3, 0.4])
    assert np.all(np.isposinf(latency_times(x, **CODE)))
    assert not np.any(latency(x, **CODE, steps=50, dt=DT))
    np.testing.assert_allclose(latency_intensity(jnp.inf, **CODE), 0.4)


def test_gradients_of_latency_are_finite_on_both_sides(x64):
    x = jnp.array([0.1, 0.4, 0.8])
    g = jax.grad(lambda x: jnp.where(x > 0.4, latency_times(x, **CODE), 0.0).sum())(x)
    slope = 20e-3 * (1 / 0.8 - 1 / 0.4)
    np.testing.assert_allclose(g, [0.0, 0.0, slope], rtol=1e-12)


@pytest.mark.parametrize("wrong", [{"tau": 0.0}, {"tau": -1.0}, {"threshold": 0.0}])
def test_latency_constants_must_be_positive(wrong):
    with pytest.raises(ValueError, match="must be finite and positive"):
        latency_times(1.0, **{**CODE, **wrong})
    with pytest.raises(ValueError, match="must be finite and positive"):
        latency_intensity(1.0, **{**CODE, **wrong})


def test_latency_sets_one_spike_in_the_bin_of_its_time(rng):
    x = rng.uniform(0.5, 3.0, (4, 6))
    spikes = np.asarray(latency(x, **CODE, steps=40, dt=DT))
    expected = np.zeros((40, 4, 6))
    for b, k in np.ndindex(4, 6):
        t = 20e-3 * np.log(x[b, k] / (x[b, k] - 0.4))
        expected[int(t / DT), b, k] = 1
    np.testing.assert_array_equal(spikes, expected)


def test_late_latencies_are_refused_or_dropped_as_asked():
    x = latency_intensity(jnp.array([1.5e-3, 5.5e-3, 12.5e-3]), **CODE)
    with pytest.raises(ValueError, match=r"2 spikes come after 0.005 s.* step 12"):
        latency(x, **CODE, steps=5, dt=DT)
    kept = latency(x, **CODE, steps=5, dt=DT, outside="drop")
    np.testing.assert_array_equal(np.argwhere(kept), [[1, 0]])


def test_inside_jit_latency_must_be_told_to_drop():
    x = jnp.array([0.2, 0.7, 2.0])
    code = {**CODE, "steps": 10, "dt": DT}
    with pytest.raises(ValueError, match="outside='drop'"):
        jax.jit(lambda x: latency(x, **code))(x)
    inside = jax.jit(lambda x: latency(x, **code, outside="drop"))(x)
    np.testing.assert_array_equal(inside, latency(x, **code, outside="drop"))
    np.testing.assert_array_equal(inside.sum(0), [0.0, 0.0, 1.0])


cross = jax.jit(lambda signal, delta: level_crossing(signal, delta=delta))
signals = hnp.arrays(np.float64, (12, 2, 3), elements=st.floats(-50.0, 50.0))


@given(signal=signals, delta=st.sampled_from([0.03, 0.1, 1.0, 7.0]))
@relaxed
def test_events_tell_the_signal_to_within_delta_at_all_times(signal, delta, x64):
    events = cross(signal, delta)
    back = level_reconstruction(events, delta=delta, start=jnp.asarray(signal[0]))
    assert np.max(np.abs(back - signal)) <= delta * (1 + 1e-9)


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int32", "float32"])
def test_events_of_any_dtype_tell_of_a_falling_signal(dtype):
    signal = jnp.array([[0.2], [-1.3], [-2.6], [0.1]])
    events = level_crossing(signal, delta=0.5).astype(dtype)
    back = level_reconstruction(events, delta=0.5, start=signal[0])
    assert np.max(np.abs(back - signal)) <= 0.5


@given(signal=signals)
@relaxed
def test_crossings_are_whole_counts_in_one_direction(signal, x64):
    events = np.asarray(cross(signal, 0.5))
    up, down = np.split(events, 2, axis=-1)
    assert np.all((events >= 0) & (events == np.floor(events)))
    assert np.all(up * down == 0)
    mirrored = np.concatenate([down, up], axis=-1)
    np.testing.assert_array_equal(cross(-signal, 0.5), mirrored)


def test_several_levels_in_one_step_make_a_count():
    signal = jnp.array([[0.0], [3.5], [3.6], [1.4], [1.4]])
    events = level_crossing(signal, delta=1.0)
    np.testing.assert_array_equal(events, [[0, 0], [3, 0], [0, 0], [0, 1], [0, 0]])


def test_a_constant_signal_says_nothing():
    assert not np.any(level_crossing(jnp.full((9, 4), 2.7), delta=0.1))


@pytest.mark.parametrize("delta", [0.0, -1.0, np.nan])
def test_levels_need_a_distance(delta):
    with pytest.raises(ValueError, match="delta must be finite and positive"):
        level_crossing(jnp.zeros((3, 1)), delta=delta)


@pytest.mark.parametrize("shape", [(3,), (0, 2)])
def test_a_signal_needs_time_and_channels(shape):
    with pytest.raises(ValueError, match=r"\[T, \*batch, n\]"):
        level_crossing(jnp.zeros(shape), delta=1.0)


@pytest.mark.parametrize("width", [None, 0.35])
def test_population_draws_gaussian_tuning_curves(width, rng):
    x = rng.uniform(-1.0, 2.0, (4, 3)).astype(np.float32)
    activity = population(x, n=7, low=-1.0, high=2.0, width=width)
    expected = np.zeros((4, 21))
    for b, m, k in np.ndindex(4, 3, 7):
        distance = (x[b, m] - (-1.0 + 0.5 * k)) / (width or 0.5)
        expected[b, 7 * m + k] = np.exp(-(distance**2) / 2)
    np.testing.assert_allclose(activity, expected, rtol=2e-5, atol=1e-6)


def test_a_value_on_a_centre_excites_that_neuron_fully():
    activity = population(jnp.array([0.0, 1.0]), n=3, low=0.0, high=1.0, width=0.1)
    np.testing.assert_array_equal(np.argmax(activity.reshape(2, 3), axis=1), [0, 2])
    np.testing.assert_allclose(activity.max(), 1.0)


@pytest.mark.parametrize("x", [-0.01, 1.01, np.nan])
def test_population_refuses_values_outside(x):
    with pytest.raises(ValueError, match="must lie in"):
        population(jnp.array([0.5, x]), n=3, low=0.0, high=1.0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n": 1}, "n must be at least 2"),
        ({"high": 0.0}, "high - low"),
        ({"width": 0.0}, "width"),
    ],
)
def test_population_refuses_a_range_that_is_none(options, message):
    with pytest.raises(ValueError, match=message):
        population(jnp.zeros(2), **{"n": 3, "low": 0.0, "high": 1.0, **options})


def test_population_refuses_whole_numbers_and_takes_numpy():
    with pytest.raises(ValueError, match="floating point"):
        population(jnp.arange(2), n=3, low=0.0, high=1.0)
    assert population(np.zeros(2), n=3, low=0.0, high=1.0).shape == (6,)


rasters = hnp.arrays(np.int64, (9, 5), elements=st.integers(0, 3))


@given(raster=rasters, dt=steps_of_time)
@relaxed
def test_events_of_a_raster_give_the_raster_back(raster, dt):
    times, units = to_events(raster, dt=dt)
    assert len(times) == raster.sum()
    again = to_raster(times, units, steps=9, n=5, dt=dt)
    np.testing.assert_array_equal(again, raster)


@given(raster=rasters, dt=steps_of_time)
@relaxed
def test_a_time_on_an_edge_opens_the_bin_after_it(raster, dt):
    step, unit = np.nonzero(raster)
    again = to_raster(step * dt, unit, steps=9, n=5, dt=dt)
    np.testing.assert_array_equal(again, raster > 0)


@given(k=st.integers(0, 10_000), dt=st.floats(1e-5, 1.0))
@relaxed
def test_a_multiple_of_any_dt_falls_into_its_own_bin(k, dt):
    raster = to_raster(np.array([k * dt]), np.array([0]), steps=k + 1, n=1, dt=dt)
    assert raster[k, 0] == 1


def test_late_events_of_a_raster_are_refused_or_dropped():
    times, units = np.array([0.0, 4.9, 5.0, 1e300]), np.array([0, 1, 0, 1])
    with pytest.raises(ValueError, match="2 events come after 5"):
        to_raster(times, units, steps=5, n=2, dt=1.0)
    kept = to_raster(times, units, steps=5, n=2, dt=1.0, outside="drop")
    np.testing.assert_array_equal(np.argwhere(kept), [[0, 0], [4, 1]])


@pytest.mark.parametrize(
    ("times", "units", "message"),
    [
        ([-0.1], [0], "finite and not negative"),
        ([np.nan], [0], "finite and not negative"),
        ([np.inf], [0], "finite and not negative"),
        ([0.1], [2], "0 … 1, got 2"),
        ([0.1, 0.1], [1, -1], "0 … 1, got -1"),
        ([0.1], [0.5], "0 … 1, got 0.5"),
        ([0.1], [np.nan], "0 … 1, got nan"),
        ([0.1, 0.2], [0], "differ"),
    ],
)
def test_events_that_fit_no_raster_are_refused(times, units, message):
    with pytest.raises(ValueError, match=message):
        to_raster(times, units, steps=5, n=2, dt=1.0, outside="drop")


def test_no_events_make_an_empty_raster():
    assert not to_raster([], [], steps=3, n=2, dt=DT).any()
    times, units = to_events(np.zeros((3, 2)), dt=DT)
    assert len(times) == len(units) == 0


@pytest.mark.parametrize("raster", [np.zeros(3), [[0.5]], [[-1]], [[np.nan]]])
def test_only_counts_are_rasters(raster):
    with pytest.raises(ValueError, match="counts"):
        to_events(raster, dt=DT)


def test_an_unknown_word_for_late_drops_nothing():
    with pytest.raises(ValueError, match="outside must be one of"):
        latency(
            jnp.array([0.5]), tau=0.02, threshold=0.4, steps=1, dt=DT, outside="keep"
        )
    with pytest.raises(ValueError, match="outside must be one of"):
        to_raster([1.0], [0], steps=5, n=1, dt=DT, outside="keep")
    for steps in (-1, 2.5):
        with pytest.raises(ValueError, match="steps must be"):
            to_raster([], [], steps=steps, n=1, dt=DT)


def test_numbers_that_are_none_are_refused_by_latency_codes():
    with pytest.raises(ValueError, match="intensities, must not be NaN, 1 are"):
        latency_times(jnp.array([jnp.nan, 1.0]), **CODE)
    for time in (-1e-3, np.nan):
        with pytest.raises(ValueError, match="must not be"):
            latency_intensity(time, **CODE)


def test_levels_of_whole_or_infinite_signals_are_refused():
    with pytest.raises(ValueError, match="signal must be floating point, got uint8"):
        level_crossing(jnp.zeros((3, 1), jnp.uint8), delta=1.0)
    for odd in (np.nan, np.inf):
        with pytest.raises(ValueError, match="signal must be finite, 1 of 3"):
            level_crossing(jnp.array([[0.0], [odd], [1.0]]), delta=0.1)


@pytest.mark.parametrize(("channels", "start"), [(3, 1), (4, 3), (4, ())])
def test_events_that_do_not_fit_their_start_are_refused(channels, start):
    with pytest.raises(ValueError, match=r"\[T, \*batch, 2n\] and start"):
        level_reconstruction(
            jnp.zeros((5, channels)), delta=0.1, start=jnp.zeros(start)
        )


@pytest.mark.parametrize("count", [-1.0, 0.5, np.nan, np.inf])
def test_counts_are_whole_and_not_negative(count):
    with pytest.raises(ValueError, match="whole numbers, zero or more"):
        to_events(np.array([[count]]), dt=DT)


def test_rates_may_come_as_a_list():
    assert poisson(KEY, [10.0, 20.0], steps=3, dt=DT).shape == (3, 2)
