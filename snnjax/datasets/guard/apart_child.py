"""The process in which ``apart`` lets others read: jobs come in, answers go out.

It is started by its path, and imports what a reader needs, not the library around it.
Jobs are lines of JSON on standard input, answers are lines on what was standard output;
what a package prints goes nowhere. Arrays lie one behind the other, after the line if
they are small, else in a file.
"""

import contextlib
import importlib
import json
import os
import signal
import sys
import threading
import types
from collections.abc import Iterable
from pathlib import Path
from typing import Any, BinaryIO

try:
    import resource
except ImportError:  # not a POSIX system
    resource = None  # type: ignore[assignment]

_PACKAGES = ("snnjax", "snnjax.datasets", "snnjax.datasets.guard")
LATE = 124  # which it ends with, if nobody else can end it
_GRACE = 10.0  # beyond which it ends by itself [s]
_ALIGN = 64  # where arrays begin [bytes]
_SMALL = 2**17  # bytes of arrays that need no file
_MOST_HELD = 2**28  # that packages may keep of a file that they have read [bytes]
_TOLD = 500  # letters of an error


def main() -> None:
    """Answers jobs until there are no more."""
    jobs, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb", 0)
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nothing, standard)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends it
    for name, folder in zip(_PACKAGES, _folders(), strict=True):
        package = types.ModuleType(name)
        package.__path__ = [str(folder)]  # and nothing of what it would import
        sys.modules[name] = package
    for line in jobs:
        answer, small = _answer(json.loads(line))
        _write(answers, json.dumps(answer).encode() + b"\n" + small)


def _folders():
    guard = Path(__file__).parent
    return guard.parents[1], guard.parent, guard


def _answer(job):
    """What came of a job, or what went wrong; and what lies in no file."""
    sys.path[:] = job["places"]
    try:
        importlib.import_module("numpy")  # _written needs it, within the bounds
        if job["package"]:
            _import(job["package"])
        began = _held()
        module, name = job["function"].split(":")
        function = getattr(importlib.import_module(module), name)
        path = os.fsdecode(bytes.fromhex(job["path"]))
        limits = began and began + job["memory"], job["seconds"]
        with _within(*limits), _Into(job["into"]) as into:
            given = function(path, **job["options"])
            found = _written(given, into, job["memory"])
        again = _held() - began < _MOST_HELD
        return {"found": found, "again": again, "small": len(into.small)}, into.small
    except BaseException as error:  # packages in Rust panic beside Exception
        told = {"error": type(error).__name__, "text": str(error)[:_TOLD]}
        return told | {"again": not isinstance(error, MemoryError)}, b""


def _import(package):
    try:
        importlib.import_module(package)
    except Exception as error:  # OSError, if a library that it needs is missing
        raise _NotInstalledError(f"{type(error).__name__}: {error}") from error


class _NotInstalledError(Exception):
    """A package that cannot be imported."""


@contextlib.contextmanager
def _within(memory, seconds):
    """Holds addresses in use [bytes] and time [s] to a limit, where that can be."""
    alarm = hasattr(signal, "setitimer")
    timer = threading.Timer(seconds, os._exit, (LATE,))
    if alarm:  # its signal ends a process inside a library too
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, seconds + _GRACE)
    else:
        timer.start()
    if memory:
        before = resource.getrlimit(resource.RLIMIT_AS)
        most = [each for each in (memory, *before) if each != resource.RLIM_INFINITY]
        resource.setrlimit(resource.RLIMIT_AS, (min(most), before[1]))
    try:
        yield
    finally:
        if memory:
            resource.setrlimit(resource.RLIMIT_AS, before)
        if alarm:
            signal.setitimer(signal.ITIMER_REAL, 0)
        else:
            timer.cancel()


def _held() -> int:
    """Bytes of addresses in use, as the limit counts them; 0 where it is not told."""
    try:
        with open("/proc/self/statm", "rb") as told:
            return int(told.read().split()[0]) * resource.getpagesize()
    except (OSError, AttributeError):
        return 0


class _Into:
    """Where arrays are written: one behind the other, to a file once they are large."""

    def __init__(self, path: str):
        self.path, self.small = path, b""
        self.file: BinaryIO | None = None

    def write(self, piece: Any) -> int:
        if self.file is None and len(self.small) + len(piece) <= _SMALL:
            self.small += bytes(piece)
            return len(piece)
        try:
            if self.file is None:
                flags = (
                    os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
                )
                self.file = os.fdopen(os.open(self.path, flags, 0o600), "wb", 0)
                _write(self.file, self.small)
                self.small = b""
            _write(self.file, piece)
        except OSError as error:
            raise _NoRoomError(f"{error}") from error
        return len(piece)

    def __enter__(self) -> "_Into":
        return self

    def __exit__(self, *error: object) -> None:
        if self.file is not None:
            self.file.close()


def _write(file, piece):
    left = memoryview(piece)
    while left:
        left = left[file.write(left) :]


class _NoRoomError(Exception):
    """The disk is full."""


def _written(
    given: Iterable[tuple[str, Any]], into: _Into, memory: int
) -> dict[str, dict]:
    """Writes arrays; tells facts, and where arrays lie and how they look."""
    import numpy as np

    found: dict[str, dict] = {}
    last, at = "", 0
    for name, each in given:
        if not isinstance(each, np.ndarray):
            found[name] = {"fact": each}
            continue
        looks = _described(each.dtype)
        flat = np.ascontiguousarray(each).reshape(-1).view(np.uint8)
        if at + flat.nbytes > memory:
            raise MemoryError
        if name != last:
            if name in found:
                raise TypeError(f"parts of {name} do not follow one another")
            at += into.write(bytes(-at % _ALIGN))
            shape = [0, *each.shape[1:]]
            found[name] = {"at": at, "shape": shape, "dtype": looks}
            last = name
        if ([*each.shape[1:]], looks) != (shape[1:], found[name]["dtype"]):
            raise TypeError(f"parts of {name} are not alike")
        found[name]["shape"][0] += len(each)
        at += into.write(flat)
    return found


def _described(dtype):
    """A type of numbers, or of rows with named numbers."""
    if dtype.hasobject:
        raise TypeError(f"an array of {dtype}")
    if dtype.names is None:
        return dtype.str
    fields = dtype.fields
    if any(kind.kind == "V" for kind, *_ in fields.values()):
        raise TypeError(f"an array of {dtype}")
    return {
        "names": list(dtype.names),
        "formats": [fields[name][0].str for name in dtype.names],
        "offsets": [fields[name][1] for name in dtype.names],
        "itemsize": dtype.itemsize,
    }


if __name__ == "__main__":
    main()
