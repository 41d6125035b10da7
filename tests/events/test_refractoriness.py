import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_recordings import (
    camera,
    camera_rows,
    random_camera,
    relaxed,
    rows_of,
)

from snnjax.events import refractory

WHY = "events within the refractory period"


def loop(rows, period):
    """The same event by event, in the order of time: which stay."""
    last, kept = {}, set()
    for k in sorted(range(len(rows)), key=lambda k: rows[k][0]):
        t, *pixel, _ = rows[k]
        pixel = tuple(pixel)
        if pixel not in last or t - last[pixel] >= period:
            last[pixel] = t
            kept.add(k)
    return [row for k, row in enumerate(rows) if k in kept]


@given(rows=camera_rows(), period=st.integers(0, 80))
@relaxed
def test_what_stays_is_what_a_loop_over_events_keeps(rows, period):
    found = refractory(camera(rows), period=period * 1e-6)
    assert rows_of(found) == loop(rows, period)
    assert found.skipped == {WHY: len(rows) - len(found.t)}


@pytest.mark.parametrize("size", [(1, 1), (4, 5), (300, 200)])
@pytest.mark.parametrize("period", [1, 100, 3000, 10**7])
def test_crowds_of_events_are_kept_as_a_loop_does(size, period):
    recorded = random_camera(20_000, size, 0.5)
    found = refractory(recorded, period=period / 1e6)
    assert rows_of(found) == loop(rows_of(recorded), period)


def test_the_last_that_stayed_counts_and_not_the_last():
    rows = [(t, 0, 0, t % 2) for t in (0, 6, 9, 10, 19, 20, 21, 31)]
    kept = refractory(camera(rows), period=10e-6)
    assert kept.t.tolist() == [0, 10, 20, 31]


def test_what_was_skipped_before_is_added_to():
    once = refractory(camera([(0, 0, 0, 0), (1, 0, 0, 0)]), period=2e-6)
    twice = refractory(
        once._replace(skipped={**once.skipped, "frames": 2}), period=2e-6
    )
    assert twice.skipped == {WHY: 1, "frames": 2}
    assert twice[4:7] == once[4:7]


def test_a_period_longer_than_any_recording_lets_one_event_of_each_pixel_stay():
    rows = [(-(2**53), 0, 0, 0), (2**53, 0, 0, 0), (3, 1, 0, 1)]
    assert len(refractory(camera(rows), period=9e9).t) == 3 - 0
    close = camera([(k, k % 2, 0, 0) for k in range(1000)])
    assert refractory(close, period=9e9).t.tolist() == [0, 1]
    far = random_camera(2000, (3, 3), 1.0)
    far = far._replace(t=far.t * 4_000_000_000)
    with pytest.raises(ValueError, match=r"period of .* s is too long for 2000 events"):
        refractory(far, period=9e9)


@pytest.mark.parametrize("period", [-1e-6, 1.5e-6, np.nan, [1e-3]])
def test_another_period_is_refused(period):
    with pytest.raises(ValueError, match="period"):
        refractory(camera([]), period=period)
