import io
import struct
import zipfile

import numpy as np
import pytest

from snnjax.datasets.formats.checked import (
    DataError,
    array,
    arrays,
    budget,
    content,
    reading,
)


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
