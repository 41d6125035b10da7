"""One child process that answers jobs, and whatever may become of it.

See ``apart``; what the child does is in ``apart_child``.
"""

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

from snnjax.datasets.guard.apart_child import LATE

_CHILD = Path(__file__).with_name("apart_child.py")
_ALONE = {  # one thread each: more would count as memory, and take longer to start
    **{"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"},
    **{"MALLOC_ARENA_MAX": "1"},
}
_MOST_ANSWER, _PIECE = 2**24, 2**16  # bytes of facts, and of those read at once
_LAST_BREATH = 5.0  # between its last word and its end [s]


class Worker:
    """A child process that reads one file after the other; made when first needed.

    Whatever goes wrong with it, the next file has a new one.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen | None = None
        self.used = False  # whether the child that is there has read a file

    def ask(self, job: dict, seconds: float) -> tuple[dict, bytearray]:
        """Gives the child a job, and waits for its answer, and arrays that are small.

        Raises:
            StartError: if there can be no child.
            TooLongError: if there was none in time.
            DiedError: saying how it ended.
        """
        process = self._alive()
        self.used = False
        try:
            answer, small = _exchange(process, job, seconds)
            self.used = answer.get("again") is True
        finally:  # an interrupt too: what it answers later is of no use
            if not self.used:
                self.close()
        return answer, small

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
            self._process = _start()
        return self._process


class StartError(Exception):
    """There is no process."""


class TooLongError(Exception):
    """No answer in time."""


class DiedError(Exception):
    """No answer at all."""


def _start():
    try:
        return subprocess.Popen(
            [sys.executable, "-I", "-S", "-B", "-W", "ignore", str(_CHILD)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **_ALONE},
        )
    except OSError as error:
        raise StartError(f"{sys.executable or 'no Python'}: {error}") from error


def _exchange(process, job, seconds):
    """What the child answers: a line, and bytes behind it."""
    until, pipe = time.monotonic() + seconds, process.stdout.fileno()
    found = bytearray()
    try:
        process.stdin.write(json.dumps(job).encode() + b"\n")
        process.stdin.flush()
        while b"\n" not in found and len(found) < _MOST_ANSWER:
            found += _piece(pipe, until)
        line, _, small = found.partition(b"\n")
        answer = _understood(line)
        size = answer.get("small", 0)
        while len(small) < size:
            small += _piece(pipe, until)
    except OSError as error:  # it reads or writes no more
        raise _ended(process) from error
    except ValueError as error:
        told = f"answered {bytes(found[:40])!r}, which is no answer"
        raise DiedError(told) from error
    if len(small) > size:
        raise DiedError(f"answered {bytes(small[:40])!r} behind its answer")
    return answer, small


def _understood(line):
    answer = json.loads(line)
    if not isinstance(answer, dict) or not isinstance(answer.get("small", 0), int):
        raise ValueError("no answer")
    return answer


def _piece(pipe, until):
    """Some bytes of an answer."""
    left = max(until - time.monotonic(), 0)
    if os.name != "nt" and not select.select([pipe], [], [], left)[0]:
        raise TooLongError
    piece = os.read(pipe, _PIECE)
    if not piece:
        raise OSError("the end")
    return piece


def _ended(process):
    """How a child that does not answer ended."""
    try:
        code = process.wait(_LAST_BREATH)
    except subprocess.TimeoutExpired:
        return DiedError("went silent")
    if code == LATE:
        return TooLongError()
    if code >= 0:
        return DiedError(f"ended with {code} while reading it")
    names = {each.value: each.name for each in signal.Signals}
    return DiedError(f"died of {names.get(-code, -code)} while reading it")


def _close_pipes(process):
    for pipe in (process.stdin, process.stdout):
        with contextlib.suppress(OSError):  # what was not written yet has no reader
            pipe.close()
