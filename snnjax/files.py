"""Files that are whole or not there at all, and the one cache of the user."""

import contextlib
import errno
import itertools
import os
import platform
import secrets
import shutil
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TextIO

try:
    import fcntl
except ImportError:  # not a POSIX system
    fcntl = None  # type: ignore[assignment]

_held: set[TextIO] = set()  # lock files
_OF_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EROFS)
_NO_LOCKS = (errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK)  # of a file system without
_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def cache_folder() -> Path:
    """The user's cache, ``$XDG_CACHE_HOME/snnjax`` or else ``~/.cache/snnjax``.

    A relative ``XDG_CACHE_HOME`` is ignored, as the XDG specification asks.
    """
    home = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (home if home.is_absolute() else Path.home() / ".cache") / "snnjax"


def usual_folders() -> str:
    """Where files of data are looked for if no folder is named, for people."""
    return f"$SNNJAX_DATA, then {cache_folder()}"


def check_folder(path: Path) -> None:
    """Refuses as a place for results what is no folder, nor can become one.

    Raises:
        ValueError: for a file, and for a link that leads nowhere.
    """
    if path.exists() and not path.is_dir():
        raise ValueError(f"{path} must be a folder, it is a file.")
    if path.is_symlink() and not path.exists():
        raise ValueError(
            f"{path} must be a folder, it is a link to {path.readlink()}, which is "
            "not there."
        )


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

    Raises:
        FileExistsError: if ``path`` is a device, a pipe or a socket.
        OSError: naming ``path``, if the disk refuses.
    """
    path = Path(path)
    if path.exists() and not_a_file(path) not in ("", "a folder"):
        raise FileExistsError(
            f"{path} is {not_a_file(path)}, which no file can take the place of."
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
    try:
        yield new
        if new.is_file():
            with new.open("r+b") as file:
                os.fsync(file.fileno())  # a rename may reach the disk before the bytes
        new.replace(path)
    except OSError as error:
        name_refused(path, error)
        raise
    finally:
        _remove(new)


def name_refused(path: str | Path, error: OSError) -> None:
    """Puts the path into an error of the disk that tells none, as those of writes."""
    if error.filename is None and error.errno in _OF_DISK:
        error.filename = str(path)


def write_text(path: str | Path, text: str) -> None:
    """Writes a text file that appears as a whole, or not at all."""
    with atomic(path) as new:
        new.write_text(text, encoding="utf-8")


def not_a_file(path: str | Path) -> str:
    """What lies at a path that is no regular file: ``"a pipe"``; nothing if it is one.

    Raises:
        FileNotFoundError: if there is nothing.
    """
    try:
        mode = Path(path).stat().st_mode
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:
        raise FileNotFoundError(f"No file {path}.") from error
    return "" if stat.S_ISREG(mode) else _KINDS.get(stat.S_IFMT(mode), "no file")


@contextlib.contextmanager
def lock(
    path: str | Path, *, waiting: Callable[[str], None] | None = None
) -> Iterator[None]:
    """Lets one thread of one process at a time go on, of all that name this path.

    By whatever name: what a link leads to is one place. ``NAME.lock`` beside it says
    who holds it (``.lock`` in a folder beside which one may not write), and is removed
    in the end. A lock ends with its holder, however that ends. Where a file system or
    an operating system has no locks, nobody waits.

    Args:
        path: of the file or folder that is to be made or changed.
        waiting: is told once, in a sentence, who is waited for; without it another
            holder is an error.

    Raises:
        BlockingIOError: naming the holder.
    """
    name = _lock_name(Path(os.path.realpath(path)))
    name.parent.mkdir(parents=True, exist_ok=True)
    while (file := _try_lock(name)) is None:
        told = f"{path} is in use by {_holder(name)}"
        if waiting is None:
            raise BlockingIOError(f"{told}; wait for it, or name another place.")
        waiting(f"{told}; waiting for it")
        waiting = _silent
        time.sleep(0.1)
    _held.add(file)
    file.truncate(0)
    file.write(f"process {os.getpid()} on {platform.node()}")
    file.flush()
    try:
        yield
    finally:
        if file in _held:  # a forked child holds nothing
            _held.discard(file)
            name.unlink(missing_ok=True)
            file.close()  # frees the lock


def passing_name() -> Path:
    """A name that nobody has, where the system keeps what is needed for a while."""
    return Path(tempfile.gettempdir()) / f"snnjax-{secrets.token_hex(8)}"


def free_name(path: str | Path) -> Path:
    """A name beside ``path`` that is not taken: ``metrics.1.jsonl``, and so on."""
    path = Path(path)
    names = (
        path.with_name(f"{path.stem}.{k}{path.suffix}") for k in itertools.count(1)
    )
    return next(name for name in names if not name.exists())


def remove_leftovers(path: str | Path) -> None:
    """Removes what killed processes left of ``path``; no other may be writing it."""
    path = Path(path)
    before, after = f"{path.name}.", ".part"
    for each in path.parent.iterdir() if path.parent.exists() else ():
        token = each.name.removeprefix(before).removesuffix(after)
        if each.name == f"{before}{token}{after}" and len(token) == 8:
            _remove(each)


def _lock_name(place):
    if place.is_dir() and (place.name == "" or not os.access(place.parent, os.W_OK)):
        return place / ".lock"
    return place.with_name(f"{place.name}.lock")


def _try_lock(name):
    """The lock file, open and locked; nothing if another holds it."""
    file = name.open("a+", encoding="utf-8")
    try:
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(file.fileno()), name.stat()):
            return file
    except (BlockingIOError, FileNotFoundError):
        pass  # held, or removed by who held it
    except OSError as error:
        if error.errno in _NO_LOCKS:
            return file
        file.close()
        raise
    file.close()
    return None


def _let_go():
    """A forked child may outlive who forked it; it must not hold what that one held."""
    for file in _held:
        file.close()
    _held.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_let_go)


def _holder(name):
    """Who holds a lock; whoever has just taken it writes that a moment later."""
    for _ in range(20):
        with contextlib.suppress(OSError):
            if told := name.read_text(encoding="utf-8"):
                return told
        time.sleep(0.005)
    return "another process"


def _silent(told):
    """Nothing is told twice."""


def _remove(path):
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
