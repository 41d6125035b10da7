import numpy as np
import pytest
from scipy.io import loadmat, savemat

from snnjax.datasets import DataError, read_asl_dvs
from snnjax.datasets.cameras.asl_dvs_mat import is_asl_dvs

COLUMNS = {"ts": [0, 7, 5], "x": [0, 239, 3], "y": [179, 0, 4], "pol": [1, 0, 1]}


@pytest.fixture
def file(tmp_path):
    def write(**changed):
        whole = COLUMNS | changed
        columns = {k: np.array(v)[:, None] for k, v in whole.items() if v is not None}
        savemat(tmp_path / "a.mat", columns)
        return tmp_path / "a.mat"

    return write


@pytest.mark.parametrize("kind", [np.uint8, np.int32, np.float64])
def test_columns_are_those_that_were_written(kind, file):
    recorded = read_asl_dvs(file(**{k: np.array(v, kind) for k, v in COLUMNS.items()}))
    assert [each.tolist() for each in recorded[:4]] == [*COLUMNS.values()]
    assert (recorded.size, recorded.origin) == ((180, 240), "bottom left")
    kinds = [each.dtype for each in recorded[:4]]
    assert kinds == [np.int64, np.uint16, np.uint16, np.uint8]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"x": None}, r"is sound, .*arrays ts \[3, 1\], .*not ts, x, y, pol \[n, 1\]"),
        ({"x": [1, 2]}, "unequal lengths: t 3, x 2"),
        ({"pol": [0, 1, 2]}, "polarities are 0, 1, 2"),
        ({"y": [0.5, 1, 2]}, "event 0 has y 0.5"),
        ({"ts": [0.0, np.nan, 1]}, "event 1 has the time nan us"),
        ({"y": [0, 180, 0]}, r"event 1 lies at pixel \(239, 180\)"),
    ],
)
def test_what_is_damaged_or_another_is_refused_and_named(changed, message, file):
    path = file(**changed)
    with pytest.raises(DataError, match=message) as caught:
        read_asl_dvs(path)
    assert str(path) in str(caught.value)


def test_events_outside_the_sensor_are_dropped_and_counted_if_asked_for(file):
    with pytest.warns(UserWarning, match="Dropped 1 of 3 events"):
        assert len(read_asl_dvs(file(x=[0, 240, 1]), outside="drop").t) == 2


def test_arrays_tell_whether_it_is_one():
    columns = {k: np.array(v)[:, None] for k, v in COLUMNS.items()}
    assert is_asl_dvs(columns)
    assert not is_asl_dvs({k: v for k, v in columns.items() if k != "pol"})
    assert not is_asl_dvs(columns | {"x": np.zeros((3, 2))})


def test_a_file_in_its_layout_holds_what_was_written(data_folder):
    path = data_folder("recordings") / "mat_events/asldvs_layout.mat"
    recorded, found = read_asl_dvs(path), loadmat(path)
    for column, name in zip(recorded[:4], COLUMNS, strict=True):
        np.testing.assert_array_equal(column, found[name][:, 0])
    assert np.bincount(recorded.p).tolist() == [4420, 2960]
