"""Events of a camera in an ``.npz`` file: arrays ``t``, ``x``, ``y`` and ``p``.

evutils writes them so, times [µs], with ``width`` and ``height`` of the sensor.
"""

from pathlib import Path
from typing import Any

import numpy as np

from snnjax import check
from snnjax.datasets.cameras.camera_columns import (
    COLUMN_BYTES,
    UNITS,
    Unit,
    columns_of_events,
    unit_of_times,
)
from snnjax.datasets.cameras.on_sensor import on_sensor
from snnjax.datasets.containers.npz import npz
from snnjax.datasets.guard.checked import DamageError, HoldsError, reading
from snnjax.events import Outside, Recorded
from snnjax.events.columns import OUTSIDE

_COLUMNS = ("t", "x", "y", "p")
_MOST = (2**16, 2**16)


def read_camera_npz(
    path: str | Path,
    *,
    unit: Unit | None = None,
    limit: int | None = None,
    outside: Outside = "error",
) -> Recorded:
    """Reads the events of one recording.

    Args:
        path: of the ``.npz`` file.
        unit: of times, ``"s"``, ``"ms"``, ``"us"`` or ``"ns"``; if omitted,
            microseconds where width and height are told, as evutils does, and seconds
            where times are no whole numbers.
        limit: most bytes of memory that reading it may take; 128 MiB and 200 times the
            file's size if omitted.
        outside: what to do with events outside the sensor; ``"drop"`` warns how many.

    Returns:
        Events in the order of the file; times in whole microseconds.

    Raises:
        ValueError: for another unit.
        FileNotFoundError: if there is no such file.
        DataError: naming the file and what is wrong with it.
    """
    check.one_of("outside", outside, OUTSIDE)
    if unit is not None:
        check.one_of("unit", unit, UNITS)
    with reading(path, "events of a camera", limit) as file:
        found = npz(file, {*_COLUMNS, "width", "height"}, {*_COLUMNS})
        size = _size(found)
        for name in _COLUMNS:
            column = found[name]
            if column.ndim != 1 or column.dtype.kind not in "iufb":
                raise HoldsError(f"{name} of type {column.dtype}, shape {column.shape}")
        t, x, y, p = (found[name] for name in _COLUMNS)
        if t.dtype.kind == "b":
            raise HoldsError(f"t of type {t.dtype}")
        known: Any = "us" if size and t.dtype.kind != "f" else None
        unit = unit or known or unit_of_times(t)
        file.take(COLUMN_BYTES * max(map(len, (t, x, y, p))), "its events")
        source = f"npz of t,x,y,p, times of {t.dtype} [{unit}]"
        t, x, y, p = columns_of_events(t, x, y, p, unit)
        recorded = Recorded(t, x, y, p, size, "top left", source)
        return on_sensor(recorded, _MOST, outside)


def is_camera_npz(names: set[str]) -> bool:
    """Whether arrays of such names are events of a camera.

    Args:
        names: from ``npz.npz_names``.
    """
    return {*_COLUMNS} <= names


def _size(found: dict[str, np.ndarray]) -> tuple[int, int] | None:
    """Height and width of the sensor, if both are there."""
    sides = [found[name] for name in ("height", "width") if name in found]
    if len(sides) < 2:
        return None
    for side in sides:
        if side.shape != () or side.dtype.kind not in "iu" or not 0 < side <= 2**16:
            raise DamageError(f"its width or height is {side!r:.60}")
    height, width = (int(side) for side in sides)
    return height, width
