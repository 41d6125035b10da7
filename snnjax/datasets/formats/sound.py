"""Files of sound: WAV of every usual kind by own means, FLAC and others by soundfile.

A WAV file is "RIFF", its size, "WAVE", and chunks (name, size, bytes, padded to even),
of which "fmt " tells how the numbers in "data" are stored (IBM & Microsoft 1991). Own
means need no package, take memory from an allowance first, and tell damage by its
place, where ``scipy.io.wavfile`` warns or goes on. They are fuzzed.
"""

import importlib
import struct
from pathlib import Path
from typing import NamedTuple

import numpy as np

from snnjax.datasets.formats.checked import (
    DamageError,
    HoldsError,
    content,
    listed,
    reading,
)
from snnjax.datasets.formats.signatures import check_signature, kind_by_signature

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_MOST_RATE = 10**6  # [Hz]
_NUMBER_BYTES = 40  # of memory for each number of a clip
_SOUNDS = ("FLAC data", "Ogg data", "AIFF data", "MP3 data", "RIFF data")
_CHUNK_BYTES = 400  # of memory for each chunk


class Sound(NamedTuple):
    """One clip."""

    samples: np.ndarray  # [T], float32; whole numbers were scaled to -1 … 1
    rate: int  # [Hz]


class Format(NamedTuple):
    """How a WAV file stores its numbers."""

    kind: int  # 1 whole numbers, 3 floating
    channels: int
    rate: int  # [Hz]
    bits: int  # of one number


def read_sound(
    path: str | Path, *, channel: int | None = None, limit: int | None = None
) -> Sound:
    """Reads one clip.

    Args:
        path: of a ``.wav`` file of 8, 16, 24 or 32 bits, whole or floating, or of any
            file that soundfile knows, if that is installed.
        channel: which channel to take; the mean of all if omitted.
        limit: most bytes of memory that reading it may take; 128 MiB and 200 times the
            file's size if omitted.

    Raises:
        FileNotFoundError: if there is no such file.
        ImportError: if soundfile is needed and not installed.
        DataError: naming the file and what is wrong with it.
    """
    with reading(path, "a sound", limit) as file:
        if file.path.suffix.lower() == ".wav":
            rate, frames = _wav(content(file), file)
        else:
            rate, frames = _other(file)
        if not np.isfinite(frames).all():
            raise ValueError("a sample is not finite")
        if channel is not None and not 0 <= channel < frames.shape[1]:
            raise ValueError(f"there is no channel {channel} of {frames.shape[1]}")
        mono = frames.mean(axis=1) if channel is None else frames[:, channel]
        return Sound(mono.astype(np.float32), rate)


def _wav(raw, file):
    check_signature(raw, "RIFF data")
    if len(raw) < 12:
        raise DamageError(f"it ends after {len(raw)} bytes")
    if raw[8:12] != b"WAVE":
        raise HoldsError(f"RIFF data of kind {raw[8:12]!r}, not WAVE")
    chunks: dict[bytes, memoryview] = {}
    at = 12
    while at + 8 <= len(raw) and b"data" not in chunks:
        name, size = struct.unpack_from("<4sI", raw, at)
        if at + 8 + size > len(raw):
            left = len(raw) - at - 8
            raise DamageError(f"byte {at}: {name!r} claims {size} bytes, {left} follow")
        file.take(_CHUNK_BYTES, "its chunks")
        chunks[name] = memoryview(raw)[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
    if not {b"fmt ", b"data"} <= chunks.keys():
        raise DamageError(f"it has chunks {listed(chunks)}, not fmt and data")
    form = _format(chunks[b"fmt "])
    width, data = form.channels * form.bits // 8, chunks[b"data"]
    if len(data) % width:
        raise DamageError(f"{len(data)} bytes of data are no multiple of {width}")
    file.take(len(data) // (form.bits // 8) * _NUMBER_BYTES, "its samples")
    return form.rate, _numbers(data, form).reshape(-1, form.channels)


def _format(raw):
    if len(raw) < 16:
        raise DamageError(f"fmt has {len(raw)} bytes, not 16")
    kind, channels, rate, _, width, bits = struct.unpack_from("<HHIIHH", raw)
    if kind == _EXTENSIBLE and len(raw) >= 26:
        (kind,) = struct.unpack_from("<H", raw, 24)
    form = Format(kind, channels, rate, bits)
    if bits not in {_PCM: (8, 16, 24, 32), _FLOAT: (32, 64)}.get(kind, ()):
        raise HoldsError(
            f"samples of WAV format {kind}, {bits} bits; PCM and float are read"
        )
    if not channels or width != channels * bits // 8:
        raise DamageError(f"{form} does not fit {width} bytes a frame")
    if not 0 < rate <= _MOST_RATE:
        raise ValueError(f"a rate of {rate} Hz")
    return form


def _numbers(data, form):
    """All numbers of the file in a row, whole ones scaled to -1 … 1."""
    if form.kind == _FLOAT:
        return np.frombuffer(data, f"<f{form.bits // 8}").astype(np.float64)
    if form.bits == 8:  # the only ones without a sign
        return np.frombuffer(data, np.uint8) / 128.0 - 1.0
    if form.bits == 24:  # three bytes become the upper three of four
        wide = np.zeros((len(data) // 3, 4), np.uint8)
        wide[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
        return wide.view("<i4")[:, 0] / 2.0**31
    return np.frombuffer(data, f"<i{form.bits // 8}") / 2.0 ** (form.bits - 1)


def _other(file):
    try:
        soundfile = importlib.import_module("soundfile")
    except ImportError as error:
        raise ImportError(
            f"Reading {file.path.name} needs soundfile: pip install 'snnjax[audio]'. "
            "WAV files are read without it."
        ) from error
    with file.path.open("rb") as opened:
        begin = opened.read(32)
    try:
        about = soundfile.info(str(file.path))
    except RuntimeError as error:
        if kind_by_signature(begin) in _SOUNDS:
            raise DamageError(str(error)) from error
        raise HoldsError(
            kind_by_signature(begin) or f"{begin[:12]!r}, no sound"
        ) from error
    file.take(about.frames * about.channels * _NUMBER_BYTES, "its samples")
    frames, rate = soundfile.read(str(file.path), dtype="float64", always_2d=True)
    return int(rate), frames
