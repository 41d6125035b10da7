import numpy as np
import pytest

from snnjax.inputs import clips


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

    events = clips.listen(
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
