"""Where data lie: a path given, the folder of ``SNNJAX_DATA``, or the user's cache."""

import os
from collections.abc import Iterable
from pathlib import Path

from snnjax.files import cache_folder


def folders(path: str | Path | None = None) -> list[Path]:
    """The folders to look into, in order; a path given is the only one."""
    if path is not None:
        return [Path(path)]
    named = os.environ.get("SNNJAX_DATA")
    return [Path(named), cache_folder()] if named else [cache_folder()]


def candidates(
    name: str, path: str | Path | None = None, homes: Iterable[str] = ()
) -> list[Path]:
    """The folders that may hold a data set, in order.

    Args:
        name: of the data set, as the catalogue knows it; also a subfolder.
        path: the only folder to look into, if given; it may hold the files directly.
        homes: other subfolders that may hold them.
    """
    direct = [""] if path is not None else []
    return [
        folder / home for folder in folders(path) for home in (name, *homes, *direct)
    ]


def find(
    name: str,
    what: str,
    files: Iterable[str],
    path: str | Path | None = None,
    *,
    homes: Iterable[str] = (),
) -> Path:
    """The first file or folder that is there.

    Args:
        name: of the data set.
        what: is looked for, for the message.
        files: names that it may have.
        path: the only folder to look into, if given.
        homes: subfolders that may hold it, beside one called ``name``.

    Raises:
        FileNotFoundError: saying where it looked and what to do.
    """
    files = list(files)
    for folder in candidates(name, path, homes):
        for file in files:
            if (folder / file).exists():
                return folder / file
    raise missing(name, f"{what} ({files[0]})", path)


def missing(name: str, what: str, path: str | Path | None) -> FileNotFoundError:
    """The error that says where it looked and what to do."""
    return FileNotFoundError(
        f"No {what} in {', '.join(map(str, folders(path)))}. Get it by "
        f"'snnjax data get {name}', or put it into a folder and name that folder by "
        "the environment variable SNNJAX_DATA or by path (--data)."
    )
