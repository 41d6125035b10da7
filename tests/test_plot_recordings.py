import numpy as np
import pytest

from snnjax import plot
from snnjax.events import Recorded, RecordedSpikes


@pytest.fixture
def ax():
    return plot.figure()[1][0, 0]


def seen(t, x, y, p, size=(3, 4), origin="top left"):
    return Recorded(*map(np.array, (t, x, y, p)), size, origin, "a test")


def fired(times, units, population=None, **told):
    population = np.zeros(len(times), int) if population is None else population
    names = tuple("ab"[: population.max(initial=0) + 1])
    return RecordedSpikes(
        np.array(times, float),
        np.array(units, int),
        population,
        names,
        "a test",
        **told,
    )


def test_pixels_are_blue_where_it_became_brighter_and_red_where_darker(ax):
    plot.frame(ax, seen([0, 1, 1], [0, 3, 3], [0, 2, 2], [1, 0, 0]), "what")
    (image,) = ax.images
    picture = image.get_array()
    assert picture.shape == (3, 4, 3)
    assert (picture[1] == 1.0).all()
    assert picture[0, 0, 2] > picture[0, 0, 0]
    assert picture[2, 3, 0] > picture[2, 3, 2]
    assert image.origin == "upper"
    assert ax.get_title() == "what"
    plot.frame(ax, seen([0], [0], [0], [1], origin="bottom left"))
    assert ax.images[-1].origin == "lower"


def test_a_recording_that_does_not_know_its_sensor_is_drawn_as_far_as_it_reaches(ax):
    plot.frame(ax, seen([0], [7], [1], [1], size=None))
    assert ax.images[0].get_array().shape == (2, 8, 3)
    with pytest.raises(ValueError, match="x of recorded must lie in 0 … 3"):
        plot.frame(ax, seen([0], [7], [1], [1]))
    with pytest.raises(ValueError, match="recorded"):
        plot.frame(ax, (1, 2))


def test_rates_are_counted_from_the_first_event_on(ax):
    t = np.concatenate([np.arange(1000) * 1000, [999_999]]) + 10**15
    ones = np.ones(len(t), int)
    plot.event_rates(ax, seen(t, ones, ones, ones))
    on, off = (line.get_ydata() for line in ax.lines)
    np.testing.assert_allclose(on[5:-5].mean(), 1000.0, rtol=0.01)
    assert not off.any()
    assert ax.get_xlim() == (0.0, pytest.approx(0.999999))


def test_spikes_are_dots_in_rows_of_the_neurons_that_fired(ax):
    population = np.array([0, 1, 0])
    plot.spike_times(ax, fired([0.1, 0.2, 0.3], [900, 5, 5], population))
    dots = ax.collections[0].get_offsets()
    np.testing.assert_allclose(dots, [[0.1, 1], [0.2, 2], [0.3, 0]])
    plot.spike_times(ax, fired([], [], span=(0.0, 2.0)))
    assert ax.get_xlim() == (0.0, 2.0)


def test_many_spikes_are_counted_and_none_is_lost(ax):
    times = np.random.default_rng(0).uniform(0, 5, 60_000)
    plot.spike_times(ax, fired(times, np.arange(60_000) % 90))
    assert ax.images[0].get_array().sum() == 60_000


def test_extremes_of_a_sound_are_drawn(ax):
    samples = np.zeros(10_001)
    samples[7777], samples[-1] = 1.0, -1.0
    plot.sound_wave(ax, samples, 8000)
    (low, high) = ax.dataLim.intervaly
    assert (low, high) == (-1.0, 1.0)


def test_a_tone_is_a_line_in_the_spectrogram(ax):
    tone = np.sin(2 * np.pi * 1000 * np.arange(8000) / 8000)
    plot.spectrogram(ax, tone, 8000)
    level = ax.images[0].get_array()
    assert (np.abs(level.argmax(axis=0) * 40 - 1000) <= 40).all()
    with pytest.raises(ValueError, match="must be 200 at least, 25 ms, got 9"):
        plot.spectrogram(ax, np.zeros(9), 8000)
