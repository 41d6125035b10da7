"""One recording of DVS Gesture, seen by an event camera of 128x128 pixels.

The published conversion has an ``.npy`` file for each gesture, an array ``[n, 4]`` of
x, y, polarity and time in milliseconds (Amir et al. 2017, doi:10.1109/CVPR.2017.781).
"""

from pathlib import Path

import numpy as np

from snnjax.datasets.cameras.camera import camera_events
from snnjax.datasets.containers.npz import npy
from snnjax.datasets.guard.checked import HoldsError, reading
from snnjax.events import Outside

_EVENT_BYTES = 160  # of memory for each event
SIZE = (128, 128)  # height and width of the sensor [pixels]


def read_gesture_file(
    path: str | Path, *, limit: int | None = None, outside: Outside = "error"
) -> tuple[np.ndarray, np.ndarray]:
    """Reads one recording.

    Args:
        path: of the ``.npy`` file.
        limit: most bytes of memory that reading it may take; 128 MiB and 200 times the
            file's size if omitted.
        outside: what to do with events outside the sensor; ``"drop"`` warns how many.

    Returns:
        Times [s], float64, and units ``(y·128 + x)·2 + polarity``, int32.

    Raises:
        FileNotFoundError: if there is no such file.
        DataError: naming the file and the event that is wrong.
    """
    with reading(path, "a DVS Gesture recording", limit) as file:
        rows = npy(file)
        if rows.ndim != 2 or rows.shape[1] != 4 or rows.dtype.kind not in "iuf":
            raise HoldsError(f"an array {rows.dtype} {list(rows.shape)}, not [n, 4]")
        file.take(len(rows) * _EVENT_BYTES, "its events")
        if rows.dtype.kind == "f" and np.any(rows[:, :3] != np.floor(rows[:, :3])):
            raise ValueError("x, y or polarity is no whole number")
        x, y, polarity, time = (rows[:, k].astype(np.float64) for k in range(4))
        return camera_events(x, y, polarity, time * 1e-3, SIZE, outside)
