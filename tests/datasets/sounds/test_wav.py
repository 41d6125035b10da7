import struct

import numpy as np
import pytest

from snnjax.datasets import DataError, read_sound
from snnjax.datasets.sounds.sound import is_sound

GUID = bytes.fromhex("000000001000800000aa00389b71")  # of Microsoft, after a format
SAMPLES = np.array([16384, -32768, 0, 1], np.int16)


def chunk(name, raw, order="<", size=None):
    """One chunk, padded to even."""
    size = len(raw) if size is None else size
    return name + struct.pack(f"{order}I", size) + raw + bytes(len(raw) % 2)


def riff(*chunks, name=b"RIFF", order="<", size=None):
    """A file of chunks that are made."""
    body = b"WAVE" + b"".join(chunks)
    return name + struct.pack(f"{order}I", len(body) if size is None else size) + body


def form(kind=1, channels=1, rate=8000, bits=16, width=None, more=b"", order="<"):
    width = channels * bits // 8 if width is None else width
    told = kind, channels, rate, rate * width, width, bits
    return chunk(b"fmt ", struct.pack(f"{order}HHIIHH", *told) + more, order)


def extended(kind, order="<", guid=GUID):
    """What follows in a format that is extensible."""
    if order == ">":  # three numbers, each in that order
        kind, guid = struct.pack(">IHH", kind, 0, 16), guid[6:]
        return struct.pack(">HHI", 22, 16, 4) + kind + guid
    return struct.pack("<HHI", 22, 16, 4) + struct.pack("<H", kind) + guid


def ds64(whole, data, frames, table=()):
    raw = struct.pack("<QQQI", whole, data, frames, len(table))
    return chunk(b"ds64", raw + b"".join(struct.pack("<4sQ", *each) for each in table))


DATA = chunk(b"data", SAMPLES.astype("<i2").tobytes())
EXPECTED = SAMPLES / 2.0**15


@pytest.fixture
def read(tmp_path):
    """Writes a file, and reads it."""

    def write_and_read(raw, name="a.wav", **options):
        (tmp_path / name).write_bytes(raw)
        return read_sound(tmp_path / name, **options)

    return write_and_read


@pytest.mark.parametrize("name", ["a.WAV", "ü b.wav", "a.b.wav", "a", "a.flac"])
def test_other_chunks_and_odd_names_do_no_harm(name, read):
    raw = riff(
        chunk(b"JUNK", bytes(28)),
        chunk(b"bext", bytes(603)),  # an odd number of bytes
        chunk(b"LIST", b"odd"),
        form(0xFFFE, more=extended(1)),
        chunk(b"fact", bytes(4)),
        DATA,
        chunk(b"id3 ", b"x"),
    )
    assert is_sound(raw[:16])
    np.testing.assert_array_equal(read(raw + b"trailing", name).samples, EXPECTED)


def test_a_clip_without_samples_is_one(read):
    empty = chunk(b"data", b"")
    assert read(riff(form(), empty)).samples.shape == (0,)
    assert read(riff(form(), empty, chunk(b"LIST", b"more"))).samples.shape == (0,)


KINDS = {  # of soundfile, and how they begin
    ("WAV", "LITTLE"): b"RIFF",
    ("WAV", "BIG"): b"RIFX",
    ("WAVEX", "LITTLE"): b"RIFF",
    ("RF64", "LITTLE"): b"RF64",
}


@pytest.mark.parametrize(("kind", "endian"), KINDS)
@pytest.mark.parametrize(
    "subtype",
    ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW"],
)
@pytest.mark.parametrize("channels", [1, 3])
def test_all_kinds_of_numbers_are_what_soundfile_reads(
    kind, subtype, endian, channels, tmp_path, rng
):
    soundfile = pytest.importorskip("soundfile")
    path = tmp_path / "a.wav"
    wave = rng.uniform(-1, 1, (50, channels))
    options = {"format": kind, "subtype": subtype, "endian": endian}
    soundfile.write(path, wave, 22_050, **options)
    assert path.read_bytes().startswith(KINDS[kind, endian])
    assert is_sound(path.read_bytes()[:16])
    expected = soundfile.read(path, always_2d=True)[0]
    for k in range(channels):
        found = read_sound(path, channel=k)
        assert found.rate == 22_050
        np.testing.assert_array_equal(found.samples, expected[:, k].astype(np.float32))


def test_numbers_of_the_other_order_are_read_by_hand_too(read):
    data = chunk(b"data", SAMPLES.astype(">i2").tobytes(), ">")
    for more in ({}, {"kind": 0xFFFE, "more": extended(1, ">")}):
        raw = riff(form(order=">", **more), data, name=b"RIFX", order=">")
        np.testing.assert_array_equal(read(raw).samples, EXPECTED)


def test_of_more_than_4_gb_the_sizes_lie_elsewhere(read):
    told = 2**32 - 1
    data = chunk(b"data", SAMPLES.astype("<i2").tobytes(), size=told)
    for name in (b"RF64", b"BW64"):
        for table in ((), ((b"axml", 5), (b"LIST", 2**40))):
            more = (chunk(b"axml", b"<a/>?", size=told),) if table else ()
            raw = riff(ds64(99, 8, 4, table), form(), *more, data, name=name, size=told)
            found = read(raw + b"trailing").samples
            np.testing.assert_array_equal(found, EXPECTED)
    raw = riff(ds64(99, 10, 5), form(), data, name=b"RF64", size=told)
    with pytest.raises(DataError, match="b'data' claims 10 bytes, 8 follow"):
        read(raw)


