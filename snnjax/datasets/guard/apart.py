"""Packages of others read files in a process of their own, which may crash.

They are written in C, C++ or Rust, and were not made for damaged files: some of those
make them crash, wait for ever or fill the memory. So a child process runs them, within
memory and time, and whatever becomes of it ends here in an error about the file. What
it reads comes back without pickle, as a file of arrays that is mapped and not copied.

A child is kept for the next file, and ends with this process. On Linux its memory is
bounded by the system; elsewhere only what it gives back is. On Windows it bounds its
time itself, which fails inside a library that lets no other thread run.
"""

import atexit
import contextlib
import importlib.util
import mmap
import os
import sys
from typing import Any

import numpy as np

from snnjax.datasets.guard.apart_worker import (
    DiedError,
    StartError,
    TooLongError,
    Worker,
)
from snnjax.datasets.guard.checked import (
    DamageError,
    DataError,
    HoldsError,
    Reading,
)
from snnjax.files import passing_name

_PATIENCE, _MOST_SPEED = 60.0, 1e6  # for any file [s]; for one of many bytes [1/s]
_KEPT = 2  # children that wait for the next file


def apart(
    function: str,
    file: Reading,
    *,
    package: str,
    extra: str,
    seconds: float | None = None,
    **options: Any,
) -> dict[str, Any]:
    """Calls a function of this library in a child process.

    The function is a generator: called with the path of a file and ``options``, it
    yields pairs of a name and an array, or a name and a fact that JSON can hold. Arrays
    of one name that follow one another become one. It raises as in ``reading``.

    Args:
        function: ``"module:name"``; the module imports next to nothing at its top.
        file: from ``reading``; what comes back is taken from its allowance, and the
            child takes no more memory than that allows.
        package: which the function imports.
        extra: what to install of snnjax to have it: ``"audio"``.
        seconds: how long it may take [s]; a minute, and a second for each MB of the
            file if omitted.
        **options: of the function, as JSON can hold them.

    Returns:
        Arrays and facts by their names.

    Raises:
        ImportError: if the package is not installed, or it or the child does not start.
        DataError: if it would take more memory or time than is allowed.
        DamageError: if the child died of the file, or the package refused it.
        HoldsError: as the function raised it.
    """
    needs = f'Reading {file.path.name} needs {package}: pip install "snnjax[{extra}]"'
    if importlib.util.find_spec(package) is None:
        raise ImportError(f"{needs}.")
    with file.path.open("rb"):
        pass  # a PermissionError is raised here, and not taken for damage
    if seconds is None:
        seconds = _PATIENCE + file.path.stat().st_size / _MOST_SPEED
    into = str(passing_name())
    job = {
        "function": function,
        "path": os.fsencode(file.path.absolute()).hex(),
        "options": options,
        "package": package,
        "memory": file.left,
        "seconds": seconds,
        "into": into,
        "places": [os.path.abspath(place) for place in sys.path],
    }
    try:
        answer, small = _answer(job, seconds)
        if "error" in answer:
            raise _raised(answer["error"], answer["text"], needs, file)
        raw = small or _mapped(into)
        file.take(len(raw), "what is in it")
        return {
            name: each["fact"] if "fact" in each else _array(raw, **each)
            for name, each in answer["found"].items()
        }
    except StartError as error:
        told = (
            f"Reading {file.path.name} by {package} needs a process of its own, which"
        )
        raise ImportError(f"{told} does not start: {error}.") from error
    except TooLongError as error:
        raise DataError(
            f"{file.path}: reading it by {package} was stopped after {seconds:.0f} s. "
            "It is damaged, or this machine is busy."
        ) from error
    except DiedError as error:
        raise DamageError(
            f"{package} {error}, within {file.left} bytes of memory"
        ) from error
    finally:
        with contextlib.suppress(OSError):  # what is small came without
            os.unlink(into)


_idle: list[Worker] = []


def _answer(job, seconds):
    """By a worker that waits, or by a new one if there is none, or the first dies."""
    try:
        worker = _idle.pop()
    except IndexError:
        worker = Worker()
    try:
        used = worker.used
        try:
            return worker.ask(job, seconds)
        except DiedError:
            if not used:
                raise
            return worker.ask(job, seconds)  # it may have died of an earlier file
    finally:
        if len(_idle) < _KEPT:
            _idle.append(worker)
        else:
            worker.close()


def _close_all():
    while _idle:
        _idle.pop().close()


def _forget_all():
    while _idle:
        _idle.pop().forget()


atexit.register(_close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)


def _raised(name, text, needs, file):
    """What to raise here for what was raised there."""
    if name == "_NotInstalledError":
        return ImportError(f"{needs}; what is installed does not start: {text}.")
    if name == "MemoryError":
        return DataError(
            f"{file.path}: to read it would take more than {file.limit} bytes; pass "
            "limit=… if that is right."
        )
    if name == "_NoRoomError":
        return DataError(f"{file.path}: there is no room for what is in it: {text}.")
    if name == "HoldsError":
        return HoldsError(text)
    return DamageError(text if name == "DamageError" else f"{name}: {text}")


def _mapped(into):
    """The bytes of a file, which may be changed and are nobody else's."""
    if not os.path.exists(into):
        return b""
    with open(into, "rb") as opened:
        if os.name == "nt":  # where a file that is mapped cannot be removed
            return bytearray(opened.read())
        return mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_COPY)


def _array(raw, at, shape, dtype):
    made = np.dtype(dtype)
    count = int(np.prod(shape))
    if not count:
        return np.empty(shape, made)
    return np.frombuffer(raw, made, count, at).reshape(shape)
