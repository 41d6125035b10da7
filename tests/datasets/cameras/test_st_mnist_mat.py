import numpy as np
import pytest
from scipy.io import loadmat, savemat

from snnjax.datasets import DataError, read_st_mnist
from snnjax.datasets.cameras.st_mnist_mat import is_st_mnist

TIMES = [0.1, 0.1000016, 0.25]  # s; the second rounds up
CHANGES = [(0, 99, -1), (0, 3, 1), (2, 40, 1)]  # column, taxel, change


def table():
    found = np.zeros((101, 3))
    for column, taxel, change in CHANGES:
        found[taxel, column] = change
    found[100] = TIMES
    return found


@pytest.fixture
def file(tmp_path):
    def write(table, **more):
        savemat(tmp_path / "a.mat", {"spiketrain": table, **more})
        return tmp_path / "a.mat"

    return write


def test_a_change_is_an_event_of_its_taxel(file):
    recorded = read_st_mnist(file(table()))
    assert recorded.t.tolist() == [100_000, 100_000, 250_000]
    assert recorded.x.tolist() == [3, 9, 0]
    assert recorded.y.tolist() == [0, 9, 4]
    assert recorded.p.tolist() == [1, 0, 1]
    assert (recorded.size, recorded.source) == ((10, 10), "ST-MNIST")
    kinds = [each.dtype for each in recorded[:4]]
    assert kinds == [np.int64, np.uint16, np.uint16, np.uint8]


def test_nothing_that_changed_is_a_recording(file):
    assert len(read_st_mnist(file(np.zeros((101, 0)))).t) == 0
    assert len(read_st_mnist(file(np.zeros((101, 5)))).t) == 0


@pytest.mark.parametrize("value", [2, 0.5, np.nan, -2])
def test_a_change_of_another_size_is_refused(value, file):
    odd = table()
    odd[7, 1] = value
    with pytest.raises(DataError, match=r"taxel 7 has .* in column 1, not -1, 0 or 1"):
        read_st_mnist(file(odd))


def test_a_time_that_is_none_is_refused(file):
    odd = table()
    odd[100, 1] = np.inf
    with pytest.raises(DataError, match="event 1 has the time inf s"):
        read_st_mnist(file(odd))


@pytest.mark.parametrize("odd", [np.zeros((100, 4)), np.zeros((102, 4)), "a", {"b": 1}])
def test_other_variables_are_told(odd, file):
    with pytest.raises(DataError, match=r"is sound, .*not spiketrain \[101, n\]"):
        read_st_mnist(file(odd, weights=np.eye(2)))


def test_arrays_tell_whether_it_is_one():
    assert is_st_mnist({"spiketrain": table()})
    assert not is_st_mnist({"spiketrain": table().T})
    assert not is_st_mnist({"x": table()})


def test_a_published_digit_holds_what_is_known_of_it(data_folder):
    path = data_folder("recordings") / "mat_events/tonic_sample_stmnist.mat"
    recorded, found = read_st_mnist(path), loadmat(path)["spiketrain"]
    assert np.bincount(recorded.p).tolist() == [745, 1601]
    taxel, change = recorded.y * 10 + recorded.x, 2 * recorded.p.astype(int) - 1
    for sign in (-1, 1):
        there = np.bincount(taxel[change == sign], minlength=100)
        np.testing.assert_array_equal(there, (found[:100] == sign).sum(axis=1))
    assert np.all(np.diff(recorded.t) >= 0)
    assert recorded.t[[0, -1]].tolist() == [196_626, 895_745]
