"""How far a long computation is: a bar on a terminal, lines elsewhere, on stderr."""

import contextlib
import math
import sys
import time
from collections.abc import Callable, Iterator
from typing import Protocol

Progress = Callable[[int, int], None]  # how many are done, of how many (0 if unknown)

_PAUSE = 5.0  # between lines [s]
_BESIDE = 20  # columns of the time left, the gaps, and the shortest bar


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
        note: to show before the first update; nothing is shown until then if omitted.
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
        yield _in_lines(name, note, of_bytes)


def word(text: str) -> None:
    """A line for somebody who waits at a terminal."""
    if sys.stderr.isatty():
        print(text, file=sys.stderr, flush=True)


def _in_lines(name, note, of_bytes):
    """The note, then a line every five seconds, and one at the end."""
    last = -math.inf
    if note:
        print(f"{name}  {note}", file=sys.stderr)

    def update(done, total, note=""):
        nonlocal last
        if time.monotonic() - last > _PAUSE or done == total:
            last = time.monotonic()
            print(f"{name}  {note or _count(done, total, of_bytes)}", file=sys.stderr)

    return update


@contextlib.contextmanager
def _on_terminal(name, note, of_bytes):
    """One line, or two where that is too narrow; gone in the end without an update."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    shares = sys.stdout.isatty()  # else what is printed goes where it was sent
    with Progress(
        _column(), console=console, expand=True, redirect_stdout=shares
    ) as display:
        task = display.add_task(name, total=None, note=note, visible=bool(note))
        updated = False

        def update(done, total, note=""):
            nonlocal updated
            updated = True
            display.update(
                task,
                completed=done,
                total=total or None,
                note=note or _count(done, total, of_bytes),
                visible=True,
            )

        try:
            yield update
        finally:
            display.update(task, visible=updated)


def _column():
    """Name, bar, note and time left; the note goes below if the bar would be short."""
    from rich import progress
    from rich.table import Table
    from rich.text import Text

    class Line:
        def __init__(self, task):
            self.task = task

        def __rich_console__(self, console, options):
            name, note = Text(self.task.description), Text(self.task.fields["note"])
            bar = progress.BarColumn(None).render(self.task)
            left = progress.TimeRemainingColumn().render(self.task)
            fits = len(name) + len(note) + _BESIDE <= options.max_width
            grid = Table.grid(padding=(0, 1), expand=True)
            grid.add_column(no_wrap=True)
            grid.add_column(ratio=1)
            grid.add_row(*(name, bar, note, left) if fits else (name, bar, left))
            yield grid
            if not fits:
                yield note

    class Column(progress.ProgressColumn):
        def render(self, task):
            return Line(task)

    return Column()


def _count(done, total, of_bytes):
    if of_bytes:
        size = f"/{total / 1e6:.1f}" if total else ""
        return f"{done / 1e6:.1f}{size} MB"
    return f"{done}/{total}" if total else f"{done}"
