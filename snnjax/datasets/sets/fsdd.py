"""Free Spoken Digits: ``recordings/<digit>_<speaker>_<index>.wav``.

Jackson et al. 2018, doi:10.5281/zenodo.1342401.
"""

import re
from pathlib import Path
from typing import Literal

import numpy as np

from snnjax.datasets.places import find
from snnjax.datasets.published import DataSet, File
from snnjax.datasets.recordings import (
    Recordings,
    list_recordings,
    select_recordings,
)
from snnjax.datasets.samples import SPLITS, Split, check_split

DIGITS = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
)
PATTERN = re.compile(r"(?P<word>\d)_(?P<speaker>.+)_(?P<trial>\d{1,6})\.wav")


def fsdd_recordings(path: str | Path | None = None) -> Recordings:
    """All of Free Spoken Digits: ten digits by six speakers, 50 times each, at 8 kHz.

    Args:
        path: folder with ``recordings``; see ``places`` if omitted.

    Raises:
        DataError: for a file of another name.
        FileNotFoundError: saying where it looked.
    """
    homes = DATA_SET.homes
    folder = find("fsdd", "spoken digits", ["recordings"], path, homes=homes)
    return list_recordings(sorted(folder.glob("*.wav")), PATTERN, DIGITS)


def fsdd(
    split: Split,
    path: str | Path | None = None,
    *,
    by: Literal["recording", "speaker"] = "recording",
) -> Recordings:
    """A part of Free Spoken Digits.

    By recording, indices 0 to 4 test, as the authors have it, and 5 and 6 validate. By
    speaker, the last in alphabetical order tests and the one before validates.

    Args:
        split: ``"train"``, ``"validation"`` or ``"test"``.
        path: folder with ``recordings``; see ``places`` if omitted.
        by: what the parts do not share.

    Raises:
        ValueError: for another split, less than three speakers to part by, or a file
            of another name (``DataError``).
        FileNotFoundError: saying where it looked.
    """
    check_split(split)
    recordings = fsdd_recordings(path)
    if by == "recording":
        part = 2 - np.digitize(recordings.trial, [5, 7])
    elif len(recordings.speakers) < 3:
        raise ValueError(
            "To train, validate and test on different speakers takes recordings by at "
            f"least three; there are {', '.join(recordings.speakers) or 'none'}."
        )
    else:
        part = np.clip(recordings.group - len(recordings.speakers) + 3, 0, 2)
    return select_recordings(recordings, part == SPLITS.index(split))


DATA_SET = DataSet(
    name="fsdd",
    about="Free Spoken Digits: 3000 clips by six speakers at 8 kHz",
    parts="recordings 5 and 6 validate; the official test, 0 to 4; or by speaker",
    home="https://github.com/Jakobovski/free-spoken-digit-dataset",
    licence="CC BY-SA 4.0",
    cite="Jackson et al. 2018, doi:10.5281/zenodo.1342401",
    load=fsdd,
    homes=("free-spoken-digit-dataset", "free-spoken-digit-dataset-master"),
    marks=("recordings",),
    files=(
        File(
            "fsdd.tar.gz",
            "https://github.com/Jakobovski/free-spoken-digit-dataset/archive/"
            "26eb9aaf76e81b692f806f9140c2d2777410d7a1.tar.gz",
            unpack="",
            contents=(
                "recordings/*.wav",
                "1801eae019c063377d98f831d3f93574f259475df7332bb0e3d1b080fb5e6959",
            ),
        ),
    ),
)
