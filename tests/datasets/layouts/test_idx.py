import gzip
import struct

import numpy as np
import pytest

from snnjax.datasets import DataError, read_idx


def idx(kind, shape, body):
    head = struct.pack(f">HBB{len(shape)}I", 0, kind, len(shape), *shape)
    return head + body


@pytest.mark.parametrize(
    ("kind", "letter", "dtype"),
    [
        *((8, "B", np.uint8), (9, "b", np.int8), (0x0B, "h", np.int16)),
        *((0x0C, "i", np.int32), (0x0D, "f", np.float32), (0x0E, "d", np.float64)),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_numbers_of_every_type_are_read(kind, letter, dtype, packed, tmp_path):
    raw = idx(kind, (2, 3), struct.pack(f">6{letter}", 1, 2, 3, 4, 5, 100))
    path = tmp_path / ("a.gz" if packed else "a")
    path.write_bytes(gzip.compress(raw) if packed else raw)
    found = read_idx(path)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, [[1, 2, 3], [4, 5, 100]])


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "unpack_from requires"),
        (idx(8, (2, 2), b"abc"), r"byte 4 claims uint8 \[2, 2\], 3 bytes follow"),
        (idx(8, (2, 2), b"abcde"), "5 bytes follow"),
        (idx(8, (2**32 - 1,) * 3, b"abcd"), "4 bytes follow"),
        (idx(0x0D, (2,), b"abcd"), r"claims >f4 \[2\], 4 bytes"),
        (idx(7, (2,), b"ab"), "begins with 00000701"),
        (b"\x01" + idx(8, (2,), b"ab")[1:], "begins with 01000801"),
        (b"\x00\x00\x08\xff" + bytes(2000), "begins with 000008ff"),
        (b"\x00\x00\x08\x03\x00\x00", "unpack_from requires"),
    ],
)
def test_a_damaged_file_is_refused_and_named(raw, message, tmp_path):
    (tmp_path / "a").write_bytes(raw)
    with pytest.raises(DataError, match=message) as caught:
        read_idx(tmp_path / "a")
    assert str(tmp_path / "a") in str(caught.value)


def test_a_file_does_not_unpack_to_more_than_its_limit(tmp_path):
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(idx(8, (10_000_000,), bytes(10_000_000))))
    assert len(read_idx(path)) == 10_000_000
    with pytest.raises(DataError, match="more than 5000000 bytes; pass limit"):
        read_idx(path, limit=5_000_000)


def test_a_bomb_is_refused_without_a_limit_given(tmp_path):
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(bytes(400_000_000)))
    with pytest.raises(DataError, match=r"more than \d+ bytes"):
        read_idx(path)
