"""Texts and numbers that are attached to the nodes of an HDF5 file.

The library believes a text that says how long it is, makes room for it, and dies of
some other types. So these are looked at before it does.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from snnjax.datasets.formats.checked import DamageError, HoldsError, Reading
from snnjax.datasets.formats.hdf5 import ROW, library, mapped, opened

_MOST_BYTES = 2**16  # of an attribute
_NEAR, _AT_ONCE = 96, 1000  # bytes behind the name of an attribute, and of how many
_CLAIM = np.dtype([("length", "<u4"), ("address", "<u8")])


@contextmanager
def at_hand(file: Reading, *attributes: str) -> Iterator[tuple[Any, Any]]:
    """An HDF5 file and its bytes, which stay on the disk unless they are packed.

    Args:
        file: from ``reading``.
        *attributes: names of those that ``attribute`` will be asked for.

    Raises:
        ImportError: without h5py.
        ValueError: as ``opened``, for a file without a byte, or for an attribute that
            claims to be longer than any.
    """
    if file.path.suffix in (".gz", ".zip"):
        with opened(file) as (tree, raw):
            check_attributes(raw, attributes)
            yield tree, raw
        return
    tree, mapping = mapped(file)
    with tree:
        check_attributes(mapping, attributes)
        yield tree, mapping


def attribute(node: Any, name: str) -> Any:
    """One text or number that is attached to a node, or ``None`` if there is none.

    Args:
        node: a group or an array of a tree from ``at_hand``.
        name: one of those that were named there.

    Raises:
        HoldsError: for many of them.
    """
    if name not in node.attrs:
        return None
    found = node.attrs.get_id(name)
    if found.shape is None or math.prod(found.shape) != 1:
        raise HoldsError(f"an attribute {name} of shape {found.shape}")
    kind, wide = found.dtype.kind, found.get_storage_size() > _MOST_BYTES
    plain = kind in "Siuf" or (kind == "O" and _is_text(found.get_type()))
    short = node.file.id.get_create_plist().get_sizes()[0] != ROW["address"].itemsize
    if wide or not plain or (kind == "O" and short):
        raise HoldsError(f"an attribute {name} of {found.dtype}")
    value = np.asarray(node.attrs[name]).reshape(-1)[0]
    return value.decode() if isinstance(value, bytes) else value


def _is_text(kind):
    """Whether a type as it is stored is one of texts of any length."""
    h5py = library()
    texts = (h5py.string_dtype(each) for each in ("ascii", "utf-8"))
    known = [h5py.h5t.py_create(each, logical=True).encode() for each in texts]
    return kind.encode() in known


def check_attributes(raw, names):
    """Refuses texts under these names that claim to be longer than any is.

    Behind the name come its type, its shape, and where it lies: the length, the place
    of a heap, a number in it. The library would make room for what the length says.
    """
    byte = np.frombuffer(raw, np.uint8)
    for name in names:
        for places in _behind(raw, name.encode() + b"\0"):
            near = byte.take(places[:, None] + np.arange(_NEAR), mode="clip")
            windows = sliding_window_view(near, _CLAIM.itemsize, axis=1)
            claims = np.ascontiguousarray(windows).view(_CLAIM)[..., 0]
            odd = (claims["length"] > _MOST_BYTES) & (claims["address"] < len(raw))
            for length, address in claims[odd].tolist():
                if raw[address : address + 4] == b"GCOL":
                    raise DamageError(f"an attribute {name} claims {length} bytes")


def _behind(raw: Any, word: bytes) -> Iterator[np.ndarray]:
    """Where the bytes behind a word begin, some at a time."""
    found, at = [], raw.find(word)
    while at >= 0:
        found.append(at + len(word))
        at = raw.find(word, at + 1)
        if at < 0 or len(found) == _AT_ONCE:
            yield np.array(found)
            found = []
