"""Files are checked before they are believed: what they are, sizes, then contents.

Whatever is wrong ends in a ``DataError`` that names file and place. It says "damaged"
only where a checksum or the structure does, and "sound" of a file that holds something
else. Reading takes no more memory than an allowance, 128 MiB and 200 times
the size of the file, however much is packed in it: what a step is going to take is
taken from the allowance first.
"""

import gzip
import io
import warnings
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from snnjax.files import not_a_file

_SLACK, _RATIO = 2**27, 200  # bytes that reading any file may take, and times its size
_PIECE = 2**20  # bytes read at once
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # which unpack piece by piece
_SHOWN = 6  # names in a message


T = TypeVar("T")


class DataError(ValueError):
    """A data file that is damaged, or not what its format says.

    Attributes:
        sound: whether it is sound, but of a layout that is not read here.

    Example:
        >>> from pathlib import Path
        >>> size = Path("spikes.h5").write_bytes(b"no HDF5")
        >>> try:
        ...     snn.datasets.read_shd("spikes.h5")
        ... except snn.datasets.DataError as error:
        ...     print(str(error).partition(":")[0])
        ...
        spikes.h5 cannot be read as an SHD file
    """

    def __init__(self, text: str, *, sound: bool = False):
        super().__init__(text)
        self.sound = sound


class DamageError(ValueError):
    """Raised within ``reading`` where a structure contradicts itself."""


class HoldsError(ValueError):
    """Raised within ``reading`` for a sound file; says what it holds instead."""


class Reading:
    """A file that is being read, and the memory that this may still take."""

    def __init__(self, path: Path, limit: int | None):
        self.path = path
        self.limit = self.left = allowance(path) if limit is None else limit

    def take(self, size: int, what: str) -> None:
        """Takes bytes of memory from the allowance, before they are used.

        Raises:
            DataError: if there are not so many left.
        """
        self.left -= size
        if self.left < 0:
            raise DataError(
                f"{self.path}: to read {what} would take more than {self.limit} "
                "bytes; pass limit=… if that is right."
            )


def allowance(path: Path) -> int:
    """Bytes of memory that reading a file may take: 128 MiB and 200 times its size."""
    return _SLACK + _RATIO * path.stat().st_size


@contextmanager
def reading(path: str | Path, what: str, limit: int | None = None) -> Iterator[Reading]:
    """Turns whatever goes wrong with a file into an error that names it.

    Args:
        path: of the file.
        what: it should be, for the message: "an SHD file".
        limit: most bytes of memory that reading it may take; 128 MiB and 200 times the
            file's size if omitted.

    Raises:
        FileNotFoundError: if there is no such file.
        PermissionError: if it may not be read.
        DataError: for any other failure inside, and at once for a pipe, a device or a
            folder; it tells whether a file is sound, and holds something else.
    """
    path = Path(path)
    if kind := not_a_file(path):
        raise DataError(f"{path} cannot be read as {what}: it is {kind}, not a file.")
    try:
        yield Reading(path, limit)
    except HoldsError as error:
        raise DataError(
            f"{path} is sound, but not a layout that is read here as {what}: it holds "
            f"{error}.",
            sound=True,
        ) from error
    except (DataError, ImportError, PermissionError):
        raise
    except Exception as error:  # damage has no end of names
        raise DataError(f"{path} cannot be read as {what}: {_told(error)}") from error


@contextmanager
def unpacked(file: Reading, *, ending: str = "") -> Iterator[tuple[Any, bool]]:
    """Opens a file, or what a ``.gz`` or ``.zip`` packs; and whether it was packed.

    Args:
        file: from ``reading``.
        ending: of the one file to take out of a ``.zip``.

    Raises:
        HoldsError: if the ``.zip`` holds another number of such files.
    """
    if file.path.suffix == ".gz":
        with gzip.open(file.path) as packed:
            yield packed, True
    elif file.path.suffix == ".zip":
        with zipfile.ZipFile(file.path) as archive:
            inside = [e for e in archive.infolist() if e.filename.endswith(ending)]
            if len(inside) != 1:
                found = listed(entry.filename for entry in archive.infolist())
                raise HoldsError(f"{found}, not one {ending} file")
            check_method(inside[0])
            with archive.open(inside[0]) as packed:
                yield packed, True
    else:
        with file.path.open("rb", buffering=0) as plain:
            yield plain, False


