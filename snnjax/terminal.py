"""Text for a terminal: no line too wide, no control characters, no reader needed."""

import contextlib
import logging
import os
import re
import shutil
import signal
import sys
import threading
import warnings
from collections.abc import Iterator
from typing import Any, TextIO

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_PARTS = re.compile(r"\S+?,(?=\S)|\S+\s*|\s+")  # words; lists break after a comma


def forgiving(stream: TextIO) -> None:
    """Letters that a terminal does not have are spelt out, not an error."""
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(errors="backslashreplace")


def escaped(text: str, *, lines: bool = True) -> str:
    """Text whose control characters, as in names of files, do nothing.

    Args:
        text: what to print.
        lines: whether line breaks and tabs stay as they are.
    """
    return "".join(
        each if each.isprintable() or (lines and each in "\n\t") else ascii(each)[1:-1]
        for each in text
    )


@contextlib.contextmanager
def warning_in_words(begin: str) -> Iterator[None]:
    """Warnings are told without the line of code that they come from.

    Args:
        begin: of each.
    """

    def told(message: Any, *place: Any, **where: Any) -> str:
        return f"{begin}{escaped(str(message))}\n"

    before, warnings.formatwarning = warnings.formatwarning, told
    try:
        yield
    finally:
        warnings.formatwarning = before


def wrapped(line: str, width: int) -> str:
    """A line as several that fit; those of a usage after the first are indented."""
    if _seen(line) <= width:
        return line
    rows, indent = [""], "       " if "usage:" in line else ""
    for part in _PARTS.findall(line):
        if rows[-1].strip() and _seen(rows[-1] + part.rstrip()) > width:
            rows.append(indent)
        rows[-1] += part
    return "\n".join(row.rstrip() for row in rows)


def _seen(text):
    """How many columns it takes."""
    return len(_COLOURS.sub("", text))


class _Through:
    """A stream whose text passes a function."""

    def __init__(self, stream, change):
        self.stream, self.change = stream, change

    def write(self, text):
        return self.stream.write(self.change(text))

    def __getattr__(self, name):
        return getattr(self.stream, name)


def escaping(stream: TextIO) -> Any:
    """A stream that control characters do not pass."""
    return _Through(stream, escaped)


def wrapping(stream: TextIO) -> Any:
    """A stream whose lines are no wider than the terminal."""
    width = shutil.get_terminal_size().columns

    def change(text):
        return "\n".join(wrapped(line, width) for line in text.split("\n"))

    return _Through(stream, change)


@contextlib.contextmanager
def stoppable(told: str) -> Iterator[None]:
    """Ctrl-C ends the program with a line and status 130, also where Python misses it.

    Raised in a finaliser, or as JAX collects garbage, a ``KeyboardInterrupt`` is only
    printed; it comes again a moment later. After the line, Ctrl-C ends all at once, and
    threads that the end cuts off in their work, such as one that saves, log nothing.

    Args:
        told: what the line says.
    """
    before, sys.unraisablehook = sys.unraisablehook, _once_more
    try:
        yield
    except KeyboardInterrupt:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, signal.SIG_DFL)
        print(f"\nsnnjax: {told}", file=sys.stderr)
        logging.disable()
        sys.exit(130)
    finally:
        sys.unraisablehook = before


@contextlib.contextmanager
def held() -> Iterator[None]:
    """Ctrl-C waits until what is done here is done; a second one does not.

    If it fails, that error is raised, not the interrupt. Where another thread runs
    this, or nobody in Python hears of Ctrl-C, all is as ever.
    """
    heard = signal.getsignal(signal.SIGINT)
    if not callable(heard) or threading.current_thread() is not threading.main_thread():
        yield
        return
    first = []

    def hold(*given):
        signal.signal(signal.SIGINT, heard)
        first.append(given)

    signal.signal(signal.SIGINT, hold)
    try:
        yield
    finally:
        if not first:
            signal.signal(signal.SIGINT, heard)
    if first:
        heard(*first[0])


def _once_more(missed):
    if issubclass(missed.exc_type, KeyboardInterrupt):
        threading.Timer(0.01, _interrupt).start()
    else:
        sys.__unraisablehook__(missed)


def _interrupt():
    """Wakes the main thread, which might sleep on if another one had the signal."""
    if hasattr(signal, "pthread_kill"):
        main = threading.main_thread().ident
        signal.pthread_kill(main or 0, signal.SIGINT)
    else:
        os.kill(os.getpid(), signal.SIGINT)


@contextlib.contextmanager
def without_reader() -> Iterator[None]:
    """What is still printed goes nowhere once nobody reads, as in ``… | head``."""
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)  # as of a program that SIGPIPE ends
