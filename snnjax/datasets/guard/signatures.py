"""What a file is by its first bytes, so that another kind is not called damaged."""

from snnjax.datasets.guard.checked import DamageError, HoldsError
from snnjax.datasets.guard.pickles import check_no_pickle

_KINDS = (
    (b"\x89HDF\r\n\x1a\n", "HDF5 data"),
    (b"MATLAB 7.3 MAT-file", "MATLAB 7.3 data, which are HDF5"),
    (b"MATLAB 5.0 MAT-file", "MATLAB 5 data"),
    (b"\x93NUMPY", "a numpy array"),
    (b"PK\x03\x04", "a zip archive"),
    (b"PK\x05\x06", "a zip archive"),  # an empty one
    (b"\x1f\x8b", "gzip data"),
    (b"BZh", "bzip2 data"),
    (b"\xfd7zXZ\x00", "xz data"),
    (b"\x28\xb5\x2f\xfd", "zstandard data"),
    (b"RIFF", "RIFF data"),
    (b"RIFX", "RIFX data, a WAV of large-endian numbers"),
    (b"RF64", "RF64 data, a WAV of more than 4 GB"),
    (b"BW64", "BW64 data, a WAV of more than 4 GB"),
    (b"NIST_1A", "NIST SPHERE data"),
    (b"FORM", "IFF data"),
    (b".snd", "AU data"),
    (b"caff", "CAF data"),
    (b"riff\x2e\x91\xcf\x11", "Wave64 data"),
    (b"Creative Voice File", "VOC data"),
    (b"fLaC", "FLAC data"),
    (b"OggS", "Ogg data"),
    (b"ID3", "MP3 data"),
    (b"%PDF", "a PDF document"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"II*\x00", "a TIFF image"),
    (b"MM\x00*", "a TIFF image"),
    *((bytes([0x80, k]), "a pickle") for k in range(2, 6)),
    (b"version https://git-lfs", "a pointer of Git LFS, not the file itself"),
    (b"\0\5\x16\7", "what macOS keeps beside a file"),
    (b"<", "a page or XML, not the file itself"),
)


def kind_by_signature(raw: bytes | bytearray) -> str:
    """What begins like this; nothing if no kind is known to."""
    kinds = (kind for begin, kind in _KINDS if raw.startswith(begin))
    return next(kinds, "plain text" if _is_text(raw[:32]) else "")


def check_signature(raw: bytes | bytearray, wanted: str) -> None:
    """Refuses bytes that begin otherwise than a kind does.

    Args:
        raw: the first bytes, at least.
        wanted: the kind, as ``kind_by_signature`` calls it; ``""`` if it has no sign.

    Raises:
        HoldsError: if they are of another known kind.
        DamageError: if they are of none.
    """
    kind = kind_by_signature(raw)
    if kind != wanted and wanted != "a pickle":
        check_no_pickle(raw)
    if kind and kind != wanted:
        raise HoldsError(kind)
    if kind != wanted:
        raise DamageError(f"it begins with {bytes(raw[:12])!r}, not as {wanted} does")


def _is_text(begin):
    """Whether bytes are letters that people read, and spaces."""
    return len(begin) > 8 and all(32 <= k < 127 or k in b"\t\r\n" for k in begin)
