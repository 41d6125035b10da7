"""What is cut off of a file, or changed in it, is found without decoding anything."""

import struct

import pytest

from benchmarks.fuzz.sound_seeds import _checksum
from snnjax.datasets.guard.checked import DamageError, HoldsError, Reading
from snnjax.datasets.sounds.sound_whole import check_whole


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


OGG = page(b"\x01vorbis", 2) + page(bytes(range(256)) * 2, 0, 1) + page(b"", 4, 2)


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
        (aiff(size=0), 0),  # from a pipe
        (OGG + OGG, 0),  # one behind the other
        (b"fLaC and so on", 0),
    ],
)
def test_a_whole_file_tells_its_frames_if_it_can(raw, frames, check):
    assert check(raw) == (frames, True)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (aiff()[:-1], "byte 0: 'FORM' claims 72 bytes, 71 follow"),
        (aiff(size=55)[:-1], "byte 50: b'SSND' claims 22 bytes, 21 follow"),
        (au()[:-1], "byte 24: 'data' claims 6 bytes, 5 follow"),
        (au(begin=31), "byte 0: 'its head' claims 31 bytes, 30 follow"),
        (au()[:20], "it ends after 20 bytes"),
        (OGG[:-1], "byte 577: 'a page' claims 28 bytes, 27 follow"),
        (OGG[:-28], "its last page is missing"),
        (OGG[:-5], "no page begins at byte 577"),
        (OGG + b"more", "no page begins at byte 605"),
        (OGG.replace(b"vorbis", b"vOrbis"), "page at byte 0 has another checksum"),
    ],
)
def test_what_is_not_whole_is_told_by_its_place(raw, message, check):
    with pytest.raises(DamageError, match=message):
        check(raw)


def test_of_an_mp3_without_a_table_the_length_is_only_bounded(check):
    frame = bytes.fromhex("fffb9064").ljust(417, b"\0")
    assert check(frame * 10) == (8 * 1152, False)
    assert check(frame) == (0, False)
    assert check(frame[:36] + b"Xing" + frame[40:] + frame) == (0, True)


def test_ogg_of_other_kinds_is_told_by_what_it_is(check):
    with pytest.raises(HoldsError, match=r"FLAC.*; Vorbis and Opus are read"):
        check(page(b"\x7fFLAC\x01\x00\x00", 6))
