import io
import struct
import zipfile

import numpy as np
import pytest

from snnjax.datasets import DataError
from snnjax.datasets.containers.npz import array, npz, npz_names
from snnjax.datasets.guard.checked import reading


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
            "objects as x",
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


def arrays(path, names, needed, limit=None):
    with reading(path, "arrays", limit) as file:
        return npz(file, names, needed)


def test_arrays_of_an_archive_share_one_limit(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, x=np.zeros(100), y=np.zeros(100), z=np.zeros(10**6))
    assert set(arrays(path, {"x", "y", "w"}, {"x"}, 2000)) == {"x", "y"}
    with pytest.raises(DataError, match=r"more than \d+ bytes; pass limit"):
        arrays(path, {"x", "y"}, {"x"}, 1800)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_an_archive_with_two_arrays_of_one_name_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        for name in ("x.npy", "x.npy"):
            archive.writestr(name, saved(np.zeros(3)))
    with pytest.raises(DataError, match="there are two arrays x"):
        arrays(tmp_path / "a.npz", {"x"}, {"x"})


def test_other_arrays_are_named_and_called_sound_only_if_their_sums_are_right(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, weights=np.arange(300.0), bias=np.zeros(2))
    with reading(path, "arrays") as file:
        assert npz_names(file) == {"weights", "bias"}
    with pytest.raises(DataError, match=r"is sound, .* holds arrays weights, bias"):
        arrays(path, {"x"}, {"x"})
    raw = bytearray(path.read_bytes())
    raw[raw.index(np.arange(300.0).tobytes()) + 1000] ^= 1
    path.write_bytes(raw)
    with pytest.raises(DataError, match="It is damaged or cut short"):
        arrays(path, {"x"}, {"x"})


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_what_cannot_be_unpacked_piece_by_piece_is_not(method, tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w", method) as archive:
        archive.writestr("x.npy", saved(np.zeros(3)))
    with pytest.raises(DataError, match=f"'x.npy', packed by method {method}"):
        arrays(tmp_path / "a.npz", {"x"}, {"x"})
