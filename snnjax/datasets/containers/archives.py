"""Archives, unpacked whole or not at all, and never outside their folder."""

import contextlib
import gzip
import io
import math
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Any

from snnjax.datasets.guard.checked import (
    DamageError,
    DataError,
    HoldsError,
    Reading,
    check_method,
    reading,
)
from snnjax.datasets.guard.signatures import check_signature
from snnjax.files import atomic, remove_leftovers

_PIECE = 2**20  # bytes written at once
_HEAD = 2**20  # bytes that may describe one entry of a tar
_SLACK, _RATIO = 2**26, 200  # bytes that may be written, and times the archive's size
_ENTRY_BYTES = 2000  # of memory, and of the disk, for each entry
_DEEPEST = 32  # folders in folders
_JUNK = "__MACOSX"


def unpack(
    archive: str | Path,
    folder: str | Path,
    *,
    limit: int | None = None,
    accept: Callable[[Path], None] | None = None,
) -> Path:
    """Unpacks the files of a ``.zip``, ``.tar.gz`` or ``.tar`` into a new folder.

    A single folder that holds everything is left out: what it holds is unpacked. Links
    and devices are left out as well. It takes no more than 128 MiB of memory and 200
    times the size of the archive.

    Args:
        archive: path of the archive.
        folder: that shall hold its files; it must not exist yet.
        limit: most bytes to write; 64 MiB and 200 times its size if omitted.
        accept: looks at what was unpacked before it gets its name, and may raise.

    Returns:
        The folder.

    Raises:
        FileExistsError: if the folder is there already.
        DataError: naming the archive and the entry that is wrong with it.
    """
    folder = Path(folder)
    if folder.exists():
        raise FileExistsError(
            f"{folder} is there already; delete it to unpack it again."
        )
    remove_leftovers(folder)
    with atomic(folder) as new:
        with reading(archive, "an archive") as file:
            most = _SLACK + _RATIO * file.path.stat().st_size
            _extract(file, new, most if limit is None else limit)
        _lift(new)
        if accept is not None:
            accept(new)
    return folder


def _extract(file, folder, left):
    """Writes every file of an archive; ``left`` are the bytes they may have."""
    count = 0
    for name, stream in _entries(file):
        count += 1
        file.take(_ENTRY_BYTES, "the names of so many entries")
        target = folder / _inside(file.path, name)
        if target.exists():
            raise DamageError(f"two entries are called {name[:99]!r}")
        target.parent.mkdir(parents=True, exist_ok=True)
        with stream, target.open("xb") as written:
            while piece := stream.read(_PIECE):
                left -= len(piece)
                if left < 0:
                    raise DataError(
                        f"{file.path}: {name[:99]!r} unpacks to more than allowed."
                    )
                written.write(piece)
    if not count:
        raise HoldsError("no files")


def _lift(folder):
    """Leaves out a single folder that holds everything."""
    inside = list(folder.iterdir())
    if len(inside) == 1 and inside[0].is_dir():
        outer = folder.rename(folder.with_name(f"{folder.name}.outer"))
        (outer / inside[0].name).rename(folder)
        outer.rmdir()


def _entries(file: Reading) -> Iterator[tuple[str, IO[bytes]]]:
    """Names of the files, and their bytes."""
    path = file.path
    with path.open("rb") as plain:
        begin = plain.read(32)
    if path.suffix == ".zip":
        check_signature(begin, "a zip archive")
        with zipfile.ZipFile(path) as archive:
            for entry in archive.infolist():
                if not entry.is_dir() and not entry.filename.startswith(_JUNK):
                    check_method(entry)
                    yield entry.filename, archive.open(entry)
    elif path.suffix == ".tar":
        with path.open("rb") as whole:
            yield from _members(whole, file)
    else:
        check_signature(begin, "gzip data")
        with gzip.open(path) as whole:
            yield from _members(whole, file)


def _members(whole, file):
    """Names of the files of a tar, and their bytes."""
    heads: Any = _Heads(whole)
    with contextlib.closing[Any](tarfile.open(fileobj=heads, mode="r:")) as archive:
        while (member := archive.next()) is not None:
            archive.members.clear()  # each is asked for once
            file.take(_ENTRY_BYTES, "the names of so many entries")
            stream = archive.extractfile(member) if member.isreg() else None
            if stream is not None:
                heads.left = math.inf
                yield member.name, stream
            heads.left = _HEAD


class _Heads(io.RawIOBase):
    """The bytes of a tar, of which so many may describe one entry and no more."""

    def __init__(self, whole):
        super().__init__()
        self.whole, self.left = whole, float(_HEAD)

    def read(self, size=-1):
        self.left -= max(size, 1)
        if self.left < 0:
            raise DamageError(f"an entry is described by more than {_HEAD} bytes")
        return self.whole.read(size)

    def seek(self, to, whence=0):
        return self.whole.seek(to, whence)

    def tell(self):
        return self.whole.tell()


def _inside(path, name):
    """The place of an entry below its folder, or a refusal if it would leave it."""
    place = PurePosixPath(name)
    if place.is_absolute() or ".." in place.parts or "\\" in name or ":" in name:
        raise DataError(f"{path}: {name[:99]!r} would be unpacked elsewhere.")
    if len(place.parts) > _DEEPEST:
        raise DataError(
            f"{path}: {name[:99]!r} lies more than {_DEEPEST} folders deep."
        )
    return place
