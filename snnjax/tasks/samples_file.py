"""Which sample went into which part, in a table that the folder of a run keeps."""

import csv
import hashlib
import io
import warnings
from pathlib import Path

import numpy as np

from snnjax import files
from snnjax.tasks.task import Named, Part, Task
from snnjax.training.identity import digest

_NAME = "samples.csv"
_ROWS = 200  # read at once


def keep_samples(folder: Path, task: Task) -> None:
    """Writes ``part,sample,class,digest``, if the samples of a task have names.

    A warning tells of samples that are the same as one in another part.
    """
    if not task.samples:
        return
    text, copies = io.StringIO(), 0
    homes: dict[str, str] = {}
    table = csv.writer(text)
    table.writerow(["part", "sample", "class", "digest"])
    for split, named in task.samples.items():
        part = task.parts[split]
        rows = named.names, part.labels, digests(part, named)
        for name, label, each in zip(*rows, strict=True):
            table.writerow([split, name, task.classes[label], each])
            copies += homes.setdefault(each, split) != split
    if copies:
        warnings.warn(
            f"{copies} samples are the same as one in another part, see "
            f"{folder / _NAME}: what is measured there was trained on. Remove copies, "
            "or give them one group.",
            stacklevel=3,
        )
    plain = text.getvalue().encode(errors="backslashreplace").decode()
    files.write_text(folder / _NAME, plain)


def kept_samples(folder: Path) -> list[tuple[str, str]]:
    """Part and digest of each sample of a run; nothing if there is no table."""
    path = folder / _NAME
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return [(row["part"], row["digest"]) for row in csv.DictReader(file)]


def digests(part: Part, named: Named) -> list[str]:
    """Of each sample: of its file, or else of its spikes."""
    if named.files:
        return [_of_file(path) for path in named.files]
    n, found = len(part.labels), []
    for first in range(0, n, _ROWS):
        raster = part.raster(np.arange(first, min(first + _ROWS, n)), None)
        found += [digest(raster[:, k]) for k in range(raster.shape[1])]
    return found


def _of_file(path):
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]
