"""Events of any origin in an ``.npz`` file: the columns of ``Events``, each an array.

``times`` [s], ``units`` and ``offsets``, perhaps ``labels``, ``group``, ``trial``,
``n_units`` and ``n_classes``. Files of others may leave out what has a default.
"""

import zipfile
from pathlib import Path

import numpy as np

from snnjax.datasets.containers.npz import npz
from snnjax.datasets.guard.checked import HoldsError, reading
from snnjax.events import Events, Outside, from_flat
from snnjax.events.packing import EVENT_BYTES, ROW_BYTES
from snnjax.files import atomic

_NEEDED = ("times", "units", "offsets")


def read_events(
    path: str | Path,
    *,
    n_units: int | None = None,
    limit: int | None = None,
    outside: Outside = "error",
) -> Events:
    """Reads events, those of sample k at ``offsets[k]:offsets[k + 1]``.

    Args:
        path: of the ``.npz`` file.
        n_units: number of units there are; what the file says if omitted, else the
            largest and one.
        limit: most bytes of memory that reading it may take; 128 MiB and 200 times the
            file's size if omitted.
        outside: what to do with events at no time or of no unit; ``"drop"`` warns how
            many.

    Raises:
        FileNotFoundError: if there is no such file.
        DataError: naming the file and what is wrong with it.
    """
    with reading(path, "events", limit) as file:
        columns = npz(file, set(Events._fields), set(_NEEDED))
        counts = {name: _one(columns, name) for name in ("n_units", "n_classes")}
        for name, column in columns.items():
            kinds = "iuf" if name == "times" else "iu"
            if column.dtype.kind not in kinds or column.ndim != 1:
                told = f"{name} of type {column.dtype}, shape {column.shape}"
                raise HoldsError(told)
        times, units, cuts = (columns[name] for name in _NEEDED)
        file.take(EVENT_BYTES * times.size + ROW_BYTES * cuts.size, "its events")
        steps = np.diff(cuts.astype(np.int64))
        whole = len(cuts) and cuts[0] == 0 and cuts[-1] == len(times) == len(units)
        if not whole or (steps < 0).any():
            raise ValueError(
                f"offsets must rise from 0 to {len(times)}, the number of times, "
                f"which is that of units, {len(units)}"
            )
        labels = columns.get("labels", np.zeros(len(steps), np.int64))
        given = counts["n_units"] if n_units is None else n_units
        return from_flat(
            *(times, units, steps, labels),
            n_units=int(units.max(initial=-1)) + 1 if given is None else given,
            group=columns.get("group"),
            trial=columns.get("trial"),
            n_classes=counts["n_classes"],
            outside=outside,
        )


def write_events(path: str | Path, events: Events) -> None:
    """Writes events, exactly; the file appears whole or not at all.

    Args:
        path: of the file, ``.npz``.
        events: of N samples.
    """
    with (
        atomic(path) as new,
        zipfile.ZipFile(new, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for name, column in zip(events._fields, events, strict=True):
            with archive.open(f"{name}.npy", "w", force_zip64=True) as entry:
                np.lib.format.write_array(entry, np.asarray(column), allow_pickle=False)


def _one(columns, name):
    """A number of the file, or nothing if it has none."""
    value = columns.pop(name, None)
    if value is None:
        return None
    if value.shape != () or value.dtype.kind not in "iu" or not 0 <= value < 2**31:
        raise ValueError(f"{name} is no number of 0 to {2**31 - 1}")
    return int(value)
