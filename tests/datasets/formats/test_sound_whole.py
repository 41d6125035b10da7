"""What is cut off of a file, or changed in it, is found without decoding anything."""

import struct

import pytest

from benchmarks.fuzz.sound_seeds import _checksum
from snnjax.datasets.formats.checked import DamageError, Reading
from snnjax.datasets.formats.sound_whole import check_whole


def aiff(frames=3, bits=16, size=None, data=bytes(6)):
    common = struct.pack(">hIh10s", 1, frames, bits, b"\x40\x0b\xfa" + bytes(7))
    body = b"AIFFCOMM" + struct.pack(">I", 18) + common + b"ANNO\0\0\0\3odd\0"
    body += b"SSND" + struct.pack(">I", 8 + len(data)) + bytes(8) + data
    return b"FORM" + struct.pack(">I", len(body) if size is None else size) + body


def au(size=6, begin=24, order=">", data=bytes(6)):
    name = b".snd" if order == ">" else b"dns."
    return name + struct.pack(f"{order}5I", begin, size, 3, 8000, 1) + data


def page(body, kind=0, number=0):
    sizes = bytes([255] * (len(body) // 255) + [len(body) % 255])
    head = struct.pack("<4sBBqIII", b"OggS", 0, kind, 0, 7, number, 0)
    raw = head + bytes([len(sizes)]) + sizes + body
    return raw[:22] + struct.pack("<I", _checksum(raw)) + raw[26:]


OGG = page(b"first", 2) + page(bytes(range(256)) * 2, 0, 1) + page(b"", 4, 2)


@pytest.fixture
def check(tmp_path):
    def write_and_check(raw):
        (tmp_path / "a").write_bytes(raw)
        return check_whole(Reading(tmp_path / "a", None), raw[:16])

    return write_and_check


@pytest.mark.parametrize(
    ("raw", "frames"),
    [
        (aiff(), 3),
        (aiff(frames=2**32 - 1), 2**32 - 1),
        (au(), 0),
        (au(order="<"), 0),
        (au(size=2**32 - 1), 0),
        (au(data=bytes(9)), 0),
        (OGG, 0),
        (OGG + OGG, 0),  # one behind the other
        (b"fLaC and so on", 0),
        (b"\xff\xfb\x90\x00", 0),
    ],
)
def test_a_whole_file_tells_its_frames_if_it_can(raw, frames, check):
    assert check(raw) == frames


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (aiff()[:-1], "byte 0: 'FORM' claims 72 bytes, 71 follow"),
        (aiff(size=55)[:-1], "byte 50: b'SSND' claims 22 bytes, 21 follow"),
        (au()[:-1], "byte 24: 'data' claims 6 bytes, 5 follow"),
        (au(begin=31), "byte 0: 'its head' claims 31 bytes, 30 follow"),
        (au()[:20], "it ends after 20 bytes"),
        (OGG[:-1], "byte 575: 'a page' claims 28 bytes, 27 follow"),
        (OGG[:-28], "its last page is missing"),
        (OGG[:-5], "no page begins at byte 575"),
        (OGG + b"more", "no page begins at byte 603"),
        (OGG.replace(b"first", b"fIrst"), "page at byte 0 has another checksum"),
    ],
)
def test_what_is_not_whole_is_told_by_its_place(raw, message, check):
    with pytest.raises(DamageError, match=message):
        check(raw)
