import numpy as np
import pytest

from snnjax.datasets import DataError, read_sound
from snnjax.datasets.sounds.mp3 import Head, head_of, length

HEADS = {  # as in the tables of the standard
    "fffb9064": Head(417, 1152),  # MPEG 1 layer III, 128 kbit/s at 44.1 kHz
    "fffb9264": Head(418, 1152),  # and a byte of padding
    "fffbe0c4": Head(1044, 1152),  # 320 kbit/s
    "fffd9404": Head(480, 1152),  # layer II, 160 kbit/s at 48 kHz
    "fff380c4": Head(208, 576),  # MPEG 2 layer III, 64 kbit/s at 22.05 kHz
    "ffe310c4": Head(52, 576),  # MPEG 2.5 layer III, 8 kbit/s at 11.025 kHz
}
NONE = (
    "fffb0064",
    "fffbf064",
    "fffb9c64",
    "ffff9064",
    "ffeb9064",
    "fff19064",
    "ff",
    "",
)


@pytest.mark.parametrize("code", HEADS)
def test_a_head_tells_how_long_its_frame_is(code):
    assert head_of(bytes.fromhex(code)) == HEADS[code]


@pytest.mark.parametrize("code", [*NONE, "fffe6800", "ffd8ffe0", "fbff9064"])
def test_other_bytes_are_no_head(code):
    assert head_of(bytes.fromhex(code)) is None


def test_frames_are_counted_behind_a_tag_and_up_to_what_is_none():
    frame = bytes.fromhex("fffb9064").ljust(417, b"\0")
    tag = b"ID3\4\0\0\0\0\1\2" + bytes(130)
    assert length(frame * 3) == (3 * 1152, False)
    assert length(tag + frame * 3 + frame[:-1]) == (3 * 1152, False)
    assert length(frame * 2 + b"TAG" + bytes(125)) == (2 * 1152, False)
    assert length(frame[:36] + b"Info" + frame[40:] + frame) == (2 * 1152, True)
    assert length(b"ID3") == (0, False)
    assert length(b"") == (0, False)


@pytest.fixture
def written(tmp_path, rng):
    """Half noise and half silence, so that the bitrate changes: path and samples."""
    soundfile = pytest.importorskip("soundfile", minversion="0.13")

    def write(mode, n=40_000):
        wave = rng.uniform(-0.5, 0.5, n) * (np.arange(n) < n // 2)
        options = {"bitrate_mode": mode, "compression_level": 0.5}
        soundfile.write(tmp_path / "a.mp3", wave, 16_000, format="MP3", **options)
        return tmp_path / "a.mp3"

    return write


@pytest.mark.parametrize("mode", ["CONSTANT", "VARIABLE"])
def test_what_a_table_tells_is_read(mode, written):
    path = written(mode)
    samples, table = length(path.read_bytes())
    assert table
    assert 40_000 <= samples <= 40_000 + 5 * 576  # with what the encoder adds
    assert len(read_sound(path).samples) == 40_000


@pytest.mark.parametrize("mode", ["CONSTANT", "VARIABLE"])
@pytest.mark.parametrize("tag", [b"", b"ID3\4\0\0\0\0\1\2" + bytes(130)])
def test_without_a_table_all_is_read_or_the_file_refused(mode, tag, written):
    path = written(mode)
    raw = path.read_bytes()
    raw = raw[head_of(raw[:4]).size :]  # the first frame holds the table
    samples, table = length(tag + raw)
    assert not table
    assert samples >= 40_000
    path.write_bytes(tag + raw)
    if mode == "CONSTANT":
        assert samples - 1152 <= len(read_sound(path).samples) <= samples
    else:
        told = r"is sound, .* of which soundfile reads \d+, as no table .*ffmpeg"
        with pytest.raises(DataError, match=told):
            read_sound(path)
