"""One recording of N-MNIST: digits seen by a moving event camera of 34x34 pixels.

5 bytes for each event: x (8 bits), y (8), polarity (1), time in microseconds (23), the
time big-endian (Orchard et al. 2015, doi:10.3389/fnins.2015.00437). An entry with
y = 240 is no event: the clock ran over, and all that follows comes 8192 µs later.
"""

from pathlib import Path

import numpy as np

from snnjax.datasets.formats.camera import camera_events
from snnjax.datasets.formats.checked import DamageError, content, reading
from snnjax.datasets.formats.signatures import check_signature
from snnjax.events import Outside

SIZE = (34, 34)  # height and width of the sensor [pixels]
_EVENT_BYTES = 160  # of memory for each event
_OVERFLOW_ROW, _OVERFLOW_TIME = 240, 2**13  # y that marks it; by how much [µs]


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
        check_signature(raw, "")
        if len(raw) % 5:
            raise DamageError(f"its {len(raw)} bytes are no multiple of 5")
        file.take(len(raw) // 5 * _EVENT_BYTES, "its events")
        entry = np.frombuffer(raw, np.uint8).reshape(-1, 5).astype(np.int64)
        x, y, third = entry[:, 0], entry[:, 1], entry[:, 2]
        time = ((third & 127) << 16) | (entry[:, 3] << 8) | entry[:, 4]
        mark = y == _OVERFLOW_ROW
        time = (time + _OVERFLOW_TIME * np.cumsum(mark))[~mark]
        x, y, polarity = x[~mark], y[~mark], third[~mark] >> 7
        return camera_events(x, y, polarity, time * 1e-6, SIZE, outside)
