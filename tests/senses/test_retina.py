from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special

import snnjax as snn
from snnjax.senses.retina import (
    GanglionParams,
    event_camera,
    ganglion_rates,
    inhomogeneous_poisson,
    mosaic,
    receptive_fields,
)

DT = 1e-3
LINEAR = GanglionParams(baseline=1e4)  # so high that no rate is cut off at zero


def drive(contrast, params=LINEAR, **options):
    """What the filters give, before gain and baseline; the ON params."""
    rates = np.asarray(ganglion_rates(contrast, dt=DT, params=params, **options))
    on = rates[..., : rates.shape[-1] // 2]
    return (on - params.baseline) / params.gain


def filter_step(t, params):
    """Response to a contrast that is switched on and stays, solved by hand."""
    slow = params.transience * (1 - np.exp(-t / params.tau_slow))
    return 1 - np.exp(-t / params.tau_fast) - slow


def test_places_lie_evenly_in_the_middle():
    np.testing.assert_array_equal(mosaic(2, 2), [[0, 0], [0, 1], [1, 0], [1, 1]])
    np.testing.assert_array_equal(mosaic(1, 8, spacing=3.0)[:, 1], [0.5, 3.5, 6.5])
    assert len(mosaic(10, 20, spacing=0.5)) == 19 * 39


def test_uniform_light_is_answered_by_what_the_surround_leaves(x64):
    steps = 300
    flash = np.full((steps, 61, 61), 0.5)
    seen = drive(flash, places=np.array([[30.0, 30.0]]))
    times = DT * np.arange(1, steps + 1)
    expected = 0.5 * (1 - LINEAR.balance) * filter_step(times, LINEAR)
    np.testing.assert_allclose(seen[:, 0], expected, rtol=1e-8)


@pytest.mark.parametrize("at", [-2.0, -0.5, 0.0, 1.0, 4.0])
def test_an_edge_is_answered_as_the_error_function_says(at, x64):
    # An edge between pixels at column 29.5, a cell `at` pixels into the light.
    half = np.zeros((200, 61, 61))
    half[:, :, 30:] = 1.0
    seen = drive(half, places=np.array([[30.0, 29.5 + at]]))
    normal = lambda sigma: special.ndtr(at / sigma)  # noqa: E731
    space = normal(LINEAR.center) - LINEAR.balance * normal(LINEAR.surround)
    np.testing.assert_allclose(seen[-1, 0], space * filter_step(0.2, LINEAR), rtol=1e-7)


def test_gratings_pass_by_the_difference_of_two_gaussian_bands(x64):
    # exp(-2π²σ²f²) for each Gaussian (Enroth-Cugell & Robson 1966), times sin(πf)/πf
    # for the pixels, over which a cell sees a grating in steps.
    params = LINEAR._replace(center=1.5, transience=0.0, tau_fast=1e-5)
    columns = np.arange(-40, 41)
    for frequency in (0.02, 0.1, 0.2):
        grating = np.tile(np.cos(2 * np.pi * frequency * columns), (2, 81, 1))
        seen = drive(grating, params, places=np.array([[40.0, 40.0]]))
        sigmas = np.array([params.center, params.surround])
        center, surround = np.exp(-2 * (np.pi * sigmas * frequency) ** 2)
        expected = (center - params.balance * surround) * np.sinc(frequency)
        np.testing.assert_allclose(seen[-1, 0], expected, rtol=1e-7)


def test_off_cells_mirror_on_cells_and_rates_do_not_fall_below_zero(rng):
    params = GanglionParams(baseline=20.0, gain=300.0)
    movie = rng.normal(0, 1, (50, 2, 6, 5)).astype("float32")
    on, off = np.split(np.asarray(ganglion_rates(movie, dt=DT, params=params)), 2, -1)
    assert on.shape == (50, 2, 30)
    linear = drive(movie, params._replace(baseline=1e4))
    np.testing.assert_allclose(on, np.maximum(20 + 300 * linear, 0), atol=0.1)
    np.testing.assert_allclose(off, np.maximum(20 - 300 * linear, 0), atol=0.1)
    assert (on == 0).any()
    np.testing.assert_allclose(
        ganglion_rates(-movie, dt=DT, params=params), np.concatenate([off, on], -1)
    )


def test_the_same_movie_in_shorter_frames_gives_the_same_rates(x64, rng):
    movie = rng.normal(0, 1, (20, 4, 4))
    coarse = ganglion_rates(movie, dt=10e-3)
    fine = ganglion_rates(np.repeat(movie, 5, axis=0), dt=2e-3)
    np.testing.assert_allclose(np.asarray(fine)[4::5], coarse, rtol=1e-9)


def test_cells_weigh_all_they_see():
    fields = receptive_fields(np.array([[30.0, 30.0], [30.0, 0.0]]), 61, 61)
    np.testing.assert_allclose(fields[0].sum(), 0.1, atol=1e-6)
    at_the_border = special.ndtr(0.5 / 0.8) - 0.9 * special.ndtr(0.5 / 2.4)
    np.testing.assert_allclose(fields[1].sum(), at_the_border, rtol=1e-5)


def test_spikes_follow_a_rate_that_changes():
    rates = np.repeat(np.array([[10.0], [80.0], [0.0]], "float32"), 4000, axis=0)
    spikes = inhomogeneous_poisson(
        jax.random.key(0), np.broadcast_to(rates, (12_000, 50)), dt=DT
    )
    found = np.asarray(spikes).reshape(3, -1).mean(axis=1)
    expected = 1 - np.exp(-np.array([10, 80, 0]) * DT)
    error = np.sqrt(expected / 200_000) + 1e-12
    assert np.all(np.abs(found - expected) < 4 * error)
    assert set(np.unique(spikes)) == {0.0, 1.0}


def test_rates_drive_integrate_and_fire_cells_at_the_textbook_rate():
    params = GanglionParams(balance=0.0, transience=0.0, baseline=0.0, gain=2.0)
    light = np.ones((2000, 21, 21), "float32")
    rates = ganglion_rates(light, dt=DT, params=params, places=np.array([[10.0, 10.0]]))
    neuron = snn.lif(2, snn.LIFParams(tau_mem=20e-3, tau_syn=None))
    spikes = np.asarray(snn.unroll(neuron, (), rates, dt=DT)[1])
    on = np.flatnonzero(spikes[:, 0])
    steps = np.ceil(20 * np.log(2.0 / (2.0 - 1.0)))  # τ ln(I / (I - θ)), in steps
    np.testing.assert_array_equal(np.diff(on[3:]), steps)
    assert not spikes[:, 1].any()


@pytest.mark.parametrize("blind", [0, 3])
def test_a_camera_counts_thresholds_of_a_ramp(blind):
    # Log intensity rises by 0.05 in each frame; an event needs 0.2, so four frames,
    # and as many more as the pixel is blind.
    ramp = np.exp(0.05 * np.arange(80, dtype="float32"))[:, None, None]
    movie = np.concatenate([ramp, 1.0 / ramp], axis=1)
    events = np.asarray(
        event_camera(movie, dt=DT, threshold=0.2, refractory=blind * DT)
    )
    for pixel, sign in ((0, 0), (1, 1)):
        np.testing.assert_array_equal(
            np.flatnonzero(events[:, pixel, 0, sign]), np.arange(4, 80, 4 + blind)
        )
        assert not events[:, pixel, 0, 1 - sign].any()


def test_a_jump_is_many_events_unless_the_pixel_is_refractory():
    jump = np.where(np.arange(6) < 2, 1.0, np.exp(-1.0)).astype("float32")
    see = partial(event_camera, jump[:, None, None], dt=DT, threshold=0.25)
    every, one = np.asarray(see()), np.asarray(see(refractory=1.5 * DT))
    np.testing.assert_array_equal(every[:, 0, 0, 1], [0, 0, 4, 0, 0, 0])
    np.testing.assert_array_equal(one[:, 0, 0, 1], [0, 0, 1, 0, 0, 0])
    assert not every[..., 0].any()


def test_a_camera_sees_contrast_not_light(rng):
    movie = rng.uniform(0.5, 2.0, (30, 2, 4, 4)).astype("float32")
    see = lambda x: np.asarray(event_camera(x, dt=DT, threshold=0.3))  # noqa: E731
    np.testing.assert_array_equal(see(movie), see(8.0 * movie))
    np.testing.assert_array_equal(see(movie)[:, 1], see(movie[:, 1]))
    assert see(movie[:0]).shape == (0, 2, 4, 4, 2)


def test_many_gains_are_one_program():
    movie, traces = np.ones((5, 3, 3), "float32"), []

    @jax.jit
    def sweep(gains):
        traces.append(1)
        one = lambda g: ganglion_rates(movie, dt=DT, params=GanglionParams(gain=g))  # noqa: E731
        return jax.vmap(one)(gains)

    sweep(np.array([1.0, 2.0], "float32"))
    sweep(np.array([3.0, 4.0], "float32"))
    assert len(traces) == 1


def test_bad_movies_and_constants_are_refused():
    still, movie = np.ones((4, 4), "float32"), np.ones((3, 4, 4), "float32")
    with pytest.raises(ValueError, match=r"\[T, \*batch, height, width\]"):
        ganglion_rates(still, dt=DT)
    with pytest.raises(ValueError, match=r"\[T, \*batch, height, width\]"):
        event_camera(still, dt=DT, threshold=0.1)
    with pytest.raises(ValueError, match="floating"):
        ganglion_rates(np.ones((4, 4, 4), int), dt=DT)
    with pytest.raises(ValueError, match="intensity must be finite and positive"):
        event_camera(0.0 * movie, dt=DT, threshold=0.1)
    with pytest.raises(ValueError, match="rows and columns"):
        receptive_fields(np.zeros(3), 4, 4)
    for bad in ({"center": 0.0}, {"tau_slow": -1.0}, {"balance": -0.1}):
        with pytest.raises(ValueError, match=next(iter(bad))):
            ganglion_rates(movie, dt=DT, params=GanglionParams(**bad))
    for bad in ({"dt": 0.0}, {"threshold": 0.0}, {"refractory": -1.0}):
        with pytest.raises(ValueError, match=next(iter(bad))):
            event_camera(movie, **({"dt": DT, "threshold": 0.1} | bad))
    with pytest.raises(ValueError, match="spacing"):
        mosaic(3, 3, spacing=0.0)
    with pytest.raises(ValueError, match="rates"):
        inhomogeneous_poisson(jax.random.key(0), np.full((3, 1), -1.0), dt=DT)


def test_what_is_not_finite_or_no_number_of_pixels_is_refused():
    movie = np.zeros((3, 4, 5), "float32")
    odd = movie.copy()
    odd[1, 0, 0] = np.nan
    with pytest.raises(ValueError, match="1 of 60 are not"):
        ganglion_rates(odd, dt=DT)
    with pytest.raises(ValueError, match="places must be finite"):
        receptive_fields(np.array([[np.nan, 0.0]]), 4, 5)
    for height in (0, -1, 4.5):
        with pytest.raises(ValueError, match="height must be"):
            receptive_fields(np.zeros((1, 2)), height, 5)
    with pytest.raises(ValueError, match=r"gain must be one number, got shape \(40,\)"):
        ganglion_rates(movie, dt=DT, params=GanglionParams(gain=np.ones(40)))


def test_whole_rates_would_round_the_time_step_to_nothing_and_are_refused():
    with pytest.raises(ValueError, match="rates must be floating point, got int32"):
        inhomogeneous_poisson(jax.random.key(0), jnp.full((100, 2), 500), dt=DT)


def test_movies_of_numpy_and_of_half_precision_are_welcome(rng):
    movie = rng.uniform(0.5, 1.0, (3, 4, 5))
    np.testing.assert_array_equal(
        ganglion_rates(movie, dt=DT), ganglion_rates(jnp.asarray(movie), dt=DT)
    )
    rates = np.full((1000, 1), 200.0)
    spikes = inhomogeneous_poisson(jax.random.key(0), rates, dt=DT)
    assert 100 < spikes.sum() < 300
    steps = jnp.array([1.0, 2.0], jnp.bfloat16)[:, None, None]
    events = event_camera(steps, dt=DT, threshold=0.5)
    assert events.dtype == jnp.float32
    assert events.sum() == 1  # log 2 = 0.69
