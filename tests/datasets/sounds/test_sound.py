import struct
import sys
import wave

import numpy as np
import pytest
from scipy.io import wavfile

from snnjax.datasets import DataError, read_sound
from snnjax.datasets.guard import apart, apart_worker
from snnjax.datasets.sounds.sound import is_sound


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


@pytest.mark.parametrize("value", [np.inf, np.nan, 1e300])
def test_what_single_precision_cannot_hold_is_refused(value, file):
    raw = struct.pack("<2d", 0.0, value)
    with pytest.raises(DataError, match="not finite in single precision"):
        read_sound(file(riff(form(3, bits=64), (b"data", raw))))


NOTHING = [
    (b"", "begins with b'', as no sound does"),
    (b"\x07\x01\x02\x03", "begins with b'.x07.x01.x02.x03', as no sound does"),
    (b"\xff\xfeh\0e\0y\0", "as no sound does"),  # text in UTF-16
    (b"PK\x03\x04", "is sound, but not .* it holds a zip archive"),
    (b"%PDF-1.7", "is sound, but not .* it holds a PDF document"),
    (b"FORM\0\0\0\4ILBM", "is sound, but not .* it holds IFF data"),
    (b"RIFF\4\0\0\0AVI LIST", "it holds RIFF data of kind b'AVI ', not WAVE"),
]


@pytest.mark.parametrize(("raw", "message"), NOTHING)
def test_what_is_no_sound_is_told_by_what_it_is(raw, message, file):
    assert not is_sound(raw)
    with pytest.raises(DataError, match=message):
        read_sound(file(raw))


def test_soundfile_is_asked_for_where_it_is_needed(monkeypatch, file):
    monkeypatch.setitem(sys.modules, "soundfile", None)
    told = r'a\.flac needs soundfile: pip install "snnjax\[audio\]"'
    with pytest.raises(ImportError, match=told):
        read_sound(file(b"fLaC", "a.flac"))
    assert len(read_sound(file(riff(form(), DATA), "b.flac")).samples) == 3  # a WAV


OTHERS = {  # format and kind of number
    ".flac": ("FLAC", "PCM_16"),
    ".FLAC": ("FLAC", "PCM_24"),
    ".ogg": ("OGG", "VORBIS"),
    ".opus": ("OGG", "OPUS"),
    ".aiff": ("AIFF", "PCM_16"),
    ".aif": ("AIFF", "FLOAT"),
    ".aifc": ("AIFF", "ALAW"),
    ".au": ("AU", "ULAW"),
    ".snd": ("AU", "PCM_24"),
    ".mp3": ("MP3", "MPEG_LAYER_III"),
}


@pytest.fixture
def other(tmp_path, rng):
    """Writes two channels by soundfile: the path, and what soundfile itself reads."""
    soundfile = pytest.importorskip("soundfile")

    def write(suffix, n=3000, **more):
        kind, subtype = OTHERS[suffix]
        path = tmp_path / f"a{suffix}"
        wave = np.cumsum(rng.uniform(-0.02, 0.02, (n, 2)), axis=0)
        wave = np.clip(wave, -0.9, 0.9)
        soundfile.write(path, wave, 16_000, subtype=subtype, format=kind, **more)
        return path, soundfile.read(path, always_2d=True)[0]

    return write


@pytest.mark.parametrize("suffix", OTHERS)
@pytest.mark.parametrize("n", [3000, 200_000])
def test_other_sounds_are_what_soundfile_reads_in_this_process(suffix, n, other):
    path, wave = other(suffix, n)
    assert len(wave) == n
    off = 1e-6 if suffix == ".mp3" else 1e-7  # one decoder or another
    assert is_sound(path.read_bytes()[:16])
    renamed = path.with_name("b.wav")
    renamed.write_bytes(path.read_bytes())
    for each in (path, renamed):
        found = read_sound(each)
        assert found.rate == 16_000
        np.testing.assert_allclose(found.samples, wave.mean(1), off, off)
    last = read_sound(path, channel=np.int64(1))
    np.testing.assert_allclose(last.samples, wave[:, 1], off, off)
    with pytest.raises(DataError, match="no channel 2 of 2"):
        read_sound(path, channel=2)
    with pytest.raises(DataError, match="no channel -1 of 2"):
        read_sound(path, channel=-1)


@pytest.mark.parametrize("suffix", [".ogg", ".aiff", ".au"])
def test_a_sound_of_no_samples_is_one(suffix, other):
    path, _ = other(suffix, 0)
    assert read_sound(path).samples.shape == (0,)


@pytest.mark.parametrize("suffix", [s for s in OTHERS if s != ".mp3"])
@pytest.mark.parametrize("cut", [1, 2, 60, 0.5])
def test_what_was_cut_off_is_told(suffix, cut, other):
    path, _ = other(suffix)
    raw = path.read_bytes()
    path.write_bytes(raw[: -cut if cut >= 1 else int(len(raw) * cut)])
    with pytest.raises(DataError, match=rf"a{suffix} cannot be read .* damaged"):
        read_sound(path)


def test_an_mp3_that_tells_its_length_is_whole_or_refused(other):
    path, _ = other(".mp3")
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(DataError, match=r"it tells of 3000 frames, \d+ follow"):
        read_sound(path)


def test_an_ogg_with_one_changed_byte_is_refused(other, rng):
    path, _ = other(".ogg")
    raw = path.read_bytes()
    for at in rng.integers(0, len(raw), 200):
        path.write_bytes(raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :])
        with pytest.raises(DataError):
            read_sound(path)


def test_a_flac_of_unknown_length_is_read_to_its_end(other):
    path, wave = other(".flac")
    raw = bytearray(path.read_bytes())
    raw[21] &= 0xF0  # the number of frames, 36 bits
    raw[22:26] = bytes(4)
    path.write_bytes(raw)
    found = read_sound(path)
    np.testing.assert_array_equal(found.samples, wave.mean(1).astype(np.float32))


def test_the_end_of_an_au_may_be_unknown(other):
    path, wave = other(".au")
    raw = path.read_bytes()
    path.write_bytes(raw[:8] + b"\xff" * 4 + raw[12:])
    found = read_sound(path)
    np.testing.assert_array_equal(found.samples, wave.mean(1).astype(np.float32))


def test_a_sound_that_unpacks_to_too_much_is_refused(other):
    soundfile = pytest.importorskip("soundfile")
    path, _ = other(".flac")
    soundfile.write(path, np.zeros(2**24, np.int16), 8000)
    assert path.stat().st_size < 2**19
    with pytest.raises(DataError, match=r"more than 16777216 bytes; pass limit=…"):
        read_sound(path, limit=2**24)
    assert not read_sound(path, limit=2**28).samples.any()


def test_a_whole_folder_is_read_by_one_process(other, monkeypatch):
    started = []
    popen = apart_worker.subprocess.Popen
    monkeypatch.setattr(
        apart_worker.subprocess,
        "Popen",
        lambda *given, **more: started.append(1) or popen(*given, **more),
    )
    apart._close_all()
    path, _ = other(".flac")
    for _ in range(50):
        read_sound(path)
    assert started == [1]
