"""How much memory a call takes at most, more than there was before."""

import contextlib
import gc
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def peak_of(call: Callable[[], Any]) -> tuple[Any, int]:
    """What a call returned, and by how many bytes the process grew at most.

    On Linux the mark of the highest water is put back before; elsewhere a growth below
    the highest so far is not seen. An exception is returned in place of a result.
    """
    gc.collect()
    before = mark()
    try:
        result = call()
    except Exception as error:
        result = error
    return result, max(highest() - before, 0)


def mark() -> int:
    """Puts the mark of the highest water back, and tells how many bytes are held."""
    with contextlib.suppress(OSError):
        _CLEAR.write_text("5", encoding="utf-8")
    return highest()


def highest() -> int:
    """The most bytes that the process held since the mark."""
    try:
        lines = _STATUS.read_text(encoding="utf-8").splitlines()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    (line,) = (each for each in lines if each.startswith("VmHWM"))
    return int(line.split()[1]) * 1024
