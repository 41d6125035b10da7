"""N-MNIST: handwritten digits seen by a moving event camera, 34x34 pixels.

One file for each recording, ``Train/<label>/<number>.bin`` (Orchard et al. 2015,
doi:10.3389/fnins.2015.00437).
"""

import re
from pathlib import Path
from typing import NamedTuple

import numpy as np

from snnjax.datasets.cameras.nmnist_bin import SIZE, read_nmnist_file
from snnjax.datasets.guard.checked import DataError, read_all
from snnjax.datasets.places import find
from snnjax.datasets.published import DataSet, File
from snnjax.datasets.samples import Split, check_split
from snnjax.events import Events, from_rows

_URL = "https://data.mendeley.com/public-files/datasets/468j46mzdv/files"


class DigitRecording(NamedTuple):
    """Where one sample lies, and what is known of it before it is read."""

    path: Path
    label: int
    number: int  # of the digit within MNIST, from 1


def nmnist_recordings(folder: str | Path) -> list[DigitRecording]:
    """Lists the recordings ``<label>/<number>.bin`` of a folder, in order of number.

    Raises:
        DataError: if there are none, or for a name that is of another kind.
    """
    recordings = []
    for path in Path(folder).glob("*/*.bin"):
        if not re.fullmatch(r"\d/\d{1,9}", f"{path.parent.name}/{path.stem}"):
            raise DataError(f"{path} is not named <label>/<number>.bin.")
        recordings.append(DigitRecording(path, int(path.parent.name), int(path.stem)))
    if not recordings:
        raise DataError(f"{folder} holds no <label>/<number>.bin.")
    return sorted(recordings, key=lambda each: each.number)


def n_mnist(
    split: Split, path: str | Path | None = None, *, skip_bad: bool = False
) -> Events:
    """Reads a part of N-MNIST; the last sixth of the training digits validates.

    The whole training part takes about 3 GB; to read less, read single recordings of
    ``nmnist_recordings`` by ``read_nmnist_file``.

    Args:
        split: ``"train"``, ``"validation"`` or ``"test"``.
        path: folder with ``Train`` and ``Test``; see ``places`` if omitted.
        skip_bad: whether to leave out files that cannot be read; a warning names them.

    Returns:
        Events of 2312 units; ``trial`` is the number of the digit within MNIST, from 1.

    Raises:
        ValueError: for another split, or a damaged file (``DataError``).
        FileNotFoundError: saying where it looked.
    """
    check_split(split)
    part = "Test" if split == "test" else "Train"
    names = [part, part.lower()]
    what = "N-MNIST recordings"
    folder = find("n-mnist", what, names, path, homes=DATA_SET.homes)
    recordings = nmnist_recordings(folder)
    held_out = len(recordings) - len(recordings) // 6
    if split != "test":
        cut = slice(held_out) if split == "train" else slice(held_out, None)
        recordings = recordings[cut]
    paths = [each.path for each in recordings]
    found = read_all(read_nmnist_file, paths, skip_bad=skip_bad)
    recordings, rows = [recordings[k] for k in found], [*found.values()]
    return from_rows(
        *([times for times, _ in rows], [units for _, units in rows]),
        np.array([each.label for each in recordings], np.int64),
        n_units=2 * SIZE[0] * SIZE[1],
        trial=np.array([each.number for each in recordings], np.int64),
        n_classes=10,
    )


DATA_SET = DataSet(
    name="n-mnist",
    about="MNIST seen by a moving event camera of 34x34 pixels",
    parts="the last sixth of the training part validates; the official test",
    home="https://www.garrickorchard.com/datasets/n-mnist",
    licence="CC BY-SA 4.0",
    cite="Orchard et al. 2015, doi:10.3389/fnins.2015.00437",
    load=n_mnist,
    homes=("NMNIST", "N-MNIST", "nmnist-small"),
    marks=("Train", "train"),
    files=(
        File(
            "train.zip",
            f"{_URL}/39c25547-014b-4137-a934-9d29fa53c7a0/file_downloaded",
            "md5:20959b8e626244a1b502305a9e6e2031",
            most=2**31,
            unpack="Train",
        ),
        File(
            "test.zip",
            f"{_URL}/05a4d654-7e03-4c15-bdfa-9bb2bcbea494/file_downloaded",
            "md5:69ca8762b2fe404d9b9bad1103e97832",
            unpack="Test",
        ),
    ),
)
