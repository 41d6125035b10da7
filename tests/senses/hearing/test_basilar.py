import jax.numpy as jnp
import numpy as np
import pytest

from snnjax.senses.hearing import basilar, cochlea


@pytest.fixture
def stored(data_folder):
    """What the reference program made of 0.3 s of speech on 32 channels."""
    return np.load(data_folder("cochlea-oracle") / "fsdd_0_jackson_0.npz")


def worst(found, expected):
    """Largest error of any channel, in units of its largest velocity."""
    error = np.abs(np.asarray(found) - expected).max(axis=0)
    return (error / np.abs(expected).max(axis=0)).max()


@pytest.mark.parametrize(("dtype", "bound"), [("float64", 1e-6), ("float32", 1e-3)])
def test_the_membrane_moves_as_in_the_reference(stored, x64, dtype, bound):
    audio = jnp.asarray(stored["preprocessed"], dtype)
    v = basilar.basilar_membrane(audio, basilar.transfer_matrix(32, len(audio)))
    assert v.dtype == dtype
    assert worst(v, stored["bm_velocity"].T) < bound


def test_tones_move_the_places_of_the_reference(data_folder, x64):
    stored = np.load(data_folder("cochlea-oracle") / "tones_64ch_rms.npz")
    t = np.arange(4800) / 48_000
    tones = [
        cochlea.prepare(np.sin(2 * np.pi * f * t), 48_000) for f in stored["freqs"]
    ]
    matrix = basilar.transfer_matrix(64, 4800)
    v = basilar.basilar_membrane(jnp.asarray(np.stack(tones, axis=1)), matrix)
    rms = np.sqrt(np.mean(np.square(v), axis=0))
    np.testing.assert_array_equal(rms.argmax(axis=1), stored["rms"].argmax(axis=1))
    np.testing.assert_array_equal(rms.argmax(axis=1), [52, 44, 36, 28, 19, 11])
    np.testing.assert_allclose(rms, stored["rms"], rtol=1e-6)


def test_places_are_tuned_as_published():
    # Measured on the reference, one channel in a hundred of 700.
    tuned = basilar.best_frequencies(700)[[100, 200, 300, 400, 500, 600, 699]]
    expected = [9500, 4500, 2100, 1000, 472, 221, 100]
    np.testing.assert_allclose(tuned, expected, rtol=0.02)
    assert (np.diff(basilar.best_frequencies(70)) < 0).all()  # channel 0: high tones


def test_the_transfer_is_finite_wherever_we_hear():
    tones = np.geomspace(20.0, 20_000.0, 200)
    v = basilar.transfer(tones, basilar.places(100))
    assert np.isfinite(v).all()
    assert (v != 0).all()


def test_places_divide_the_membrane_evenly():
    np.testing.assert_allclose(basilar.places(3), [0.0, 1.75, 3.5])


@pytest.mark.parametrize("causal", [False, True])
def test_a_click_is_answered_before_it_as_published_and_after_it_if_causal(causal):
    click = jnp.zeros(9600).at[4800].set(1.0)
    matrix = basilar.transfer_matrix(20, 9600, causal=causal)
    power = np.square(basilar.basilar_membrane(click, matrix, even=True))
    late = power[2400:].sum(axis=0) / power.sum(axis=0)
    early = 1.0 - power[:2401].sum(axis=0) / power.sum(axis=0)
    answered = late if causal else 1.0 - early
    assert (answered[1:] > 0.99).all()  # at the base there is no delay to see
    strongest = np.abs(power.argmax(axis=0) - 2400)
    assert (np.diff(strongest[::4]) > 0).all()  # low tones travel further


def test_causality_leaves_every_amplitude():
    given = [basilar.transfer_matrix(5, 100, causal=c) for c in (False, True)]
    np.testing.assert_array_equal(np.abs(given[0]), np.abs(given[1]))
    np.testing.assert_array_equal(given[0], np.conj(given[1]))


