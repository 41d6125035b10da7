import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_recordings import camera, camera_rows, neurons, relaxed, rows_of

from snnjax.events import Events, from_rows, late_events, window

# windows and times are drawn that lie outside
pytestmark = pytest.mark.filterwarnings("ignore:.*(recording|first event)")


@given(rows=camera_rows(), start=st.integers(-60, 60), length=st.integers(1, 60))
@relaxed
def test_a_window_of_a_camera_holds_what_comes_from_start_on_and_before_stop(
    rows, start, length
):
    stop = start + length
    found = window(camera(rows), start * 1e-6, stop * 1e-6)
    assert rows_of(found) == [row for row in rows if start <= row[0] < stop]
    found = window(camera(rows), start * 1e-6)
    assert rows_of(found) == [row for row in rows if start <= row[0]]


@pytest.mark.parametrize("k", [1, 3, 7, 123_456_789, 1_700_000_000_123_456])
def test_bounds_fall_on_the_microsecond_that_is_meant(k):
    recorded = camera([(k - 1, 0, 0, 0), (k, 1, 0, 0), (k + 1, 2, 0, 0)])
    assert window(recorded, k / 1e6).x.tolist() == [1, 2]
    assert window(recorded, -1.0, k / 1e6).x.tolist() == [0]
    assert window(recorded, k * 1e-6, (k + 1) / 1e6).x.tolist() == [1]


def test_all_else_of_a_recording_stays_what_it_is():
    recorded = camera([(5, 1, 2, 1)], zero="2020-02-02", skipped={"frames": 3})
    found = window(recorded, 0.0, 1.0)
    assert found[4:] == recorded[4:]
    assert [column.dtype for column in found[:4]] == [np.int64, "u2", "u2", "u1"]


def test_a_window_of_neurons_says_what_part_of_the_recording_it_is():
    rows = [(0.5, 1, 0), (-0.25, 2, 1), (0.75, 3, 1)]
    recorded = neurons(rows, ("a", "b"), span=(-1.0, 2.0))
    found = window(recorded, -0.25, 0.75)
    assert rows_of(found) == rows[:2]
    assert found.span == (-0.25, 0.75)
    assert window(recorded, 0.0, 9.0).span == (0.0, 2.0)
    assert window(recorded, 0.0).span == (0.0, 2.0)
    with pytest.warns(UserWarning, match="5.0 s to the end .* -1 s to 2"):
        assert window(recorded, 5.0).span == (2.0, 2.0)
    assert not len(window(recorded, 1.0, 1.5).times)
    assert window(neurons(rows, ("a", "b")), 0.0).span is None


def test_each_sample_keeps_its_part_of_a_window():
    events = from_rows(
        [[0.1, 0.2, 0.3], [], [0.25, 0.4]],
        [[0, 1, 2], [], [3, 0]],
        [1, 0, 1],
        n_units=4,
        group=[7, 8, 9],
        trial=[1, 2, 3],
    )
    found = window(events, 0.2, 0.4)
    assert found.times.tolist() == [0.2, 0.3, 0.25]
    assert found.units.tolist() == [1, 2, 3]
    assert found.offsets.tolist() == [0, 2, 2, 3]
    for name in ("labels", "group", "trial"):
        np.testing.assert_array_equal(getattr(found, name), getattr(events, name))
    assert isinstance(found, Events)
    assert found.units.dtype == np.int32
    assert (found.n_units, found.n_classes) == (4, 2)


@given(ks=st.lists(st.integers(0, 40), max_size=20), k=st.integers(1, 40))
@relaxed
def test_what_a_window_of_samples_leaves_out_is_late(ks, k):
    events = from_rows([sorted(j * 0.1 for j in ks)], [[0] * len(ks)], [0], n_units=1)
    kept = window(events, 0.0, k * 0.1)
    assert len(kept.times) == sum(j < k for j in ks)
    assert len(ks) - len(kept.times) == late_events(events, duration=k * 0.1)


@pytest.mark.parametrize(
    ("start", "stop", "told"),
    [
        (1.0, 1.0, "stop must come after start"),
        (5e-7, None, "start must be a whole number of microseconds"),
        (0.0, 1.2345678, r"stop must be .*; 1\.234568 s is"),
        (float("nan"), None, "start"),
        (0.0, float("inf"), "stop"),
        ([0.0], None, "start must be one number"),
        (1e300, None, "start must lie within"),
    ],
)
def test_another_window_is_refused(start, stop, told):
    with pytest.raises(ValueError, match=told):
        window(camera([(5, 1, 2, 1)]), start, stop)


def test_what_is_no_recording_is_refused():
    with pytest.raises(ValueError, match="events must have times"):
        window([0.1, 0.2], 0.0, 1.0)
