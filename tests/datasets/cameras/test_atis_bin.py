import numpy as np
import pytest

from snnjax.datasets import DataError, read_atis_bin, read_nmnist_file
from snnjax.datasets.cameras.atis_bin import is_atis_bin

EVENTS = [(3, 5, 1, 0), (239, 179, 0, 70_000), (0, 0, 1, 2**23 - 1)]  # x, y, p, t [µs]
MARK = (0, 240, 0, 5)


def entries(*events):
    """Five bytes each, put together from the published table of bits."""
    return b"".join(
        ((x << 32) | (y << 24) | (p << 23) | t).to_bytes(5, "big")
        for x, y, p, t in events
    )


@pytest.fixture
def file(tmp_path):
    def write(raw):
        (tmp_path / "a.bin").write_bytes(raw)
        return tmp_path / "a.bin"

    return write


def rows(recorded):
    t, x, y, p = (each.tolist() for each in recorded[:4])
    return [*zip(x, y, p, t, strict=True)]


@pytest.mark.parametrize("size", [None, (180, 240)])
def test_an_event_is_five_bytes(size, file):
    recorded = read_atis_bin(file(entries(*EVENTS)), size=size)
    assert rows(recorded) == EVENTS
    assert (recorded.size, recorded.origin) == (size, "top left")
    kinds = [each.dtype for each in recorded[:4]]
    assert kinds == [np.int64, np.uint16, np.uint16, np.uint8]
    assert rows(read_atis_bin(file(b""))) == []


def test_a_clock_that_ran_over_is_no_event_and_moves_the_rest(file):
    events = [(1, 0, 0, 10), MARK, (2, 0, 0, 20), MARK, MARK, (3, 0, 0, 30)]
    recorded = read_atis_bin(file(entries(*events)))
    assert recorded.t.tolist() == [10, 20 + 8192, 30 + 3 * 8192]
    assert dict(recorded.skipped) == {"clock overflows": 3}


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (entries(*EVENTS)[:-1], "its 14 bytes are no multiple of 5"),
        (entries((240, 0, 1, 0)), r"event 0 lies at pixel \(240, 0\)"),
        (entries(MARK, (0, 180, 1, 7)), r"event 0 lies at pixel \(0, 180\)"),
        (b"\x89HDF\r\n\x1a\n", "is sound, .* holds HDF5 data"),
    ],
)
def test_a_damaged_recording_is_refused_and_named(raw, message, file):
    path = file(raw)
    with pytest.raises(DataError, match=message) as caught:
        read_atis_bin(path, size=(180, 240))
    assert str(path) in str(caught.value)


def test_events_outside_the_sensor_are_dropped_and_counted_if_asked_for(file):
    raw = entries((240, 0, 1, 0), *EVENTS)
    with pytest.warns(UserWarning, match=r"Dropped 1 of 4 events; the first, event 0"):
        recorded = read_atis_bin(file(raw), size=(180, 240), outside="drop")
    assert rows(recorded) == EVENTS


@pytest.mark.parametrize("size", [(0, 5), (241, 5), (5, 257), (5,), 5, (5.0, 5)])
def test_a_size_that_no_such_file_can_have_is_refused(size, file):
    with pytest.raises(ValueError, match="size must be height and width"):
        read_atis_bin(file(entries(*EVENTS)), size=size)


def test_bytes_tell_whether_they_can_be_one():
    rising = [(k % 34, k % 30, k % 2, 900 * k) for k in range(100)]
    assert is_atis_bin(entries(*rising))
    assert is_atis_bin(entries(*rising[:9], MARK, (1, 2, 0, 10)))
    assert not is_atis_bin(entries(*rising)[:-1])
    assert not is_atis_bin(entries(*rising[::-1]))
    assert not is_atis_bin(b"0 1 2 1\n0 1")
    assert not is_atis_bin(b"")


def test_a_digit_is_what_the_reader_of_its_data_set_reads(data_folder):
    path = data_folder("recordings") / "atis_bin/tonic_sample_nmnist.bin"
    recorded = read_atis_bin(path, size=(34, 34))
    times, units = read_nmnist_file(path)
    np.testing.assert_array_equal(recorded.t * 1e-6, times)
    wide = recorded.y.astype(int) * 34 + recorded.x
    np.testing.assert_array_equal(wide * 2 + recorded.p, units)
    assert len(times) == 4325
    assert recorded.t[[0, -1]].tolist() == [654, 311_175]
    assert np.bincount(recorded.p).tolist() == [2180, 2145]
    assert is_atis_bin(path.read_bytes())
