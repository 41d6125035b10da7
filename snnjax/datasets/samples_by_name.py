"""Samples of one's own, whatever they are: what they are called, and whose."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np

from snnjax.datasets.guard.checked import DataError
from snnjax.datasets.listing import Listing, numbered

Kind = Literal["events", "sounds", "images", "spikes", "signals"]
Start = float | Literal["first"]  # time from which a camera is read [s]


class Like(NamedTuple):
    """What other recordings told, for what files leave open."""

    kind: Kind | Literal[""]  # "": spikes of any kind
    shape: tuple[int, ...]  # of a step, as the files have it
    steps: int  # of an array
    start: Start = 0.0


class Labelled(NamedTuple):
    """N samples, what each of them is, whose it is, and of which part."""

    kind: Kind
    # Events; paths of sounds; or arrays: images [N, height, width, ...], uint8, spikes
    # or signals [N, T, n]
    data: Any
    names: tuple[str, ...]  # of samples, such as their files
    labels: np.ndarray  # [N], int32
    classes: tuple[str, ...]
    group: np.ndarray  # [N], int32, -1 if unknown
    groups: tuple[str, ...]
    parts: tuple[str, ...]  # train, validation or test; "" if that is not settled
    shape: tuple[int, ...]  # of a step, such as (34, 34, 2); () for sounds
    dt: float | None = None  # between steps of an array, where its file tells it [s]
    start: Start = 0.0  # of recordings of cameras: time 0, or their first event


def packed(listing: Listing, kind: Any, data: Any, shape: Sequence[int]) -> Labelled:
    """Samples as a list tells of them.

    Raises:
        DataError: for a class whose name cannot be shown.
    """
    labels, classes = numbered(listing.labels)
    odd = [name for name in classes if not _is_text(name)]
    if odd:
        raise DataError(f"Class {odd[0]!a} is no text that can be shown; rename it.")
    group, groups = numbered(listing.groups)
    if "" in groups:  # the first of all names
        group, groups = [each - 1 for each in group], groups[1:]
    return Labelled(
        kind=kind,
        data=data,
        names=listing.names,
        labels=np.array(labels, np.int32),
        classes=classes,
        group=np.array(group, np.int32),
        groups=groups,
        parts=listing.parts,
        shape=tuple(shape),
    )


def _is_text(name):
    """Whether it has letters that are shown, and nothing else."""
    return bool(name.strip()) and name.isprintable()


def are_counts(x: np.ndarray) -> bool:
    """Whether they are whole numbers, none of them below zero."""
    whole = x.dtype.kind in "bui" or bool(np.all(x == np.floor(x)))
    return whole and bool(x.min() >= 0)


def texts(
    column: np.ndarray, classes: np.ndarray | None, path: str | Path
) -> tuple[str, ...]:
    """What labels or groups are called, in a file.

    Raises:
        DataError: for what are no names, or numbers of no class.
    """
    if column.dtype.kind in "US":
        return tuple(column.astype(str).tolist())
    if column.dtype.kind not in "iu":
        raise DataError(f"{path}: labels and groups must be whole numbers or texts.")
    if classes is None:
        return tuple(map(str, column.tolist()))
    inside = 0 <= column.min() <= column.max() < len(classes)
    if classes.dtype.kind not in "US" or not inside:
        raise DataError(f"{path}: labels must be numbers of classes, which are texts.")
    return tuple(classes.astype(str)[column].tolist())


def owners(column: np.ndarray, path: str | Path) -> tuple[str, ...]:
    """What groups are called; nothing where they are not known, below zero."""
    if column.dtype.kind == "i":
        column = np.where(column < 0, "", column.astype(str))
    return texts(column, None, path)
