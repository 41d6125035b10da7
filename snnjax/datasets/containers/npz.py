"""Arrays as numpy stores them, alone (``.npy``) or as a ``.zip`` of them (``.npz``).

Numpy reads them, once the head of each array was looked at by own means: what it says
of its size is taken from an allowance first, and no pickle is in it. It is fuzzed.
"""

import io
import math
import zipfile

import numpy as np

from snnjax.datasets.guard.checked import (
    DamageError,
    HoldsError,
    Reading,
    check_method,
    content,
    entry_of,
    listed,
)
from snnjax.datasets.guard.signatures import check_signature


def npy(file: Reading) -> np.ndarray:
    """The array of an ``.npy`` file.

    Raises:
        ValueError: if it is damaged, or no array of numbers.
    """
    raw = content(file)
    check_signature(raw, "a numpy array")
    return array(raw, "the array")


def npz(file: Reading, names: set[str], needed: set[str]) -> dict[str, np.ndarray]:
    """Some of the arrays of an ``.npz`` file, each only if it is there.

    Args:
        file: from ``reading``.
        names: of the arrays to read.
        needed: those without which nothing is read.

    Raises:
        ValueError: naming an array that is damaged.
        HoldsError: if one that is needed is missing.
        DataError: if they would take more than is allowed.
    """
    check_zip(file)
    loaded: dict[str, np.ndarray] = {}
    with zipfile.ZipFile(file.path) as archive:
        entries = [
            (e.filename.removesuffix(".npy"), e)
            for e in archive.infolist()
            if not e.is_dir()
        ]
        if needed - {name for name, _ in entries}:
            _check_sums(archive, entries)
            raise HoldsError(f"arrays {listed(name for name, _ in entries)}")
        for name, entry in entries:
            if name in loaded:
                raise ValueError(f"there are two arrays {name}")
            if name in names:
                loaded[name] = array(entry_of(archive, entry, file), name)
    return loaded


def npz_names(file: Reading) -> set[str]:
    """The names of the arrays of an ``.npz`` file.

    Raises:
        ValueError: if it is damaged, or of another kind.
    """
    check_zip(file)
    with zipfile.ZipFile(file.path) as archive:
        return {name.removesuffix(".npy") for name in archive.namelist()}


def check_zip(file: Reading) -> None:
    """Refuses a file that does not begin as a ``.zip`` does.

    Raises:
        ValueError: saying how it begins, or what it is.
    """
    with file.path.open("rb") as opened:
        check_signature(opened.read(32), "a zip archive")


def array(raw: bytes, place: str) -> np.ndarray:
    """The array in the bytes of an ``.npy``, never an object and never longer.

    Raises:
        ValueError: naming the place.
    """
    stream = io.BytesIO(raw)
    shape, fortran, dtype = npy_head(stream, place)
    if dtype.hasobject:
        raise HoldsError(
            f"objects as {place}, which are a pickle and so never read; save one array "
            "of numbers for each, such as times and units"
        )
    left = len(raw) - stream.tell()
    if min(shape, default=0) < 0 or math.prod(shape) * dtype.itemsize != left:
        raise DamageError(f"{place} claims {dtype} {shape} in {left} bytes")
    flat = np.frombuffer(raw, dtype, math.prod(shape), stream.tell())
    return flat.reshape(shape, order="F" if fortran else "C")


def npy_head(stream: io.BytesIO, place: str) -> tuple[tuple[int, ...], bool, np.dtype]:
    """Shape, whether the first axis runs fastest, and type of an ``.npy``.

    Args:
        stream: its first bytes at least; left where the numbers begin.
        place: for the message.

    Raises:
        ValueError: for another version, or a head that is damaged.
    """
    version = np.lib.format.read_magic(stream)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"{place} is of .npy version {version}")
    head = getattr(np.lib.format, f"read_array_header_{version[0]}_0")
    return head(stream)


def _check_sums(archive, entries):
    """Whether what is packed is sound, before it is called so; nothing is kept."""
    for _, entry in entries:
        check_method(entry)
        with archive.open(entry) as packed:
            while packed.read(2**20):
                pass
