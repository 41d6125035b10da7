"""Pieces of an HDF5 dataset that a plug-in unpacks: only if their head says how far.

Filters of others unpack a piece to whatever its head says. Of Blosc, which recordings
of event cameras are packed by, the head is read here first (16 bytes, little-endian:
versions, flags and width of a number in a byte each, then bytes unpacked, of a block
and packed), and has to agree with the dataset and the file.
"""

import importlib
import struct
from collections.abc import Sequence

from snnjax.datasets.guard.checked import DamageError, HoldsError

BLOSC = 32001
_HEAD = struct.Struct("<4B3I")
_VERSION = 2  # of the layout of a piece
_SETTINGS = 4  # of a dataset at least: two versions, width and bytes of a piece
_MOST_OVERHEAD = 16  # bytes that a piece is longer than what it packs, at most
_ECF = 36559
_NAMES = {  # of filters, by the number that The HDF Group has registered
    **{4: "SZIP", 5: "N-bit", 6: "scale-offset", 307: "bzip2", 32000: "LZF"},
    **{32004: "LZ4", 32008: "bitshuffle", 32013: "ZFP", 32015: "Zstandard"},
    **{32026: "Blosc 2", _ECF: "ECF of Prophesee"},
}


def check_blosc(part: memoryview, size: int, place: str) -> None:
    """Refuses a piece unless its head says that it unpacks to what it should.

    Args:
        part: the piece as it is stored.
        size: bytes that it has to unpack to.
        place: of the dataset, for messages.

    Raises:
        DamageError: saying what its head tells.
        ImportError: without hdf5plugin.
    """
    if len(part) < _HEAD.size:
        raise DamageError(
            f"{place} has a piece of {len(part)} bytes, too few for Blosc"
        )
    version, _, _, width, unpacked, block, packed = _HEAD.unpack_from(part)
    if (version, unpacked, packed) != (_VERSION, size, len(part)):
        raise DamageError(
            f"{place} has a piece of Blosc layout {version} that says that it unpacks "
            f"{packed} bytes to {unpacked}; it has {len(part)}, for {size}"
        )
    if not (width and 0 < block <= unpacked and packed <= size + _MOST_OVERHEAD):
        raise DamageError(f"{place} has a piece with blocks of {block} bytes")
    _load()


def check_settings(settings: Sequence[int], place: str) -> None:
    """Refuses settings of Blosc that are too few, as its plug-in does not count them.

    Raises:
        DamageError: saying how many there are.
    """
    if len(settings) < _SETTINGS:
        raise DamageError(f"{place} has {len(settings)} settings of Blosc, not 4 to 7")


def refuse(filters: Sequence[int], place: str) -> None:
    """Says of filters that nothing here unpacks which they are, and what to do.

    Raises:
        HoldsError: always.
    """
    named = ", ".join(f"{k} ({_NAMES[k]})" if k in _NAMES else f"{k}" for k in filters)
    way = (
        "h5repack -f GZIP=1 OLD NEW, with the plug-in of the filter, makes one of gzip"
    )
    if _ECF in filters:
        way = (
            "the plug-in is a part of Prophesee's software alone, whose "
            "metavision_file_to_dat -i FILE makes a .dat for read_prophesee_dat"
        )
    raise HoldsError(f"{place} packed by filters {named[:200]}; {way}")


def _load():
    """Makes the filter known to the HDF5 library."""
    try:
        importlib.import_module("hdf5plugin")
    except ImportError as error:
        raise ImportError(
            'Unpacking Blosc needs hdf5plugin: pip install "snnjax[cameras]".'
        ) from error
