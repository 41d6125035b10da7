"""Files of sound, told by their first bytes, whatever they are called.

WAV and NIST SPHERE are read by own means, which need no package, take memory from an
allowance first and tell damage by its place; they are fuzzed. FLAC, Ogg, AIFF, AU and
MP3 are read by soundfile, in a process of its own.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from snnjax.datasets.guard.apart import apart
from snnjax.datasets.guard.checked import DamageError, HoldsError, reading
from snnjax.datasets.guard.signatures import kind_by_signature
from snnjax.datasets.sounds.mp3 import head_of
from snnjax.datasets.sounds.sound_whole import check_whole
from snnjax.datasets.sounds.sphere import sphere_frames
from snnjax.datasets.sounds.wav import wav_frames

SUFFIXES = (
    *(".wav", ".flac", ".ogg", ".oga", ".opus", ".aiff", ".aif", ".aifc", ".au"),
    *(".snd", ".sph", ".mp3"),
)
_MOST_RATE = 10**6  # [Hz]
_BEGIN = 16  # bytes that tell what a file is
_WAVES = (b"RIFF", b"RIFX", b"RF64", b"BW64")
_BY_SOUNDFILE = (b"fLaC", b"OggS", b".snd", b"dns.", b"ID3")


class Sound(NamedTuple):
    """One clip."""

    samples: np.ndarray  # [T], float32; whole numbers were scaled to -1 … 1
    rate: int  # [Hz]


def is_sound(begin: bytes) -> bool:
    """Whether the first 16 bytes of a file, or more, are of a sound read here."""
    own = begin[:4] in _WAVES and begin[8:12] == b"WAVE"
    return own or begin.startswith(b"NIST_1A") or _is_for_soundfile(begin)


def read_sound(
    path: str | Path, *, channel: int | None = None, limit: int | None = None
) -> Sound:
    """Reads one clip.

    Args:
        path: of a file of WAV (RIFX, RF64 and BW64 too; 8, 16, 24 or 32 bits, floating,
            µ-law, A-law; from a pipe, without sizes) or of NIST SPHERE; if soundfile
            is installed, of FLAC, Ogg, AIFF, AU or MP3 as well.
        channel: which channel to take; the mean of all if omitted.
        limit: most bytes of memory that reading it may take; 128 MiB and 200 times the
            file's size if omitted.

    Raises:
        FileNotFoundError: if there is no such file.
        ImportError: if soundfile is needed and not installed.
        DataError: naming the file and what is wrong with it.

    Example:
        >>> from scipy.io import wavfile
        >>> wavfile.write("tone.wav", 8_000, np.zeros(800, np.float32))
        >>> samples, rate = snn.datasets.read_sound("tone.wav")
        >>> samples.shape, rate
        ((800,), 8000)
    """
    with reading(path, "a sound", limit) as file:
        with file.path.open("rb") as opened:
            begin = opened.read(_BEGIN)
        if begin[:4] in _WAVES:
            rate, frames = wav_frames(_raw(file), file)
        elif begin.startswith(b"NIST_1A"):
            rate, frames = sphere_frames(_raw(file), file)
        elif _is_for_soundfile(begin):
            return _by_soundfile(file, begin, channel)
        elif kind := kind_by_signature(begin):
            raise HoldsError(kind)
        else:
            raise DamageError(f"it begins with {begin[:12]!r}, as no sound does")
        _check_channel(channel, frames.shape[1])
        with np.errstate(over="ignore", invalid="ignore"):  # looked at below
            if channel is None and frames.shape[1] > 1:
                mono = frames.mean(axis=1)
            else:
                mono = frames[:, channel or 0]
            return _sound(mono.astype(np.float32, copy=False), rate)


def _raw(file):
    file.take(file.path.stat().st_size, "it")
    return file.path.read_bytes()


def _sound(samples, rate):
    if not np.isfinite(samples).all():
        raise ValueError("a sample is not finite in single precision")
    if not 0 < rate <= _MOST_RATE:
        raise ValueError(f"a rate of {rate} Hz")
    return Sound(samples, rate)


def _check_channel(channel, count):
    if channel is not None and not 0 <= channel < count:
        raise ValueError(f"there is no channel {channel} of {count}")


def _by_soundfile(file, begin, channel):
    options = {
        "channel": None if channel is None or channel < 0 else int(channel),
        **check_whole(file, begin)._asdict(),
    }
    function = "snnjax.datasets.sounds.sound_child:decode"
    found = apart(function, file, package="soundfile", extra="audio", **options)
    _check_channel(channel, found["channels"])
    return _sound(found["samples"], found["rate"])


def _is_for_soundfile(begin):
    iff = begin[:4] == b"FORM" and begin[8:12] in (b"AIFF", b"AIFC")
    return iff or begin.startswith(_BY_SOUNDFILE) or head_of(begin[:4]) is not None
