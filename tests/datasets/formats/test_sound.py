import struct
import sys
import types
import wave

import numpy as np
import pytest
from scipy.io import wavfile

from snnjax.datasets import DataError, read_sound


def riff(*chunks):
    body = b"".join(
        name + struct.pack("<I", len(raw)) + raw + bytes(len(raw) % 2)
        for name, raw in chunks
    )
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body


def form(kind=1, channels=1, rate=8000, bits=16, width=None, more=b""):
    width = channels * bits // 8 if width is None else width
    head = struct.pack("<HHIIHH", kind, channels, rate, rate * width, width, bits)
    return b"fmt ", head + more


DATA = b"data", struct.pack("<3h", 16384, -32768, 0)


@pytest.fixture
def file(tmp_path):
    def write(raw, name="a.wav"):
        (tmp_path / name).write_bytes(raw)
        return tmp_path / name

    return write


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 44100, 48000])
@pytest.mark.parametrize(
    ("dtype", "scale"),
    [(np.int16, 2**15), (np.int32, 2**31), (np.float32, 1), (np.float64, 1)],
)
@pytest.mark.parametrize("channels", [1, 2, 3])
def test_sounds_are_what_scipy_wrote(rate, dtype, scale, channels, tmp_path, rng):
    wave = rng.uniform(-0.9, 0.9, (50, channels)) * scale
    wavfile.write(tmp_path / "a.wav", rate, wave.astype(dtype))
    found = read_sound(tmp_path / "a.wav")
    assert found.rate == rate
    assert found.samples.dtype == np.float32
    kept = wave.astype(dtype).astype(np.float64) / scale
    np.testing.assert_allclose(found.samples, kept.mean(1), atol=1e-7)
    last = read_sound(tmp_path / "a.wav", channel=channels - 1)
    np.testing.assert_allclose(last.samples, kept[:, -1], atol=1e-7)
    with pytest.raises(DataError, match=f"no channel {channels} of {channels}"):
        read_sound(tmp_path / "a.wav", channel=channels)


@pytest.mark.parametrize(
    ("bits", "numbers", "expected"),
    [
        (8, [0, 128, 255, 64], [-1, 0, 127 / 128, -0.5]),
        (16, [-(2**15), 0, 2**15 - 1, 1], [-1, 0, 1 - 2**-15, 2**-15]),
        (24, [-(2**23), 0, 2**23 - 1, -1], [-1, 0, 1 - 2**-23, -(2**-23)]),
        (32, [-(2**31), 0, 2**30, -(2**29)], [-1, 0, 0.5, -0.25]),
    ],
)
@pytest.mark.parametrize("channels", [1, 2])
def test_whole_numbers_of_every_width_fill_minus_1_to_1(
    bits, numbers, expected, channels, tmp_path
):
    width = bits // 8
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(16_000)
        for n in numbers:
            frame = n.to_bytes(width, "little", signed=width > 1)
            file.writeframes(frame * channels)
    np.testing.assert_allclose(read_sound(tmp_path / "a.wav").samples, expected)


def test_channels_are_averaged_and_not_mixed_up(file):
    stereo = struct.pack("<6h", 16384, 0, 0, 16384, -16384, 16384)
    path = file(riff(form(channels=2), (b"data", stereo)))
    np.testing.assert_array_equal(read_sound(path).samples, [0.25, 0.25, 0.0])
    np.testing.assert_array_equal(read_sound(path, channel=1).samples, [0, 0.5, 0.5])


@pytest.mark.parametrize("name", ["a.WAV", "ü b.wav", "a.b.wav"])
def test_other_chunks_and_odd_names_do_no_harm(name, file):
    more = b"\x16\x00" + struct.pack("<HI", 16, 4) + struct.pack("<H", 1) + bytes(14)
    raw = riff((b"LIST", b"odd"), form(0xFFFE, more=more), DATA, (b"id3 ", b"x"))
    found = read_sound(file(raw + b"trailing", name))
    np.testing.assert_array_equal(found.samples, [0.5, -1.0, 0.0])


def test_a_clip_without_samples_is_one(file):
    assert read_sound(file(riff(form(), (b"data", b"")))).samples.shape == (0,)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "begins with b'', not as RIFF data"),
        (b"RIFX" + riff(form(), DATA)[4:], "sound, but not .*: it holds RIFX data"),
        (riff(form(), DATA)[:-1], "byte 36: b'data' claims 6 bytes, 5 follow"),
        (riff(form())[:-3], "byte 12: b'fmt ' claims 16 bytes, 13 follow"),
        (riff(form()), "chunks b'fmt ', not fmt and data"),
        (riff(DATA, form()), "chunks b'data', not fmt and data"),
        (riff((b"fmt ", b"short"), DATA), "fmt has 5 bytes, not 16"),
        (
            riff(form(kind=2), DATA),
            "is sound, .* it holds samples of WAV format 2, 16 bits",
        ),
        (riff(form(kind=0xFFFE), DATA), "WAV format 65534"),
        (riff(form(bits=12), DATA), "WAV format 1, 12 bits"),
        (riff(form(kind=3, bits=16), DATA), "WAV format 3"),
        (riff(form(channels=0), DATA), "channels=0"),
        (riff(form(width=4), DATA), "4 bytes a frame"),
        (riff(form(rate=0), DATA), "a rate of 0 Hz"),
        (riff(form(rate=2**30), DATA), "a rate of 1073741824 Hz"),
        (riff(form(channels=2), DATA), "6 bytes of data are no multiple of 4"),
        (riff(form(3, bits=32), (b"data", b"\xff\xff\xff\x7f")), "not finite"),
    ],
)
def test_a_damaged_file_is_refused_and_named(raw, message, file):
    path = file(raw)
    with pytest.raises(DataError, match=message) as caught:
        read_sound(path)
    assert str(path) in str(caught.value)


def stand_in(frames):
    """A soundfile that decodes nothing: this package need not be installed."""
    return types.SimpleNamespace(
        info=lambda path: types.SimpleNamespace(frames=frames, channels=2),
        read=lambda path, dtype, always_2d: (np.full((3, 2), 0.5), 48_000),
    )


def test_other_kinds_of_sound_are_read_by_soundfile(monkeypatch, file):
    path = file(b"fLaC", "a.flac")
    monkeypatch.setitem(sys.modules, "soundfile", None)
    with pytest.raises(ImportError, match=r"a\.flac needs soundfile: pip install"):
        read_sound(path)
    monkeypatch.setitem(sys.modules, "soundfile", stand_in(3))
    found = read_sound(path)
    assert (found.samples.tolist(), found.rate) == ([0.5, 0.5, 0.5], 48_000)
    monkeypatch.setitem(sys.modules, "soundfile", stand_in(10**9))
    with pytest.raises(DataError, match="to read its samples would take more"):
        read_sound(path)


def test_flac_is_read_if_soundfile_is_installed(tmp_path, rng):
    soundfile = pytest.importorskip("soundfile")
    samples = np.round(rng.uniform(-0.9, 0.9, 100) * 2**15) / 2**15
    soundfile.write(tmp_path / "a.flac", samples, 48_000, subtype="PCM_16")
    found = read_sound(tmp_path / "a.flac")
    np.testing.assert_allclose(found.samples, samples, atol=1e-7)
    assert found.rate == 48_000
    (tmp_path / "a.flac").write_bytes(b"fLaC")
    with pytest.raises(DataError, match=r"a\.flac cannot be read as a sound"):
        read_sound(tmp_path / "a.flac")
