"""Looks at files or folders of any known format: what is in them, and is it sound?"""

from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

from snnjax.datasets.catalogue import DATA_SETS
from snnjax.datasets.contents import Contents, contents_of, contents_of_pieces
from snnjax.datasets.fetch import verify
from snnjax.datasets.formats.any_file import format_if_any, is_one_recording
from snnjax.datasets.formats.registry import ARRAY
from snnjax.datasets.formats.streaming import is_streamed, stream_recorded
from snnjax.datasets.guard.checked import DataError
from snnjax.datasets.widths import odd_widths


class Report(NamedTuple):
    """What lies under a path."""

    counts: dict[str, dict[str, float]]  # of each format: files, samples, events, …
    told: tuple[str, ...]  # of each file that is read: what it holds
    published: tuple[str, ...]  # what is as published: "mnist: t10k-labels-…"
    others: int  # files of no known format
    unread: tuple[str, ...]  # sound, but not of a layout that is read here
    bad: tuple[str, ...]  # what is wrong with the others, each naming its file
    odd: tuple[str, ...] = ()  # arrays whose channels are not those of the others


def check(path: str | Path) -> Report:
    """Reads every file of a known format, as a whole.

    A file that is called like a published one, and can be read, but is another, is
    among the bad. No file stops the others.

    Args:
        path: of a file, or of a folder and all below it.

    Raises:
        FileNotFoundError: if there is nothing.
        ImportError: if a package is needed and not installed.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"Nothing is at {path}.")
    counts: dict[str, dict[str, float]] = {}
    told: list[str] = []
    published: list[str] = []
    unread: list[str] = []
    bad: list[str] = []
    shapes: dict[str, tuple[int, ...]] = {}
    others = 0
    files, closed = _files(path)
    unread += closed
    for file in files:
        found, wrong = None, None
        try:
            found = _look(file)
        except (DataError, PermissionError) as error:
            wrong = error
        try:
            source = _source(file, known=bool(found or wrong))
        except DataError as error:
            source, wrong = None, error
        if wrong is not None:
            sound = getattr(wrong, "sound", True)
            (unread if sound else bad).append(str(wrong))
            continue
        if source:
            published.append(f"{source}: {file.name}")
        if found:
            kind, contents, shape = found
            here = counts.setdefault(kind, defaultdict(float))
            for name, count in {"files": 1, **contents.counts}.items():
                here[name] += count
            told.append(f"{_name(file, path)}: {contents.told}")
            if shape:
                shapes[_name(file, path)] = shape
        elif not source:
            others += 1
    return Report(
        *(counts, tuple(told), tuple(published), others),
        *(tuple(unread), tuple(bad), odd_widths(shapes)),
    )


def _files(path: Path) -> tuple[list[Path], list[str]]:
    """Files in order, with folders that are one recording; and what cannot be seen.

    A folder that links lead to more than once is looked into once.
    """
    found: list[Path] = []
    closed: list[str] = []
    waiting, seen = [path], set[Path]()
    while waiting:
        here = waiting.pop()
        try:
            if here.is_symlink() and not here.exists():
                closed.append(f"{here} is a link to nothing.")
            elif here.is_dir() and not is_one_recording(here):
                if (real := here.resolve()) not in seen:
                    waiting += sorted(here.iterdir(), reverse=True)
                seen.add(real)
            elif here.is_dir() or here.is_file() or here == path:
                found.append(here)
        except PermissionError as error:
            closed.append(f"{here} cannot be looked into: {error.strerror}.")
    return found, closed


def _name(file, path):
    return str(file.relative_to(path) if file != path else file.name)


def _look(file: Path) -> tuple[str, Contents, tuple[int, ...]] | None:
    """Format and contents of a file, and the shape of an array ``[T, n]``.

    Nothing if it is none of data.
    """
    kind = format_if_any(file)
    if kind is None:
        return None
    if is_streamed(kind.read):  # files of gigabytes are not held as a whole
        return kind.name, contents_of_pieces(stream_recorded(file)), ()
    found = kind.read(file)
    contents = contents_of(found)
    if kind is ARRAY:  # time first, of one sample
        steps, channels = found.shape
        told = f"{contents.told}, {steps} steps of {channels} channels"
        return kind.name, Contents({"steps": steps}, told), found.shape
    return kind.name, contents, ()


def _source(file, known):
    """The data set that published a file of this name, if it is the one."""
    wrong = None
    for name, each in DATA_SETS.items():
        for offered in each.files:
            if offered.name == file.name and offered.checksum:
                try:
                    verify(file, offered.checksum, offered.size)
                except DataError as error:
                    wrong = error
                else:
                    return name
    if wrong is not None and known:
        raise wrong
    return None
