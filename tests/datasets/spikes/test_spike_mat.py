import numpy as np
import pytest
from scipy.io import savemat

from snnjax.datasets import DataError, read_spike_mat
from snnjax.datasets.guard.checked import Reading
from snnjax.datasets.spikes.spike_mat import is_spike_mat

TRAINS = [[0.5, 1.25], [], [0.25], [3.0, 4.5, 7.0]]
TRUE = [0.5, 1.25, 0.25, 3.0, 4.5, 7.0], [0, 0, 2, 3, 3, 3]


def cells(trains, shape=None):
    found = np.empty(len(trains), object)
    found[:] = [np.array(each, float) for each in trains]
    return found.reshape(shape or (1, -1))


@pytest.fixture
def write(tmp_path):
    def written(packed=False, **variables):
        savemat(tmp_path / "a.mat", variables, do_compression=packed)
        return tmp_path / "a.mat"

    return written


def spikes(found):
    return found.times.tolist(), found.units.tolist()


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("shape", [(1, 4), (4, 1)])
def test_a_cell_array_has_a_neuron_in_each_cell(packed, shape, write):
    path = write(packed, spikes=cells(TRAINS, shape), fs=30_000.0, who="me")
    found = read_spike_mat(path, unit="s")
    assert spikes(found) == TRUE
    assert found.known[0].tolist() == [0, 1, 2, 3]
    assert [each.dtype for each in found[:3]] == ["f8", "i8", "i8"]
    assert found.source == "MATLAB 5, times in s"
    ms = read_spike_mat(path, unit="ms")
    np.testing.assert_allclose(ms.times, np.array(TRUE[0]) / 1e3, rtol=1e-15)


@pytest.mark.parametrize("shape", [(1, 0), (0, 1), (0, 0)])
def test_cells_of_nothing_are_silent_neurons(shape, write):
    found = cells([[1.0], [2.0]])
    found[0, 1] = np.zeros(shape)
    assert spikes(read_spike_mat(write(x=found), unit="s")) == ([1.0], [0])
    silent = read_spike_mat(write(x=cells([[], []])), unit="s")
    assert (len(silent.times), silent.known[0].tolist()) == (0, [0, 1])


def test_a_vector_is_one_neuron_and_two_are_times_and_neurons(write):
    assert spikes(read_spike_mat(write(spikes=[0.5, 0.75]), unit="s"))[1] == [0, 0]
    path = write(spike_times=[0.5, 0.25], cluster_id=np.array([7, 3]), fs=3.0)
    assert spikes(read_spike_mat(path, unit="s")) == ([0.5, 0.25], [7, 3])
    path = write(times_ms=np.array([500.0, 250.0]), unit=[7, 3])
    assert spikes(read_spike_mat(path)) == ([0.5, 0.25], [7, 3])


def test_a_cell_array_or_names_tell_that_a_file_has_spikes(write):
    def told(**variables):
        path = write(**variables)
        return is_spike_mat(path.read_bytes(), Reading(path, 10**6))

    assert told(spikes=cells(TRAINS), fs=3.0)
    assert told(times_s=[1.0, 2.0], unit=[3, 4])
    assert not told(x=np.zeros((3, 6, 4)), y=np.zeros((3, 6, 6)), max_i=[[6], [6]])
    assert not told(left=cells(TRAINS), right=cells(TRAINS))


def test_trials_that_lie_one_after_the_other_are_told(write):
    path = write(spikes=[0.1, 0.9, 0.2, 0.8, 0.3])
    with pytest.warns(UserWarning, match="the times of one neuron step back 2 times"):
        assert len(read_spike_mat(path, unit="s").times) == 5


def test_what_matlab_does_not_tell_is_asked_for(write):
    with pytest.raises(DataError, match="an unknown unit; unit=… says whether"):
        read_spike_mat(write(spikes=cells(TRAINS)))
    path = write(left=cells(TRAINS), right=cells(TRAINS[:2]), lfp=np.arange(9.0))
    with pytest.raises(DataError, match="left, right, lfp; variable=… says which"):
        read_spike_mat(path, unit="s")
    assert spikes(read_spike_mat(path, unit="s", variable="left")) == TRUE
    assert read_spike_mat(path, unit="s", variable="lfp").times.tolist() == [*range(9)]
    with pytest.raises(DataError, match="left, right, lfp, and no times called 'up'"):
        read_spike_mat(path, unit="s", variable="up")
    with pytest.raises(ValueError, match="unit must be one of"):
        read_spike_mat(path, unit="h")


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"spikes": cells(TRAINS, (2, 2))}, r"neither a cell array \[1, n\] of times"),
        ({"spikes": np.array([cells(TRAINS), cells(TRAINS)])}, "neither a cell array"),
        ({"spikes": np.array([["a", "b"]], object)}, "neither a cell array"),
        ({"raster": np.zeros((4, 9))}, "neither a cell array"),
        ({"spikes": cells([[0.5], [np.nan]])}, "spike 1 of its times is at nan"),
        ({"times_s": [1.0, 2.0], "unit": [0.5, 1.0]}, "neurons are not whole numbers"),
        ({"times_s": [1.0, 2.0], "unit": [1.0, 2.0, 3.0]}, "has 2 times, 3 units"),
    ],
)
def test_what_are_no_times_is_refused(variables, message, write):
    with pytest.raises(DataError, match=message):
        read_spike_mat(write(**variables), unit="s")


def test_matlab_7_is_told_how_to_be_written(tmp_path):
    (tmp_path / "a.mat").write_bytes(b"MATLAB 7.3 MAT-file".ljust(600))
    with pytest.raises(DataError, match=r"MATLAB 7.3 data; save\('-v7', …\) writes"):
        read_spike_mat(tmp_path / "a.mat", unit="s")


def test_files_of_others_are_read_as_is_known(data_folder):
    folder = data_folder("recordings") / "mat_spikes"
    found = read_spike_mat(folder / "cell_array_spikes.mat", unit="s")
    counts = [np.count_nonzero(found.units == k) for k in range(5)]
    assert (counts, len(found.known[0])) == ([102, 69, 85, 77, 89], 5)
    ends = [found.times.min(), found.times.max()]
    np.testing.assert_allclose(ends, [0.00494712111, 9.92912179], rtol=1e-8)
    with pytest.warns(UserWarning, match="step back 99 times"):
        found = read_spike_mat(folder / "mrunfeldt_spikes.mat", unit="s")
    assert (len(found.times), found.times[0]) == (8702, 0.021)
    assert [found.times.min(), found.times.max()] == [0.001, 3.1]
