import pickle

import numpy as np
import pytest

from snnjax.datasets import DataError, read_spike_arrays, write_events
from snnjax.datasets.guard.checked import HoldsError
from snnjax.datasets.guard.pickles import check_no_pickle, is_pickle
from snnjax.datasets.spikes.spike_arrays import is_spike_arrays
from snnjax.events import from_rows

TIMES, UNITS = np.array([0.5, 1.25, 3.0]), np.array([7, 0, 7])


@pytest.fixture
def write(tmp_path):
    def written(array=None, **arrays):
        path = tmp_path / ("a.npz" if array is None else "a.npy")
        np.savez(path, **arrays) if array is None else np.save(path, array)
        return path

    return written


def spikes(found):
    return found.times.tolist(), found.units.tolist()


@pytest.mark.parametrize("kind", ["<f8", ">f8", "f4"])
@pytest.mark.parametrize("shape", [(3,), (3, 1)])
def test_an_array_of_times_is_one_neuron(kind, shape, write):
    array = np.asfortranarray(TIMES.astype(kind).reshape(shape))
    found = read_spike_arrays(write(array), unit="s")
    assert spikes(found) == (TIMES.tolist(), [0, 0, 0])
    assert [each.dtype for each in found[:3]] == ["f8", "i8", "i8"]
    assert read_spike_arrays(write(array), unit="ms").times[1] == 0.00125


@pytest.mark.parametrize("order", "<>")
def test_samples_of_a_clock_need_its_rate(order, write):
    path = write(np.array([[1006], [298_403]], f"{order}u8", order="F"))
    with pytest.raises(DataError, match="rate=… how many samples a second has"):
        read_spike_arrays(path)
    found = read_spike_arrays(path, rate=25_000)
    assert found.times.tolist() == [1006 / 25_000, 298_403 / 25_000]
    assert found.source == "numpy, time, times in samples"
    with pytest.raises(DataError, match="times that are not whole, so no samples"):
        read_spike_arrays(write(TIMES), rate=25_000)
    with pytest.raises(ValueError, match="give one of them"):
        read_spike_arrays(path, rate=25_000, unit="s")


def test_of_two_columns_the_whole_numbers_are_the_neurons(write):
    columns = np.stack([TIMES, UNITS], axis=1)
    for array in (columns, columns[:, ::-1], columns.astype(">f8", order="F")):
        assert spikes(read_spike_arrays(write(array), unit="s")) == (
            TIMES.tolist(),
            UNITS.tolist(),
        )
    for array in (np.stack([UNITS, UNITS], axis=1), np.stack([TIMES, TIMES], axis=1)):
        with pytest.raises(DataError, match="none is known to be the times"):
            read_spike_arrays(write(array), unit="s")


def test_arrays_are_known_by_their_names(write):
    found = read_spike_arrays(write(units=UNITS.astype(">u2"), spike_times_ms=TIMES))
    assert spikes(found) == ((TIMES / 1e3).tolist(), UNITS.tolist())
    assert found.source == "numpy, unit time, times in ms"
    other = write(neuron_ids=UNITS[:, None], t=TIMES, voltage=np.eye(3))
    assert read_spike_arrays(other, unit="s").units.tolist() == UNITS.tolist()
    kind = np.dtype([("i", "i4"), ("time_s", "f8")])
    table = np.array([*zip(UNITS, TIMES, strict=True)], kind)
    assert spikes(read_spike_arrays(write(table))) == (TIMES.tolist(), UNITS.tolist())


def test_names_tell_whether_arrays_are_spikes():
    assert is_spike_arrays(["units", "times_ms", "voltage"])
    for names in (["times"], ["times", "units", "offsets"], ["spikes", "labels"], []):
        assert not is_spike_arrays(names)


