import numpy as np
import pytest
from made_recordings import SIZE, camera, random_camera, rows_of

from snnjax.datasets import read_recorded
from snnjax.events import hot_pixels, without_pixels


def heated(hot, count, n=20_000, size=(40, 50)):
    """Random events, and pixels with many more."""
    recorded = random_camera(n, size, 1.0)
    x, y = (
        np.repeat(np.array(each, np.uint16), count) for each in zip(*hot, strict=True)
    )
    t = np.resize(np.linspace(0, 10**6 - 1, count).astype(np.int64), len(x))
    return recorded._replace(
        t=np.concatenate([recorded.t, t]),
        x=np.concatenate([recorded.x, x]),
        y=np.concatenate([recorded.y, y]),
        p=np.concatenate([recorded.p, np.ones(len(x), np.uint8)]),
    )


HOT = [(3, 7), (49, 0), (0, 39), (20, 20)]


def test_hot_pixels_are_found_and_no_others():
    found = hot_pixels(heated(HOT, 100))
    assert {*zip(*np.nonzero(found.T), strict=True)} == {*HOT}
    assert not hot_pixels(random_camera(20_000, (40, 50), 1.0)).any()


def test_many_hot_pixels_do_not_hide_each_other():
    """A tenth of all; mean and standard deviation would be theirs."""
    hot = [(x, y) for x in range(0, 50, 5) for y in range(0, 40, 2)]
    found = hot_pixels(heated(hot, 300))
    assert {*zip(*np.nonzero(found.T), strict=True)} == {*hot}


def counted(counts):
    """As many events of each pixel as is said."""
    y, x = np.repeat(np.argwhere(counts >= 0), counts.ravel(), axis=0).T
    return camera([(0, a, b, 0) for a, b in zip(x, y, strict=True)], counts.shape)


def test_how_far_above_the_others_is_what_spread_says():
    counts = np.full((3, 40), 4)
    counts[1, 5:35:10] = 24, 25, 3
    # median 4, median deviation 0, root 2: hot above 4 + 2·spread, here and around
    found = {
        s: np.flatnonzero(hot_pixels(counted(counts), spread=s)[1]) for s in (10.0, 9.9)
    }
    assert found[10.0].tolist() == [15]
    assert found[9.9].tolist() == [5, 15]
    counts = np.array([[10] * 40 + [2] * 30 + [18] * 30] * 3)
    counts[1, 10:40:10] = 45, 47, 129
    # median 10, median deviation 8, times 1.4826: hot above 10 + 11.86·spread
    found = np.flatnonzero(hot_pixels(counted(counts), spread=3.0)[1])
    assert found.tolist() == [20, 30]
    assert np.flatnonzero(hot_pixels(counted(counts))[1]).tolist() == [30]


def test_where_something_moves_pixels_are_not_hot_for_that():
    counts = np.ones((30, 40), int)
    counts[10:20, 10:20] = np.random.default_rng(0).poisson(40, (10, 10))
    assert not hot_pixels(counted(counts)).any()
    hot = [(15, 15), (15, 16), (0, 0), (29, 20)]
    for place in hot:
        counts[place] = 200
    assert [*map(tuple, np.argwhere(hot_pixels(counted(counts))))] == sorted(hot)


def test_a_rate_can_be_given_instead():
    rows = [(t, 1, 0, 0) for t in range(0, 500_000, 1000)]  # 500 in half a second
    rows += [(499_999, 2, 1, 1), (0, 3, 1, 1), (7, 3, 1, 1)]
    recorded = camera(rows)
    assert np.argwhere(hot_pixels(recorded, above=999.0)).tolist() == [[0, 1]]
    assert not hot_pixels(recorded, above=1000.0).any()
    assert np.argwhere(hot_pixels(recorded, above=3.0)).tolist() == [[0, 1], [1, 3]]
    assert np.argwhere(hot_pixels(recorded, above=1e-9)).tolist() == [[0, 1], [1, 3]]


def test_pixels_are_left_out_and_their_events_counted():
    rows = [(0, 1, 0, 0), (1, 2, 1, 1), (2, 1, 0, 1), (3, 1, 1, 1)]
    pixels = np.zeros(SIZE, bool)
    pixels[0, 1] = True
    found = without_pixels(camera(rows, skipped={"frames": 4}), pixels)
    assert rows_of(found) == [rows[1], rows[3]]
    assert found.skipped == {"frames": 4, "events of pixels that were left out": 2}
    pixels[:, 2] = True
    again = without_pixels(found, pixels)
    assert again.skipped["events of pixels that were left out"] == 3


def test_silence_has_no_hot_pixels():
    for asked in ({}, {"above": 5.0}):
        found = hot_pixels(camera([]), **asked)
        assert found.shape == SIZE
        assert found.dtype == bool
        assert not found.any()


@pytest.mark.parametrize(
    "pixels", [np.zeros((5, 3), bool), np.zeros((3, 5)), None, [[True]]]
)
def test_a_mask_of_another_sensor_is_refused(pixels):
    with pytest.raises(ValueError, match=r"pixels must be a mask bool \[3, 5\]"):
        without_pixels(camera([(0, 1, 1, 0)]), pixels)


def test_other_limits_are_refused():
    for asked in ({"above": 0.0}, {"above": [5.0, 5.0]}, {"spread": -1.0}):
        with pytest.raises(ValueError, match=next(iter(asked))):
            hot_pixels(camera([]), **asked)


def test_hot_pixels_of_real_cameras_stand_alone(data_folder):
    """By eye: each fires 100 times and more, what is around it far less."""
    folder = data_folder("recordings")
    davis = read_recorded(folder / "aedat2/IMU_translBoxes.aedat")
    assert np.argwhere(hot_pixels(davis)).tolist() == [[1, 8]]
    cleaned = without_pixels(davis, hot_pixels(davis))
    assert len(davis.t) - len(cleaned.t) == 113
    prophesee = read_recorded(folder / "evt2/faery_evt2.raw")._replace(size=(480, 640))
    found = np.argwhere(hot_pixels(prophesee)).tolist()
    assert found == [[276, 635], [312, 29], [432, 243], [451, 339]]
    calm = read_recorded(folder / "es/faery_dvs.es")
    assert not hot_pixels(calm).any()
