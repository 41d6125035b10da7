import struct

import numpy as np
import pytest

from snnjax import datasets
from snnjax.datasets import DataError, read_aedat1
from snnjax.datasets.cameras.aedat1 import is_aedat1

EVENTS = [(3, 5, 127, 1), (9, 127, 0, 0), (2**32 - 1, 0, 1, 1)]  # t, x, y, p


def record(t, x, y, p):
    return struct.pack(">HI", y << 8 | x << 1 | (1 - p), t)


def records(*events):
    return b"".join(record(*event) for event in events)


@pytest.fixture
def file(tmp_path):
    def write(raw):
        (tmp_path / "a.dat").write_bytes(raw)
        return tmp_path / "a.dat"

    return write


def rows(recorded):
    return [*zip(*(each.tolist() for each in recorded[:4]), strict=True)]


def test_an_event_is_six_bytes(file):
    recorded = read_aedat1(file(records(*EVENTS)))
    assert rows(recorded) == EVENTS
    assert (recorded.size, recorded.origin) == ((128, 128), "bottom left")
    kinds = [each.dtype for each in recorded[:4]]
    assert kinds == [np.int64, np.uint16, np.uint16, np.uint8]
    assert rows(read_aedat1(file(b""))) == []


def test_external_inputs_are_counted_and_a_clock_that_runs_over_goes_on(file):
    raw = records(*EVENTS) + struct.pack(">HI", 0x8003, 4) + record(5, 1, 2, 0)
    recorded = read_aedat1(file(raw))
    assert rows(recorded) == [*EVENTS, (2**32 + 5, 1, 2, 0)]
    assert dict(recorded.skipped) == {"external input": 1}


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (records(*EVENTS)[:-1], "2 records of 6 bytes leave 5"),
        (
            b"#!AER-DAT2.0\r\n# This is a raw AE data file\r\n",
            "is sound, .* holds plain text",
        ),
        (b"version https://git-lfs.github.com", "a pointer of Git LFS"),
    ],
)
def test_what_is_damaged_or_another_is_refused_and_named(raw, message, file):
    path = file(raw)
    with pytest.raises(DataError, match=message) as caught:
        read_aedat1(path)
    assert str(path) in str(caught.value)


def recording():
    return records(*((500 * k, k % 128, k % 100, k % 2) for k in range(300)))


def test_bytes_tell_whether_they_can_be_one():
    assert is_aedat1(recording())
    assert not is_aedat1(recording()[:-1])
    assert not is_aedat1(records(*EVENTS))  # it leaps by an hour
    assert not is_aedat1(b"")
    noise = np.random.default_rng(0).integers(0, 256, 600).astype(np.uint8)
    assert not is_aedat1(noise.tobytes())


@pytest.mark.parametrize(
    "read",
    [
        datasets.read_prophesee_dat,
        datasets.read_prophesee_evt2,
        datasets.read_aedat2,
        datasets.read_event_text,
    ],
)
def test_other_readers_say_what_it_may_be(read, file):
    with pytest.raises(DataError, match=r"AEDAT 1\.0.*read_aedat1"):
        read(file(recording()))


def test_a_file_in_its_layout_holds_what_was_written(data_folder):
    path = data_folder("recordings") / "odd/aedat1_no_header.dat"
    recorded = read_aedat1(path)
    assert (len(recorded.t), *recorded.t[[0, -1]].tolist()) == (2000, 0, 8136)
    assert [recorded.x.min(), recorded.x.max()] == [53, 112]
    assert [recorded.y.min(), recorded.y.max()] == [29, 127]
    assert np.bincount(1 - recorded.p).tolist() == [1160, 840]  # of the bit as it is
    assert is_aedat1(path.read_bytes())
