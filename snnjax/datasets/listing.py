"""Which recordings a folder holds, and what its subfolders or a table say of them."""

import csv
import io
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from snnjax.datasets.guard.checked import (
    DataError,
    HoldsError,
    content,
    listed,
    reading,
)
from snnjax.datasets.spikes.phy import is_phy

PARTS = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
    "testing": "test",
}
TABLE = "labels.csv"
_COLUMNS = "file", "label", "group", "part"
_IGNORED = "Thumbs.db", "desktop.ini"  # which systems leave behind
_LAYOUTS = (
    "one subfolder for each class, or train, test (and validation) with such "
    f"subfolders, or a table {TABLE} with columns file and label"
)


class Listing(NamedTuple):
    """Files of N recordings, in order, and what is said of each."""

    names: tuple[str, ...]  # as seen from the folder
    files: tuple[Path, ...]
    labels: tuple[str, ...]  # what it is called
    groups: tuple[str, ...]  # whose it is; "" if that is not said
    parts: tuple[str, ...]  # train, validation or test; "" if that is not said


def list_folder(folder: Path) -> Listing:
    """Lists the recordings of a folder.

    A table ``labels.csv`` in it says of each file what it is, and perhaps whose
    (``group``) and of which ``part``. Without one, subfolders are classes, or parts
    with subfolders of classes; what lies deeper is of the same class. Hidden files and
    folders do not count.

    Raises:
        DataError: for a folder of another layout, without files, with files beside its
            subfolders, with parts beside what is none, or with links to folders or to
            nothing.
    """
    if (folder / TABLE).is_file():
        return list_table(folder / TABLE)
    below = _subfolders(folder)
    loose = _loose(folder)
    if not below:
        raise DataError(f"{folder} must have {_LAYOUTS}; it has no subfolder.")
    if loose:
        raise DataError(
            f"{folder} must have {_LAYOUTS}; beside its subfolders lie {listed(loose)}."
        )
    named = {each: PARTS.get(each.name.lower(), "") for each in below}
    others = [each.name for each, part in named.items() if not part]
    if others and {"train", "test"} <= {*named.values()}:
        raise DataError(
            f"{folder} has subfolders of parts, and beside them {listed(others)}. Name "
            f"parts train, validation and test; if all are classes, write a {TABLE}."
        )
    rows = []
    if all(named.values()):
        for home, part in named.items():
            if stray := _loose(home):
                raise DataError(f"{home} must have subfolders, not {listed(stray)}.")
            rows += [(*row, part) for each in _subfolders(home) for row in _of(each)]
    else:
        rows += [(*row, "") for each in below for row in _of(each)]
    if not rows:
        raise DataError(f"{folder} holds no files.")
    files, labels, parts = zip(*rows, strict=True)
    names = tuple(each.relative_to(folder).as_posix() for each in files)
    return Listing(names, files, labels, ("",) * len(files), parts)


def list_table(path: Path) -> Listing:
    """Lists the recordings that a table names: ``file,label[,group][,part]``.

    Commas, semicolons or tabs lie between columns; files are named as seen from the
    table.

    Raises:
        DataError: by its line, for a table without these columns, a file that is not
            there or comes twice, or a part that there is not.
    """
    with reading(path, "a table of labels") as file:
        try:
            text = content(file).decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise HoldsError("text that is not UTF-8; save it as UTF-8") from error
        head = text.partition("\n")[0]
        mark = max(",;\t", key=head.count)
        lines = list(csv.reader(io.StringIO(text), delimiter=mark, strict=True))
    names = [each.strip().lower() for each in lines[0]] if lines else []
    if not {"file", "label"} <= {*names} or len({*names}) < len(names):
        raise DataError(
            f"{path} must have the columns file and label, and may have group and "
            f"part; it has {listed(names)}."
        )
    rows = []
    for number, line in enumerate(lines[1:], 2):
        if not any(map(str.strip, line)):
            continue
        if len(line) != len(names):
            told = f"{len(line)} of {len(names)} cells"
            raise DataError(f"{path}, line {number}: {told}.")
        cells = dict(zip(names, map(str.strip, line), strict=True))
        rows.append(_row(f"{path}, line {number}", path.parent, cells))
    twice = _repeated(rows)
    if twice or not rows:
        told = f"names {twice} twice" if twice else "names no files"
        raise DataError(f"{path} {told}.")
    return Listing(*(tuple(column) for column in zip(*rows, strict=True)))


