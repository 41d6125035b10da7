"""Programs that tests compiled before, in any checkout of this user, read again.

JAX may read a program while another process writes it. So each process has a folder of
its own, full of links to one store, and links there at its end what it compiled. The
folder stays for the next process, which finds most of its links made.
"""

import hashlib
import os
import platform
from contextlib import suppress
from itertools import count
from pathlib import Path

import jax

MOST = 120_000  # programs; all tests make 50 000. Those kept for longest go first


def store() -> Path:
    """Where programs of this JAX for this processor are."""
    user = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return user / "snnjax-tests" / f"{jax.__version__}-{processor()}"


def processor() -> str:
    """A few letters for what machine code it runs."""
    told = Path("/proc/cpuinfo")
    lines = told.read_text().splitlines() if told.exists() else [platform.processor()]
    able = {line for line in lines if line.startswith(("flags", "Features"))}
    return hashlib.sha256(repr(sorted(able)).encode()).hexdigest()[:8]


def borrow() -> Path:
    """A folder with all programs that no other process has; most are there already."""
    programs = store() / "programs"
    programs.mkdir(parents=True, exist_ok=True)
    folder = next(filter(take, (store() / f"own-{k}" for k in count())))
    killed = mark(folder).exists()  # whoever had it, perhaps while it wrote
    mark(folder).touch()
    for name in names(folder) - (set() if killed else names(programs)):
        (folder / name).unlink()
    link(programs, folder)
    return folder


def mark(folder: Path) -> Path:
    """Stands beside a folder from when it is borrowed until it is given back."""
    return folder.with_suffix(".borrowed")


def take(folder: Path) -> bool:
    """Whether a folder is this process's own from now on, until it ends."""
    import fcntl  # not everywhere

    folder.mkdir(exist_ok=True)
    held = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(held)
        return False
    return True


def give_back(folder: Path) -> None:
    """Leaves what is new to others."""
    programs = store() / "programs"
    link(folder, programs)
    mark(folder).unlink()
    if len(names(programs)) > MOST:
        by_age = sorted(programs.iterdir(), key=lambda path: path.stat().st_mtime)
        for path in by_age[:-MOST]:
            path.unlink(missing_ok=True)  # another process does the same


def link(source: Path, target: Path) -> None:
    """Every file of one folder appears in another."""
    for name in names(source) - names(target):
        with suppress(FileExistsError, FileNotFoundError):
            os.link(source / name, target / name)


def names(folder: Path) -> set[str]:
    """Of all files there."""
    return {*os.listdir(folder)}
