"""How far a long computation is: a bar on a terminal, lines elsewhere, on stderr."""

import contextlib
import math
import sys
import time
from collections.abc import Callable, Iterator
from typing import Protocol

Progress = Callable[[int, int], None]  # how many are done, of how many (0 if unknown)

_PAUSE = 5.0  # between lines [s]


class Update(Protocol):
    """Shows how far it is; a note stands in place of the numbers."""

    def __call__(self, done: int, total: int, note: str = "") -> None: ...


@contextlib.contextmanager
def bar(
    name: str, *, note: str = "", of_bytes: bool = False, shown: bool = True
) -> Iterator[Update]:
    """Shows progress while its block runs.

        with bar("encoding") as update:
            update(1, 3)

    Args:
        name: what is going on.
        note: to show on a terminal before the first update; nothing is shown until then
            if omitted.
        of_bytes: whether bytes are counted; they are shown in MB.
        shown: whether to show anything.

    Yields:
        ``(done, total, note="") -> None``; a total of 0 is unknown.
    """
    if not shown:
        yield lambda done, total, note="": None
    elif sys.stderr.isatty():
        with _on_terminal(name, note, of_bytes) as update:
            yield update
    else:
        yield _in_lines(name, of_bytes)


def _in_lines(name, of_bytes):
    """A line every five seconds, and one at the end."""
    last = -math.inf

    def update(done, total, note=""):
        nonlocal last
        if time.monotonic() - last > _PAUSE or done == total:
            last = time.monotonic()
            print(f"{name}  {note or _count(done, total, of_bytes)}", file=sys.stderr)

    return update


@contextlib.contextmanager
def _on_terminal(name, note, of_bytes):
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[note]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as display:
        task = display.add_task(name, total=None, note=note, visible=bool(note))

        def update(done, total, note=""):
            display.update(
                task,
                completed=done,
                total=total or None,
                note=note or _count(done, total, of_bytes),
                visible=True,
            )

        yield update


def _count(done, total, of_bytes):
    if of_bytes:
        size = f"/{total / 1e6:.1f}" if total else ""
        return f"{done / 1e6:.1f}{size} MB"
    return f"{done}/{total}" if total else f"{done}"
