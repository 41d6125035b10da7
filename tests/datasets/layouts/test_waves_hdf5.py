import numpy as np
import pytest

from snnjax.datasets import DataError, read_waves

h5py = pytest.importorskip("h5py")


@pytest.fixture
def build(tmp_path):
    """Writes a recording of three units, the second silent, with h5py alone."""

    def file(**columns):
        sound = {
            "spikes": np.array([0.5, 2.0, 1.0, 1.0, 3.0]),
            "sCount": np.array([2, 0, 3], np.int32),
            "epos": np.array([[0.0, 100.0, 200.0], [5.0, 6.0, 7.0]]),
            "array": np.array([b"MCS_8x8_100um"]),
            "meta/age": np.array([4], np.int32),
            "meta/species": np.array([b"mouse"]),
        }
        path = tmp_path / "one.h5"
        with h5py.File(path, "w") as f:
            for name, column in (sound | columns).items():
                if column is not None:
                    options = {"compression": "gzip"} if np.ndim(column) else {}
                    f.create_dataset(name, data=column, **options)
        return path

    return file


def test_spikes_of_all_units_become_one_sample_in_order_of_time(build):
    found = read_waves(build(names=np.array([b"a", b"bb", b"c"])))
    assert found.events.times.tolist() == [0.5, 1.0, 1.0, 2.0, 3.0]
    assert found.events.units.tolist() == [0, 2, 2, 0, 2]
    assert (found.events.n_units, len(found.events.labels)) == (3, 1)
    assert found.positions.tolist() == [[0, 5], [100, 6], [200, 7]]
    assert found.names == ("a", "bb", "c")
    assert found.about == {"array": "MCS_8x8_100um", "age": 4, "species": "mouse"}
    assert read_waves(build()).names == ()


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"spikes": None}, "it holds groups or arrays array, epos"),
        (
            {"sCount": None, "epos": None},
            "arrays array, meta, spikes",
        ),
        ({"spikes": np.arange(5)}, "spikes of type int64"),
        ({"spikes": np.zeros((5, 1))}, r"spikes of type float64, shape \(5, 1\)"),
        ({"spikes": np.array([1, 2, np.nan, 4, 5])}, "unit 2 has a time nan"),
        ({"spikes": np.array([1, -2.0, 3, 4, 5])}, "unit 0 has a time -2"),
        ({"spikes": np.zeros(6)}, "sCount adds up to 5, but there are 6 spikes"),
        ({"sCount": np.array([2, -1, 4])}, "sCount adds up to 5"),
        ({"sCount": np.full(3, 2**62)}, "sCount adds up to 13835058055282163712"),
        ({"sCount": np.array([2, 3])}, "sCount counts 2 units, epos has shape"),
        ({"epos": np.full((2, 3), np.inf)}, "a position in epos is not finite"),
        ({"names": np.array([b"a"])}, "there are 1 names"),
        ({"meta/age": np.array([4, 5])}, "meta/age of shape .2,., not one value"),
        ({"meta/species": np.array([1.5])}, "meta/species of type float64"),
    ],
)
def test_a_recording_that_breaks_the_format_is_refused(columns, message, build):
    path = build(**columns)
    with pytest.raises(DataError, match=message) as caught:
        read_waves(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("chunk", [None, (10**9,)])
def test_spikes_declared_enormous_are_refused_unread(chunk, build):
    path = build()
    with h5py.File(path, "a") as f:
        del f["spikes"]
        size = 10**12 if chunk is None else 5
        f.create_dataset("spikes", (size,), "f8", chunks=chunk, maxshape=(None,))
    with pytest.raises(DataError, match="to read spikes would take more"):
        read_waves(path)


def test_a_filter_that_needs_a_plug_in_is_refused(build):
    path = build(spikes=None)
    with h5py.File(path, "a") as f:
        f.create_dataset("spikes", data=np.zeros(5), compression="lzf")
    with pytest.raises(DataError, match=r"spikes packed by filters 32000 \(LZF\)"):
        read_waves(path)
