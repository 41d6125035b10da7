import io
import struct
import zipfile

import numpy as np
import pytest

from snnjax.datasets.camera import camera_events
from snnjax.datasets.files import DataError, array, arrays, budget, content, reading
from snnjax.datasets.places import candidates, find
from snnjax.datasets.samples import pack, take


def saved(found, version=(1, 0)):
    held = io.BytesIO()
    np.lib.format.write_array(held, np.asarray(found), version=version)
    return held.getvalue()


@pytest.mark.parametrize("version", [(1, 0), (2, 0)])
@pytest.mark.parametrize("shape", [(), (3,), (0, 4), (2, 3, 4)])
@pytest.mark.parametrize("kind", ["u1", ">i4", "f8", "U3", "?"])
def test_an_array_is_what_numpy_wrote(version, shape, kind, rng):
    found = rng.integers(0, 2, shape).astype(kind)
    again = array(saved(found, version), "x")
    np.testing.assert_array_equal(again, found)
    assert again.dtype == found.dtype


def test_an_array_in_the_order_of_columns_is_what_numpy_wrote():
    found = np.asfortranarray(np.arange(6).reshape(2, 3))
    np.testing.assert_array_equal(array(saved(found), "x"), found)


def head(text, version=1):
    body = text.encode().ljust(64)
    size = (
        struct.pack("<H", len(body)) if version == 1 else struct.pack("<I", len(body))
    )
    return b"\x93NUMPY" + bytes([version, 0]) + size + body


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "EOF|magic"),
        (b"PK\x03\x04" + bytes(10), "magic"),
        (head("{}", 3), r"x is of \.npy version \(3, 0\)"),
        (head("{}", 9), "version"),
        (head("__import__('os')"), "malformed node"),
        (
            head("{'descr': 'O', 'fortran_order': False, 'shape': (1,)}"),
            "holds objects",
        ),
        (
            head("{'descr': '<f8', 'fortran_order': False, 'shape': (9999999999,)}"),
            r"x claims float64 \(9999999999,\) in 0 bytes",
        ),
        (head("{'descr': '<f8', 'fortran_order': False, 'shape': (-1,)}"), "x claims"),
    ],
)
def test_a_damaged_array_is_refused(raw, message):
    with pytest.raises(ValueError, match=message):
        array(raw, "x")


def test_arrays_of_an_archive_share_one_limit(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, x=np.zeros(100), y=np.zeros(100), z=np.zeros(10**6))
    assert set(arrays(path, {"x", "y", "w"}, 2000)) == {"x", "y"}
    with pytest.raises(DataError, match=r"more than \d+ bytes; pass limit"):
        arrays(path, {"x", "y"}, 1800)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_an_archive_with_two_arrays_of_one_name_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        for name in ("x.npy", "x.npy"):
            archive.writestr(name, saved(np.zeros(3)))
    with pytest.raises(ValueError, match="there are two arrays x"):
        arrays(tmp_path / "a.npz", {"x"})


def test_a_file_may_unpack_to_64_mib_and_200_times_its_size(tmp_path):
    (tmp_path / "a").write_bytes(bytes(1000))
    assert budget(tmp_path / "a") == 2**26 + 200_000
    assert budget(tmp_path / "a", 7) == 7
    assert content(tmp_path / "a", 1000) == bytes(1000)
    with pytest.raises(DataError, match="a has more than 999 bytes; pass limit"):
        content(tmp_path / "a", 999)


def test_whatever_goes_wrong_names_the_file(tmp_path):
    path = tmp_path / "a"
    with pytest.raises(FileNotFoundError, match=f"No file {path}"), reading(path, "x"):
        pass
    path.write_bytes(b"")
    with pytest.raises(DataError, match=rf"{path} cannot be read as a poem: KeyError"):  # noqa: SIM117
        with reading(str(path), "a poem"):
            raise KeyError("rhyme")
    with pytest.raises(ImportError, match="h5py"), reading(path, "a poem"):
        raise ImportError("h5py")
    with pytest.raises(DataError, match=r"^as it is$"), reading(path, "a poem"):
        raise DataError("as it is")


