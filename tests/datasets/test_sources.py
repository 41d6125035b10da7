import gzip
import pickle

import numpy as np
import pytest

from snnjax.datasets import DataError, read_shd, write_events, write_shd
from snnjax.datasets.sources import EventFiles, InMemory, ShdFile
from snnjax.events import from_rows, select

h5py = pytest.importorskip("h5py")


@pytest.fixture
def events(rng):
    """Six samples of 0 to 40 events."""
    counts = [3, 0, 40, 7, 1, 12]
    return from_rows(
        [np.sort(rng.uniform(0, 1.3, n)) for n in counts],
        [rng.integers(0, 700, n) for n in counts],
        [2, 0, 1, 1, 0, 2],
        n_units=700,
    )


def assert_same(source, events):
    assert (len(source), source.n_units) == (len(events.labels), events.n_units)
    for row in reversed(range(len(source))):
        held = slice(*events.offsets[row : row + 2])
        sample = source[row]
        np.testing.assert_array_equal(sample.times, events.times[held])
        np.testing.assert_array_equal(sample.units, events.units[held])
        assert (sample.label, sample.missing) == (events.labels[row], 0)
    assert sum(1 for _ in source) == len(source)  # ends by itself


def rewritten(path, **columns):
    """An SHD file with other rows in it."""
    with h5py.File(path, "r+") as file:
        for name, rows in columns.items():
            for k, values in rows.items():
                file[f"spikes/{name}"][k] = values


@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_rows_read_one_by_one_are_those_of_the_whole_file(events, tmp_path, dtype):
    write_shd(tmp_path / "a.h5", events, time_dtype=dtype)
    whole = read_shd(tmp_path / "a.h5")
    source = ShdFile(tmp_path / "a.h5")
    assert_same(source, whole)
    assert_same(pickle.loads(pickle.dumps(source)), whole)
    assert_same(InMemory(whole), whole)


def test_rows_of_real_speech_are_those_of_the_whole_file(data_folder, tmp_path):
    packed = data_folder("fsdd-spikes-shd-layout") / "fsdd_spikes_test.h5.gz"
    with pytest.raises(DataError, match=r"is packed: no row .* unpack it"):
        ShdFile(packed)
    (tmp_path / "a.h5").write_bytes(gzip.decompress(packed.read_bytes()))
    source = ShdFile(tmp_path / "a.h5")
    assert (len(source), np.ptp(source.labels)) == (300, 9)
    first = select(read_shd(packed), np.arange(20))
    for row in range(20):
        held = slice(*first.offsets[row : row + 2])
        np.testing.assert_array_equal(source[row].times, first.times[held])


def test_a_file_tells_how_many_units_there_are(events, tmp_path):
    write_shd(tmp_path / "a.h5", events._replace(n_units=800))
    assert ShdFile(tmp_path / "a.h5").n_units == 800
    with pytest.raises(DataError, match="of 800 units, not of n_units=700"):
        ShdFile(tmp_path / "a.h5", n_units=700)


def test_packed_columns_are_read_row_by_row_too(events, tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["labels"] = events.labels
        for name, kind in (("times", "f8"), ("units", "u2")):
            rows = np.empty(6, object)
            cuts = events.offsets[1:-1]
            rows[:] = [
                part.astype(kind) for part in np.split(getattr(events, name), cuts)
            ]
            file.create_dataset(
                f"spikes/{name}",
                data=rows,
                dtype=h5py.vlen_dtype(np.dtype(kind)),
                chunks=(4,),
                compression="gzip",
            )
    assert_same(ShdFile(tmp_path / "a.h5"), events)


def test_a_bad_row_is_named_when_it_is_read_or_counted_when_dropped(events, tmp_path):
    path = tmp_path / "a.h5"
    write_shd(path, events, time_dtype=np.float32)
    wrong = {"times": {3: [0.5, np.nan, -1.0, 0.2]}, "units": {3: [1, 2, 3, 700]}}
    rewritten(path, **wrong)
    source = ShdFile(path)
    assert len(source[2].times) == 40
    with pytest.raises(DataError, match=r"a\.h5 .*row 3 has a time that is negative"):
        source[3]
    kept = ShdFile(path, outside="drop")[3]
    assert kept.times.tolist() == [0.5]
    assert kept.units.tolist() == [1]
    assert kept.missing == 3


def test_rows_out_of_order_are_sorted_and_uneven_ones_refused(events, tmp_path):
    path = tmp_path / "a.h5"
    write_shd(path, events, time_dtype=np.float32)
    rewritten(path, times={0: [0.75, 0.5], 1: [0.5]}, units={0: [7, 9]})
    source = ShdFile(path)
    assert source[0].times.tolist() == [0.5, 0.75]
    assert source[0].units.tolist() == [9, 7]
    with pytest.raises(DataError, match="row 1 has another number of times than"):
        source[1]


def test_damaged_files_are_refused_before_a_row_is_read(events, tmp_path):
    path = tmp_path / "a.h5"
    write_shd(path, events)
    sound = path.read_bytes()
    path.write_bytes(sound[: len(sound) // 2])
    with pytest.raises(DataError, match=r"a\.h5 cannot be read as an SHD file"):
        ShdFile(path)
    heap = sound.index(b"GCOL") + 8  # its size
    path.write_bytes(sound[:heap] + b"\0" * 8 + sound[heap + 8 :])
    with pytest.raises(DataError, match="heap at byte"):
        ShdFile(path)
    path.write_bytes(b"")
    with pytest.raises(DataError, match="empty"):
        ShdFile(path)
    with pytest.raises(FileNotFoundError):
        ShdFile(tmp_path / "b.h5")


def test_rows_of_many_files_are_numbered_through(events, tmp_path):
    parts = [np.array([0]), np.array([], int), np.array([1, 2, 3]), np.array([4, 5])]
    paths = [tmp_path / f"{k}.npz" for k in range(len(parts))]
    for path, rows in zip(paths, parts, strict=True):
        write_events(path, select(events, rows))
    source = EventFiles(paths, n_units=700, held=2)
    assert_same(source, events)
    assert_same(pickle.loads(pickle.dumps(source)), events)
    with pytest.raises(IndexError):
        source[6]
    with pytest.raises(ValueError, match="at least one path"):
        EventFiles([], n_units=700)
    with pytest.raises(ValueError, match="held"):
        EventFiles(paths, n_units=700, held=0)


def test_a_file_of_other_units_is_named(events, tmp_path):
    write_events(tmp_path / "a.npz", events)
    source = EventFiles([tmp_path / "a.npz"], n_units=10)
    with pytest.raises(DataError, match=r"a\.npz .* a unit outside 0 … 9"):
        source[0]
    np.savez(tmp_path / "b.npz", times=np.zeros(1))
    with pytest.raises(DataError, match=r"b\.npz .* it holds arrays times"):
        EventFiles([tmp_path / "b.npz"], n_units=10)