def content(file: Reading, *, ending: str = "") -> bytes:
    """The bytes behind a name: of the file, or of what a ``.gz`` or ``.zip`` packs.

    Args:
        file: from ``reading``.
        ending: of the one file to take out of a ``.zip``.

    Raises:
        DataError: if it would unpack to more than is allowed.
        HoldsError: if the ``.zip`` holds another number of such files.
    """
    with unpacked(file, ending=ending) as (opened, _):
        return _read(opened, file)


def is_zip(file: Reading) -> bool:
    """Whether a file begins as a ``.zip`` does, as ``.npz`` are."""
    with file.path.open("rb") as opened:
        return opened.read(2) == b"PK"


def entry_of(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, file: Reading) -> bytes:
    """What an entry of a ``.zip`` packs, read to its end and compared with its sum.

    Raises:
        DataError: if it would unpack to more than is allowed.
        HoldsError: if it is packed by a method that cannot be unpacked piece by piece.
    """
    check_method(entry)
    with archive.open(entry) as packed:
        return _read(packed, file)


def check_method(entry: zipfile.ZipInfo) -> None:
    """Refuses an entry that is encrypted, or packed otherwise than usual.

    Raises:
        HoldsError: saying how.
    """
    if entry.flag_bits & 1 or entry.compress_type not in _METHODS:
        how = f"packed by method {entry.compress_type}" if entry.compress_type else ""
        how = "encrypted" if entry.flag_bits & 1 else how
        raise HoldsError(f"{entry.filename[:40]!r}, {how}; deflated ones are read")


def listed(names: Iterable[Any]) -> str:
    """Some names for a message, however many there are and whatever is in them."""
    some = list(islice(names, _SHOWN + 1))
    shown = [repr(str(name)[:40])[1:-1] for name in some[:_SHOWN]]
    return ", ".join([*shown, "…"] if len(some) > _SHOWN else shown) or "nothing"


def read_all(
    read: Callable[[Path], T], paths: Sequence[Path], *, skip_bad: bool
) -> dict[int, T]:
    """Reads many files: what came of each, by its number.

    Args:
        read: a reader of one file.
        paths: of the files.
        skip_bad: whether to leave out files that cannot be read.

    Raises:
        DataError: naming the first that cannot be read, unless they are left out.

    Warns:
        UserWarning: how many were left out, and which.
    """
    found, bad = {}, []
    for k, path in enumerate(paths):
        try:
            found[k] = read(path)
        except DataError as error:
            if not skip_bad:
                told = f"{error} skip_bad=True leaves out what cannot be read."
                raise DataError(told, sound=error.sound) from error
            bad.append(str(error))
    if bad:
        told = "\n".join([*bad[:_SHOWN], *(["…"] if len(bad) > _SHOWN else [])])
        warnings.warn(
            f"{len(bad)} of {len(paths)} files are left out:\n{told}", stacklevel=3
        )
    return found


def _read(packed, file):
    buffer = io.BytesIO()
    while piece := packed.read(_PIECE):
        file.take(len(piece), "it")
        buffer.write(piece)
    return buffer.getvalue()


def _told(error):
    """What went wrong, and whether that means damage."""
    text = f"{type(error).__name__}: {str(error)[:500]}."
    if isinstance(error, MemoryError):
        return f"{text} There is too little memory for it."
    if isinstance(error, ValueError) and not isinstance(
        error, DamageError | zipfile.BadZipFile | UnicodeError
    ):
        return (
            f"{text} That is not what its format says; if it was published, get it "
            "again and compare its checksum."
        )
    return f"{text} It is damaged or cut short; get it again and compare its checksum."
