"""Spikes predicted beyond chance are those counted by hand."""

import numpy as np
import pytest

from snnjax.analysis import coincidence_factor

GIVEN = {"window": 2e-3, "duration": 1.0}


def test_every_spike_is_paired_once_and_chance_is_taken_off():
    recorded = np.array([0.1, 0.2, 0.3, 0.4])
    model = np.array([0.1015, 0.198, 0.2005, 0.35])  # two near 0.2: one pair
    chance = 2 * 4 * 2e-3
    expected = (2 - chance * 4) / 4 / (1 - chance)
    found = coincidence_factor(model, recorded, **GIVEN)
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert coincidence_factor(recorded, recorded, **GIVEN) == 1.0


def test_spikes_at_the_edge_of_the_window_count():
    a, b = np.array([0.123]), np.array([0.125])
    assert coincidence_factor(a, b, **GIVEN) == 1.0
    assert coincidence_factor(a, b + 1e-5, **GIVEN) < 0.0


def test_poisson_trains_predict_nothing(rng):
    a, b = (np.sort(rng.uniform(0.0, 100.0, 4000)) for _ in range(2))
    found = coincidence_factor(a, b, window=2e-3, duration=100.0)
    assert abs(found) < 0.03  # 4000 spikes, a chance of 0.16: one standard error 0.006


def test_without_spikes_or_with_too_many_there_is_no_factor():
    none, some = np.zeros(0), np.array([0.5])
    assert np.isnan(coincidence_factor(none, none, **GIVEN))
    assert coincidence_factor(none, some, **GIVEN) == 0.0
    often = np.linspace(0.0, 1.0, 251)
    assert np.isnan(coincidence_factor(often, some, **GIVEN))


def test_trains_that_are_not_sorted_are_refused_by_name():
    with pytest.raises(ValueError, match="b: spike times"):
        coincidence_factor(np.array([0.1]), np.array([0.2, 0.1]), **GIVEN)


def test_spikes_just_the_window_apart_are_a_pair_in_any_precision():
    b = np.arange(1, 50) / 50
    for dtype in (np.float32, np.float64):
        trains = np.asarray(b + 2e-3, dtype), np.asarray(b, dtype)
        assert coincidence_factor(*trains, window=2e-3, duration=1.0) == 1.0
