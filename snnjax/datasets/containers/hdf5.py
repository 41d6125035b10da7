"""HDF5 files, opened only after what would harm the library was looked at.

Some single flipped bits make the HDF5 library wait for ever, fill the memory or die. So
a file is looked at as a whole, its heaps are walked, and an array is fetched only once
the sizes that it declares are allowed: of all of it, of a piece behind its filters, and
of each row. It is fuzzed.
"""

import io
import math
import mmap
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from snnjax.datasets.containers.chunks import pieces
from snnjax.datasets.guard.checked import (
    DamageError,
    HoldsError,
    Reading,
    content,
    listed,
)
from snnjax.datasets.guard.signatures import check_signature
from snnjax.events.packing import ROW_BYTES

ROW = np.dtype([("length", "<u4"), ("address", "<u8"), ("index", "<u4")])
_CHUNK_BYTES = 4096  # that the library takes for each piece of what it fetches
_COPIES = 2  # of a piece, while a plug-in unpacks it
_NAMES = b"HEAP\0\0\0\0"  # signature and version of a heap of names
_TEXT_BYTES = 120  # of memory for each text, beside its letters


@contextmanager
def opened(file: Reading) -> Iterator[tuple[Any, bytes]]:
    """An HDF5 file, and its bytes.

    Raises:
        ImportError: without h5py.
        ValueError: for a heap in which the library would walk for ever.
        HoldsError: if it is of another kind.
    """
    h5py = library()
    raw = content(file, ending=".h5")
    check_signature(raw, "HDF5 data")
    _walk_heaps(raw)
    _walk_free_places(raw)
    with h5py.File(io.BytesIO(raw), "r") as tree:
        yield tree, raw


def mapped(file: Reading) -> tuple[Any, mmap.mmap]:
    """The HDF5 file of a name and its bytes, which stay on the disk until looked at.

    Raises:
        ImportError: without h5py.
        ValueError: as ``opened``, or for a file without a byte.
    """
    h5py = library()
    with file.path.open("rb") as plain:
        raw = mmap.mmap(plain.fileno(), 0, access=mmap.ACCESS_READ)
    check_signature(raw[:32], "HDF5 data")
    _walk_heaps(raw)
    _walk_free_places(raw)
    return h5py.File(file.path, "r"), raw


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


def dataset(tree: Any, place: str) -> Any:
    """A dataset whose bytes lie in this very file, or ``None`` if there is none.

    Raises:
        HoldsError: for a link, or data that lie elsewhere.
    """
    node = _follow(tree, place)
    if node is None:
        return None
    if not isinstance(node, library().Dataset):
        raise HoldsError(f"{place} as a group, not an array")
    if node.is_virtual or node.id.get_create_plist().get_external_count():
        raise HoldsError(f"{place} with data in another file")
    return node


def group(tree: Any, place: str) -> Any:
    """A group of this very file, or ``None`` if there is none, or an array.

    Raises:
        HoldsError: for a link.
    """
    node = _follow(tree, place)
    return node if isinstance(node, library().Group) else None


def _follow(tree, place):
    """What lies at a place; ``None`` if there is nothing."""
    h5py = library()
    node = tree
    for part in place.split("/"):
        link = node.get(part, getlink=True) if isinstance(node, h5py.Group) else None
        if link is None:
            return None
        if not isinstance(link, h5py.HardLink):
            raise HoldsError(f"{place} as a link to somewhere else")
        node = node[part]
    return node


def names(tree: Any) -> str:
    """What lies at the top of a file, for a message."""
    return f"groups or arrays {listed(tree)}"


def fetch(node: Any, place: str, raw: Any, file: Reading) -> np.ndarray:
    """What a dataset holds, once the size that it declares is allowed.

    Raises:
        ValueError: as ``take_size``.
    """
    take_size(node, place, raw, file)
    return np.asarray(node[()])