def test_the_times_of_one_neuron_that_step_back_are_told(write):
    path = write(np.array([0.5, 0.1, 0.7, 0.2]))
    with pytest.warns(UserWarning, match="the times of one neuron step back 2 times"):
        assert len(read_spike_arrays(path, unit="s").times) == 4


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"times_s": TIMES}, "arrays times_s, not one of times and of units"),
        ({"times_s": TIMES, "units": UNITS[:2]}, "it has 3 times, 2 units"),
        ({"times_s": TIMES, "units": UNITS / 2}, "its neurons are not whole numbers"),
        ({"times_s": TIMES * np.inf, "units": UNITS}, "spike 0 of times is at inf"),
        ({"times_s": np.eye(2), "units": UNITS}, r"times of float64 \[2, 2\]"),
        ({"times_s": TIMES > 1, "units": UNITS}, r"times of bool \[3\]"),
        ({"times": TIMES, "units": UNITS}, "times of an unknown unit; unit=… says"),
        ({"array": np.zeros((3, 4))}, r"an array \[3, 4\]; times are \[n\]"),
        ({"array": np.array(["a"])}, "an array of <U1"),
    ],
)
def test_what_are_no_spikes_is_refused(arrays, message, write):
    with pytest.raises(DataError, match=message):
        read_spike_arrays(write(**arrays))


def test_samples_of_events_and_pickled_arrays_are_sent_elsewhere(tmp_path):
    write_events(tmp_path / "a.npz", from_rows([TIMES], [UNITS], [0], n_units=9))
    with pytest.raises(DataError, match="samples of events, which read_events reads"):
        read_spike_arrays(tmp_path / "a.npz")
    np.save(tmp_path / "a.npy", np.array([TIMES, UNITS[:2]], object), allow_pickle=True)
    with pytest.raises(DataError, match="objects as the array, which are a pickle"):
        read_spike_arrays(tmp_path / "a.npy", unit="s")


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize(
    "what", [{"spikes": [0.1]}, [1, 2], TIMES, (1, {"a": 2})], ids=["d", "l", "a", "t"]
)
def test_pickles_are_refused_by_any_reader_with_the_way_round(protocol, what, tmp_path):
    raw = pickle.dumps(what, protocol)
    assert is_pickle(raw)
    (tmp_path / "a.npy").write_bytes(raw)
    again = r"a program that runs when it is opened .* numpy\.savez\('spikes\.npz'"
    with pytest.raises(DataError, match=again) as told:
        read_spike_arrays(tmp_path / "a.npy", unit="s")
    assert told.value.sound


@pytest.mark.parametrize(
    ("module", "again"),
    [
        ("neo.core.block", r"Neo or PyNN, .*NixIO\('spikes.nix', 'ow'\)"),
        ("brian2.units.fundamentalunits", r"Brian 2, .* header='t,i'"),
    ],
)
def test_it_is_said_how_each_software_writes_otherwise(module, again):
    raw = b"\x80\x02c" + module.encode() + b"\nBlock\nq\x00."
    with pytest.raises(HoldsError, match=again):
        check_no_pickle(raw)
    assert not is_pickle(b"")
    assert not is_pickle(b"t,i\n0.1,3\n")
    assert not is_pickle(b"(0.1, 3)\n")
    assert not is_pickle(b"0q\x00 is a pixel")
    assert not is_pickle(b"]q\x07 is no begin")


def test_files_of_others_are_read_as_is_known(data_folder):
    folder = data_folder("recordings")
    found = read_spike_arrays(folder / "phy" / "chiyu_spike_times.npy", unit="s")
    assert len(found.times) == 242
    np.testing.assert_allclose(
        found.times[[0, -1]], [899.398233, 3749.45087], rtol=1e-8
    )
    odd = folder / "odd" / "spike_times_big_endian.npy"
    found = read_spike_arrays(odd, rate=25_000)
    assert found.times[0] == 1006 / 25_000
    assert (len(found.times), found.times.max()) == (314, 298_403 / 25_000)
    with pytest.raises(DataError, match="a pickle of Neo or PyNN"):
        read_spike_arrays(folder / "refuse_pickle" / "neo_pickle.pkl")
