"""Speech Commands: ``<word>/<speaker>_nohash_<index>.wav``, and lists of the parts.

Warden 2018, arXiv:1804.03209.
"""

import re
from pathlib import Path

import numpy as np

from snnjax.datasets.places import find
from snnjax.datasets.published import DataSet, File
from snnjax.datasets.recordings import (
    NOISE_FOLDER,
    Recordings,
    list_recordings,
    listed_rows,
    select_recordings,
)
from snnjax.datasets.samples import SPLITS, Split, check_split

PATTERN = re.compile(r"(?P<speaker>[^/]+)_nohash_(?P<trial>\d{1,6})\.wav")


def speech_commands(split: Split, path: str | Path | None = None) -> Recordings:
    """Speech Commands: 35 words by thousands of speakers, 1 s at 16 kHz.

    The parts are the official ones, which share no speaker. The background noise, which
    is no word, is left out.

    Args:
        split: ``"train"``, ``"validation"`` or ``"test"``.
        path: folder with one subfolder for each word; see ``places`` if omitted.

    Raises:
        ValueError: for another split, or a file that is missing or of another name
            (``DataError``).
        FileNotFoundError: saying where it looked.
    """
    check_split(split)
    homes = DATA_SET.homes
    lists = ("validation_list.txt", "testing_list.txt")
    folder = find("speech-commands", "spoken commands", lists, path, homes=homes).parent
    files = sorted(f for f in folder.glob("*/*.wav") if f.parent.name != NOISE_FOLDER)
    words = tuple(sorted({file.parent.name for file in files}))
    recordings = list_recordings(files, PATTERN, words)
    part = np.zeros(len(files), np.int64)
    for k, name in enumerate(lists):
        part[listed_rows(folder / name, files, folder)] = k + 1
    return select_recordings(recordings, part == SPLITS.index(split))


DATA_SET = DataSet(
    name="speech-commands",
    about="Speech Commands: 35 words by thousands of speakers, 1 s at 16 kHz",
    parts="the three official parts, which share no speaker",
    home="https://www.tensorflow.org/datasets/catalog/speech_commands",
    licence="CC BY 4.0",
    cite="Warden 2018, arXiv:1804.03209",
    load=speech_commands,
    homes=("speech_commands_v0.02", "SpeechCommands/speech_commands_v0.02"),
    marks=("validation_list.txt",),
    files=(
        File(
            "speech_commands_v0.02.tar.gz",
            "http://download.tensorflow.org/data/speech_commands_v0.02.tar.gz",
            "sha256:af14739ee7dc311471de98f5f9d2c9191b18aedfe957f4a6ff791c709868ff58",
            2_428_923_189,
            unpack="",
        ),
    ),
)