def take_size(node: Any, place: str, raw: Any, file: Reading) -> None:
    """Takes the memory of a dataset from the allowance, before it is fetched.

    Raises:
        ValueError: for an unknown filter, or a piece that unpacks to more than it says.
        DataError: if it would take more than is allowed.
    """
    sizes = [math.prod(map(int, each)) for each in (node.shape, node.chunks or ())]
    if node.chunks:
        counts = (
            -(-int(n) // int(k)) for n, k in zip(node.shape, node.chunks, strict=True)
        )
        file.take(_CHUNK_BYTES * math.prod(counts), place)
    file.take(2 * (sizes[0] + _COPIES * sizes[1]) * node.dtype.itemsize, place)
    for piece in pieces(node, place, raw):
        del piece  # unpacked only to see that it can be


def numbers(
    tree: Any, place: str, raw: Any, file: Reading, kinds: str = "iuf", ndim: int = 1
) -> np.ndarray | None:
    """An array of numbers, or ``None`` if there is none.

    Args:
        tree: from ``opened``.
        place: of the array.
        raw: the bytes of the file.
        file: whose allowance it is taken from.
        kinds: which of numpy's kinds of types will do; ``"S"`` is text of fixed width.
        ndim: how many axes it must have.

    Raises:
        ValueError: naming the place, for another type or shape.
    """
    node = dataset(tree, place)
    if node is None:
        return None
    if node.shape is None or len(node.shape) != ndim or node.dtype.kind not in kinds:
        raise HoldsError(f"{place} of type {node.dtype}, shape {node.shape}")
    return fetch(node, place, raw, file)


def texts(tree: Any, place: str, raw: Any, file: Reading) -> tuple[str, ...]:
    """A list of words, of fixed width or not; none if there is no such list.

    Raises:
        ValueError: naming the place, for another type or shape.
    """
    node = dataset(tree, place)
    if node is None:
        return ()
    if node.shape is None or len(node.shape) != 1 or node.dtype.kind not in "SO":
        raise HoldsError(f"{place} of type {node.dtype}, shape {node.shape}")
    if node.dtype.kind == "O":
        take_rows(place, node, ("ascii", "utf-8"), raw, file)
    file.take(node.shape[0] * (_TEXT_BYTES + 4 * node.dtype.itemsize), place)
    return tuple(each.decode() for each in fetch(node, place, raw, file))


def text(tree: Any, place: str, raw: Any, file: Reading) -> str | None:
    """One text, or ``None`` if there is none.

    Raises:
        ValueError: naming the place, for another type or shape.
    """
    node = dataset(tree, place)
    if node is None:
        return None
    if node.shape not in ((), (1,)) or node.dtype.kind not in "SO":
        raise HoldsError(f"{place} of type {node.dtype}, shape {node.shape}")
    if node.dtype.kind == "O":
        take_rows(place, node, ("ascii", "utf-8"), raw, file)
    value = fetch(node, place, raw, file).reshape(-1)[0]
    return value.decode() if isinstance(value, bytes) else str(value)


def take_rows(
    name: str, column: Any, kinds: tuple[str, ...], raw: Any, file: Reading
) -> int:
    """Takes rows of unequal length from the allowance; tells how long they are in all.

    Raises:
        ValueError: for rows of an odd type, or rows that claim more than there is.
        DataError: if they would take more than is allowed.
    """
    h5py, stored = library(), column.id.get_type().encode()
    for kind in kinds:
        text = kind in ("ascii", "utf-8")
        wanted = h5py.string_dtype(kind) if text else h5py.vlen_dtype(np.dtype(kind))
        if stored == h5py.h5t.py_create(wanted, logical=True).encode():
            break
    else:
        raise HoldsError(f"{name} of type {column.dtype}, not rows of numbers")
    if column.id.get_create_plist().get_layout() == h5py.h5d.COMPACT:
        raise HoldsError(f"{name} in the head of the file")
    if column.file.id.get_create_plist().get_sizes()[0] != ROW["address"].itemsize:
        raise HoldsError(f"{name} at short addresses")
    file.take(ROW_BYTES * math.prod(column.shape), name)
    size = 1 if text else np.dtype(kind).itemsize
    count = sum(_lengths(piece) for piece in pieces(column, name, raw))
    if size * count > len(raw):
        raise DamageError(f"{name} claims {size * count} bytes of {len(raw)}")
    file.take(4 * size * count, name)
    return count


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
            raise DamageError(f"the heap at byte {heap} is damaged")
        heap = raw.find(b"GCOL\x01", end)


def _walk_free_places(raw):
    """Refuses heaps of names whose free places lead back to one another.

    A heap is a head (signature, version, size, first free place, where its names are);
    a free place holds the next one, 1 for none, and its own size, at least 16.
    """
    at = raw.find(_NAMES)
    while at >= 0 and at + 32 <= len(raw):
        size, place, data = struct.unpack_from("<QQQ", raw, at + 8)
        left = min(size, len(raw))
        while place != 1 and place + 16 <= size and data + place + 16 <= len(raw):
            if left < 0:
                raise DamageError(f"the heap at byte {at} is damaged")
            place, wide = struct.unpack_from("<QQ", raw, data + place)
            left -= max(wide, 16)
        at = raw.find(_NAMES, at + 4)


def _lengths(piece):
    """How long the rows of a piece say that they are, together."""
    rows = np.frombuffer(piece, ROW, len(piece) // ROW.itemsize)
    return int(rows["length"].sum(dtype=np.int64))
