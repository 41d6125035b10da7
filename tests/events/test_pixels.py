import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_recordings import SIZE, camera, camera_rows, relaxed, rows_of

from snnjax.events import crop, downsample, turned


@given(rows=camera_rows(), data=st.data())
@relaxed
def test_a_rectangle_is_cut_out_and_its_corner_becomes_zero(rows, data):
    a, b, c, d = (
        data.draw(st.integers(low, high))
        for low, high in ((0, 1), (2, SIZE[0]), (0, 2), (3, SIZE[1]))
    )
    found = crop(camera(rows), (a, b), (c, d))
    inside = [row for row in rows if a <= row[2] < b and c <= row[1] < d]
    assert rows_of(found) == [(t, x - c, y - a, p) for t, x, y, p in inside]
    assert found.size == (b - a, d - c)
    assert found.x.dtype == found.y.dtype == np.uint16


@pytest.mark.parametrize(
    ("rows", "columns", "told"),
    [
        ((0, 4), (0, 5), "rows must be at most 3"),
        ((0, 3), (5, 6), "columns must be at most 5"),
        ((2, 2), (0, 5), "rows must be at least 3"),
        ((-1, 2), (0, 5), "rows must be at least 0"),
        ((0, 2), (0.0, 5), "columns must be a whole number"),
        (2, (0, 5), r"rows must be \(first, end\)"),
    ],
)
def test_what_is_no_rectangle_of_the_sensor_is_refused(rows, columns, told):
    with pytest.raises(ValueError, match=told):
        crop(camera([(0, 1, 1, 0)]), rows, columns)


def test_the_size_of_what_was_cut_out_is_known():
    found = crop(camera([(0, 7, 9, 0), (1, 700, 9, 0)], None), (5, 10), (2, 8))
    assert rows_of(found) == [(0, 5, 4, 0)]
    assert found.size == (5, 6)


@given(rows=camera_rows(), factor=st.integers(1, 9))
@relaxed
def test_squares_of_pixels_become_one_and_no_event_is_lost(rows, factor):
    found = downsample(camera(rows), factor)
    assert rows_of(found) == [(t, x // factor, y // factor, p) for t, x, y, p in rows]
    assert found.size == (-(-SIZE[0] // factor), -(-SIZE[1] // factor))
    assert found.x.dtype == found.y.dtype == np.uint16
    assert downsample(camera(rows, None), factor).size is None


def test_a_factor_larger_than_any_column_is_one_pixel():
    small = camera([(0, 4, 2, 1)])
    small = small._replace(x=small.x.astype(np.uint8), y=small.y.astype(np.uint8))
    assert rows_of(downsample(small, 1000)) == [(0, 0, 0, 1)]


@given(rows=camera_rows())
@relaxed
def test_rows_count_from_the_other_side_and_back_again(rows):
    recorded = camera(rows, origin="bottom left")
    found = turned(recorded, "top left")
    assert rows_of(found) == [(t, x, SIZE[0] - 1 - y, p) for t, x, y, p in rows]
    assert found.origin == "top left"
    assert rows_of(turned(found, "bottom left")) == rows
    assert rows_of(turned(found)) == rows_of(found)


def test_a_sensor_of_unknown_size_is_not_turned_unless_it_is_right_already():
    unknown = camera([(0, 1, 1, 0)], None)
    assert turned(unknown, "top left") is not None
    with pytest.raises(ValueError, match="size of recorded is not known"):
        turned(unknown, "bottom left")
    with pytest.raises(ValueError, match="origin must be one of"):
        turned(unknown, "middle")
