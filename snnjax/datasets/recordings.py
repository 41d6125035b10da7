"""Sounds on disk: what was said, by whom and which time, as file names tell it."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from snnjax import check
from snnjax.datasets.guard.checked import DataError, content, reading
from snnjax.datasets.sounds.sound import read_sound

NOISE_FOLDER = "_background_noise_"  # of Speech Commands; no word is in it


class Recordings(NamedTuple):
    """N sounds on disk, to be read one by one with ``read_sound``."""

    paths: tuple[Path, ...]
    labels: np.ndarray  # [N], int32
    group: np.ndarray  # [N], number of the speaker; -1 if unknown
    trial: np.ndarray  # [N], which repetition of its kind; -1 if unknown
    classes: tuple[str, ...]  # what each label says
    speakers: tuple[str, ...]  # what each group is called


def select_recordings(recordings: Recordings, rows: np.ndarray) -> Recordings:
    """Keeps some recordings: ``rows`` are their numbers or a mask ``[N]``.

    Raises:
        ValueError: for rows that there are not, or a mask of another length.
    """
    check.fields("recordings", recordings, *Recordings._fields)
    rows = check.rows(rows, len(recordings.paths))
    return recordings._replace(
        paths=tuple(recordings.paths[k] for k in rows),
        labels=recordings.labels[rows],
        group=recordings.group[rows],
        trial=recordings.trial[rows],
    )


def readable_recordings(
    recordings: Recordings,
) -> tuple[Recordings, tuple[str, ...]]:
    """Parts recordings that can be read from those that cannot.

    Args:
        recordings: each of which is read once, as a whole.

    Returns:
        Those that can be read, and what is wrong with each of the others.
    """
    fits, wrong = np.ones(len(recordings.paths), bool), []
    for k, path in enumerate(recordings.paths):
        try:
            read_sound(path)
        except (DataError, PermissionError) as error:
            fits[k] = False
            wrong.append(str(error))
    return select_recordings(recordings, fits), tuple(wrong)


def list_recordings(
    files: Sequence[Path],
    pattern: re.Pattern,
    classes: tuple[str, ...],
    *,
    strict: bool = True,
) -> Recordings:
    """Reads the names of files.

    Args:
        files: in the order that they shall have.
        pattern: of a name, with any of the groups ``word`` (its number; the subfolder
            tells the class if there is none), ``language``, ``speaker`` and ``trial``.
        classes: what each label says; German words come ten behind English ones.
        strict: whether a name of another pattern is an error; else it tells nothing.

    Raises:
        DataError: for a name of another pattern.
    """
    number = {word: k for k, word in enumerate(classes)}
    labels, speakers, trial = [], [], []
    for file in files:
        match = pattern.fullmatch(file.name)
        if match is None and strict:
            raise DataError(f"{file} is not named {pattern.pattern}.")
        fields = match.groupdict() if match else {}
        german = 10 * (fields.get("language") == "german")
        word = fields.get("word")
        labels.append(number[file.parent.name] if word is None else int(word) + german)
        speakers.append(fields.get("speaker"))
        trial.append(int(fields.get("trial", -1)))
    names = sorted({each for each in speakers if each is not None})
    group = {name: k for k, name in enumerate(names)} | {None: -1}
    return Recordings(
        tuple(files),
        np.array(labels, np.int32),
        np.array([group[each] for each in speakers], np.int32),
        np.array(trial, np.int32),
        classes,
        tuple(names),
    )


def listed_rows(listing: Path, files: Sequence[Path], folder: Path) -> np.ndarray:
    """Numbers of the files that a list names, one in each line.

    Args:
        listing: the list.
        files: all files.
        folder: that the names in the list begin from.

    Raises:
        DataError: if there is no list, or a file that it names is not there.
    """
    if not listing.exists():
        raise DataError(f"There is no {listing}.")
    row = {file.relative_to(folder).as_posix(): k for k, file in enumerate(files)}
    with reading(listing, "a list of files") as opened:
        lines = content(opened).decode(errors="replace").splitlines()
    names = [line.strip().removeprefix("audio/") for line in lines if line.strip()]
    absent = [name for name in names if name not in row]
    if absent:
        raise DataError(
            f"{listing} names {absent[0]}, which is not there; {len(absent)} of "
            f"{len(names)} are missing."
        )
    return np.array([row[name] for name in names], np.int64)
