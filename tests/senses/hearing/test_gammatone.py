import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import signal

import snnjax as snn
from snnjax.senses.hearing import gammatone
from snnjax.senses.hearing.gammatone import CompressionParams

RATE = 16_000
CENTRES = np.array([6000.0, 3000.0, 1000.0, 200.0])


def click(samples, dtype=float):
    return jnp.zeros(samples, dtype).at[0].set(1.0)


# Low centres at a low rate, since the one long filter of scipy is inexact elsewhere.
@pytest.mark.parametrize(
    ("centre", "rate"), [(6e3, 16e3), (3e3, 16e3), (1e3, 16e3), (200, 2e3), (100, 1e3)]
)
def test_filters_answer_a_click_as_those_of_scipy(x64, centre, rate):
    b, a = signal.gammatone(centre, "iir", fs=rate)
    expected = signal.lfilter(b, a, np.eye(1, 1000)[0])
    bank = gammatone.filters(np.array([centre]), rate)
    found = gammatone.gammatone(click(1000), bank)[:, 0]
    scale = np.abs(expected).max()
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-7 * scale)


def test_filters_answer_a_click_nearly_by_the_closed_form(x64):
    t = np.arange(3000) / RATE
    b = 1.019 * (24.7 + 200.0 / 9.26449)
    expected = t**3 * np.exp(-2 * np.pi * b * t) * np.cos(2 * np.pi * 200.0 * t)
    found = gammatone.gammatone(click(3000), gammatone.filters(CENTRES[3:], RATE))[:, 0]
    expected *= found @ expected / (expected @ expected)
    np.testing.assert_allclose(found, expected, atol=0.03 * np.abs(found).max())


def test_a_tone_at_its_centre_passes_a_filter_unchanged():
    t = np.arange(8000) / RATE
    tones = np.sin(2 * np.pi * CENTRES * t[:, None]).astype(np.float32)
    found = gammatone.gammatone(
        jnp.asarray(tones), gammatone.filters(CENTRES, RATE)
    )  # [T, tone, filter]
    rms = np.sqrt(2.0 * np.mean(np.square(found[4000:]), axis=0))
    np.testing.assert_allclose(np.diag(rms), 1.0, rtol=2e-3)
    assert (rms[~np.eye(4, dtype=bool)] < 0.1).all()


def test_single_precision_is_enough():
    bank = gammatone.filters(CENTRES, RATE)
    found = gammatone.gammatone(click(2000, jnp.float32), bank)
    with jax.enable_x64(True):
        bank = gammatone.filters(CENTRES, RATE)
        exact = np.asarray(gammatone.gammatone(click(2000), bank))
    error = np.abs(found - exact).max(axis=0) / np.abs(exact).max(axis=0)
    assert (error < 1e-4).all()


def test_centres_are_spaced_evenly_in_bandwidths():
    centres = gammatone.erb_space(100.0, 6000.0, 20)
    assert centres[0] == pytest.approx(6000.0)
    assert centres[-1] == pytest.approx(100.0)
    number = 21.4 * np.log10(1.0 + 4.37e-3 * centres)  # Glasberg & Moore, equation 4
    steps = np.diff(number)
    np.testing.assert_allclose(steps, steps.mean(), rtol=1e-4)


def test_the_best_channel_follows_a_tone():
    centres = gammatone.erb_space(100.0, 6000.0, 12)
    t = np.arange(3200) / RATE
    tones = [np.sin(2 * np.pi * centre * t) for centre in centres[::3]]
    events = gammatone.encode(tones, RATE, channels=12)
    for k, best in enumerate(range(0, 12, 3)):
        units = events.units[events.offsets[k] : events.offsets[k + 1]]
        assert np.bincount(units).argmax() == best


def test_encoding_is_filters_rectification_compression_and_lif(rng):
    clip = rng.normal(size=2000)
    compression = CompressionParams(gain=8.0, power=0.4)
    params = snn.LIFParams(tau_mem=2e-3, tau_syn=None, refractory=2e-3)
    given = {"channels": 5, "low": 200.0, "high": 3000.0}
    events = gammatone.encode(
        clip, RATE, compression=compression, params=params, **given
    )
    audio = jnp.asarray(0.3 * clip / np.sqrt(np.mean(clip**2)), jnp.float32)
    bank = gammatone.filters(gammatone.erb_space(200.0, 3000.0, 5), RATE)
    currents = 8.0 * jnp.maximum(gammatone.gammatone(audio, bank), 0.0) ** 0.4
    _, spikes = snn.unroll(snn.lif(5, params), (), currents, dt=1 / RATE)
    step, unit = np.nonzero(spikes)
    assert len(step) > 50
    np.testing.assert_allclose(events.times, step / RATE)
    np.testing.assert_array_equal(events.units, unit)
    for unit in range(5):
        assert np.diff(events.times[events.units == unit]).min() > 2e-3


def test_progress_is_told():
    told = []
    t = np.arange(800) / 8000
    clips = [np.sin(2 * np.pi * 500 * t)] * 2
    gammatone.encode(
        clips, 8000, channels=4, progress=lambda done, of: told.append((done, of))
    )
    assert told == [(2, 2)]


def test_what_makes_no_sense_is_refused():
    for low, high, channels, fault in (
        (0.0, 100.0, 4, r"low \[Hz\] must be finite and positive"),
        (200.0, 100.0, 4, r"high - low \[Hz\] must be finite and positive"),
        (100.0, 200.0, 1, "channels must be at least 2"),
    ):
        with pytest.raises(ValueError, match=fault):
            gammatone.erb_space(low, high, channels)
    with pytest.raises(ValueError, match=r"frequencies \[Hz\] must be finite"):
        gammatone.filters(np.array([0.0]), RATE)
    with pytest.raises(ValueError, match=r"rate / 2 - frequencies \[Hz\] must be"):
        gammatone.filters(np.array([8000.0]), RATE)
    bank = gammatone.filters(CENTRES, RATE)
    with pytest.raises(ValueError, match="audio must be floating point"):
        gammatone.gammatone(jnp.zeros(10, jnp.int32), bank)
    with pytest.raises(ValueError, match="clip 0: A clip of audio that is silence"):
        gammatone.encode([np.zeros(100)], RATE)
    with pytest.raises(ValueError, match="frequencies"):
        gammatone.encode([np.ones(100)], RATE, high=9000.0)


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        (
            {"compression": CompressionParams(gain=-1.0)},
            "gain must be finite and positive",
        ),
        ({"compression": CompressionParams(power=np.nan)}, "power must be finite"),
        (
            {"compression": CompressionParams(power=0.0)},
            "power must be finite and positive",
        ),
        (
            {"compression": CompressionParams(gain=np.ones(7))},
            "gain must be one number or",
        ),
        ({"params": snn.LIFParams(tau_mem=-1.0, tau_syn=None)}, "tau_mem must be"),
        ({"params": snn.LIFParams(np.ones(7), tau_syn=None)}, "tau_mem must be"),
    ],
)
def test_constants_out_of_range_are_refused(rng, options, fault):
    with pytest.raises(ValueError, match=fault):
        gammatone.encode(rng.normal(size=400), 8000, channels=4, **options)


def test_no_sound_passes_as_nothing():
    bank = gammatone.filters(CENTRES, RATE)
    assert gammatone.gammatone(jnp.zeros((0, 3)), bank).shape == (0, 3, 4)
