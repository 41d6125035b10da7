"""Files that are whole or not there at all, and the one cache of the user."""

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path


def cache_folder() -> Path:
    """The user's cache, ``$XDG_CACHE_HOME/snnjax`` or else ``~/.cache/snnjax``.

    A relative ``XDG_CACHE_HOME`` is ignored, as the XDG specification asks.
    """
    home = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (home if home.is_absolute() else Path.home() / ".cache") / "snnjax"


@contextlib.contextmanager
def atomic(path: str | Path) -> Iterator[Path]:
    """Writes a file or a folder that appears as a whole, or not at all.

        with atomic("events.npz") as new:
            ...  # write to new

    What lies at ``new`` when the block ends replaces ``path``; if the block raises, it
    is removed. Several processes may write the same path: the last one stays. A process
    that is killed leaves ``NAME.XXXXXXXX.part`` behind, see ``remove_leftovers``.

    Args:
        path: of the file or folder; a folder must not exist yet. The folder around it
            is made if need be.

    Yields:
        The path to write to, in the same folder.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
    try:
        yield new
        if new.is_file():
            with new.open("r+b") as file:
                os.fsync(file.fileno())  # a rename may reach the disk before the bytes
        new.replace(path)
    finally:
        _remove(new)


def write_text(path: str | Path, text: str) -> None:
    """Writes a text file that appears as a whole, or not at all."""
    with atomic(path) as new:
        new.write_text(text)


def remove_leftovers(path: str | Path) -> None:
    """Removes what killed processes left of ``path``; no other may be writing it."""
    path = Path(path)
    before, after = f"{path.name}.", ".part"
    for each in path.parent.iterdir() if path.parent.exists() else ():
        token = each.name.removeprefix(before).removesuffix(after)
        if each.name == f"{before}{token}{after}" and len(token) == 8:
            _remove(each)


def _remove(path):
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
