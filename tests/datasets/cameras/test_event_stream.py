import struct

import numpy as np
import pytest

from snnjax.datasets import DataError, read_event_stream

DVS, ATIS = 1, 2


def head(kind, width=640, height=480, version=(2, 0, 0)):
    return b"Event Stream" + bytes([*version, kind]) + struct.pack("<HH", width, height)


def dvs(step, x, y, p):
    """Five bytes, put together from the published table of bits."""
    return struct.pack("<BHH", step << 1 | p, x, y)


def atis(step, x, y, p, crossing=0):
    return struct.pack("<BHH", step << 2 | p << 1 | crossing, x, y)


@pytest.fixture
def file(tmp_path):
    def write(raw):
        (tmp_path / "a.es").write_bytes(raw)
        return tmp_path / "a.es"

    return write


def rows(recorded):
    return [*zip(*(column.tolist() for column in recorded[:4]), strict=True)]


def loop(stream, kind):
    """The same byte by byte, as the description tells it."""
    low, special, over = (1, 254, 127) if kind == DVS else (2, 252, 63)
    k, t, found = 0, 0, []
    while k < len(stream):
        first = stream[k]
        if first >= special:
            t += over * (first - special)
            k += 1
            continue
        t += first >> low
        if k + 5 > len(stream):
            break
        x, y = struct.unpack_from("<HH", stream, k + 1)
        if kind == DVS or not first & 1:
            found.append((t, x, y, first >> (low - 1) & 1))
        k += 5
    return found


def test_an_event_of_a_dvs_is_five_bytes_and_y_counts_from_the_bottom(file):
    raw = dvs(0, 3, 5, 1) + dvs(126, 639, 479, 0) + dvs(4, 0, 0, 1)
    recorded = read_event_stream(file(head(DVS) + raw))
    assert rows(recorded) == [(0, 3, 5, 1), (126, 639, 479, 0), (130, 0, 0, 1)]
    assert (recorded.size, recorded.origin) == ((480, 640), "bottom left")
    assert recorded.source == "Event Stream 2 DVS"
    assert dict(recorded.skipped) == {}


def test_overflows_are_times_and_resets_are_none(file):
    raw = b"\xff\xff" + dvs(3, 1, 1, 1) + b"\xfe" * 5 + b"\xff" + dvs(0, 2, 2, 0)
    recorded = read_event_stream(file(head(DVS) + raw))
    assert rows(recorded) == [(257, 1, 1, 1), (384, 2, 2, 0)]
    assert recorded.skipped == {"resets": 5}
    raw = b"\xff\xfd" + atis(3, 1, 1, 1) + b"\xfc" + b"\xfe" + atis(0, 2, 2, 0)
    recorded = read_event_stream(file(head(ATIS) + raw))
    assert recorded.t.tolist() == [4 * 63 + 3, 6 * 63 + 3]
    assert recorded.skipped == {"resets": 1}


def test_threshold_crossings_are_counted_and_their_time_goes_on(file):
    raw = atis(5, 1, 1, 1) + atis(6, 2, 2, 1, crossing=1) + atis(7, 3, 3, 0)
    recorded = read_event_stream(file(head(ATIS) + raw))
    assert rows(recorded) == [(5, 1, 1, 1), (18, 3, 3, 0)]
    assert recorded.skipped == {"threshold crossings": 1}
    assert recorded.source == "Event Stream 2 ATIS"


@pytest.mark.parametrize("run", [1, 7, 256])
@pytest.mark.parametrize("kind", [DVS, ATIS])
def test_many_bytes_are_what_a_loop_over_bytes_reads(kind, run, file, rng, monkeypatch):
    # bytes within an event often look like those that stand alone
    monkeypatch.setattr("snnjax.datasets.cameras.event_stream._RUN", run)
    monkeypatch.setattr("snnjax.datasets.cameras.byte_stream.PIECE", 16 * run)
    stream = rng.choice([3, 8, 252, 253, 254, 255], 3000).astype(np.uint8).tobytes()
    found = loop(stream, kind)
    raw = head(kind, 65535, 65535) + stream
    with pytest.warns(UserWarning, match="Dropped"):
        recorded = read_event_stream(file(raw), outside="drop")
    inside = [event for event in found if max(event[1:3]) < 65535]
    assert len(found) > len(inside) > 100
    assert rows(recorded) == inside


@pytest.mark.parametrize("kind", [DVS, ATIS])
def test_what_is_left_of_an_event_is_counted(kind, file):
    raw = head(kind) + dvs(0, 3, 5, 0) + b"\xff" + dvs(4, 7, 8, 0)
    for k in range(1, 5):
        recorded = read_event_stream(file(raw[:-k]))
        assert rows(recorded) == [(0, 3, 5, 0)]
        assert recorded.skipped == {"bytes at the end": 5 - k}


def test_a_recording_without_events_is_one(file):
    assert rows(read_event_stream(file(head(DVS)))) == []
    assert rows(read_event_stream(file(head(ATIS) + b"\xff"))) == []


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "it begins with b''"),
        (b"Event Stream\x02\x00\x00", "ends before the kind"),
        (head(DVS)[:18], "ends before the size"),
        (head(0), "is sound, .* generic events; those of a DVS or an ATIS are read"),
        (head(3), "is sound, .* events for a display; those"),
        (head(4), "is sound, .* events of colour; those"),
        (head(9), "is sound, .* events of kind 9; those"),
        (head(DVS, version=(1, 0, 0)), r"Event Stream 1\.0\.0; 2\.0 is read"),
        (head(DVS, width=0), "its sensor has 0x480 pixels"),
        (
            head(DVS) + dvs(9, 640, 5, 1),
            r"event 0 lies at pixel \(640, 5\)",
        ),
        (head(ATIS) + atis(9, 1, 480, 1), r"event 0 lies at pixel \(1, 480\)"),
    ],
)
def test_what_is_damaged_or_another_is_refused_and_named(raw, message, file):
    path = file(raw)
    with pytest.raises(DataError, match=message) as caught:
        read_event_stream(path)
    assert str(path) in str(caught.value)
