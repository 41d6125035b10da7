import numpy as np
import pytest

from snnjax.analysis import detect_waves


def test_waves_start_and_end_where_many_fire():
    trains = [
        np.array([0.5, 2.5, 3.5, 8.5]),
        np.array([2.6, 3.1]),
        np.array([3.9, 6.5]),
        np.array([9.9]),
    ]
    found = detect_waves(trains, duration=9.95, window=1.0, share=0.5)
    np.testing.assert_allclose(found.start, [2.0])
    np.testing.assert_allclose(found.end, [4.0])
    np.testing.assert_allclose(found.recruited, [0.75])
    at_the_end = detect_waves(trains, duration=9.95, window=1.0, share=0.25)
    np.testing.assert_allclose(at_the_end.start, [0.0, 2.0, 6.0, 8.0])
    np.testing.assert_allclose(at_the_end.end, [1.0, 4.0, 7.0, 9.95])
    assert len(detect_waves(trains, duration=9.95, share=1.0).start) == 0


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_spike_at_an_edge_opens_the_window_after_it(dtype):
    times = (np.arange(0, 1000, 2) * 1e-3).astype(dtype)  # every other window
    found = detect_waves([times], duration=1.0, window=1e-3, share=1.0)
    np.testing.assert_allclose(found.start, times, atol=1e-6)
    np.testing.assert_allclose(found.end - found.start, 1e-3)


def test_windows_that_fill_a_recording_have_no_other_behind_them():
    spikes = np.array([1.1 - 1e-3])  # 1.1 / 0.1 is a little more than 11
    found = detect_waves([spikes], duration=1.1, window=0.1, share=1.0)
    np.testing.assert_allclose((found.start[0], found.end[0]), (1.0, 1.1))


def test_a_share_of_no_unit_is_refused():
    with pytest.raises(ValueError, match="share"):
        detect_waves([np.array([1.0, 2.0])], duration=5.0, share=0.0)
