import jax.numpy as jnp
import numpy as np
import pytest

from snnjax.analysis import interspike_intervals, spike_trains
from snnjax.events import from_rows


def test_events_of_a_sample_become_the_trains_of_its_units():
    events = from_rows(
        [[0.5], [0.1, 0.2, 0.4, 0.9]], [[0], [3, 1, 3, 0]], [0, 0], n_units=5
    )
    found = spike_trains(events, 1)
    assert [list(train) for train in found] == [[0.9], [0.2], [], [0.1, 0.4], []]
    assert [len(train) for train in spike_trains(events)] == [1, 0, 0, 0, 0]
    assert spike_trains(from_rows([[]], [[]], [0], n_units=0)) == []
    with pytest.raises(ValueError, match="no sample 2 of 2"):
        spike_trains(events, 2)
    with pytest.raises(ValueError, match="sample"):
        spike_trains(events, -1)


def test_intervals_of_a_known_train_are_the_known_ones():
    spikes = np.zeros((40, 4))
    spikes[[2, 5, 11], 0] = 1
    spikes[[7], 1] = 1
    spikes[::10, 3] = 1
    expected = np.array([3, 6, 10, 10, 10]) * 0.5e-3
    np.testing.assert_allclose(interspike_intervals(spikes, dt=0.5e-3), expected)


@pytest.mark.parametrize("steps", [0, 1, 9])
def test_silence_has_no_intervals(steps):
    assert interspike_intervals(jnp.zeros((steps, 3)), dt=1e-3).shape == (0,)


def test_intervals_of_a_poisson_train_are_exponential(rng):
    spikes = rng.random((100_000, 5)) < 0.02
    intervals = interspike_intervals(spikes, dt=1e-3)
    np.testing.assert_allclose(intervals.mean(), 50e-3, rtol=0.05)
    np.testing.assert_allclose(intervals.std() / intervals.mean(), 1.0, atol=0.05)
