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

from snnjax.datasets.containers.hdf5 import ROW, library, mapped, opened
from snnjax.datasets.guard.checked import DamageError, HoldsError, Reading

_MOST_BYTES = 2**16  # of an attribute
_NEAR, _AT_ONCE = 96, 1000  # bytes behind the name of an attribute, and of how many
_MESSAGES = ((1, 8, 8), (2, 8, 1), (3, 9, 1))  # version, bytes before its name, filling
_VLEN = 9  # class of a type
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
            for place in places.tolist():
                if (length := _claimed(raw, place, len(name) + 1)) > _MOST_BYTES:
                    raise DamageError(f"an attribute {name} claims {length} bytes")


def _claimed(raw: Any, behind: int, letters: int) -> int:
    """How long a text of any length is, as the message of an attribute says; else 0.

    A message is its version, flags, bytes of name, type and shape (2 each), from
    version 3 on a byte of the alphabet, then the three and the value; in version 1
    each is filled up to a multiple of 8.

    Args:
        raw: of the file.
        behind: where the bytes behind the name begin.
        letters: of the name, with the zero behind it.
    """
    begin = behind - letters
    for version, back, fill in _MESSAGES:
        head = raw[max(begin - back, 0) : begin]
        if len(head) < back or head[0] != version:
            continue
        name, kind, shape = np.frombuffer(head, "<u2", 3, 2).tolist()
        at = begin + name + -name % fill
        value = at + kind + -kind % fill + shape + -shape % fill
        of_any_length = raw[at : at + 1] and raw[at] & 15 == _VLEN
        if name == letters and of_any_length and len(raw) >= value + 4:
            return int.from_bytes(raw[value : value + 4], "little")
    return 0


def _behind(raw: Any, word: bytes) -> Iterator[np.ndarray]:
    """Where the bytes behind a word begin, some at a time."""
    found, at = [], raw.find(word)
    while at >= 0:
        found.append(at + len(word))
        at = raw.find(word, at + 1)
        if at < 0 or len(found) == _AT_ONCE:
            yield np.array(found)
            found = []
