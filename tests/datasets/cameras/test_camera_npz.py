import numpy as np
import pytest

from snnjax.datasets import DataError, read_camera_npz, read_prophesee_evt2
from snnjax.datasets.cameras.camera_npz import is_camera_npz

T, X, Y, P = [5, 5, 4, 2**40], [0, 639, 1, 2], [479, 0, 1, 2], [1, 0, 0, 1]


@pytest.fixture
def file(tmp_path):
    def write(**changed):
        whole = {"t": T, "x": X, "y": Y, "p": P, "width": 640, "height": 480} | changed
        kept = {name: each for name, each in whole.items() if each is not None}
        np.savez(tmp_path / "a.npz", **kept)
        return tmp_path / "a.npz"

    return write


def test_columns_are_those_that_were_written(file):
    recorded = read_camera_npz(file())
    assert [each.tolist() for each in recorded[:4]] == [T, X, Y, P]
    kinds = [each.dtype for each in recorded[:4]]
    assert kinds == [np.int64, np.uint16, np.uint16, np.uint8]
    assert (recorded.size, recorded.origin) == ((480, 640), "top left")
    assert recorded.source == "npz of t,x,y,p, times of int64 [us]"


def test_times_without_a_size_do_not_say_their_unit_unless_they_are_seconds(file):
    bare = {"width": None, "height": None}
    with pytest.raises(DataError, match=r"is sound, .*unit=… does"):
        read_camera_npz(file(**bare))
    assert read_camera_npz(file(**bare), unit="ms").t.tolist()[:3] == [5000, 5000, 4000]
    recorded = read_camera_npz(file(t=np.array([0.5, 1.0, 2.0, 3.0]), **bare))
    assert recorded.t.tolist() == [500_000, 1_000_000, 2_000_000, 3_000_000]
    assert recorded.size is None


def test_polarities_may_be_signs_or_truths(file):
    assert read_camera_npz(file(p=[1, -1, -1, 1])).p.tolist() == P
    assert read_camera_npz(file(p=np.array(P, bool))).p.tolist() == P


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"x": None}, r"is sound, .*arrays t, y, p, width"),
        ({"x": X[:2]}, "unequal lengths: t 4, x 2"),
        ({"x": [X]}, r"is sound, .*x of type int64, shape \(1, 4\)"),
        ({"x": ["a"] * 4}, "is sound, .*x of type <U1"),
        ({"t": np.array(P, bool)}, "is sound, .*t of type bool"),
        ({"p": [0, 1, 2, 1]}, "polarities are 0, 1, 2"),
        ({"y": [0, 0, -1, 0]}, "event 2 has y -1"),
        ({"y": [0, 0, 480, 0]}, r"event 2 lies at pixel \(1, 480\)"),
        ({"width": 0}, "width or height is"),
        ({"height": [480]}, "width or height is"),
        ({"height": 2**17}, "width or height is"),
    ],
)
def test_what_is_damaged_or_another_is_refused_and_named(changed, message, file):
    path = file(**changed)
    with pytest.raises(DataError, match=message) as caught:
        read_camera_npz(path)
    assert str(path) in str(caught.value)


def test_events_outside_the_sensor_are_dropped_and_counted_if_asked_for(file):
    with pytest.warns(UserWarning, match="Dropped 1 of 4 events; the first, event 1"):
        recorded = read_camera_npz(file(width=639), outside="drop")
    assert recorded.t.tolist() == [5, 4, 2**40]


def test_wrong_options_are_refused_by_name(file):
    with pytest.raises(ValueError, match="unit"):
        read_camera_npz(file(), unit="h")
    with pytest.raises(ValueError, match="outside"):
        read_camera_npz(file(), outside="keep")


def test_names_tell_whether_it_is_one():
    assert is_camera_npz({"t", "x", "y", "p", "width"})
    assert not is_camera_npz({"times", "units", "offsets"})


def test_a_file_of_evutils_holds_what_the_camera_sent(data_folder):
    folder = data_folder("recordings")
    recorded = read_camera_npz(folder / "npz/evutils.npz")
    camera = read_prophesee_evt2(folder / "evt2/faery_evt2.raw")
    for one, other in zip(recorded[:4], camera[:4], strict=True):
        np.testing.assert_array_equal(one, other[:40_000])
    assert recorded.size == (480, 640)
