"""Whether sounds are whole that soundfile would read without a word if they are not.

It takes what is there of an AIFF or AU file that was cut off, and leaves out pages of
an Ogg file that are damaged, or all of them if the last is missing. Of an MP3 that has
no table it takes what it guesses. (Of FLAC it tells.)

    AIFF  chunks (name, size, bytes, padded to even) in a FORM (Apple 1989)
    AU    where data begin and how many bytes they have (Sun 1992)
    Ogg   pages with a checksum each, of which the last is marked (RFC 3533)
"""

import mmap
import struct
import zlib
from typing import NamedTuple

from snnjax.datasets.guard.checked import DamageError, HoldsError, Reading
from snnjax.datasets.sounds.mp3 import length

_UNTOLD = 2**32 - 1  # a size that was not known when it was written
_PAGE = struct.Struct("<4sBBqIIIB")  # the head of a page, up to its table
_FIRST_BODY = _PAGE.size + 1  # where the first page tells what it holds
_GUESSED = 2 * 1152  # samples that a decoder may leave out at the ends of an MP3
_LAST = 4  # the mark of the last page
_MIRRORED = bytes(int(f"{k:08b}"[::-1], 2) for k in range(256))


class Length(NamedTuple):
    """How many samples of each channel a file has."""

    least: int = 0
    known: bool = True  # whether soundfile knows it, and does not guess


def check_whole(file: Reading, begin: bytes) -> Length:
    """How long a file is, as far as it can be told without decoding it.

    Args:
        file: from ``reading``.
        begin: its first bytes.

    Raises:
        DamageError: for an AIFF, AU or Ogg file that is not whole.
        HoldsError: for an Ogg file of other than Vorbis and Opus.
    """
    known = {b"FORM": _aiff, b".snd": _au, b"dns.": _au, b"OggS": _ogg, b"fLaC": None}
    check = known.get(begin[:4], _mp3)
    if check is None:
        return Length()
    with (
        file.path.open("rb") as opened,
        mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as raw,
    ):
        return check(raw)


def _aiff(raw):
    (told,) = struct.unpack_from(">I", raw, 4)
    if told == 0:  # not known when it was written, into a pipe
        return Length()
    _lies_within(raw, 0, 8 + told, "FORM")
    frames, at = 0, 12
    while at + 8 <= len(raw):
        name, size = struct.unpack_from(">4sI", raw, at)
        _lies_within(raw, at, at + 8 + size, name)
        if name == b"COMM" and size >= 18:
            (frames,) = struct.unpack_from(">I", raw, at + 10)
        at += 8 + size + size % 2
    return Length(frames)


def _au(raw):
    if len(raw) < 24:
        raise DamageError(f"it ends after {len(raw)} bytes")
    order = ">" if raw[:4] == b".snd" else "<"
    begin, size = struct.unpack_from(f"{order}II", raw, 4)
    _lies_within(raw, 0, begin, "its head")
    if size != _UNTOLD:
        _lies_within(raw, begin, begin + size, "data")
    return Length()


def _ogg(raw):
    at, kind = 0, 0
    while at < len(raw):
        if len(raw) - at < _PAGE.size or raw[at : at + 4] != b"OggS":
            raise DamageError(f"no page begins at byte {at}")
        _, _, kind, _, _, _, told, count = _PAGE.unpack_from(raw, at)
        end = at + _PAGE.size + count
        end += sum(raw[at + _PAGE.size : end])
        _lies_within(raw, at, end, "a page")
        page = raw[at : at + 22] + bytes(4) + raw[at + 26 : end]
        if _checksum(page) != told:
            raise DamageError(f"the page at byte {at} has another checksum")
        at = end
    if not kind & _LAST:
        raise DamageError("its last page is missing")
    holds = raw[_FIRST_BODY : _FIRST_BODY + 8]
    if not holds.startswith((b"\x01vorbis", b"OpusHead")):
        raise HoldsError(f"Ogg data of {holds!r}; Vorbis and Opus are read")
    return Length()


def _mp3(raw):
    samples, table = length(raw)
    if table or not samples:
        return Length()
    return Length(max(samples - _GUESSED, 0), known=False)


def _lies_within(raw, at, end, name):
    if end > len(raw):
        raise DamageError(
            f"byte {at}: {name!r} claims {end - at} bytes, {len(raw) - at} follow"
        )


def _checksum(page):
    """Ogg's: that of zip with bits in the other order, nothing inverted."""
    crc = zlib.crc32(page.translate(_MIRRORED), 2**32 - 1) ^ (2**32 - 1)
    return int(f"{crc:032b}"[::-1], 2)
