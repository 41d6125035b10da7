"""One letter of ASL-DVS, signed before an event camera of 240x180 pixels.

MATLAB 5 with columns ``x``, ``y``, ``ts`` [µs] and ``pol``, each ``[n, 1]``. y counts
from the bottom (Bi et al. 2019, doi:10.1109/ICCV.2019.00058).
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from snnjax import check
from snnjax.datasets.cameras.camera_columns import (
    COLUMN_BYTES,
    columns_of_events,
)
from snnjax.datasets.cameras.on_sensor import on_sensor
from snnjax.datasets.containers.matlab import read_matlab
from snnjax.datasets.guard.checked import HoldsError, content, listed, reading
from snnjax.events import Outside, Recorded
from snnjax.events.columns import OUTSIDE

_COLUMNS = ("ts", "x", "y", "pol")
_SIZE = (180, 240)  # height and width of the sensor [pixels]


def read_asl_dvs(
    path: str | Path, *, limit: int | None = None, outside: Outside = "error"
) -> Recorded:
    """Reads one letter.

    Args:
        path: of the ``.mat`` file.
        limit: most bytes of memory that reading it may take; 128 MiB and 200 times the
            file's size if omitted.
        outside: what to do with events outside the sensor; ``"drop"`` warns how many.

    Returns:
        Events in the order of the file.

    Raises:
        FileNotFoundError: if there is no such file.
        DataError: naming the file and what is wrong with it.
    """
    check.one_of("outside", outside, OUTSIDE)
    with reading(path, "a letter of ASL-DVS", limit) as file:
        found = read_matlab(content(file), file)
        if not is_asl_dvs(found):
            shapes = (f"{name} {list(each.shape)[:9]}" for name, each in found.items())
            raise HoldsError(f"arrays {listed(shapes)}, not {listed(_COLUMNS)} [n, 1]")
        t, x, y, p = (found[name][:, 0] for name in _COLUMNS)
        file.take(COLUMN_BYTES * max(map(len, (t, x, y, p))), "its events")
        t, x, y, p = columns_of_events(t, x, y, p, "us")
        recorded = Recorded(t, x, y, p, _SIZE, "bottom left", "ASL-DVS")
        return on_sensor(recorded, _SIZE, outside)


def is_asl_dvs(found: Mapping[str, np.ndarray]) -> bool:
    """Whether arrays of a MATLAB file are those of ASL-DVS.

    Args:
        found: from ``matlab.read_matlab``.
    """
    columns = [found[name] for name in _COLUMNS if name in found]
    return len(columns) == len(_COLUMNS) and all(
        each.ndim == 2 and each.shape[1] == 1 for each in columns
    )
