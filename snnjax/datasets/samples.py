"""Samples that are arrays, and the names of the parts that a data set has."""

from typing import Literal, NamedTuple

import numpy as np

from snnjax import check

Split = Literal["train", "validation", "test"]
SPLITS: tuple[Split, ...] = ("train", "validation", "test")


class Samples(NamedTuple):
    """N samples as arrays, all of one shape."""

    x: np.ndarray  # [N, ...], what was recorded
    labels: np.ndarray  # [N], or [N, T] where every step has its own; -1 if it has none
    lengths: np.ndarray  # [N], how many rows of a sample are real; the rest repeats
    group: np.ndarray  # [N], who recorded it, such as a speaker; -1 if unknown
    trial: np.ndarray  # [N], which repetition of its kind; -1 if unknown
    classes: tuple[str, ...]  # what the labels mean


def pack(
    x: np.ndarray,
    labels: np.ndarray,
    classes: tuple[str, ...],
    *,
    lengths: np.ndarray | None = None,
    group: np.ndarray | None = None,
    trial: np.ndarray | None = None,
) -> Samples:
    """Samples of which the rest is unknown, with the types that all of them have.

    Raises:
        ValueError: for columns of unequal length, or a label that means nothing.
    """
    n = len(x)
    columns = {
        "labels": labels,
        "lengths": np.full(n, x.shape[1] if x.ndim > 1 else 1)
        if lengths is None
        else lengths,
        "group": np.full(n, -1) if group is None else group,
        "trial": np.full(n, -1) if trial is None else trial,
    }
    for name, column in columns.items():
        if len(column) != n:
            raise ValueError(f"there are {n} samples, but {len(column)} {name}")
    least = 0 if labels.ndim == 1 else -1
    if labels.size and not least <= labels.min() <= labels.max() < len(classes):
        raise ValueError(
            f"labels lie in {labels.min()} … {labels.max()}, expected {least} … "
            f"{len(classes) - 1}"
        )
    typed = {name: column.astype(np.int32) for name, column in columns.items()}
    return Samples(x=x, classes=classes, **typed)


def select_samples(samples: Samples, rows: np.ndarray) -> Samples:
    """Keeps some samples: ``rows`` are their numbers or a mask ``[N]``.

    Raises:
        ValueError: for rows that there are not, or a mask of another length.
    """
    check.fields("samples", samples, *Samples._fields)
    rows = check.rows(rows, len(samples.labels))
    columns = {name: getattr(samples, name)[rows] for name in Samples._fields[:-1]}
    return samples._replace(**columns)


def check_split(split: str) -> None:
    """Refuses a part that no data set has.

    Raises:
        ValueError: listing those that exist.
    """
    if split not in SPLITS:
        raise ValueError(f"No split {split!r}. There are: {', '.join(SPLITS)}.")
