"""One recording of N-MNIST: digits seen by a moving event camera of 34x34 pixels.

Orchard et al. 2015, doi:10.3389/fnins.2015.00437; as ``atis_bin``.
"""

from pathlib import Path

import numpy as np

from snnjax.datasets.cameras.atis_bin import atis_events
from snnjax.datasets.cameras.camera import camera_events
from snnjax.datasets.guard.checked import content, reading
from snnjax.events import Outside

SIZE = (34, 34)  # height and width of the sensor [pixels]
_EVENT_BYTES = 80  # of memory for each event


def read_nmnist_file(
    path: str | Path, *, limit: int | None = None, outside: Outside = "error"
) -> tuple[np.ndarray, np.ndarray]:
    """Reads one recording.

    Args:
        path: of the ``.bin`` file.
        limit: most bytes of memory that reading it may take; 128 MiB and 200 times the
            file's size if omitted.
        outside: what to do with events outside the sensor; ``"drop"`` warns how many.

    Returns:
        Times [s], float64, and units ``(y·34 + x)·2 + polarity``, int32.

    Raises:
        FileNotFoundError: if there is no such file.
        DataError: naming the file and the event that is wrong.
    """
    with reading(path, "an N-MNIST recording", limit) as file:
        raw = content(file)
        t, x, y, p = atis_events(file, raw)[:4]
        file.take(_EVENT_BYTES * len(t), "its events")
        return camera_events(x, y, p, t * 1e-6, SIZE, outside)
