"""Files are checked before they are believed: sizes first, then contents.

A damaged or hostile file ends in a ``DataError`` that names the file and the place, and
takes no more memory than its own size allows.
"""

import gzip
import io
import math
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

_SLACK, _RATIO = 2**26, 200  # bytes that any file may unpack to, and times its size


class DataError(ValueError):
    """A data file that is damaged, or not what its format says."""


@contextmanager
def reading(path: str | Path, what: str) -> Iterator[Path]:
    """Turns whatever goes wrong with a file into an error that names it.

    Args:
        path: of the file.
        what: it should be, for the message: "an SHD file".

    Raises:
        FileNotFoundError: if there is no such file.
        DataError: for any failure inside.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"No file {path}.")
    try:
        yield path
    except DataError:
        raise
    except ImportError:
        raise
    except Exception as error:  # damage has no end of names
        raise DataError(
            f"{path} cannot be read as {what}: {type(error).__name__}: {error}. "
            "It is damaged or cut short; get it again and compare its checksum."
        ) from error


def budget(path: Path, limit: int | None = None) -> int:
    """Bytes a file may unpack to: the limit, or else 64 MiB and 200 times its size."""
    return _SLACK + _RATIO * path.stat().st_size if limit is None else limit


def content(path: Path, limit: int | None = None, *, ending: str = "") -> bytes:
    """The bytes behind a name: of the file, or of what a ``.gz`` or ``.zip`` packs.

    Args:
        path: of the file.
        limit: most bytes to unpack; 64 MiB and 200 times the file's size if omitted.
        ending: of the one file to take out of a ``.zip``.

    Raises:
        DataError: if it would unpack to more, or the ``.zip`` holds another number of
            such files.
    """
    limit = budget(path, limit)
    if path.suffix == ".gz":
        with gzip.open(path) as packed:
            return _read(packed, path, limit)
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            inside = [name for name in archive.namelist() if name.endswith(ending)]
            if len(inside) != 1:
                raise DataError(f"{path} must hold one {ending} file, found {inside}.")
            with archive.open(inside[0]) as packed:
                return _read(packed, path, limit)
    with path.open("rb") as plain:
        return _read(plain, path, limit)


def array(raw: bytes, place: str) -> np.ndarray:
    """The array in an ``.npy`` file, never an object and never longer than the file.

    Raises:
        ValueError: naming the place.
    """
    stream = io.BytesIO(raw)
    version = np.lib.format.read_magic(stream)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"{place} is of .npy version {version}")
    head = getattr(np.lib.format, f"read_array_header_{version[0]}_0")
    shape, fortran, dtype = head(stream)
    if dtype.hasobject:
        raise ValueError(f"{place} holds objects; only numbers are read")
    left = len(raw) - stream.tell()
    if min(shape, default=0) < 0 or math.prod(shape) * dtype.itemsize != left:
        raise ValueError(f"{place} claims {dtype} {shape} in {left} bytes")
    flat = np.frombuffer(raw, dtype, math.prod(shape), stream.tell())
    return flat.reshape(shape, order="F" if fortran else "C")


def arrays(path: Path, names: set[str], limit: int | None = None) -> dict:
    """Some of the arrays of an ``.npz`` file, each only if it is there.

    Raises:
        ValueError: naming an array that is damaged or larger than the limit.
    """
    limit = budget(path, limit)
    loaded = {}
    with zipfile.ZipFile(path) as archive:
        for entry in archive.infolist():
            name = entry.filename.removesuffix(".npy")
            if name in loaded:
                raise ValueError(f"there are two arrays {name}")
            if name in names:
                with archive.open(entry) as packed:
                    raw = _read(packed, path, limit)
                loaded[name] = array(raw, name)
                limit -= len(raw)
    return loaded


def _read(packed, path, limit):
    buffer = io.BytesIO()
    while piece := packed.read(2**20):
        buffer.write(piece)
        if buffer.tell() > limit:
            raise DataError(
                f"{path} has more than {limit} bytes; pass limit=… if that is right."
            )
    return buffer.getvalue()