def list_files(paths: Iterable[str | Path], *, label: str) -> Listing:
    """Lists files by name, and all that lie in folders that are named.

    Args:
        paths: of files, of folders, and of folders that are one recording.
        label: what all of them are called.

    Raises:
        FileNotFoundError: naming the first that is not there.
        DataError: for no files.
    """
    files: list[Path] = []
    for path in map(Path, paths):
        if not path.exists():
            raise FileNotFoundError(f"Nothing is at {path}.")
        if path.is_dir() and not is_phy(path):
            files += sorted(_below(path))
        else:
            files.append(path)
    if not files:
        raise DataError("There are no files to read.")
    n = len(files)
    names = tuple(map(str, files))
    return Listing(names, tuple(files), (label,) * n, ("",) * n, ("",) * n)


def grouped(listing: Listing, pattern: str) -> Listing:
    r"""Reads from the name of each file whose it is.

    Args:
        listing: of files.
        pattern: a regular expression with one group in brackets, searched for in the
            name as seen from the folder: ``r"user(\d+)"``.

    Raises:
        ValueError: for what is no such expression, or a file that it does not fit.
    """
    try:
        found = re.compile(pattern)
    except re.error as error:
        raise ValueError(
            f"group must be a regular expression, got {pattern!r}: {error}."
        ) from None
    if found.groups != 1:
        raise ValueError(
            "group must have one part in brackets, which is read, such as "
            f"'user([0-9]+)'; got {pattern!r}."
        )
    matches = [found.search(name) for name in listing.names]
    groups = tuple((match[1] or "") if match else "" for match in matches)
    if "" in groups:
        name = listing.names[groups.index("")]
        raise ValueError(f"group {pattern!r} does not fit {name}, or finds nothing.")
    return listing._replace(groups=groups)


def taken(listing: Listing, rows: Iterable[int]) -> Listing:
    """Some entries of a list, in the order asked for; an entry may come again."""
    rows = list(rows)
    columns: Any = (tuple(column[k] for k in rows) for column in listing)
    return Listing(*columns)


def numbered(names: Sequence[str]) -> tuple[list[int], tuple[str, ...]]:
    """Numbers of names, in the order of the alphabet."""
    order = tuple(sorted({*names}, key=_as_read))
    number = {name: k for k, name in enumerate(order)}
    return [number[each] for each in names], order


def _as_read(name):
    """2 before 10; 01 before 1, in whatever order they come."""
    parts = re.split(r"(\d+)", name)
    return [int(part) if part.isdecimal() else part for part in parts], name


def _row(where, folder, cells):
    file, part = folder / cells["file"], cells.get("part", "").lower()
    if not file.is_file():
        raise DataError(f"{where}: there is no file {cells['file']!r}.")
    if not cells["label"]:
        raise DataError(f"{where}: no label.")
    if part and part not in PARTS:
        raise DataError(f"{where}: part must be one of {listed(PARTS)}, got {part!r}.")
    given = cells["label"], cells.get("group", ""), PARTS.get(part, "")
    return cells["file"], file, *given


def _of(folder):
    """Files of a class, whose name is that of the folder."""
    return [(each, folder.name) for each in sorted(_below(folder))]


def _below(folder):
    """Files of a folder and of those in it."""
    for each in filter(_counts, folder.iterdir()):
        if each.is_file():
            yield each
        elif each.is_dir() and not each.is_symlink():
            yield from _below(each)
        else:
            raise DataError(
                f"{each} is a link to a folder or to nothing, or no file at all. Put "
                "the files there, or remove it."
            )


def _loose(folder):
    """What lies in a folder and is none."""
    found = filter(_counts, folder.iterdir())
    return sorted(each.name for each in found if not each.is_dir())


def _subfolders(folder):
    return [e for e in sorted(folder.iterdir()) if e.is_dir() and _counts(e)]


def _counts(path):
    """Whether it is not hidden."""
    return not (path.name.startswith(".") or path.name in _IGNORED)


def _repeated(rows):
    """The name of a file that came before, perhaps by another name."""
    seen = set()
    for name, file, *_ in rows:
        if (path := os.path.realpath(file)) in seen:
            return name
        seen.add(path)
    return None
