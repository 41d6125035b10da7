"""The stored pieces of an HDF5 dataset, unpacked by own means within their size.

The HDF5 library unpacks a piece to whatever comes of it. Here it may become what the
dataset says of it and no more, before the library sees it. Of Blosc only the head is
looked at (``plugins``), which tells the size.
"""

import math
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from snnjax.datasets.containers.plugins import (
    BLOSC,
    check_blosc,
    check_settings,
    refuse,
)
from snnjax.datasets.guard.checked import DamageError, HoldsError

_DEFLATE, _SHUFFLE, _SUM = 1, 2, 3  # the filters that need no plug-in
_SUM_BYTES = 4
_ROW_BYTES = 16  # of where a row of unequal length lies


def pieces(node: Any, place: str, raw: Any) -> Iterator[bytes | memoryview]:
    """What is stored of a dataset, piece after piece; nothing of what is not.

    Pieces of Blosc are checked, and not among them.

    Args:
        node: the dataset.
        place: where it lies, for messages.
        raw: the bytes of the file.

    Raises:
        HoldsError: for filters that are not known here.
        DamageError: for a piece beyond the file, or one that unpacks to another size.
    """
    plist = node.id.get_create_plist()
    filters = [plist.get_filter(k)[0] for k in range(plist.get_nfilters())]
    known = {_DEFLATE, _SHUFFLE, _SUM} if BLOSC not in filters else {BLOSC}
    if not {*filters} <= known or len({*filters}) < len(filters):
        refuse(filters[:9], place)
    if filters == [BLOSC]:
        check_settings(plist.get_filter(0)[2], place)
    width = _ROW_BYTES if node.dtype.kind == "O" else node.id.get_type().get_size()
    if not node.chunks:
        offset, size = node.id.get_offset(), math.prod(node.shape) * width
        if offset is not None and node.id.get_storage_size():
            yield _part(raw, offset, size, place)
        return
    if BLOSC in filters and node.dtype.kind == "O":
        raise HoldsError(f"{place} of rows of unequal length packed by Blosc")
    size = math.prod(node.chunks) * width
    for chunk in _chunks(node):
        part = _part(raw, chunk.byte_offset, chunk.size, place)
        used = [f for k, f in enumerate(filters) if not chunk.filter_mask >> k & 1]
        if used == [BLOSC]:
            check_blosc(part, size, place)
            continue
        yield _unpacked(part, used, size, width, place)


def _chunks(node):
    """All stored chunks, where each lies and how large it is."""
    found: list[Any] = []
    node.id.chunk_iter(found.append)
    return found


def _part(raw, offset, size, place):
    if offset is None or offset + size > len(raw):
        raise DamageError(f"{place} has data at byte {offset}, beyond the file")
    return memoryview(raw)[offset : offset + size]


def _unpacked(part, filters, size, width, place):
    """Undoes the filters, the last one first."""
    sums = filters.count(_SUM)
    for each in reversed(filters):
        if each == _SUM:
            part, sums = part[: len(part) - _SUM_BYTES], sums - 1
        elif each == _DEFLATE:
            part = _inflated(part, size + sums * _SUM_BYTES, place)
        else:
            whole = len(part) // width * width
            rows = np.frombuffer(part, np.uint8, whole).reshape(width, -1).T
            part = memoryview(rows.tobytes() + bytes(part[whole:]))
    if len(part) != size:
        raise DamageError(f"{place} has a piece of {len(part)} bytes, not {size}")
    return part


def _inflated(part, most, place):
    machine = zlib.decompressobj()
    found = machine.decompress(part, most + 1)
    if len(found) > most or not machine.eof:
        raise DamageError(f"{place} has a piece that does not unpack to {most} bytes")
    return memoryview(found)
