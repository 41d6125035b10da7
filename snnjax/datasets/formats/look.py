"""What a file shows before a reader is chosen: its begin, and names inside."""

import contextlib
import gzip
import io
import math
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from snnjax.datasets.containers.hdf5_attributes import at_hand
from snnjax.datasets.containers.matlab import read_matlab
from snnjax.datasets.containers.npz import npy_head, npz_names
from snnjax.datasets.guard.checked import Reading, content, reading
from snnjax.datasets.guard.signatures import kind_by_signature

BEGIN = 2**16  # bytes that are looked at
_ASKED = ("format",)  # attributes by which HDF5 is told


class Look:
    """A file that is looked at; what costs more than its begin is done when asked."""

    def __init__(self, file: Reading, stack: ExitStack):
        self.path = file.path
        self.begin = _begin(file.path)
        self.kind = kind_by_signature(self.begin)  # "" and "plain text" have no sign
        self.file, self._stack = file, stack

    @property
    def size(self) -> int:
        """Of the file [bytes]."""
        return self.path.stat().st_size

    @cached_property
    def names(self) -> frozenset[str]:
        """Of the arrays of a zip archive; none of another kind."""
        zipped = self.kind == "a zip archive"
        return frozenset(npz_names(self.file) if zipped else ())

    @cached_property
    def matlab(self) -> dict[str, np.ndarray]:
        """The arrays of a MATLAB file, by name."""
        return read_matlab(content(self.file), self.file)

    @cached_property
    def array(self) -> np.ndarray | None:
        """Of an ``.npy``, as it lies on the disk; ``None`` for objects."""
        if self.kind != "a numpy array" or self.begin != _plain(self.path):
            return None
        head = io.BytesIO(self.begin)  # what it claims to be longer is not there
        with contextlib.suppress(ValueError):
            shape, fortran, dtype = npy_head(head, "the array")
            size = math.prod(shape) * dtype.itemsize
            if not dtype.hasobject and 0 < size == self.size - head.tell():
                order: Any = "F" if fortran else "C"
                return np.memmap(self.path, dtype, "r", head.tell(), shape, order)
        return None

    @cached_property
    def tree(self) -> Any:
        """Of HDF5 data, as h5py opens them; empty for another kind."""
        if self.kind != "HDF5 data":
            return {}
        return self._stack.enter_context(at_hand(self.file, *_ASKED))[0]


@contextmanager
def looked_at(path: str | Path, what: str = "a recording") -> Iterator[Look]:
    """A file to look at, closed in the end.

    Raises:
        FileNotFoundError: if there is no such file.
        DataError: naming the file, if it is none, or damaged where it was looked at.
    """
    with reading(path, what) as file, ExitStack() as stack:
        yield Look(file, stack)


def _plain(path):
    with path.open("rb") as opened:
        return opened.read(BEGIN)


def _begin(path):
    """The first bytes, of what is packed if something is packed alone."""
    begin = _plain(path)
    if begin.startswith(b"\x1f\x8b"):
        with gzip.open(path) as packed:
            return packed.read(BEGIN)
    if begin.startswith(b"PK\x03\x04"):
        with zipfile.ZipFile(path) as archive:
            inside = [each for each in archive.infolist() if not each.is_dir()]
            h5 = [each for each in inside if each.filename.endswith(".h5")]
            if len(h5) == 1:
                with archive.open(h5[0]) as packed:
                    return packed.read(BEGIN)
    return begin
