"""Whether sounds are whole that soundfile would read without a word if they are not.

It takes what is there of an AIFF or AU file that was cut off, and leaves out pages of
an Ogg file that are damaged, or all of them if the last is missing. (Of FLAC it tells;
MP3 has frames, of which any number may follow.)

    AIFF  chunks (name, size, bytes, padded to even) in a FORM (Apple 1989)
    AU    where data begin and how many bytes they have (Sun 1992)
    Ogg   pages with a checksum each, of which the last is marked (RFC 3533)
"""

import mmap
import struct
import zlib

from snnjax.datasets.formats.checked import DamageError, Reading

_UNTOLD = 2**32 - 1  # a size that was not known when it was written
_PAGE = struct.Struct("<4sBBqIIIB")  # the head of a page, up to its table
_LAST = 4  # the mark of the last page
_MIRRORED = bytes(int(f"{k:08b}"[::-1], 2) for k in range(256))


def check_whole(file: Reading, begin: bytes) -> int:
    """How many frames a file tells that it has; 0 if it does not.

    Args:
        file: from ``reading``.
        begin: its first bytes.

    Raises:
        DamageError: for an AIFF, AU or Ogg file that is not whole.
    """
    check = {b"FORM": _aiff, b".snd": _au, b"dns.": _au, b"OggS": _ogg}.get(begin[:4])
    if check is None:
        return 0
    with (
        file.path.open("rb") as opened,
        mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as raw,
    ):
        return check(raw)


def _aiff(raw):
    _lies_within(raw, 0, 8 + struct.unpack_from(">I", raw, 4)[0], "FORM")
    frames, at = 0, 12
    while at + 8 <= len(raw):
        name, size = struct.unpack_from(">4sI", raw, at)
        _lies_within(raw, at, at + 8 + size, name)
        if name == b"COMM" and size >= 18:
            (frames,) = struct.unpack_from(">I", raw, at + 10)
        at += 8 + size + size % 2
    return frames


def _au(raw):
    if len(raw) < 24:
        raise DamageError(f"it ends after {len(raw)} bytes")
    order = ">" if raw[:4] == b".snd" else "<"
    begin, size = struct.unpack_from(f"{order}II", raw, 4)
    _lies_within(raw, 0, begin, "its head")
    if size != _UNTOLD:
        _lies_within(raw, begin, begin + size, "data")
    return 0


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
    return 0


def _lies_within(raw, at, end, name):
    if end > len(raw):
        raise DamageError(
            f"byte {at}: {name!r} claims {end - at} bytes, {len(raw) - at} follow"
        )


def _checksum(page):
    """Ogg's: that of zip with bits in the other order, nothing inverted."""
    crc = zlib.crc32(page.translate(_MIRRORED), 2**32 - 1) ^ (2**32 - 1)
    return int(f"{crc:032b}"[::-1], 2)