def test_an_even_grid_gives_a_periodic_tone_its_exact_phase(x64):
    # 480 samples hold 10 turns of 1 kHz; the published grid reads v a little above.
    turns, samples = 10, 480
    audio = np.cos(2 * np.pi * turns * np.arange(samples) / samples)
    matrix = basilar.transfer_matrix(6, samples)
    v = basilar.basilar_membrane(jnp.asarray(audio), matrix, even=True)
    tone = 1.0 + turns / 240 * (24_000 - 1.0)
    response = basilar.transfer(np.array([tone]), basilar.places(6))[0]
    phase = 2 * np.pi * 1000.0 * np.arange(240)[:, None] / 24_000
    expected = np.real(response * np.exp(1j * phase))
    np.testing.assert_allclose(v, expected, rtol=1e-9, atol=1e-9)


def test_zeros_behind_a_clip_change_little_once_the_membrane_has_rung_out(rng, x64):
    t = np.arange(4800)[:, None] / 48_000
    tones = np.sin(2 * np.pi * np.geomspace(80, 5000, 40) * t + rng.uniform(0, 6, 40))
    clip = np.hanning(4800) * tones.sum(axis=1)

    def velocity(samples):
        audio = jnp.zeros(samples).at[:4800].set(clip)
        matrix = basilar.transfer_matrix(12, samples)
        return basilar.basilar_membrane(audio, matrix, even=True)[:2400]

    long = velocity(48_000)
    assert worst(velocity(4800 + 4800), long) < 5e-3  # what encode does at least
    assert worst(velocity(4800 + 19_200), long) < 1e-5
    assert worst(velocity(4800), long) > 0.05  # as published: it wraps around


def test_half_the_rate_and_any_batch(rng):
    audio = rng.normal(size=(101, 2, 3)).astype(np.float32)
    matrix = basilar.transfer_matrix(4, 101)
    v = basilar.basilar_membrane(jnp.asarray(audio), matrix)
    assert v.shape == (51, 2, 3, 4)
    alone = basilar.basilar_membrane(jnp.asarray(audio[:, 1, 2]), matrix)
    np.testing.assert_allclose(v[:, 1, 2], alone, rtol=1e-4, atol=1e-4)
    half = basilar.basilar_membrane(jnp.asarray(audio, jnp.bfloat16), matrix)
    assert half.dtype == jnp.float32


def test_the_rate_sets_the_grid():
    fast = basilar.transfer_matrix(3, 200, 16_000.0)
    expected = basilar.transfer(np.linspace(1.0, 8000.0, 101), basilar.places(3))
    np.testing.assert_allclose(fast, expected)


def test_what_makes_no_sense_is_refused():
    matrix = basilar.transfer_matrix(3, 100)
    with pytest.raises(
        ValueError, match=r"\(51, 3\) does not fit audio of 90 .*channels, 90"
    ):
        basilar.basilar_membrane(jnp.zeros(90), matrix)
    with pytest.raises(ValueError, match="even number of samples, got 101"):
        basilar.basilar_membrane(
            jnp.zeros(101), basilar.transfer_matrix(3, 101), even=True
        )
    with pytest.raises(ValueError, match=r"audio must be floating point, got int32"):
        basilar.basilar_membrane(jnp.zeros(100, jnp.int32), matrix)
    with pytest.raises(ValueError, match="channels must be at least 2, got 1"):
        basilar.places(1)
    with pytest.raises(ValueError, match="samples must be at least 2"):
        basilar.transfer_matrix(3, 1)
    with pytest.raises(ValueError, match=r"rate \[Hz\] must be finite and positive"):
        basilar.transfer_matrix(3, 100, 0.0)


def test_tones_and_places_off_the_membrane_are_refused():
    for tone in (0.0, -100.0, np.nan):
        with pytest.raises(ValueError, match=r"frequency \[Hz\] must be finite"):
            basilar.transfer(np.array([tone]), np.array([1.0]))
    for place in (-0.1, 3.6, np.nan):
        with pytest.raises(ValueError, match="Places lie from 0 to 3"):
            basilar.transfer(np.array([100.0]), np.array([place]))
    with pytest.raises(ValueError, match=r"rate \[Hz\] must be at least 4"):
        basilar.transfer_matrix(4, 100, 3.0)