UNTOLD = [  # (size of the file, size of the data, name)
    *((2**32 - 1, 2**32 - 1, b"RIFF"), (0, 0, b"RIFF")),  # ffmpeg; some
    *((2**32 - 1, 2**32 - 1, b"RF64"), (2**32 - 1, 0, b"RIFF")),
    (0x7FFFF024, 0x7FFFF000, b"RIFF"),  # sox
    (0x7FFFFF24, 0x7FFFFF00, b"RIFF"),  # arecord
    (0x80000024, 0x80000000, b"RIFF"),
    (36, 0, b"RIFF"),  # never closed: GStreamer, and whatever was killed
]


@pytest.mark.parametrize(("whole", "size", "name"), UNTOLD)
def test_what_came_from_a_pipe_is_read_to_its_end(whole, size, name, read):
    data = chunk(b"data", SAMPLES.astype("<i2").tobytes(), size=size)
    raw = riff(form(), data, name=name, size=whole)
    np.testing.assert_array_equal(read(raw).samples, EXPECTED)
    with pytest.raises(DataError, match="7 bytes of data are no multiple of 2"):
        read(raw[:-1])
    large = chunk(b"LIST", b"INFOISFT\x04\0\0\0Lavf")
    raw = riff(
        large,
        form(),
        data,
        name=name,
        size=min(whole and whole + len(large), 2**32 - 1),
    )
    np.testing.assert_array_equal(read(raw).samples, EXPECTED)


def test_sizes_from_a_pipe_may_be_of_whole_frames(read):
    wave = np.arange(9, dtype=np.uint8).reshape(3, 3)  # 24 bits
    size = 0x7FFFF000 // 3 * 3
    data = chunk(b"data", wave.tobytes(), size=size)
    raw = riff(form(bits=24), data, size=size + 36)[:-1]
    whole = wave @ np.array([1, 2**8, 2**16])
    np.testing.assert_allclose(read(raw).samples, whole / 2**23)
    for other in (size - 3, size + 3 * 2**12):
        data = chunk(b"data", wave.tobytes(), size=other)
        with pytest.raises(DataError, match=f"claims {other} bytes, 10 follow"):
            read(riff(form(bits=24), data))


def test_large_sizes_from_a_pipe_are_unknown_too(read):
    told = 2**32 - 1
    data = chunk(b"data", SAMPLES.astype("<i2").tobytes(), size=told)
    for unknown in (0, 2**64 - 1):
        sizes = ds64(unknown, unknown, 0)
        raw = riff(sizes, form(), data, name=b"RF64", size=told)
        np.testing.assert_array_equal(read(raw).samples, EXPECTED)


BODY = form() + DATA


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"RIFFab", "it ends after 6 bytes"),
        (b"RIFX" + riff(BODY)[4:], "b'fmt ' claims 268435456 bytes, 32 follow"),
        (riff(BODY)[:-1], "byte 36: b'data' claims 8 bytes, 7 follow"),
        (riff(form())[:-3], "byte 12: b'fmt ' claims 16 bytes, 13 follow"),
        (riff(form()), "chunks b'fmt ', not fmt and data"),
        (riff(DATA, form()), "chunks b'data', not fmt and data"),
        (riff(chunk(b"fmt ", b"short"), DATA), "fmt has 5 bytes, not 16"),
        (
            riff(form(kind=2, bits=4), DATA),
            r"is sound, .* samples of WAV format 2 \(Microsoft ADPCM\), 4 bits",
        ),
        (riff(form(kind=0xFFFE), DATA), "WAV format 65534"),
        (
            riff(form(0xFFFE, more=extended(1, guid=bytes(14))), DATA),
            "is sound, .* samples of WAV format 01000000",
        ),
        (riff(form(bits=12), DATA), r"WAV format 1 \(signed\), 12 bits"),
        (riff(form(kind=3, bits=16), DATA), "WAV format 3"),
        (riff(form(kind=7, bits=16), DATA), r"WAV format 7 \(µ-law\), 16 bits"),
        (riff(form(channels=0), DATA), "channels=0"),
        (riff(form(width=4), DATA), "4 bytes a frame"),
        (riff(form(rate=0), DATA), "a rate of 0 Hz"),
        (riff(form(rate=2**30), DATA), "a rate of 1073741824 Hz"),
        (riff(form(channels=3), DATA), "8 bytes of data are no multiple of 6"),
        (
            riff(form(3, bits=32), chunk(b"data", b"\xff\xff\xff\x7f")),
            "not finite",
        ),
        (riff(chunk(b"ds64", bytes(20)), BODY, name=b"RF64"), "ds64 has 20 bytes"),
        (
            riff(chunk(b"ds64", bytes(24) + b"\7\0\0\0"), BODY, name=b"RF64"),
            "ds64 has 28 bytes, not 112",
        ),
    ],
)
def test_a_damaged_file_is_refused_and_named(raw, message, read, tmp_path):
    with pytest.raises(DataError, match=message) as caught:
        read(raw)
    assert str(tmp_path / "a.wav") in str(caught.value)
