import numpy as np
import pytest

from snnjax.datasets import DataError, read_nmnist_file

EVENTS = [(3, 5, 1, 0), (33, 33, 0, 70_000), (0, 0, 1, 2**23 - 1)]  # x, y, p, t [µs]


def entry(x, y, polarity, time):
    """Five bytes, put together from the published table of bits."""
    return ((x << 32) | (y << 24) | (polarity << 23) | time).to_bytes(5, "big")


def entries(*events):
    return b"".join(entry(*event) for event in events)


@pytest.fixture
def file(tmp_path):
    def write(raw):
        (tmp_path / "00001.bin").write_bytes(raw)
        return tmp_path / "00001.bin"

    return write


def test_an_event_is_five_bytes(file):
    times, units = read_nmnist_file(file(entries(*EVENTS)))
    np.testing.assert_allclose(times, [0.0, 0.07, 8.388607], rtol=1e-15)
    assert units.tolist() == [(5 * 34 + 3) * 2 + 1, (33 * 34 + 33) * 2, 1]
    assert (times.dtype, units.dtype) == (np.float64, np.int32)


def test_a_recording_without_events_is_one(file):
    times, units = read_nmnist_file(file(b""))
    assert len(times) == len(units) == 0


def test_a_clock_that_ran_over_is_no_event_and_moves_the_rest(file):
    mark = (0, 240, 0, 5)
    events = [(1, 0, 0, 10), mark, (2, 0, 0, 20), mark, mark, (3, 0, 0, 30)]
    times, units = read_nmnist_file(file(entries(*events)))
    np.testing.assert_allclose(times, [10e-6, 8212e-6, 24_606e-6], rtol=1e-12)
    assert units.tolist() == [2, 4, 6]


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (entries(*EVENTS)[:-1], "its 14 bytes are no multiple of 5"),
        (entries(EVENTS[0], (34, 0, 1, 0)), r"event 1 lies at pixel \(34, 0\)"),
        (
            entries((0, 34, 1, 7)),
            r"event 0 lies at pixel \(0, 34\), polarity 1, time 7e",
        ),
        (entries((255, 255, 1, 7)), "of a sensor of 34x34 pixels"),
    ],
)
def test_a_damaged_recording_is_refused_and_named(raw, message, file):
    path = file(raw)
    with pytest.raises(DataError, match=message) as caught:
        read_nmnist_file(path)
    assert str(path) in str(caught.value)


def test_events_outside_the_sensor_are_dropped_and_counted_if_asked_for(file):
    raw = entries((40, 0, 1, 0), *EVENTS, (0, 50, 1, 9))
    with pytest.warns(UserWarning, match=r"Dropped 2 of 5 events; the first, event 0"):
        times, units = read_nmnist_file(file(raw), outside="drop")
    assert len(times) == len(units) == 3
