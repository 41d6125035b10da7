"""AEDAT 4 as its description lays it out, written byte by byte."""

import json
import struct

import numpy as np
import pytest

from benchmarks.fuzz.aedat4 import (
    SIGN,
    events,
    frame,
    header,
    motion,
    packet,
    triggers,
)
from snnjax.datasets import DataError, read_aedat4
from snnjax.datasets.cameras.aedat4 import is_aedat4

pytest.importorskip("aedat")

ROWS = [(1_700_000_000_000_000, 1, 2, 1), (1_700_000_000_000_007, 639, 479, 0)]
EVENTS = {0: ("EVTS", 640, 480)}
ALL = EVENTS | {1: ("FRME", 4, 2), 2: ("IMUS", 0, 0), 3: ("TRIG", 0, 0)}


@pytest.fixture
def file(tmp_path):
    def write(*pieces):
        (tmp_path / "a.aedat4").write_bytes(b"".join(pieces))
        return tmp_path / "a.aedat4"

    return write


def rows(recorded):
    kinds = [column.dtype for column in recorded[:4]]
    assert kinds == [np.int64, np.uint16, np.uint16, np.uint8]
    return [*zip(*(column.tolist() for column in recorded[:4]), strict=True)]


def test_events_of_all_packets_are_those_that_were_written(file):
    later = [(t + 10, x, y, 1 - p) for t, x, y, p in ROWS]
    path = file(header(EVENTS), packet(0, events(ROWS)), packet(0, events(later)))
    recorded = read_aedat4(path)
    assert rows(recorded) == ROWS + later
    assert (recorded.size, recorded.origin) == ((480, 640), "top left")
    assert (recorded.source, recorded.zero) == ("AEDAT 4.0", "1970-01-01T00:00:00Z")
    assert dict(recorded.skipped) == {}


def test_times_go_back_where_the_file_says_so(file):
    path = file(header(EVENTS), packet(0, events(ROWS[::-1])))
    assert rows(read_aedat4(path)) == ROWS[::-1]


def test_no_events_are_a_recording(file):
    assert rows(read_aedat4(file(header(EVENTS)))) == []
    path = file(header(EVENTS), packet(0, events([])))
    assert (rows(read_aedat4(path)), read_aedat4(path).size) == ([], (480, 640))


def test_what_else_there_is_is_counted(file):
    path = file(
        *(header(ALL), packet(1, frame(4, 2)), packet(0, events(ROWS))),
        *(packet(2, motion(3)), packet(3, triggers(2)), packet(1, frame(4, 2))),
    )
    recorded = read_aedat4(path)
    assert rows(recorded) == ROWS
    counts = {"frames": 2, "motion": 3, "external triggers": 2}
    assert dict(recorded.skipped) == counts


def test_of_two_cameras_one_is_asked_for(file):
    streams = {0: ("EVTS", 640, 480), 4: ("EVTS", 320, 240)}
    path = file(
        *(header(streams), packet(0, events(ROWS)), packet(4, events(ROWS[:1]))),
    )
    with pytest.raises(DataError, match=r"is sound, .*\[0, 4\]; camera=… picks one"):
        read_aedat4(path)
    recorded = read_aedat4(path, camera=4)
    assert (rows(recorded), recorded.size) == (ROWS[:1], (240, 320))
    assert dict(recorded.skipped) == {"other cameras": 2}
    with pytest.raises(DataError, match="none of camera 2"):
        read_aedat4(path, camera=2)


def test_events_outside_the_sensor_are_refused_or_dropped(file):
    odd = [(5, 640, 0, 1), *ROWS]
    path = file(header(EVENTS), packet(0, events(odd)))
    with pytest.raises(DataError, match=r"event 0 lies at pixel \(640, 0\)"):
        read_aedat4(path)
    with pytest.warns(UserWarning, match="Dropped 1 of 3 events"):
        assert rows(read_aedat4(path, outside="drop")) == ROWS


@pytest.mark.parametrize("n", range(1, 8))
def test_a_head_of_a_packet_that_is_cut_short_is_counted_or_refused(n, file):
    path = file(WHOLE, packet(0, events(ROWS))[:n])
    if n >= 4:  # the number of the stream is whole
        with pytest.raises(DataError, match="is damaged or cut short"):
            read_aedat4(path)
        return
    recorded = read_aedat4(path)
    assert rows(recorded) == ROWS
    assert dict(recorded.skipped) == {"bytes at the end": n}


