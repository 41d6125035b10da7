"""HDF5 files, opened only after what would harm the library was looked at.

Some single flipped bits make the HDF5 library wait for ever, fill the memory or die. So
a file is looked at as a whole, its heaps are walked, and an array is fetched only once
the size that it declares is believable.
"""

import io
import math
import mmap
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

_SLACK, _RATIO = 2**26, 200  # bytes that an array may have, and times those of its file
_FILTERS = (1, 2, 3)  # deflate, shuffle, checksum: those that need no plug-in


@contextmanager
def opened(raw: bytes) -> Iterator[Any]:
    """The HDF5 file of these bytes.

    Raises:
        ImportError: without h5py.
        ValueError: for a heap of rows in which the library would walk for ever.
    """
    h5py = library()
    _walk_heaps(raw)
    with h5py.File(io.BytesIO(raw), "r") as file:
        yield file


def mapped(path: Path) -> tuple[Any, mmap.mmap]:
    """The HDF5 file of a name and its bytes, which stay on the disk until looked at.

    Raises:
        ImportError: without h5py.
        ValueError: as ``opened``, or for a file without a byte.
    """
    h5py = library()
    with path.open("rb") as file:
        raw = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    _walk_heaps(raw)
    return h5py.File(path, "r"), raw


def library() -> Any:
    """The package h5py.

    Raises:
        ImportError: saying what to install.
    """
    try:
        import h5py
    except ImportError as error:
        raise ImportError(
            'Reading HDF5 needs h5py: pip install "snnjax[data]".'
        ) from error
    return h5py


def dataset(file: Any, place: str) -> Any:
    """A dataset whose bytes lie in this very file, or ``None`` if there is none.

    Raises:
        ValueError: for a link, or data that lie elsewhere.
    """
    h5py = library()
    node = file
    for part in place.split("/"):
        link = node.get(part, getlink=True)
        if link is None:
            return None
        if not isinstance(link, h5py.HardLink):
            raise ValueError(f"{place} is a link to somewhere else")
        node = node[part]
    if not isinstance(node, h5py.Dataset):
        raise ValueError(f"{place} is not an array")
    if node.is_virtual or node.id.get_create_plist().get_external_count():
        raise ValueError(f"{place} keeps its data in another file")
    return node


def fetch(node: Any, place: str, raw: bytes) -> np.ndarray:
    """What a dataset holds, once the size that it declares is believable.

    Raises:
        ValueError: as ``check_size``.
    """
    check_size(node, place, raw)
    return np.asarray(node[()])


def check_size(node: Any, place: str, raw: bytes) -> None:
    """Refuses an unknown filter and a size beyond belief.

    Raises:
        ValueError: naming the place.
    """
    plist = node.id.get_create_plist()
    used = [plist.get_filter(k)[0] for k in range(plist.get_nfilters())]
    if not set(used) <= set(_FILTERS):
        raise ValueError(f"{place} is packed by filters {used}, not all of them known")
    most = _SLACK + _RATIO * len(raw)
    for shape in (node.shape, node.chunks or ()):
        size = math.prod(map(int, shape)) * node.dtype.itemsize
        if size > most:
            raise ValueError(f"{place} claims {size} bytes of a file of {len(raw)}")


def numbers(
    file: Any, place: str, raw: bytes, kinds: str = "iuf", ndim: int = 1
) -> np.ndarray | None:
    """An array of numbers, or ``None`` if there is none.

    Args:
        file: from ``opened``.
        place: of the array.
        raw: the bytes of the file.
        kinds: which of numpy's kinds of types will do; ``"S"`` is text of fixed width.
        ndim: how many axes it must have.

    Raises:
        ValueError: naming the place, for another type or shape.
    """
    node = dataset(file, place)
    if node is None:
        return None
    if node.shape is None or len(node.shape) != ndim or node.dtype.kind not in kinds:
        raise ValueError(f"{place} is of type {node.dtype}, shape {node.shape}")
    return fetch(node, place, raw)


def texts(file: Any, place: str, raw: bytes) -> tuple[str, ...]:
    """A list of words, of fixed width or not; none if there is no such list.

    Raises:
        ValueError: naming the place, for another type or shape.
    """
    node = dataset(file, place)
    if node is None:
        return ()
    if node.shape is None or len(node.shape) != 1 or node.dtype.kind not in "SO":
        raise ValueError(f"{place} is of type {node.dtype}, shape {node.shape}")
    if node.dtype.kind == "O":
        check_rows(place, node, ("ascii", "utf-8"), raw)
    return tuple(each.decode() for each in fetch(node, place, raw))


def check_rows(name: str, column: Any, kinds: tuple[str, ...], raw: bytes) -> None:
    """Refuses rows of an odd type, and rows that claim more bytes than there are."""
    if column.shape[0] > len(raw):
        raise ValueError(f"{name} has shape {column.shape} in {len(raw)} bytes")
    h5py, stored = library(), column.id.get_type().encode()
    for kind in kinds:
        text = kind in ("ascii", "utf-8")
        wanted = h5py.string_dtype(kind) if text else h5py.vlen_dtype(np.dtype(kind))
        if stored == h5py.h5t.py_create(wanted, logical=True).encode():
            break
    else:
        raise ValueError(f"{name} is not made of rows of numbers: {column.dtype}")
    size = 1 if text else np.dtype(kind).itemsize
    claimed = size * _lengths(column, raw).sum()
    if claimed > len(raw):
        raise ValueError(f"{name} claims {claimed} bytes of {len(raw)}")


def _walk_heaps(raw):
    """Refuses heaps of rows in which the HDF5 library would walk for ever.

    A heap is a head (signature, version, size) and objects (index, length, bytes padded
    to 8); an object of index 0 is the free space that ends it.
    """
    heap = raw.find(b"GCOL\x01")
    while heap >= 0:
        at, end = heap + 16, heap + struct.unpack_from("<Q", raw, heap + 8)[0]
        while at + 16 <= end <= len(raw):
            index, length = struct.unpack_from("<H6xQ", raw, at)
            if index == 0 and length != end - at:
                break
            at += 16 + (length + 7) // 8 * 8 if index else length
        if not at <= end < at + 16:
            raise ValueError(f"the heap at byte {heap} is damaged")
        heap = raw.find(b"GCOL\x01", end)


def _lengths(column, raw):
    """How long each row says it is; unknown, so empty, where a filter hides it."""
    plist, n = column.id.get_create_plist(), len(column)
    pieces = [(column.id.get_offset(), n)]
    if column.chunks:
        chunks = map(column.id.get_chunk_info, range(column.id.get_num_chunks()))
        pieces = [(chunk.byte_offset, column.chunks[0]) for chunk in chunks]
    if plist.get_nfilters() or not column.id.get_storage_size():
        pieces = []
    row = np.dtype([("length", "<u4"), ("address", "<u8"), ("index", "<u4")])
    rows = [np.frombuffer(raw, row, n, offset) for offset, n in pieces]
    return np.concatenate([np.zeros(0, int), *(piece["length"] for piece in rows)])
