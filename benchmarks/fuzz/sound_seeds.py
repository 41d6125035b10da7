"""Small files of sound: of each kind of WAV, of SPHERE, and what soundfile writes."""

import importlib.util
import io
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np

BY_SOUNDFILE = {  # kind and numbers, by the suffix
    ".flac": ("FLAC", "PCM_16"),
    ".ogg": ("OGG", "VORBIS"),
    ".aiff": ("AIFF", "PCM_24"),
    ".au": ("AU", "ULAW"),
    ".mp3": ("MP3", "MPEG_LAYER_III"),
}
IS_INSTALLED = importlib.util.find_spec("soundfile") is not None
_PAGE = 27  # bytes of the head of a page of Ogg, before its table
_GUID = struct.pack("<IHH", 1, 0, 16) + bytes.fromhex("800000aa00389b71")


def _chunk(name, raw, order="<", size=None):
    told = len(raw) if size is None else size
    return name + struct.pack(f"{order}I", told) + raw + bytes(len(raw) % 2)


def wav(folder: Path) -> bytes:
    """A WAV of 16 bits."""
    samples = (1000 * np.arange(200)).astype("<i2").tobytes()
    head = struct.pack("<HHIIHH", 1, 1, 8000, 16_000, 2, 16)
    body = _chunk(b"fmt ", head) + _chunk(b"LIST", b"odd") + _chunk(b"data", samples)
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body


def rifx(folder: Path) -> bytes:
    """Two channels in the µ-law, large end first."""
    head = struct.pack(">HHIIHH", 7, 2, 8000, 16_000, 2, 8)
    body = _chunk(b"fmt ", head, ">") + _chunk(b"data", bytes(range(200)), ">")
    return b"RIFX" + struct.pack(">I", 4 + len(body)) + b"WAVE" + body


def rf64(folder: Path) -> bytes:
    """24 bits of an extensible format, with sizes of 64 bits."""
    data, told = bytes(range(240)), 2**32 - 1
    head = struct.pack("<HHIIHHHHI", 0xFFFE, 1, 8000, 24_000, 3, 24, 22, 24, 4) + _GUID
    sizes = struct.pack("<QQQI4sQ", 500, len(data), 80, 1, b"axml", 7)
    body = _chunk(b"ds64", sizes) + _chunk(b"fmt ", head)
    body += _chunk(b"axml", b"<a></a>", size=told) + _chunk(b"data", data, size=told)
    return b"RF64" + struct.pack("<I", told) + b"WAVE" + body


def piped(folder: Path) -> bytes:
    """Floating numbers, as ffmpeg writes them into a pipe."""
    told, numbers = 2**32 - 1, np.linspace(-1, 1, 50).astype("<f4").tobytes()
    head = struct.pack("<HHIIHH", 3, 1, 8000, 32_000, 4, 32)
    body = _chunk(b"fmt ", head) + _chunk(b"data", numbers, size=told)
    return b"RIFF" + struct.pack("<I", told) + b"WAVE" + body


def sphere(folder: Path, count: int = 100, body: bytes = bytes(range(200))) -> bytes:
    """A SPHERE file of two channels in the A-law."""
    head = (
        "NIST_1A\n   1024\ndatabase_id -s5 TIMIT\nchannel_count -i 2\n"
        f"sample_count -i {count}\nsample_rate -i 16000\nsample_n_bytes -i 1\n"
        "sample_byte_format -s1 1\nsample_coding -s4 alaw\nend_head\n"
    )
    return head.encode().ljust(1024) + body


def by_soundfile(suffix: str) -> Callable[[Path], bytes]:
    """What soundfile writes, of two channels."""

    def made(folder):
        soundfile = importlib.import_module("soundfile")
        held, (kind, subtype) = io.BytesIO(), BY_SOUNDFILE[suffix]
        wave = np.sin(np.arange(3000) / 9.0)[:, None] * [0.5, 0.1]
        soundfile.write(held, wave, 16_000, subtype=subtype, format=kind)
        return held.getvalue()

    return made


def in_pages(raw: bytes, change: Callable[[bytes], bytes]) -> bytes:
    """Changes what lies in pages of an Ogg file; their checksums are right again."""
    pages, at = [], 0
    while at < len(raw):
        head = raw[at : at + _PAGE + raw[at + _PAGE - 1]]
        at += len(head) + sum(head[_PAGE:])
        pages.append((head, raw[at - sum(head[_PAGE:]) : at]))
    body = change(b"".join(inside for _, inside in pages))
    made = []
    for head, inside in pages:
        inside, body = body[: len(inside)].ljust(len(inside)), body[len(inside) :]
        head = head[:22] + bytes(4) + head[26:]
        told = struct.pack("<I", _checksum(head + inside))
        made.append(head[:22] + told + head[26:] + inside)
    return b"".join(made)


def _checksum(page):
    """That of RFC 3533, bit by bit."""
    crc = 0
    for each in page:
        crc ^= each << 24
        for _ in range(8):
            crc = (crc << 1 ^ 0x04C11DB7 if crc >> 31 else crc << 1) & (2**32 - 1)
    return crc
