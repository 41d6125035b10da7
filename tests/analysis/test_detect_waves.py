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


def test_a_share_of_no_unit_is_refused():
    with pytest.raises(ValueError, match="share"):
        detect_waves([np.array([1.0, 2.0])], duration=5.0, share=0.0)
