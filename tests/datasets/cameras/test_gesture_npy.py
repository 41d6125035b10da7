import numpy as np
import pytest

from snnjax.datasets import DataError, read_gesture_file

EVENTS = [[3, 5, 1, 0.5], [127, 127, 0, 20.0], [0, 0, 1, 7.25]]  # x, y, p, t [ms]


@pytest.fixture
def file(tmp_path):
    def write(found, **options):
        np.save(tmp_path / "0.npy", np.asarray(found), **options)
        return tmp_path / "0.npy"

    return write


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_an_event_is_a_row_of_pixel_polarity_and_milliseconds(dtype, file):
    times, units = read_gesture_file(file(np.array(EVENTS, dtype)))
    np.testing.assert_allclose(times, [0.0005, 0.02, 0.00725], rtol=1e-7)
    assert units.tolist() == [(5 * 128 + 3) * 2 + 1, (127 * 128 + 127) * 2, 1]


def test_whole_numbers_in_any_order_of_memory_are_read(file):
    found = np.asfortranarray(np.array(EVENTS, np.int16))
    times, units = read_gesture_file(file(found))
    np.testing.assert_allclose(times, [0.0, 0.02, 0.007])
    assert units[0] == (5 * 128 + 3) * 2 + 1


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (np.zeros((3, 3)), r"an array float64 \[3, 3\], not \[n, 4\]"),
        (np.zeros(4), r"an array float64 \[4\]"),
        (np.array([["a"] * 4]), "an array <U1"),
        ([[0.5, 0, 1, 0]], "no whole number"),
        ([[0, 0, np.nan, 0]], "no whole number"),
        ([[0, 128, 1, 0]], r"event 0 lies at pixel \(0.0, 128.0\)"),
        ([[0, 0, 1, 0], [0, 0, 2, 0]], "event 1 lies at .* polarity 2.0"),
        ([[0, 0, 1, np.inf]], "time inf s"),
        ([[0, 0, 1, -1.0]], "time -0.001 s of a sensor of 128x128"),
    ],
)
def test_a_damaged_recording_is_refused_and_named(found, message, file):
    path = file(found)
    with pytest.raises(DataError, match=message) as caught:
        read_gesture_file(path)
    assert str(path) in str(caught.value)


def test_objects_and_arrays_longer_than_their_file_are_refused(file):
    path = file(np.array([{}], object), allow_pickle=True)
    with pytest.raises(DataError, match="it holds objects as the array"):
        read_gesture_file(path)
    raw = file(EVENTS).read_bytes()
    path.write_bytes(raw[:-1])
    with pytest.raises(DataError, match=r"claims float64 \(3, 4\) in 95 bytes"):
        read_gesture_file(path)
    path.write_bytes(raw.replace(b"(3, 4)", b"(9, 4)"))
    with pytest.raises(DataError, match=r"claims float64 \(9, 4\) in 96 bytes"):
        read_gesture_file(path)


def test_events_outside_the_sensor_are_dropped_and_counted_if_asked_for(file):
    path = file([[200, 0, 1, 0], *EVENTS])
    with pytest.warns(UserWarning, match="Dropped 1 of 4 events; the first, event 0"):
        times, units = read_gesture_file(path, outside="drop")
    assert len(times) == len(units) == 3
