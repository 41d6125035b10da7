"""Questions to a program in another process, and its answers, through pipes.

A question and an answer are a line of JSON, whose ``"arrays"`` says dtypes and shapes,
and then these arrays, raw. Nothing is read before its size is known to be the one that
was asked for, nothing waits for longer than a time-out, and nothing is unpickled.
"""

import json
import os
import selectors
import signal
import subprocess
import sys
import time
import weakref
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

import numpy as np

from snnjax.hardware.device import DeviceError

LONGEST_LINE = 65_536  # bytes
KEPT = 4096  # bytes, of standard error
PATIENCE = 1.0  # seconds that a process has to end when its input does
PASSED_ON = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PYTHONHOME", "PYTHONPATH")
THREADS = ("OMP_NUM", "OPENBLAS_NUM", "MKL_NUM", "VECLIB_MAXIMUM")
ONE_THREAD = {f"{name}_THREADS": "1" for name in THREADS}


class Expected(NamedTuple):
    """An array that an answer must bring."""

    what: str
    dtype: str  # as numpy writes it, "|u1"
    shape: tuple[int, ...]


class Process:
    """A Python program in another process that is asked one question at a time.

    It is ended when it fails in any way, when it is closed, and when nobody holds it.
    """

    def __init__(self, program: str | Path) -> None:
        """Starts a program by its path, in an environment without settings of ours."""
        kept = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", os.path.abspath(program)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                env=kept | ONE_THREAD,
                start_new_session=True,
            )
        except OSError as error:
            raise DeviceError(f"The device cannot be started: {error}.") from error
        pipes = self._process.stdin, self._process.stdout, self._process.stderr
        self._to, self._from, self._errors = (cast("IO[bytes]", p) for p in pipes)
        for pipe in (self._to, self._from, self._errors):
            os.set_blocking(pipe.fileno(), False)
        self._close = weakref.finalize(self, _end, self._process, os.getpid())
        self._timeout, self._deadline = 0.0, 0.0
        self._number, self._unread, self._stderr = 0, bytearray(), bytearray()
        self._doing = ""

    @property
    def pid(self) -> int:
        """Its number in the system."""
        return self._process.pid

    def close(self) -> None:
        """Ends the process; it has a moment to do so by itself."""
        self._close()

    def ask(
        self,
        doing: str,
        question: Mapping[str, Any],
        arrays: Sequence[np.ndarray] = (),
        expected: Sequence[Expected] = (),
        *,
        timeout: float,
    ) -> tuple[dict[str, float], list[np.ndarray]]:
        """Asks, and waits for the answer.

        Args:
            doing: what this is, for messages: "running 20 steps".
            question: what goes into the line of JSON.
            arrays: what follows it.
            expected: the arrays that the answer must bring.
            timeout: longest time for all of it [s].

        Returns:
            The notes of the answer, and its arrays.

        Raises:
            DeviceError: if the process ends, takes too long or answers anything else;
                it is ended then.
        """
        self._number, self._doing = self._number + 1, doing
        self._timeout, self._deadline = timeout, time.monotonic() + timeout
        try:
            self._send(question, arrays)
            notes = self._read_head(expected)
            found = [self._read_array(each) for each in expected]
            if self._unread:
                self._fail("answered more than it was asked")
            return notes, found
        except BaseException:
            self._kill()
            raise

    def _send(self, question, arrays):
        arrays = [np.ascontiguousarray(a) for a in arrays]
        heads = [[a.dtype.str, a.shape] for a in arrays]
        line = json.dumps({**question, "number": self._number, "arrays": heads})
        for part in (line.encode() + b"\n", *(a.reshape(-1) for a in arrays)):
            left = _bytes_of(part)
            while left:
                left = left[self._try(self._to, os.write, left) :]

    def _read_head(self, expected):
        while b"\n" not in self._unread:
            if len(self._unread) > LONGEST_LINE:
                self._fail(f"answered a line of more than {LONGEST_LINE} bytes")
            self._unread += self._read(os.read, LONGEST_LINE)
        line, _, self._unread = self._unread.partition(b"\n")
        try:
            head = json.loads(line)
            number, notes, heads = head["number"], head["notes"], head["arrays"]
            notes = {str(name): float(x) for name, x in notes.items()}
            came = [(str(dtype), tuple(shape)) for dtype, shape in heads]
        except (ValueError, TypeError, KeyError, AttributeError, ArithmeticError):
            self._fail(f"answered nonsense, {bytes(line[:40])!r}")
        except RecursionError:
            self._fail("answered nonsense, nested without end")
        if number != self._number:
            self._fail("answered another question")
        self._check_heads(came, expected)
        return notes

    def _check_heads(self, came, expected):
        if len(came) != len(expected):
            self._fail(f"answered {len(came)} arrays in place of {len(expected)}")
        for (dtype, shape), wanted in zip(came, expected, strict=True):
            if (dtype, shape) != (wanted.dtype, wanted.shape):
                self._fail(
                    f"answered {wanted.what} as {dtype[:20]} {str(shape)[:60]} in "
                    f"place of {wanted.dtype} {wanted.shape}"
                )

    def _read_array(self, wanted):
        array = np.empty(wanted.shape, wanted.dtype)
        left = _bytes_of(array.reshape(-1))
        while left:
            if self._unread:
                some = len(left[: len(self._unread)])
                left[:some] = self._unread[:some]
                del self._unread[:some]
            else:
                some = self._read(os.readv, [left])
            left = left[some:]
        return array

    def _read(self, how, what):
        found = self._try(self._from, how, what)
        if not found:
            self._ended()
        return found

    def _try(self, pipe, how, what):
        """Reads or writes as soon as one can, and what it says on standard error."""
        while True:
            self._wait(pipe)
            try:
                return how(pipe.fileno(), what)
            except BlockingIOError:
                continue
            except OSError:  # nobody reads any more
                self._ended()

    def _wait(self, pipe):
        sending = pipe is self._to
        with selectors.DefaultSelector() as selector:
            event = selectors.EVENT_WRITE if sending else selectors.EVENT_READ
            selector.register(pipe, event)
            selector.register(self._errors, selectors.EVENT_READ)
            while (left := self._deadline - time.monotonic()) > 0:
                ready = [key.fileobj for key, _ in selector.select(left)]
                if self._errors in ready and not self._listen():
                    selector.unregister(self._errors)
                if pipe in ready:
                    return
        verb = "did not listen" if sending else "did not answer"
        self._fail(f"{verb} within {self._timeout:g} s, and was ended")

    def _listen(self):
        """Keeps the end of its standard error; False if there is no more just now."""
        with suppress(BlockingIOError):
            some = os.read(self._errors.fileno(), KEPT)
            self._stderr = (self._stderr + some)[-KEPT:]
            return bool(some)
        return False

    def _ended(self):
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(PATIENCE)
        status = self._process.poll()
        if status is None:
            return self._fail("closed its pipes, and was ended")
        how = f"with status {status}" if status >= 0 else f"by signal {-status}"
        self._fail(f"ended {how}")

    def _fail(self, what):
        self._kill()
        told = self._stderr.decode(errors="replace").strip()
        raise DeviceError(f"The device {what} while {self._doing}.", told) from None

    def _kill(self):
        if not self._close.alive:
            return
        _signal_all(self._process)
        self._process.wait()
        for _ in range(256):  # what it started may go on for ever
            if not self._listen():
                break
        self._close()


def _bytes_of(x: Any) -> memoryview:
    """What lies behind bytes or a flat array."""
    return memoryview(x).cast("B") if len(x) else memoryview(bytearray())


def _end(process, owner):
    """Ends a process and takes its status, so that nothing is left of it."""
    if os.getpid() == owner:  # a fork of ours has the pipes, but not the process
        with suppress(OSError):
            process.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            process.wait(PATIENCE)
        _signal_all(process)
        process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        with suppress(OSError):
            pipe.close()


def _signal_all(process):
    """Kills a process with all that it started, unless it has ended."""
    if process.poll() is None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
