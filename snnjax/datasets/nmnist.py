"""N-MNIST: handwritten digits seen by a moving event camera, 34x34 pixels.

One file for each recording, ``Train/<label>/<number>.bin``, of 5 bytes for each event:
x (8 bits), y (8), polarity (1), time in microseconds (23), the time big-endian (Orchard
et al. 2015, doi:10.3389/fnins.2015.00437). An entry with y = 240 is no event: the clock
ran over, and all that follows comes 8192 µs later.
"""

import re
from pathlib import Path
from typing import NamedTuple

import numpy as np

from snnjax.datasets.camera import camera_events
from snnjax.datasets.files import DataError, content, reading
from snnjax.datasets.places import find
from snnjax.datasets.samples import Split, check_split
from snnjax.events import Events, Late, from_rows

SIZE = (34, 34)  # height and width of the sensor [pixels]
_OVERFLOW_ROW, _OVERFLOW_TIME = 240, 2**13  # y that marks it; by how much [µs]


class Recording(NamedTuple):
    """Where one sample lies, and what is known of it before it is read."""

    path: Path
    label: int
    number: int  # of the digit within MNIST, from 1


def read_nmnist_file(
    path: str | Path, *, bad: Late = "error"
) -> tuple[np.ndarray, np.ndarray]:
    """Reads one recording.

    Args:
        path: of the ``.bin`` file.
        bad: what to do with events outside the sensor; ``"drop"`` warns how many.

    Returns:
        Times [s], float64, and units ``(y·34 + x)·2 + polarity``, int32.

    Raises:
        FileNotFoundError: if there is no such file.
        DataError: naming the file and the event that is wrong.
    """
    with reading(path, "an N-MNIST recording") as path:
        raw = content(path)
        if len(raw) % 5:
            raise ValueError(f"its {len(raw)} bytes are no multiple of 5")
        entry = np.frombuffer(raw, np.uint8).reshape(-1, 5).astype(np.int64)
        x, y, third = entry[:, 0], entry[:, 1], entry[:, 2]
        time = ((third & 127) << 16) | (entry[:, 3] << 8) | entry[:, 4]
        mark = y == _OVERFLOW_ROW
        time = (time + _OVERFLOW_TIME * np.cumsum(mark))[~mark]
        x, y, polarity = x[~mark], y[~mark], third[~mark] >> 7
        return camera_events(x, y, polarity, time * 1e-6, SIZE, bad)


def nmnist_recordings(folder: str | Path) -> list[Recording]:
    """Lists the recordings ``<label>/<number>.bin`` of a folder, in order of number.

    Raises:
        DataError: if there are none, or for a name that is of another kind.
    """
    found = []
    for path in Path(folder).glob("*/*.bin"):
        if not re.fullmatch(r"\d/\d{1,9}", f"{path.parent.name}/{path.stem}"):
            raise DataError(f"{path} is not named <label>/<number>.bin.")
        found.append(Recording(path, int(path.parent.name), int(path.stem)))
    if not found:
        raise DataError(f"{folder} holds no <label>/<number>.bin.")
    return sorted(found, key=lambda each: each.number)


def n_mnist(split: Split, path: str | Path | None = None) -> Events:
    """Reads a part of N-MNIST; the last sixth of the training digits validates.

    The whole training part takes about 3 GB; to read less, read single recordings of
    ``nmnist_recordings`` by ``read_nmnist_file``.

    Args:
        split: ``"train"``, ``"validation"`` or ``"test"``.
        path: folder with ``Train`` and ``Test``; see ``places`` if omitted.

    Returns:
        Events of 2312 units; ``trial`` is the number of the digit within MNIST, from 1.

    Raises:
        ValueError: for another split, or a damaged file (``DataError``).
        FileNotFoundError: saying where it looked.
    """
    check_split(split)
    part = "Test" if split == "test" else "Train"
    homes = ("NMNIST", "N-MNIST", "nmnist-small")
    folder = find(
        "n-mnist", "N-MNIST recordings", [part, part.lower()], path, homes=homes
    )
    found = nmnist_recordings(folder)
    held_out = len(found) - len(found) // 6
    if split != "test":
        found = found[:held_out] if split == "train" else found[held_out:]
    rows = [read_nmnist_file(each.path) for each in found]
    return from_rows(
        *([times for times, _ in rows], [units for _, units in rows]),
        np.array([each.label for each in found], np.int64),
        n_units=2 * SIZE[0] * SIZE[1],
        trial=np.array([each.number for each in found], np.int64),
        n_classes=10,
    )
