import numpy as np
import pytest
from made_recordings import camera, neurons, rows_of

from snnjax.events import crop, turned, window
from snnjax.events.checked_recordings import microseconds

GOOD = camera([(5, 1, 2, 1), (3, 4, 0, 0)])
SPIKES = neurons([(0.5, 1, 0), (0.25, 2, 0)], ("a",), span=(0.0, 1.0))


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("t", np.array([0.5, 0.7]), "t of recorded must be whole numbers"),
        ("t", [5, 3], "t of recorded must be whole numbers"),
        ("t", np.array([2**60, 0]), "t of recorded must lie in"),
        ("x", np.array([1, 5], np.uint16), r"x .* 0 … 4, size of recorded is \(3, 5\)"),
        ("y", np.array([-1, 0]), "y of recorded must lie in 0 … 2"),
        ("y", np.array([0], np.uint8), "y of recorded must have 2 entries"),
        ("p", np.array([-1, 1], np.int8), "p of recorded must lie in 0 … 1"),
        ("size", (3,), "size of recorded must be"),
        ("size", (3, 2.5), "size of recorded must be a whole number"),
        ("origin", "top right", "origin must be one of"),
        ("skipped", 3, "skipped must be a dict"),
    ],
)
def test_a_recording_of_a_camera_that_is_none_is_refused(field, value, told):
    with pytest.raises(ValueError, match=told):
        window(GOOD._replace(**{field: value}), 0.0)


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("times", [0.1, 0.2], "times of recorded must be numbers"),
        ("times", np.array([0.1, np.nan]), "times of recorded must be finite"),
        ("units", np.array([0.5, 1.0]), "units of recorded must be whole"),
        ("units", np.array([0]), "units of recorded must have 2 entries"),
        ("population", np.array([0, 1]), "population of recorded must lie in 0 … 0"),
        ("populations", ("a", "a"), "populations must be different names"),
        ("populations", (), "populations must be different names"),
        ("known", (), "known of recorded must have 1 entries"),
        ("known", (np.array([0.5]),), "known of recorded must be whole"),
        ("span", (1.0, 0.0), "span of recorded must be"),
        ("span", (0.0,), "span of recorded must be"),
        ("span", (0.0, np.inf), "span of recorded must be finite"),
    ],
)
def test_a_recording_of_neurons_that_is_none_is_refused(field, value, told):
    with pytest.raises(ValueError, match=told):
        window(SPIKES._replace(**{field: value}), 0.0)


def test_columns_of_any_whole_type_are_taken():
    wide = GOOD._replace(
        t=GOOD.t.astype(np.uint32), x=GOOD.x.astype(np.int64), p=GOOD.p.astype(np.int64)
    )
    found = window(wide, 0.0)
    assert [column.dtype for column in found[:4]] == [np.int64, "u2", "u2", "u1"]
    assert rows_of(found) == rows_of(GOOD)
    narrow = GOOD._replace(
        x=GOOD.x.astype(np.uint8), y=GOOD.y.astype(np.int8), size=(480, 640)
    )
    assert turned(narrow, "bottom left").y.tolist() == [477, 479]
    assert len(crop(narrow, (300, 400), (0, 5)).t) == 0
    spikes = SPIKES._replace(
        times=SPIKES.times.astype(np.float32), units=SPIKES.units.astype(np.uint64)
    )
    found = window(spikes, 0.0)
    assert [column.dtype for column in found[:3]] == [np.float64, np.int64, np.int64]
    assert rows_of(found) == rows_of(SPIKES)


def test_a_sensor_of_unknown_size_is_told_how_to_say_it():
    with pytest.raises(ValueError, match=r"_replace\(size=\(height, width\)\)"):
        turned(GOOD._replace(size=None), "bottom left")


def test_seconds_are_whole_microseconds_but_for_rounding():
    for k in (0, 1, 17, 10**6 - 1, 3 * 10**8 + 7, 1_605_537_493_718_345):
        assert microseconds("start", k / 1e6) == k
        assert microseconds("start", -k * 1e-6) == -k
    for k in range(1_605_537_493_718_345, 1_605_537_493_719_345):
        assert microseconds("start", k / 1e6) == k
        assert microseconds("start", k * 1e-6) == k
    assert microseconds("every", sum([0.1] * 3)) == 300_000
    for wrong in (1.5e-6, 0.30000004, 100.0000007, 1e30):
        with pytest.raises(ValueError, match="every must"):
            microseconds("every", wrong)
