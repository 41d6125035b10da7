import numpy as np
import pytest

from snnjax.senses.hearing import clips


def test_resampling_keeps_a_tone_and_sets_its_level():
    t = np.arange(4000) / 8000
    found = clips.resample(1e4 * np.sin(2 * np.pi * 440 * t), 8000, 48_000)
    assert len(found) == 24_000
    middle = slice(2000, -2000)  # the filter rings at the edges
    late = np.arange(24_000) / 48_000
    expected = 0.3 * np.sqrt(2.0) * np.sin(2 * np.pi * 440 * late)
    np.testing.assert_allclose(found[middle], expected[middle], atol=2e-3)
    assert abs(np.sqrt(np.mean(found**2)) - 0.3) < 1e-12


@pytest.mark.parametrize(
    ("samples", "length"),
    [(2, 6000), (6000, 6000), (6001, 9000), (9001, 12_000), (12_001, 18_000)],
)
def test_lengths_are_few_and_long_enough(samples, length):
    assert clips.padded_length(samples) == length


def test_lengths_grow_by_half_or_a_third():
    every = sorted({clips.padded_length(n) for n in range(6000, 400_000, 500)})
    assert len(every) == 14
    assert set(np.round(np.divide(every[1:], every[:-1]), 6)) == {1.5, 1.333333}


def heard(lengths, monkeypatch, most=2**24):
    """What passes through a front end that fires where the sound is 1."""
    monkeypatch.setattr(clips, "_MANY", most)
    seen, told = [], []
    sounds = [np.zeros(n) for n in lengths]
    for k, sound in enumerate(sounds):
        sound[[k, -1]] = 1.0

    def fire(audio, rows):
        seen.append((audio.shape, rows.tolist()))
        return np.stack([audio[1::2] + audio[::2] > 0] * 2, axis=-1)

    events = clips.encode_batches(
        sounds,
        fire,
        dt=2.0,
        n_units=2,
        progress=lambda done, of: told.append((done, of)),
    )
    return events, seen, told


def test_spikes_come_back_to_the_clip_they_are_of(monkeypatch):
    lengths = [7000, 100, 7001, 101, 6000]
    events, seen, told = heard(lengths, monkeypatch)
    for k, length in enumerate(lengths):
        rows = slice(events.offsets[k], events.offsets[k + 1])
        first, last = 2 * (k // 2), 2 * ((length - 1) // 2)
        np.testing.assert_array_equal(events.times[rows], [first, first, last, last])
        np.testing.assert_array_equal(events.units[rows], [0, 1, 0, 1])
    assert seen == [((6000, 4), [1, 3, 4, 1]), ((9000, 2), [0, 2])]
    assert told == [(3, 5), (5, 5)]


@pytest.mark.parametrize("most", [3, 4])
def test_batches_are_powers_of_two_and_what_fills_them_up_is_left_out(
    most, monkeypatch
):
    events, seen, told = heard([100] * 7, monkeypatch, most=most * 6000 * 2)
    assert seen == [((6000, 4), [0, 1, 2, 3]), ((6000, 4), [4, 5, 6, 4])]
    assert told == [(4, 7), (7, 7)]
    assert np.diff(events.offsets).tolist() == [4] * 7


def test_a_clip_too_long_for_any_batch_goes_alone(monkeypatch):
    _, seen, _ = heard([100, 100], monkeypatch, most=1)
    assert [shape for shape, _ in seen] == [(6000, 1)] * 2


@pytest.mark.parametrize("factor", [1e300, 1e-300, 2.0**-1060, 1e4])
def test_a_clip_sounds_the_same_at_any_level_there_is(rng, factor):
    clip = rng.normal(size=400)
    expected = clips.resample(clip, 8000, 16_000)
    np.testing.assert_allclose(
        clips.resample(clip * factor, 8000, 16_000), expected, rtol=1e-2
    )
    np.testing.assert_array_equal(clips.resample(4 * clip, 8000, 16_000), expected)


def prepared(audio, rate=8000):
    return clips.prepare_all(audio, rate, lambda clip, rate: np.asarray(clip))


@pytest.mark.parametrize(
    ("audio", "fault"),
    [
        (np.ones((1000, 2)), r"\[T, channels\] take one channel.*mean"),
        (np.ones((1000, 1)), "take one channel"),
        (np.ones((3, 100, 2)), "take one channel"),
        (np.float32(3.0), r"shape \(\)"),
        (3.0, "got float"),
        (None, "got NoneType"),
    ],
)
def test_what_is_neither_a_clip_nor_clips_is_refused(audio, fault):
    with pytest.raises(ValueError, match=fault):
        prepared(audio)


def test_clips_come_alone_in_lists_and_in_arrays(rng):
    three = rng.normal(size=(3, 100))
    assert len(prepared(three)) == len(prepared(list(three))) == 3
    assert len(prepared(three[0])) == len(prepared(list(three[0]))) == 1
    assert prepared([]) == []
    assert [len(clip) for clip in prepared([three[0], three[1, :10]])] == [100, 10]


def test_a_clip_without_samples_is_not_no_clip():
    with pytest.raises(ValueError, match="clip 0: A clip of audio must be two numbers"):
        clips.prepare_all(np.zeros(0), 8000, lambda x, r: clips.resample(x, r, 100))
    with pytest.raises(
        ValueError, match="4000 samples at rate=1000000000 Hz is too short"
    ):
        clips.resample(np.ones(4000), 10**9, 48_000)
