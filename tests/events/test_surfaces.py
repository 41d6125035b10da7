import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_recordings import SIZE, camera, camera_rows, random_camera, relaxed

from snnjax.events import time_surface

# windows and times are drawn that lie outside
pytestmark = pytest.mark.filterwarnings("ignore:.*(recording|first event)")


def slow(rows, at, tau):
    found = np.zeros((2, *SIZE))
    for t, x, y, p in rows:
        if t <= at:
            found[p, y, x] = max(found[p, y, x], np.exp(-(at - t) * 1e-6 / tau))
    return found


@given(rows=camera_rows(), ats=st.lists(st.integers(-60, 60), max_size=4))
@relaxed
def test_a_surface_remembers_the_last_event_of_each_pixel_and_polarity(rows, ats):
    found = time_surface(camera(rows), np.array(ats) * 1e-6, tau=20e-6)
    assert found.shape == (len(ats), 2, *SIZE)
    assert found.dtype == np.float32
    for surface, at in zip(found, ats, strict=True):
        np.testing.assert_allclose(surface, slow(rows, at, 20e-6), rtol=1e-5)
        alone = time_surface(camera(rows), at * 1e-6, tau=20e-6)
        np.testing.assert_array_equal(alone, surface)


def test_between_events_a_surface_decays_by_its_time_constant():
    recorded = random_camera(3000, (10, 12), 0.1)
    early, late = time_surface(recorded, np.array([0.1, 0.17]), tau=0.035)
    np.testing.assert_allclose(late, np.exp(-2.0) * early, rtol=1e-5)
    assert early.max() <= 1.0


def test_an_event_at_the_time_of_a_surface_is_one():
    inexact = [k for k in range(10**6, 10**6 + 10**5) if 1e6 * (k / 1e6) < k]
    for k in (3, 300_000, *inexact[:2], 1_700_000_000_123_456):
        surface = time_surface(camera([(k, 4, 2, 1)]), k / 1e6, tau=1e-3)
        assert surface[1, 2, 4] == 1.0
        assert surface.sum() == 1.0
        assert time_surface(camera([(k, 4, 2, 1)]), (k - 1) / 1e6, tau=1.0).sum() == 0


@pytest.mark.parametrize(
    ("at", "tau", "told"),
    [
        (np.nan, 1.0, "at must be finite"),
        ([[0.0]], 1.0, r"at must be one time, or times \[K\]"),
        ("now", 1.0, "at must be"),
        (0.0, 0.0, "tau"),
        (0.0, [1.0, 2.0], "tau must be one number"),
    ],
)
def test_other_times_are_refused(at, tau, told):
    with pytest.raises(ValueError, match=told):
        time_surface(camera([(0, 1, 1, 0)]), at, tau=tau)


def test_a_sensor_of_unknown_size_is_refused():
    with pytest.raises(ValueError, match="size of recorded is not known"):
        time_surface(camera([(0, 1, 1, 0)], None), 0.0, tau=1.0)


def test_times_before_the_first_event_are_told():
    recorded = camera((5_000_000, 0, 0, 1))
    with pytest.warns(UserWarning, match="up to 0.3 s, comes before .* at 5 s of"):
        assert not time_surface(recorded, [0.1, 0.3], tau=0.1).any()
