"""Heidelberg Digits, the recordings behind SHD, and lists of the official parts.

``audio/lang-<l>_speaker-<s>_trial-<t>_digit-<d>.flac`` (Cramer et al. 2020,
doi:10.1109/TNNLS.2020.3044364).
"""

import re
from pathlib import Path

import numpy as np

from snnjax.datasets.places import find
from snnjax.datasets.published import DataSet, File
from snnjax.datasets.recordings import (
    Recordings,
    list_recordings,
    listed_rows,
    select_recordings,
)
from snnjax.datasets.samples import SPLITS, Split, check_split
from snnjax.datasets.sets import fsdd
from snnjax.datasets.sets.shd import CITE, HOME, PARTS, URL

DIGITS = (
    *fsdd.DIGITS,
    *("null", "eins", "zwei", "drei", "vier"),
    *("fünf", "sechs", "sieben", "acht", "neun"),
)
PATTERN = re.compile(
    r"lang-(?P<language>english|german)_speaker-(?P<speaker>\d{1,6})"
    r"_trial-(?P<trial>\d{1,6})_digit-(?P<word>\d)\.flac"
)


def hd_audio(split: Split, path: str | Path | None = None) -> Recordings:
    """Heidelberg Digits: ten digits in two languages by 12 speakers, FLAC at 48 kHz.

    Labels are the digit, and the digit plus 10 in German. The test part is the official
    one, with two speakers of its own; every fifth of the other speakers validates.

    Args:
        split: ``"train"``, ``"validation"`` or ``"test"``.
        path: folder with ``audio`` and the two lists; see ``places`` if omitted.

    Raises:
        ValueError: for another split, or a file that is missing or of another name
            (``DataError``).
        FileNotFoundError: saying where it looked.
    """
    check_split(split)
    lists = ("train_filenames.txt", "test_filenames.txt")
    homes = DATA_SET.homes
    folder = find("hd-audio", "spoken digits", lists, path, homes=homes).parent
    audio = folder / "audio"
    files = sorted(audio.glob("*.flac"))
    recordings = list_recordings(files, PATTERN, DIGITS)
    train, test = (listed_rows(folder / name, files, audio) for name in lists)
    held_out = np.unique(recordings.group[train])[::5]
    part = np.full(len(files), -1)
    part[train] = np.isin(recordings.group[train], held_out)
    part[test] = 2
    return select_recordings(recordings, part == SPLITS.index(split))


DATA_SET = DataSet(
    name="hd-audio",
    about="Heidelberg Digits: the recordings behind shd, FLAC at 48 kHz",
    parts=PARTS,
    home=HOME,
    licence="CC BY 4.0",
    cite=CITE,
    load=hd_audio,
    homes=("hd_audio",),
    marks=("train_filenames.txt",),
    files=(File("hd_audio.tar.gz", f"{URL}/hd_audio.tar.gz", most=2**32, unpack=""),),
)
