"""What made a task, by name, so that a folder knows whether its run is another one."""

import hashlib
from typing import Any

import numpy as np

from snnjax.tasks.network import identity_of
from snnjax.tasks.task import Part, Task, as_read
from snnjax.training.identity import digest

_ROWS = 500  # read at once


def recipe(task: Task, rule: str, block: int | None) -> dict[str, Any]:
    """Name, network and data of a task, and how it is learned; data as digests."""
    return {
        "task": task.name,
        "options": task.options,
        **identity_of(task.network),
        "rule": rule,
        "block": block,
        "data": {
            name: data_of(as_read(part, task.network))
            for name, part in task.parts.items()
        },
    }


def data_of(part: Part) -> dict[str, Any]:
    """How many samples, and digests of labels and of spikes as they are tested."""
    n, spikes = len(part.labels), hashlib.sha256()
    for first in range(0, n, _ROWS):
        rows = np.arange(first, min(first + _ROWS, n))
        spikes.update(digest(part.raster(rows, None)).encode())
    labels = digest(part.labels)
    return {"samples": n, "labels": labels, "spikes": spikes.hexdigest()[:16]}
