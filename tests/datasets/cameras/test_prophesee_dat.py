import struct

import numpy as np
import pytest

from snnjax.datasets import DataError, read_prophesee_dat

HEAD = b"% Data file containing CD events.\n% Version 2\n% Width 640\n% Height 480\n"
CARS = b"% Data file containing N9Chronocam7Event2dE events.\n% Version 2\n"
EVENTS = [(0, 3, 5, 1), (7, 639, 479, 0), (2**32 - 1, 0, 0, 1)]  # t, x, y, p


def record(t, x, y, p, bits=(14, 14)):
    """Eight bytes, put together from the published table of bits."""
    return struct.pack("<II", t, x + y * 2 ** bits[0] + p * 2 ** sum(bits))


def records(*events, **options):
    return b"".join(record(*event, **options) for event in events)


@pytest.fixture
def file(tmp_path):
    def write(raw):
        (tmp_path / "a.dat").write_bytes(raw)
        return tmp_path / "a.dat"

    return write


def rows(recorded):
    return [*zip(*(column.tolist() for column in recorded[:4]), strict=True)]


def test_an_event_is_eight_bytes(file):
    recorded = read_prophesee_dat(file(HEAD + b"\x0c\x08" + records(*EVENTS)))
    assert rows(recorded) == EVENTS
    assert (recorded.size, recorded.origin) == ((480, 640), "top left")
    assert recorded.source == "DAT 2"
    assert dict(recorded.skipped) == {}


def test_a_header_of_n_cars_tells_no_size_and_type_0(file):
    recorded = read_prophesee_dat(file(CARS + b"\x00\x08" + records(*EVENTS)))
    assert rows(recorded) == EVENTS
    assert recorded.size is None


def test_version_1_has_coordinates_of_9_and_8_bits(file):
    head = HEAD.replace(b"Version 2", b"Version 1").replace(b"640", b"304")
    head = head.replace(b"480", b"240")
    events = [(0, 303, 239, 1), (5, 1, 2, 0)]
    raw = records(*events, bits=(9, 8))
    recorded = read_prophesee_dat(file(head + b"\x0c\x08" + raw))
    assert rows(recorded) == events
    assert recorded.source == "DAT 1"


def test_a_clock_that_runs_over_goes_on(file):
    low = [2**32 - 5, 2**32 - 7, 3, 2**32 - 1, 0]
    raw = b"".join(record(t, 0, 0, 0) for t in low)
    t = read_prophesee_dat(file(HEAD + b"\x0c\x08" + raw)).t
    turns = np.array([0, 0, 1, 1, 2])
    assert t.tolist() == (np.array(low) + turns * 2**32).tolist()
    assert t.dtype == np.int64


def test_what_is_left_of_a_record_is_counted(file):
    raw = HEAD + b"\x0c\x08" + records(*EVENTS)
    for k in range(1, 8):
        recorded = read_prophesee_dat(file(raw[:-k]))
        assert rows(recorded) == EVENTS[:2]
        assert dict(recorded.skipped) == {"bytes at the end": 8 - k}


def test_a_recording_without_events_is_one(file):
    assert rows(read_prophesee_dat(file(HEAD + b"\x0c\x08"))) == []


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "it begins with b''"),
        (HEAD, "ends before the type of its events"),
        (HEAD + b"\x0e\x08", "is sound, .* holds external triggers"),
        (HEAD + b"\x0c\x10", "holds events of type 12 in 16 bytes"),
        (HEAD.replace(b"n 2", b"n 3") + b"\x0c\x08", "DAT of version '3'"),
        (HEAD.replace(b"640", b"six") + b"\x0c\x08", "width is 'six', not a number"),
        (HEAD.replace(b"640", b"0") + b"\x0c\x08", "width is '0', not a number"),
        (HEAD + b"% Width 641\n\x0c\x08", "two of width: 640 and 641"),
        (HEAD.replace(b"% Width 640\n", b"") + b"\x0c\x08", "its width is ''"),
        (b"% evt 2.0\n", "EVT 2, which read_prophesee_evt2 reads"),
        (b"% a comment\n", "a header without a version"),
        (b"% a\n" * 1001, "more than 1000 lines"),
        (HEAD + b"\x0c\x08" + record(0, 640, 1, 1), r"event 0 lies at pixel \(640, 1"),
        (HEAD + b"\x0c\x08" + record(0, 0, 1, 2), "polarity 2"),
    ],
)
def test_what_is_damaged_or_another_is_refused_and_named(raw, message, file):
    path = file(raw)
    with pytest.raises(DataError, match=message) as caught:
        read_prophesee_dat(path)
    assert str(path) in str(caught.value)


def test_events_outside_the_sensor_are_dropped_and_counted_if_asked_for(file):
    raw = records((0, 640, 0, 1), *EVENTS, (9, 0, 480, 0))
    with pytest.warns(UserWarning, match="Dropped 2 of 5 events; the first, event 0"):
        recorded = read_prophesee_dat(file(HEAD + b"\x0c\x08" + raw), outside="drop")
    assert rows(recorded) == EVENTS


def test_a_header_ends_where_no_line_of_text_is(file):
    # a record may begin as a line of the header does
    raw = record(0x0A202025, 1, 2, 1)
    recorded = read_prophesee_dat(file(HEAD + b"\x0c\x08" + raw))
    assert rows(recorded) == [(0x0A202025, 1, 2, 1)]
