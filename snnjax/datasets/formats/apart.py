"""Packages of others read files in a process of their own, which may crash.

They are written in C, C++ or Rust, and were not made for damaged files: some of those
make them crash, wait for ever or fill the memory. So a child process runs them, within
memory and time, and whatever becomes of it ends here in an error about the file. What
it reads comes back as one file of arrays that is mapped, without pickle and not copied.

A child is kept for the next file, and ends with this process. On Linux its memory is
bounded by the system; elsewhere only what it gives back is.
"""

import atexit
import contextlib
import importlib.util
import json
import mmap
import os
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

import numpy as np

from snnjax.datasets.formats.checked import (
    DamageError,
    DataError,
    HoldsError,
    Reading,
)

_CHILD = Path(__file__).with_name("apart_child.py")
_PATIENCE, _MOST_SPEED = 60.0, 1e6  # for any file [s]; for one of many bytes [1/s]
_ALONE = {  # one thread each: more would count as memory, and take longer to start
    **{"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"},
    **{"MALLOC_ARENA_MAX": "1"},
}
_MOST_ANSWER = 2**24  # bytes of facts
_LAST_BREATH = 5.0  # between its last word and its end [s]
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
        ImportError: if the package is not installed, or does not start.
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
    handle, into = tempfile.mkstemp(prefix="snnjax-")
    os.close(handle)
    job = {
        "function": function,
        "path": os.fsencode(file.path.absolute()).hex(),
        "options": options,
        "package": package,
        "memory": file.left,
        "seconds": seconds,
        "into": into,
        "places": [str(Path(place).absolute()) for place in sys.path],
    }
    try:
        answer = _answer(job, seconds)
        if "error" in answer:
            raise _raised(answer["error"], answer["text"], needs, file)
        return _found(answer["found"], into, file)
    except _TooLongError as error:
        raise DataError(
            f"{file.path}: reading it by {package} was stopped after {seconds:.0f} s. "
            "It is damaged, or this machine is busy."
        ) from error
    except _DiedError as error:
        raise DamageError(
            f"{package} {error}, within {file.left} bytes of memory"
        ) from error
    finally:
        os.unlink(into)


class Worker:
    """A child process that reads one file after the other; made when first needed.

    Whatever goes wrong with it, the next file has a new one.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen | None = None
        self.used = False  # whether the child that is there has read a file

    def ask(self, job: dict, seconds: float) -> dict:
        """Gives the child a job, and waits for its answer.

        Raises:
            _TooLongError: if there was none in time.
            _DiedError: saying how it ended.
        """
        process, late = self._alive(), threading.Event()
        timer = threading.Timer(seconds, _stop, (process, late))
        timer.daemon = True
        timer.start()
        kept = False
        try:
            answer = _exchange(process, job)
            kept = answer.get("again") is True
        finally:  # an interrupt too: what it answers later is of no use
            timer.cancel()
            timer.join()
            if late.is_set() or not kept:
                self.close()
            self.used = kept
        if late.is_set():
            raise _TooLongError
        if "ended" in answer:
            raise _DiedError(answer["ended"])
        return answer

    def close(self) -> None:
        """Ends the child, at once."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            _close_pipes(process)
            process.wait()

    def forget(self) -> None:
        """Leaves the child to the process that this one is a copy of."""
        process, self._process = self._process, None
        if process is not None:
            _close_pipes(process)
            process.returncode = 0  # not ours to wait for

    def _alive(self):
        if self._process is not None and self._process.poll() is not None:
            self.close()
        if self._process is None:
            self.used = False
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", "-B", "-W", "ignore", str(_CHILD)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={**os.environ, **_ALONE},
            )
        return self._process


class _TooLongError(Exception):
    """No answer in time."""


class _DiedError(Exception):
    """No answer at all."""


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
        except _DiedError:
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


def _stop(process, late):
    late.set()
    process.kill()


def _exchange(process, job):
    """The answer, or how the child ended instead."""
    try:
        process.stdin.write(json.dumps(job).encode() + b"\n")
        process.stdin.flush()
        line = process.stdout.readline(_MOST_ANSWER)
    except OSError:  # it reads no more
        line = b""
    try:
        answer = json.loads(line) if line.endswith(b"\n") else None
    except ValueError:
        answer = None
    if isinstance(answer, dict):
        return answer
    if line:
        return {"ended": f"answered {line[:40]!r}, which is no answer"}
    try:
        return {"ended": _ended(process.wait(_LAST_BREATH))}
    except subprocess.TimeoutExpired:
        return {"ended": "went silent"}


def _close_pipes(process):
    for pipe in (process.stdin, process.stdout):
        with contextlib.suppress(OSError):  # what was not written yet has no reader
            pipe.close()


def _ended(code):
    if code >= 0:
        return f"ended with {code} while reading it"
    names = {each.value: each.name for each in signal.Signals}
    return f"died of {names.get(-code, -code)} while reading it"


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
        return DataError(f"{file.path}: to unpack it there is too little room, {text}.")
    if name == "HoldsError":
        return HoldsError(text)
    return DamageError(text if name == "DamageError" else f"{name}: {text}")


def _found(found, into, file):
    """Arrays that lie in the file, and facts."""
    with open(into, "rb") as opened:
        size = os.fstat(opened.fileno()).st_size
        file.take(size, "what is in it")
        raw: Any = b""
        if size:
            raw = (
                bytearray(opened.read())  # a file that is mapped cannot be removed
                if os.name == "nt"
                else mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_COPY)
            )
    return {
        name: each["fact"] if "fact" in each else _array(raw, **each)
        for name, each in found.items()
    }


def _array(raw, at, shape, dtype):
    made = np.dtype(dtype)
    count = int(np.prod(shape))
    if not count:
        return np.empty(shape, made)
    return np.frombuffer(raw, made, count, at).reshape(shape)
