import json
import struct
import tracemalloc

import numpy as np
import pytest

from snnjax.datasets import DataError, read_aedat31

BEGIN = b"#!AER-DAT3.1\r\n#Format: RAW\r\n"
SOURCES = b"#Source 1: DVS128\r\n#Source 2: DAVIS240C\r\n"
END = b"#!END-HEADER\r\n"


def event(x, y, p, t, valid=1):
    """Eight bytes, put together from the published table of bits."""
    return struct.pack("<II", x << 17 | y << 2 | p << 1 | valid, t)


def packet(*events, kind=1, camera=1, size=8, offset=4, overflow=0, n=None, room=None):
    n = len(events) if n is None else n
    room = n if room is None else room
    head = struct.pack("<hhiiiiii", kind, camera, size, offset, overflow, room, n, n)
    return head + b"".join(events)


@pytest.fixture
def file(tmp_path):
    def write(*packets, begin=BEGIN + SOURCES + END):
        (tmp_path / "a.aedat").write_bytes(begin + b"".join(packets))
        return tmp_path / "a.aedat"

    return write


def columns(found):
    return [each.tolist() for each in (found.t, found.x, found.y, found.p)]


def test_valid_polarity_events_are_read_and_all_else_is_counted(file):
    some = event(127, 3, 1, 70), event(9, 9, 1, 75, valid=0), event(0, 126, 0, 60)
    path = file(
        packet(bytes(8), kind=0),
        packet(*some),
        packet(bytes(36), bytes(36), kind=3, size=36),
        packet(),
        packet(bytes(5), kind=300, size=5, room=7),
        packet(event(5, 6, 1, 1)),
    )
    found = read_aedat31(path)
    assert columns(found) == [[70, 60, 1], [127, 0, 5], [3, 126, 6], [1, 0, 1]]
    skipped = {"special": 1, "motion (IMU 6)": 2, "type 300": 1, "invalid": 1}
    assert found.skipped == skipped
    assert (found.size, found.origin) == ((128, 128), "top left")
    assert [each.dtype for each in found[:4]] == ["i8", "u2", "u2", "u1"]


def test_a_clock_that_ran_over_its_31_bits_goes_on(file):
    late = packet(event(0, 0, 0, 5), overflow=3)
    found = read_aedat31(file(packet(event(0, 0, 0, 2**31 - 1)), late))
    assert found.t.tolist() == [2**31 - 1, 3 * 2**31 + 5]


def test_of_several_cameras_one_is_picked(file):
    path = file(packet(event(1, 1, 1, 1)), packet(event(239, 1, 1, 2), camera=2))
    with pytest.raises(DataError, match=r"events of cameras 1, 2; camera=… picks one"):
        read_aedat31(path)
    found = read_aedat31(path, camera=2)
    assert (found.x.tolist(), found.size) == ([239], (180, 240))
    assert found.skipped == {"other cameras": 1}
    with pytest.raises(DataError, match="of cameras 1, 2 alone"):
        read_aedat31(path, camera=3)
    with pytest.raises(ValueError, match="camera must be a whole number"):
        read_aedat31(path, camera="2")


def test_what_lies_outside_of_the_sensor_is_refused_or_dropped(file):
    path = file(packet(event(128, 0, 1, 1), event(127, 0, 1, 2)))
    with pytest.raises(DataError, match=r"event 0 lies at pixel \(128, 0\),.* 128x128"):
        read_aedat31(path)
    with pytest.warns(UserWarning, match="Dropped 1 of 2 events"):
        assert read_aedat31(path, outside="drop").x.tolist() == [127]
    unknown = file(packet(event(2**15 - 1, 0, 1, 1)), begin=BEGIN + END)
    assert read_aedat31(unknown).x.tolist() == [2**15 - 1]


@pytest.mark.parametrize(
    ("begin", "packets", "message"),
    [
        (BEGIN + SOURCES, (), "has no line #!END-HEADER"),
        (BEGIN.replace(b"RAW", b"PNG") + END, (), "of format PNG, not RAW"),
        (b"#!AER-DAT2.0\r\n", (), "for read_aedat2"),
        (BEGIN + END, (packet()[:-1],), "ends within the head of packet 0"),
        (BEGIN + END, (packet(n=1),), "packet 0 says that it has 1 .* 0 bytes follow"),
        (BEGIN + END, (packet(), packet(n=-1)), "packet 1 says that it has -1"),
        (BEGIN + END, (packet(bytes(8), room=0),), "with room for 0"),
        (BEGIN + END, (packet(size=16),), "its polarity events have 16 bytes"),
        (BEGIN + END, (packet(offset=0),), "times at byte 0"),
        (BEGIN + END, (packet(overflow=-1),), "ran over -1 times"),
        (BEGIN + END, (packet(kind=-32767),), "packets that are packed"),
        (BEGIN + END, (packet(event(0, 0, 0, 2**31)),), "a time of 32 bits"),
    ],
)
def test_what_contradicts_itself_is_refused_and_named(begin, packets, message, file):
    path = file(*packets, begin=begin)
    with pytest.raises(DataError, match=message) as caught:
        read_aedat31(path)
    assert str(path) in str(caught.value)


def test_an_event_takes_no_more_than_four_times_its_14_bytes(file):
    some = [event(1, 2, 1, 3)] * 1000
    path = file(*[packet(*some)] * 100)
    tracemalloc.start()
    read_aedat31(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * 14 * 100_000
    with pytest.raises(DataError, match="to read its events would take more than"):
        read_aedat31(path, limit=5_000_000)


def test_files_of_others_are_read_as_is_known(data_folder):
    folder = data_folder("recordings")
    rows = json.loads((folder / "truth.json").read_text())
    rows = [row for row in rows if "AEDAT 3.1" in row["format"]]
    assert len(rows) == 3
    for row in rows:
        found, true = read_aedat31(folder / row["path"]), row["num"]
        t = found.t
        assert [len(t), t[0], t[-1], t.min(), t.max(), np.sum(np.diff(t) < 0)] == [
            true[key] for key in ("n", "t0", "t1", "tmin", "tmax", "back")
        ]
        for axis in "xy":
            column = getattr(found, axis)
            assert [column.min(), column.max()] == true[axis]
        kinds, counts = np.unique(found.p, return_counts=True)
        assert {str(k): n for k, n in zip(kinds, counts, strict=True)} == true["p"]
        told = int(row["content"].partition(" invalid")[0].rpartition(" ")[2])
        assert found.skipped.get("invalid", 0) == told
