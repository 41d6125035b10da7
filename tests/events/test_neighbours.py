import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_recordings import camera, camera_rows, random_camera, relaxed, rows_of

from snnjax.events import denoise

WHY = "events without neighbours"


def loop(rows, within):
    """Delbruck 2008: each event leaves its time with the eight around it."""
    support, kept = {}, set()
    for k in sorted(range(len(rows)), key=lambda k: rows[k][0]):
        t, x, y, _ = rows[k]
        if (x, y) in support and t - support[x, y] <= within:
            kept.add(k)
        for dx in (-1, 0, 1):
            for dy in (-1, 0, 1):
                if dx or dy:
                    support[x + dx, y + dy] = t
    return [row for k, row in enumerate(rows) if k in kept]


@given(rows=camera_rows(), within=st.integers(0, 30))
@relaxed
def test_what_stays_is_what_a_map_of_supporting_times_keeps(rows, within):
    found = denoise(camera(rows), within=within * 1e-6)
    assert rows_of(found) == loop(rows, within)
    assert found.skipped == {WHY: len(rows) - len(found.t)}


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (30, 40)])
@pytest.mark.parametrize("within", [0, 200, 5000])
def test_crowds_of_events_are_kept_as_a_map_does(size, within):
    recorded = random_camera(20_000, size, 0.5)
    found = denoise(recorded, within=within / 1e6)
    assert rows_of(found) == loop(rows_of(recorded), within)
    assert len(found.t) < len(recorded.t)


def test_columns_at_the_edges_are_no_neighbours_of_the_next_row():
    rows = [(0, 4, 0, 0), (1, 0, 1, 0), (2, 0, 2, 1), (3, 4, 1, 1)]
    kept = denoise(camera(rows), within=1.0)
    assert rows_of(kept) == [rows[2], rows[3]]


def test_the_largest_coordinates_there_are_have_neighbours_too():
    most = 2**16 - 1
    rows = [(0, most, most, 0), (1, most - 1, most, 0), (2, 0, 0, 0), (3, 1, 1, 0)]
    assert rows_of(denoise(camera(rows, None), within=1.0)) == [rows[1], rows[3]]


@pytest.mark.parametrize("within", [-1e-6, 1.5e-6, np.nan, [1e-3]])
def test_another_time_is_refused(within):
    with pytest.raises(ValueError, match="within"):
        denoise(camera([]), within=within)