WHOLE = header(EVENTS) + packet(0, events(ROWS))


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "begins with b''"),
        (bytes(40), r"begins with b'.x00"),
        (SIGN, "is damaged or cut short"),
        (WHOLE[:-1], "is damaged or cut short"),
        (WHOLE[: len(SIGN) + 9], "is damaged or cut short"),
        (WHOLE + packet(0, events(ROWS))[:-1], "is damaged or cut short"),
        (WHOLE.replace(b"EVTS\6", b"FRME\6"), "is damaged or cut short"),
        (header(EVENTS) + packet(7, events(ROWS)), "is damaged or cut short"),
        (
            header(EVENTS, compression=9) + packet(0, events(ROWS)),
            "is damaged or cut short",
        ),
        (
            header(EVENTS, compression=1) + packet(0, b"\x04\x22\x4d\x18garbage"),
            "is damaged or cut short",
        ),
        (WHOLE.replace(b"attr", b"\xe1ttr", 1), "UnicodeDecodeError.* is damaged"),
        (WHOLE.replace(b"<attr", b"<!ttr", 1), "its description declares something"),
        (WHOLE.replace(b"</dv>", b"</d.>"), "ParseError.* is damaged"),
        (SIGN + b"\xff\xff\xff\x7f" + WHOLE[18:], "its description has 2147483647"),
        (WHOLE + b"\0\0\0\0\xff\xff\xff\xff", "claims -1 bytes, 0 follow"),
        (header(EVENTS, table=5) + packet(0, events(ROWS)), "end at byte 5 of"),
        (header(EVENTS, table=9999) + packet(0, events(ROWS)), "end at byte 9999 of"),
        (WHOLE.replace(b"<dv ", b"<node ", 1), "is sound, .*description <node …>"),
        (header({1: ("FRME", 4, 2)}), "is sound, .*streams of frame, none of events"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a pointer of Git LFS"),
        (b"#!AER-DAT3.1\r\n#Format: RAW\r\n", "is sound, .*plain text"),
    ],
)
def test_what_is_damaged_or_another_is_refused_and_named(raw, message, file):
    path = file(raw)
    with pytest.raises(DataError, match=message) as caught:
        read_aedat4(path)
    assert str(path) in str(caught.value)


def test_times_beyond_63_bits_are_refused(file):
    path = file(header(EVENTS), packet(0, events([*ROWS, (-1, 0, 0, 1)])))
    with pytest.raises(DataError, match="event 2 has a time beyond 63 bits"):
        read_aedat4(path)


def test_memory_is_bounded_and_may_be_raised(file):
    many = packet(0, events(ROWS * 5000))
    path = file(header(EVENTS), *(many for _ in range(400)))
    with pytest.raises(DataError, match=r"more than 51000000 bytes; pass limit=…"):
        read_aedat4(path, limit=51_000_000)
    with pytest.raises(DataError, match="10000000 bytes"):
        read_aedat4(path, limit=10_000_000)
    assert len(read_aedat4(path, limit=70_000_000).t) == 4_000_000


@pytest.mark.parametrize("wrong", [{"camera": -1}, {"camera": 0.5}, {"outside": "no"}])
def test_wrong_options_are_refused_by_name(wrong, file):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        read_aedat4(file(WHOLE), **wrong)


# Files of others

SKIPPED = {
    "event-vision-library_sample": {
        **{"external triggers": 17, "frames": 4, "motion": 160},
    },
    "tonic_sample": {"motion": 475},
    "dv_processing_lz4_multi": {"frames": 1, "external triggers": 5},
    "aedat4_16bit_frames": {"frames": 1},
}


def test_files_of_others_hold_what_is_known_of_them(data_folder):
    folder = data_folder("recordings")
    seen = 0
    for entry in json.loads((folder / "truth.json").read_text()):
        name, told = entry["path"], entry["num"]
        if not name.endswith(".aedat4") or name in REFUSED:
            continue
        recorded = read_aedat4(folder / name)
        t, x, y, p = recorded[:4]
        assert len(t) == told["n"], name
        stem = name.partition("/")[2].removesuffix(".aedat4")
        assert dict(recorded.skipped) == SKIPPED.get(stem, {}), name
        if told["n"]:
            assert recorded.size == tuple(told["res"][::-1]), name
            assert (t[0], t[-1]) == (told["t0"], told["t1"]), name
            assert [x.min(), x.max()] == told["x"], name
            assert [y.min(), y.max()] == told["y"], name
            assert np.bincount(p).tolist() == [told["p"]["0"], told["p"]["1"]], name
            assert np.count_nonzero(np.diff(t) < 0) == told["back"], name
        seen += 1
    assert seen == 7


REFUSED = {
    "odd/evutils_written.aedat4": "is sound, .*<node …> in place of <dv …>, as evutils",
    "odd/lfs_pointer.aedat4": "is sound, .*a pointer of Git LFS",
}


@pytest.mark.parametrize("name", REFUSED)
def test_files_of_others_that_cannot_be_read_are_refused_and_why(name, data_folder):
    with pytest.raises(DataError, match=REFUSED[name]):
        read_aedat4(data_folder("recordings") / name)


def test_events_are_those_of_the_camera_that_they_were_rewritten_from(data_folder):
    folder = data_folder("recordings")
    whole, part = (
        read_aedat4(folder / f"aedat4/dv_processing_{name}.aedat4")
        for name in ("zstd", "none")
    )
    for one, other in zip(whole[:4], part[:4], strict=True):
        np.testing.assert_array_equal(one[: len(other)], other)


def test_the_first_bytes_tell_whether_it_is_one():
    assert is_aedat4(WHOLE[:20])
    assert not is_aedat4(b"#!AER-DAT3.1\r\n")


def test_a_struct_of_an_event_has_the_bytes_that_are_published():
    assert events(ROWS)[-32:-16] == struct.pack("<qhhB3x", *ROWS[0])
