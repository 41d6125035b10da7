import io
import struct
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from snnjax.datasets.containers import matlab
from snnjax.datasets.guard.checked import DataError, Reading

LIMIT = 10**6
HEAD = bytes(124)


def read_matlab(raw, limit):
    return matlab.read_matlab(raw, Reading(Path("a.mat"), limit))


def saved(packed=False, **variables):
    stream = io.BytesIO()
    savemat(stream, variables, do_compression=packed)
    return stream.getvalue()


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    "kind", ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8"]
)
@pytest.mark.parametrize("shape", [(1, 1), (3, 1), (2, 3, 4), (0, 5)])
def test_arrays_are_what_was_saved(packed, kind, shape, rng):
    array = rng.integers(0, 100, shape).astype(kind)
    found = read_matlab(saved(packed, x=array, a_longer_name=array.T), LIMIT)
    assert list(found) == ["x", "a_longer_name"]
    np.testing.assert_array_equal(found["x"], array)
    np.testing.assert_array_equal(found["a_longer_name"], array.T)
    assert found["x"].dtype == kind


@pytest.mark.parametrize("packed", [False, True])
def test_what_is_no_array_of_real_numbers_is_left_out(packed):
    raw = saved(
        packed,
        text="hello",
        cell=np.array([1, "a"], object),
        struct={"a": 1},
        wave=np.array([1j]),
        flag=np.array([True]),
        x=np.arange(3.0),
    )
    assert list(read_matlab(raw, LIMIT)) == ["x"]


def test_files_of_machines_with_the_large_end_first_are_read():
    def element(kind, body):
        return struct.pack(">II", kind, len(body)) + body.ljust(-(-len(body) // 8) * 8)

    inside = element(6, struct.pack(">II", 8, 0))  # class int8
    inside += element(5, struct.pack(">ii", 2, 2)) + element(1, b"x")
    inside += element(3, struct.pack(">4h", 1, 2, -3, 400))
    raw = HEAD + b"\x01\x00MI" + element(14, inside)
    np.testing.assert_array_equal(read_matlab(raw, LIMIT)["x"], [[1, -3], [2, 400]])


SOUND = saved(x=np.arange(6.0).reshape(2, 3))


def changed(at, new):
    return SOUND[:at] + new + SOUND[at + len(new) :]


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "byte 126 does not say IM or MI"),
        (HEAD + b"\x00\x02IM", "MATLAB data of version 2.0, not 5"),
        (b"\x89HDF\r\n\x1a\n".ljust(200), "^HDF5 data"),
        (SOUND[:-1], r"byte 128 claims \d+ bytes, \d+ follow"),
        (SOUND[:132], "byte 128 ends within a tag"),
        (changed(128, b"\x07"), "byte 128 has an element of type 7, no variable"),
        (changed(130, b"\x05"), "byte 128 claims 5 bytes where 4 fit"),
        (changed(132, b"\x08\x00\x00\x00"), "byte 128: inside, byte 0 claims 8 bytes"),
        (
            changed(160, b"\x03\x00\x00\x00"),
            r"variable 'x' claims float64 \(3, 3\), 48",
        ),
        (changed(160, b"\xff\xff\xff\xff"), r"variable 'x' has shape \(-1, 3\)"),
        (changed(176, b"\x10"), "without shape, name or numbers"),
        (changed(140, b"\x04"), "byte 136 claims|without flags|without shape"),
        (saved(True, x=np.arange(99.0))[:-9], r"byte 128 claims"),
    ],
)
def test_a_damaged_file_is_refused_and_the_place_named(raw, message):
    with pytest.raises(ValueError, match=message):
        read_matlab(raw, LIMIT)


def test_variables_do_not_unpack_to_more_than_the_limit_together():
    raw = saved(True, x=np.zeros(50_000), y=np.zeros(50_000))
    assert len(raw) < 3000
    assert set(read_matlab(raw, 1_210_000)) == {"x", "y"}
    for limit, place in ((1_200_000, r"\d{3,4}"), (790_000, "128")):
        with pytest.raises(
            DataError, match=rf"what byte {place} packs .* {limit} byte"
        ):
            read_matlab(raw, limit)


def test_a_packed_variable_that_is_cut_short_is_refused():
    raw = bytearray(saved(True, x=np.arange(99.0)))
    size = struct.unpack_from("<I", raw, 132)[0]
    struct.pack_into("<I", raw, 132, size - 6)
    with pytest.raises(ValueError, match="byte 128 is cut short"):
        read_matlab(bytes(raw[:-6]), LIMIT)
