import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_recordings import SIZE, camera, camera_rows, relaxed

from snnjax.events import voxel_grid


def slow(rows, bins, first, end):
    found = np.zeros((bins, *SIZE))
    for t, x, y, p in rows:
        at = (bins - 1) * (t - first) / (end - first) if end > first else 0.0
        for b in range(bins):
            found[b, y, x] += (2 * p - 1) * max(0.0, 1.0 - abs(b - at))
    return found


@given(rows=camera_rows(), bins=st.integers(1, 6))
@relaxed
def test_each_event_is_shared_by_the_two_bins_that_are_nearest(rows, bins):
    found = voxel_grid(camera(rows), bins)
    times = [row[0] for row in rows] or [0]
    expected = slow(rows, bins, min(times), max(times))
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert found.dtype == np.float32
    polarities = sum(2 * p - 1 for *_, p in rows)
    np.testing.assert_allclose(found.sum(), polarities, atol=1e-4)


@given(rows=camera_rows(), bins=st.integers(1, 6))
@relaxed
def test_where_the_bins_lie_can_be_said(rows, bins):
    found = voxel_grid(camera(rows), bins, start=-7e-5, stop=9e-5)
    np.testing.assert_allclose(found, slow(rows, bins, -70, 90), atol=1e-5)


def test_events_at_the_ends_lie_in_the_first_and_the_last_bin():
    found = voxel_grid(camera([(10, 0, 0, 1), (15, 1, 0, 0), (30, 2, 0, 1)]), 5)
    assert found[:, 0, 0].tolist() == [1, 0, 0, 0, 0]
    assert found[:, 0, 1].tolist() == [0, -1, 0, 0, 0]
    assert found[:, 0, 2].tolist() == [0, 0, 0, 0, 1]


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"bins": 0}, "bins must be at least 1"),
        ({"bins": 2.5}, "bins must be a whole number"),
        ({"bins": 2, "start": 5e-6}, r"1 of 2 events lie before start=5e-06 s"),
        ({"bins": 2, "stop": 8e-6}, r"1 of 2 events lie .* after stop=8e-06 s"),
        ({"bins": 2, "start": 5e-6, "stop": 4e-6}, "stop must not come before start"),
        ({"bins": 2, "stop": 1.5e-6}, "stop must be a whole number of microseconds"),
    ],
)
def test_another_grid_is_refused(asked, told):
    with pytest.raises(ValueError, match=told):
        voxel_grid(camera([(3, 0, 0, 0), (9, 0, 0, 0)]), **asked)
