"""Archives, unpacked whole or not at all, and never outside their folder."""

import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from snnjax.datasets.formats.checked import DataError, budget, reading
from snnjax.files import atomic, remove_leftovers

_MOST = 10**6  # entries of an archive
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
    and devices are left out as well.

    Args:
        archive: path of the archive.
        folder: that shall hold its files; it must not exist yet.
        limit: most bytes to unpack; 64 MiB and 200 times its size if omitted.
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
        with reading(archive, "an archive") as path:
            _extract(path, new, budget(path, limit))
        _lift(new)
        if accept is not None:
            accept(new)
    return folder


def _extract(path, folder, left):
    """Writes every file of an archive; ``left`` are the bytes they may have."""
    count = 0
    for name, stream in _entries(path):
        count += 1
        if count > _MOST:
            raise DataError(f"{path} has more than {_MOST} entries.")
        target = folder / _inside(path, name)
        target.parent.mkdir(parents=True, exist_ok=True)
        with stream, target.open("wb") as file:
            while piece := stream.read(2**20):
                left -= len(piece)
                if left < 0:
                    raise DataError(f"{path}: {name} unpacks to more than allowed.")
                file.write(piece)
    if not count:
        raise DataError(f"{path} holds no files.")


def _lift(folder):
    """Leaves out a single folder that holds everything."""
    inside = list(folder.iterdir())
    if len(inside) == 1 and inside[0].is_dir():
        outer = folder.rename(folder.with_name(f"{folder.name}.outer"))
        (outer / inside[0].name).rename(folder)
        outer.rmdir()


def _entries(path) -> Iterator[tuple[str, IO[bytes]]]:
    """Names of the files, and their bytes."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            for entry in archive.infolist():
                if not entry.is_dir() and not entry.filename.startswith(_JUNK):
                    yield entry.filename, archive.open(entry)
        return
    with tarfile.open(path) as archive:
        for member in archive:
            stream = archive.extractfile(member) if member.isreg() else None
            if stream is not None:
                yield member.name, stream


def _inside(path, name):
    """The place of an entry below its folder, or a refusal if it would leave it."""
    place = PurePosixPath(name)
    if place.is_absolute() or ".." in place.parts or "\\" in name or ":" in name:
        raise DataError(f"{path}: {name!r} would be unpacked elsewhere.")
    return place
