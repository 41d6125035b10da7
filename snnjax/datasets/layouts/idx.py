"""The idx format of MNIST, packed or not.

Four bytes (0, 0, type, number of axes), the length of each axis as a big-endian 32-bit
number, then the numbers, big-endian (LeCun et al. 1998, doi:10.1109/5.726791).
No library that we have reads them. It is fuzzed.
"""

import math
import struct
from pathlib import Path

import numpy as np

from snnjax.datasets.guard.checked import DamageError, content, reading
from snnjax.datasets.guard.signatures import check_signature

_TYPES = {8: "u1", 9: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def is_idx(begin: bytes) -> bool:
    """Whether bytes begin as the format does: 0, 0, a type, up to 32 axes."""
    known = len(begin) > 3 and begin[:2] == b"\0\0"
    return known and begin[2] in _TYPES and begin[3] < 33


def read_idx(path: str | Path, *, limit: int | None = None) -> np.ndarray:
    """Reads one array of an idx file, plain or ``.gz``.

    Args:
        path: of the file.
        limit: most bytes of memory that reading it may take; 128 MiB and 200 times the
            file's size if omitted.

    Raises:
        FileNotFoundError: if there is no such file.
        DataError: naming the file and what is wrong with it.
    """
    with reading(path, "an idx file", limit) as file:
        raw = content(file)
        check_signature(raw, "")
        zero, kind, axes = struct.unpack_from(">HBB", raw)
        if zero or kind not in _TYPES or axes > 32:
            raise DamageError(
                f"it begins with {raw[:4].hex()}, not 0000, a type and axes"
            )
        shape = struct.unpack_from(f">{axes}I", raw, 4)
        dtype, begin = np.dtype(_TYPES[kind]), 4 + 4 * axes
        if math.prod(shape) * dtype.itemsize != len(raw) - begin:
            raise DamageError(
                f"byte 4 claims {dtype} {list(shape)}, {len(raw) - begin} bytes follow"
            )
        file.take(len(raw), "its numbers")
        flat = np.frombuffer(raw, dtype, offset=begin).reshape(shape)
        return flat.astype(dtype.newbyteorder("="))