def test_a_pixel_and_a_polarity_make_a_unit_that_an_image_is_reshaped_to():
    x, y, polarity = np.array([0, 4, 2]), np.array([0, 2, 1]), np.array([1, 0, 1])
    _, units = camera_events(x, y, polarity, np.zeros(3), (3, 5))
    image = np.zeros(30)
    image[units] = 1
    assert np.argwhere(image.reshape(3, 5, 2)).tolist() == [
        *([0, 0, 1], [1, 2, 1], [2, 4, 0])
    ]


def test_the_first_event_that_is_wrong_is_told():
    columns = (
        np.array([0, 5, 9]),
        np.array([0, 1, 1]),
        np.array([1, 0, 1]),
        np.zeros(3),
    )
    with pytest.raises(
        ValueError, match=r"event 1 lies at pixel \(5, 1\), polarity 0, "
    ):
        camera_events(*columns, (3, 5))
    with pytest.warns(UserWarning, match="Dropped 2 of 3 events; the first, event 1, "):
        times, units = camera_events(*columns, (3, 5), "drop")
    assert (times.tolist(), units.tolist()) == ([0.0], [1])


def test_samples_of_which_little_is_known_have_all_columns():
    found = pack(np.zeros((3, 4, 2)), np.array([0, 1, 1]), ("a", "b"))
    assert found.lengths.tolist() == [4, 4, 4]
    assert found.group.tolist() == found.trial.tolist() == [-1, -1, -1]
    assert {column.dtype for column in found[1:-1]} == {np.dtype(np.int32)}
    kept = take(found._replace(trial=np.arange(3)), np.array([True, False, True]))
    assert kept.x.shape == (2, 4, 2)
    assert kept.trial.tolist() == [0, 2]
    assert kept.classes == ("a", "b")
    assert pack(np.zeros(2), np.array([0, 1]), ("a", "b")).lengths.tolist() == [1, 1]


@pytest.mark.parametrize(
    ("labels", "options", "message"),
    [
        ([0, 1], {}, "there are 3 samples, but 2 labels"),
        ([0, 1, 2], {}, r"labels lie in 0 … 2, expected 0 … 1"),
        ([0, 1, -1], {}, r"labels lie in -1 … 1, expected 0 … 1"),
        ([[0, 1], [1, -1], [0, -2]], {}, r"labels lie in -2 … 1, expected -1 … 1"),
        ([0, 1, 1], {"trial": np.zeros(2)}, "but 2 trial"),
    ],
)
def test_samples_that_do_not_fit_are_refused(labels, options, message):
    with pytest.raises(ValueError, match=message):
        pack(np.zeros((3, 4)), np.array(labels), ("a", "b"), **options)


def test_a_set_is_looked_for_in_a_path_or_else_in_two_folders(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    cache = tmp_path / "snnjax"
    monkeypatch.setenv("SNNJAX_DATA", "data")
    assert [str(each) for each in candidates("a", None, ("b",))] == [
        *("data/a", "data/b", f"{cache}/a", f"{cache}/b")
    ]
    assert [str(each) for each in candidates("a", "here", ("b",))] == [
        *("here/a", "here/b", "here")
    ]
    monkeypatch.setenv("SNNJAX_DATA", "")
    assert [str(each) for each in candidates("a")] == [f"{cache}/a"]
    (cache / "b").mkdir(parents=True)
    (cache / "b" / "2.txt").write_bytes(b"")
    found = find("a", "letters", ["1.txt", "2.txt"], homes=("b",))
    assert found == cache / "b" / "2.txt"
    with pytest.raises(
        FileNotFoundError,
        match=r"No letters \(1\.txt\) in here\. .*get a'.*SNNJAX_DATA",
    ):
        find("a", "letters", ["1.txt"], "here")
