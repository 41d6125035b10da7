"""Programs that tests compiled before, in any checkout of this user, read again.

JAX may read a program while another process writes it. So each process has a folder of
its own, full of links to one store, and links there at its end what it compiled.
"""

import hashlib
import os
import platform
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import jax

MOST = 120_000  # programs; all tests make 50 000. Those kept for longest go first
DAY = 86_400  # s


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
    """A new folder with all programs."""
    programs = store() / "programs"
    programs.mkdir(parents=True, exist_ok=True)
    for left in store().glob("run-*"):  # by processes that were killed
        if left.stat().st_mtime < time.time() - DAY:
            shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix="run-", dir=store()))
    link(programs, folder)
    return folder


def give_back(folder: Path) -> None:
    """Leaves what is new to others, and takes the folder away."""
    programs = store() / "programs"
    link(folder, programs)
    shutil.rmtree(folder, ignore_errors=True)
    with suppress(FileNotFoundError):  # another process does the same
        by_age = sorted(programs.iterdir(), key=lambda path: path.stat().st_mtime)
        for path in by_age[:-MOST]:
            path.unlink()


def link(source: Path, target: Path) -> None:
    """Every file of one folder appears in another."""
    there = {entry.name for entry in os.scandir(target)}
    for entry in os.scandir(source):
        if entry.name not in there:
            with suppress(FileExistsError, FileNotFoundError):
                os.link(entry.path, target / entry.name)
