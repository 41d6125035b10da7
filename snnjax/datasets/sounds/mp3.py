"""How long an MP3 is, by the heads of its frames.

Each frame begins with 11 set bits and tells its length (ISO/IEC 11172-3 and 13818-3).
Only the first may hold a table, "Xing" or "Info", of how many there are. Without one,
decoders guess from the bytes; where the bitrate changes they are wrong, and soundfile
reads no further than it guessed.
"""

from typing import Any, NamedTuple

_BITRATES = {  # [kbit/s], by version 1 or 2 and layer
    (1, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (1, 3): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (2, 3): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES = (44_100, 48_000, 32_000)  # of version 1; half of it in version 2 [Hz]
_TABLES = (b"Xing", b"Info", b"VBRI")
_TABLE_WITHIN = 64  # bytes of a frame


class Head(NamedTuple):
    """What the first four bytes of a frame tell."""

    size: int  # of the frame [bytes]
    samples: int  # of each channel


def head_of(raw: bytes) -> Head | None:
    """The head of a frame of layer II or III, if four bytes are one."""
    if len(raw) < 4 or raw[0] != 0xFF or raw[1] < 0xE0:
        return None
    version, layer = raw[1] >> 3 & 3, 4 - (raw[1] >> 1 & 3)
    bits, rate = raw[2] >> 4, raw[2] >> 2 & 3
    if version == 1 or layer not in (2, 3) or not 0 < bits < 15 or rate == 3:
        return None
    old = version == 3
    samples = 1152 if old or layer == 2 else 576
    hertz = _RATES[rate] // {3: 1, 2: 2, 0: 4}[version]
    kbits = _BITRATES[1 if old else 2, layer][bits]
    return Head(samples // 8 * 1000 * kbits // hertz + (raw[2] >> 1 & 1), samples)


def length(raw: Any) -> tuple[int, bool]:
    """Samples in frames that follow one another, and whether a table tells them too.

    Args:
        raw: bytes of the file.
    """
    at = 0
    if raw[:3] == b"ID3" and len(raw) >= 10:  # its size has seven bits a byte
        at = 10 + sum((raw[9 - k] & 127) << 7 * k for k in range(4))
        at += 10 if raw[5] & 16 else 0
    begin = raw[at : at + _TABLE_WITHIN]
    samples = 0
    while (head := head_of(raw[at : at + 4])) and at + head.size <= len(raw):
        at, samples = at + head.size, samples + head.samples
    return samples, any(name in begin for name in _TABLES)
