"""WAV files: RIFF, the large-endian RIFX, and RF64 or BW64 of more than 4 GB.

Four letters, a size, "WAVE", and chunks (name, size, bytes, padded to even), of which
"fmt " tells how the numbers in "data" are stored (IBM & Microsoft 1991; EBU Tech 3306;
ITU-R BS.2088). In RF64 a size of 2^32 - 1 stands for that in the chunk "ds64".

Who writes into a pipe does not know the sizes beforehand, and puts there what no size
is (``_UNTOLD``): the data then go on to the end of the file. A size that is one, and
more than follows, is damage.
"""

import struct
from typing import NamedTuple

import numpy as np

from snnjax.datasets.guard.checked import DamageError, HoldsError, Reading, listed
from snnjax.datasets.sounds.sound_numbers import CODINGS, Coding, Order, frames

_EXTENSIBLE = 0xFFFE
_CODINGS: dict[int, Coding] = {1: "signed", 3: "float", 6: "A-law", 7: "µ-law"}
_OTHERS = {  # which may be met, but are not read here
    **{2: "Microsoft ADPCM", 0x11: "IMA ADPCM", 0x31: "GSM 6.10", 0x50: "MPEG"},
    **{0x55: "MP3", 0x92: "AC-3", 0xFF: "AAC", 0xF1AC: "FLAC", 0x674F: "Vorbis"},
}
_GUIDS = (  # what follows a format in sixteen bytes: of Microsoft, of Ambisonics
    (0, 0x10, bytes.fromhex("800000aa00389b71")),
    (0x0721, 0x11D3, bytes.fromhex("8644c8c1ca000000")),
)
_ALL = 2**32 - 1  # ffmpeg's for "not known yet", and RF64's for "see ds64"
_UNTOLD = (_ALL, 0x7FFF_F000, 0x7FFF_FF00, 2**31 - 1, 2**31)  # sox; arecord, old ones
_NUMBER_BYTES = 40  # of memory for each number of a clip
_CHUNK_BYTES = 400  # of memory for each chunk
_HEAD = 12  # bytes before the first chunk


class Format(NamedTuple):
    """How the numbers of a clip are stored."""

    coding: Coding
    channels: int
    rate: int  # [Hz]
    width: int  # bytes of a number


def wav_frames(raw: bytes, file: Reading) -> tuple[int, np.ndarray]:
    """The rate [Hz] and the numbers, ``[T, channels]``, of a WAV file.

    Args:
        raw: the file, which begins with RIFF, RIFX, RF64 or BW64.
        file: from ``reading``.

    Raises:
        DamageError: naming the chunk and what is wrong with it.
        HoldsError: for another kind of RIFF, or of numbers.
        DataError: if the numbers would take more memory than is allowed.
    """
    if len(raw) < _HEAD:
        raise DamageError(f"it ends after {len(raw)} bytes")
    if raw[8:12] != b"WAVE":
        raise HoldsError(f"RIFF data of kind {raw[8:12]!r}, not WAVE")
    order: Order = ">" if raw.startswith(b"RIFX") else "<"
    chunks = _chunks(raw, order, file)
    if not {b"fmt ", b"data"} <= chunks.keys():
        raise DamageError(f"it has chunks {listed(chunks)}, not fmt and data")
    form, data = _format(chunks[b"fmt "], order), chunks[b"data"]
    width = form.channels * form.width
    if len(data) % width:
        raise DamageError(f"{len(data)} bytes of data are no multiple of {width}")
    file.take(len(data) // form.width * _NUMBER_BYTES, "its samples")
    return form.rate, frames(data, form.coding, form.width, order, form.channels)


def _chunks(raw, order, file):
    """Chunks by name, up to the data."""
    chunks: dict[bytes, memoryview] = {}
    large: dict[bytes, list[int]] = {}
    at = _HEAD
    while at + 8 <= len(raw) and b"data" not in chunks:
        name, size = struct.unpack_from(f"{order}4sI", raw, at)
        at, left = at + 8, len(raw) - at - 8
        if size == _ALL and large.get(name):
            size = large[name].pop(0)
        elif name == b"data" and _is_untold(raw, order, at, size, chunks):
            size = left
        if size > left:
            told = f"byte {at - 8}: {name!r} claims {size} bytes, {left} follow"
            raise DamageError(told)
        file.take(_CHUNK_BYTES, "its chunks")
        chunks[name] = memoryview(raw)[at : at + size]
        if name == b"ds64" and raw[:4] in (b"RF64", b"BW64"):
            large = _large_sizes(chunks[name], file)
        at += size + size % 2
    return chunks


def _is_untold(raw, order, at, size, chunks):
    """Whether a size of data that begin at a byte stands for an unknown one."""
    if size == 0:  # all of the file lies before them, and yet something follows
        (whole,) = struct.unpack_from(f"{order}I", raw, 4)
        return whole == _ALL or whole + 8 <= at < len(raw)
    if size <= len(raw) - at or len(chunks.get(b"fmt ", b"")) < 16:
        return False
    (frame,) = struct.unpack_from(f"{order}H", chunks[b"fmt "], 12)
    return any(most - frame < size <= most for most in _UNTOLD)


def _large_sizes(raw, file):
    """Sizes of 64 bits, by the names of their chunks."""
    if len(raw) < 28:
        raise DamageError(f"ds64 has {len(raw)} bytes, not 28")
    whole, data, count = struct.unpack_from("<QQ8xI", raw)
    if 28 + 12 * count > len(raw):
        raise DamageError(f"ds64 has {len(raw)} bytes, not {28 + 12 * count}")
    file.take(count * _CHUNK_BYTES, "its chunks")
    known = whole not in (0, 2**64 - 1) or data not in (0, 2**64 - 1)
    large = {b"data": [data]} if known else {}
    for name, size in struct.iter_unpack("<4sQ", raw[28 : 28 + 12 * count]):
        large.setdefault(name, []).append(size)
    return large


def _format(raw, order):
    if len(raw) < 16:
        raise DamageError(f"fmt has {len(raw)} bytes, not 16")
    kind, channels, rate, frame, bits = struct.unpack_from(f"{order}HHI4xHH", raw)
    if kind == _EXTENSIBLE and len(raw) >= 40:
        kind = _of_guid(bytes(raw[24:40]), order)
    coding: Coding = _CODINGS.get(kind, "signed")
    if (kind, bits) == (1, 8):
        coding = "unsigned"  # the only ones without a sign
    width = bits // 8
    if kind not in _CODINGS or bits % 8 or width not in CODINGS[coding]:
        raise HoldsError(
            f"samples of WAV format {kind} ({_OTHERS.get(kind, coding)}), {bits} bits; "
            "PCM, float, µ-law and A-law are read"
        )
    form = Format(coding, channels, rate, width)
    if not channels or frame != channels * width:
        raise DamageError(f"{form} does not fit {frame} bytes a frame")
    return form


def _of_guid(raw, order):
    """The format that sixteen bytes tell."""
    kind, *more = struct.unpack_from(f"{order}IHH8s", raw)
    if tuple(more) not in _GUIDS:
        raise HoldsError(f"samples of WAV format {raw.hex()}")
    return kind
