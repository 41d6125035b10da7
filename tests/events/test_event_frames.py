import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_recordings import SIZE, camera, camera_rows, relaxed

from snnjax.events import as_events, frames, rasterize


def slow(rows, steps, dt, first):
    found = np.zeros((steps, 2, *SIZE))
    for t, x, y, p in rows:
        if 0 <= (t - first) // dt < steps:
            found[(t - first) // dt, p, y, x] += 1
    return found


@given(
    rows=camera_rows(),
    steps=st.integers(1, 12),
    dt=st.integers(1, 30),
    start=st.one_of(st.none(), st.integers(-50, 50)),
)
@relaxed
def test_frames_count_the_events_of_their_time(rows, steps, dt, start):
    begin = "first" if start is None else start * 1e-6
    asked = {"steps": steps, "dt": dt * 1e-6, "start": begin}
    found = frames(camera(rows), **asked, outside="drop")
    first = min((row[0] for row in rows), default=0) if start is None else start
    expected = slow(rows, steps, dt, first)
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == np.float32
    gone = len(rows) - int(expected.sum())
    if gone:
        with pytest.raises(ValueError, match=f"^{gone} of {len(rows)} events lie"):
            frames(camera(rows), **asked)
    else:
        np.testing.assert_array_equal(frames(camera(rows), **asked), expected)


@given(rows=camera_rows())
@relaxed
def test_a_raster_of_the_same_events_has_the_same_counts(rows):
    recorded = camera(rows)
    raster = rasterize(as_events(recorded), steps=13, dt=1e-5)
    pictures = raster.reshape(13, *SIZE, 2).transpose(0, 3, 1, 2)
    np.testing.assert_array_equal(frames(recorded, steps=13, dt=1e-5), pictures)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"steps": 0, "dt": 1.0}, "steps must be at least 1"),
        ({"steps": 1, "dt": 0.0}, "dt"),
        ({"steps": 1, "dt": 1e-7}, "dt must be a whole number of microseconds"),
        ({"steps": 1, "dt": 1.0, "start": "last"}, "start must be one of"),
        ({"steps": 1, "dt": 1.0, "outside": "keep"}, "outside must be one of"),
    ],
)
def test_other_frames_are_refused(asked, told):
    with pytest.raises(ValueError, match=told):
        frames(camera([(0, 1, 1, 0)]), **asked)
