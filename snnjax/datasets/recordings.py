"""Folders of sounds: what was said, by whom and which time, as file names tell it.

- Free Spoken Digits: ``recordings/<digit>_<speaker>_<index>.wav``
  (doi:10.5281/zenodo.1342401).
- Speech Commands: ``<word>/<speaker>_nohash_<index>.wav``, with lists of the official
  parts (Warden 2018, arXiv:1804.03209).
- Heidelberg Digits: ``audio/lang-<l>_speaker-<s>_trial-<t>_digit-<d>.flac``, with lists
  of the official parts (Cramer et al. 2020, doi:10.1109/TNNLS.2020.3044364).
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from snnjax.datasets.files import DataError
from snnjax.datasets.places import find
from snnjax.datasets.samples import Split, check_split

DIGITS: tuple[str, ...] = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    *("null", "eins", "zwei", "drei", "vier"),
    *("fünf", "sechs", "sieben", "acht", "neun"),
)
_FSDD = re.compile(r"(?P<word>\d)_(?P<speaker>.+)_(?P<trial>\d{1,6})\.wav")
_COMMAND = re.compile(r"(?P<speaker>[^/]+)_nohash_(?P<trial>\d{1,6})\.wav")
_HEIDELBERG = re.compile(
    r"lang-(?P<language>english|german)_speaker-(?P<speaker>\d{1,6})"
    r"_trial-(?P<trial>\d{1,6})_digit-(?P<word>\d)\.flac"
)
_NOISE = "_background_noise_"


class Recordings(NamedTuple):
    """N sounds on disk, to be read one by one with ``read_sound``."""

    paths: tuple[Path, ...]
    labels: np.ndarray  # [N], int32
    group: np.ndarray  # [N], number of the speaker; -1 if unknown
    trial: np.ndarray  # [N], which repetition of its kind; -1 if unknown
    classes: tuple[str, ...]  # what each label says
    speakers: tuple[str, ...]  # what each group is called


def choose(recordings: Recordings, rows: np.ndarray) -> Recordings:
    """Keeps some recordings: ``rows`` are their numbers or a mask ``[N]``."""
    kept = np.arange(len(recordings.paths))[rows]
    return recordings._replace(
        paths=tuple(recordings.paths[k] for k in kept),
        labels=recordings.labels[kept],
        group=recordings.group[kept],
        trial=recordings.trial[kept],
    )


def sound_folder(folder: str | Path) -> Recordings:
    """Lists all ``.wav`` and ``.flac`` files of any folder.

    Names of the three kinds above tell word, speaker and repetition. Other files are of
    the class that their subfolder is called, by an unknown speaker.

    Args:
        folder: that holds the files, or one subfolder for each class.

    Raises:
        FileNotFoundError: if there is no such folder.
        DataError: if it holds no sounds.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise FileNotFoundError(f"No folder {folder}.")
    files = [*folder.glob("*.*"), *folder.glob("*/*.*")]
    files = [f for f in sorted(files) if f.suffix.lower() in (".wav", ".flac")]
    files = [f for f in files if f.parent.name != _NOISE]
    if not files:
        raise DataError(f"{folder} holds no .wav or .flac files.")
    for pattern, words in ((_FSDD, DIGITS[:10]), (_HEIDELBERG, DIGITS)):
        if all(pattern.fullmatch(file.name) for file in files):
            return _listed(files, pattern, words)
    words = tuple(sorted({file.parent.name for file in files}))
    return _listed(files, _COMMAND, words, strict=False)


def fsdd_recordings(path: str | Path | None = None) -> Recordings:
    """All of Free Spoken Digits: ten digits by six speakers, 50 times each, at 8 kHz.

    Args:
        path: folder with ``recordings``; see ``places`` if omitted.

    Raises:
        DataError: for a file of another name.
        FileNotFoundError: saying where it looked.
    """
    homes = ("free-spoken-digit-dataset", "free-spoken-digit-dataset-master")
    folder = find("fsdd", "spoken digits", ["recordings"], path, homes=homes)
    return _listed(sorted(folder.glob("*.wav")), _FSDD, DIGITS[:10])


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
    found = fsdd_recordings(path)
    if by == "recording":
        part = 2 - np.digitize(found.trial, [5, 7])
    elif len(found.speakers) < 3:
        raise ValueError(
            "To train, validate and test on different speakers takes recordings by at "
            f"least three; there are {', '.join(found.speakers) or 'none'}."
        )
    else:
        part = np.clip(found.group - len(found.speakers) + 3, 0, 2)
    return choose(found, part == _number(split))


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
    homes = ("speech_commands_v0.02", "SpeechCommands/speech_commands_v0.02")
    lists = ("validation_list.txt", "testing_list.txt")
    folder = find("speech-commands", "spoken commands", lists, path, homes=homes).parent
    files = sorted(f for f in folder.glob("*/*.wav") if f.parent.name != _NOISE)
    words = tuple(sorted({file.parent.name for file in files}))
    found = _listed(files, _COMMAND, words)
    part = np.zeros(len(files), np.int64)
    for k, name in enumerate(lists):
        part[_rows(folder / name, files, folder)] = k + 1
    return choose(found, part == _number(split))


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
    folder = find("hd-audio", "spoken digits", lists, path, homes=("hd_audio",)).parent
    files = sorted((folder / "audio").glob("*.flac"))
    found = _listed(files, _HEIDELBERG, DIGITS)
    train, test = (_rows(folder / name, files, folder / "audio") for name in lists)
    held_out = np.unique(found.group[train])[::5]
    part = np.full(len(files), -1)
    part[train] = np.isin(found.group[train], held_out)
    part[test] = 2
    return choose(found, part == _number(split))


def _number(split):
    return ("train", "validation", "test").index(split)


def _listed(files: Sequence[Path], pattern, words, *, strict=True):
    """Recordings; a name that tells no word has it from its subfolder.

    A name of another pattern is an error if ``strict``, else tells nothing.
    """
    number = {word: k for k, word in enumerate(words)}
    labels, speakers, trial = [], [], []
    for file in files:
        told = pattern.fullmatch(file.name)
        if told is None and strict:
            raise DataError(f"{file} is not named {pattern.pattern}.")
        told = told.groupdict() if told else {}
        german = 10 * (told.get("language") == "german")
        labels.append(
            int(told["word"]) + german if "word" in told else number[file.parent.name]
        )
        speakers.append(told.get("speaker"))
        trial.append(int(told.get("trial", -1)))
    known = sorted({each for each in speakers if each is not None})
    who = {each: k for k, each in enumerate(known)} | {None: -1}
    return Recordings(
        tuple(files),
        np.array(labels, np.int32),
        np.array([who[each] for each in speakers], np.int32),
        np.array(trial, np.int32),
        words,
        tuple(known),
    )


def _rows(listing, files, folder):
    """Numbers of the files that a list names."""
    if not listing.exists():
        raise DataError(f"There is no {listing}.")
    row = {file.relative_to(folder).as_posix(): k for k, file in enumerate(files)}
    lines = listing.read_text(errors="replace").splitlines()
    names = [line.strip().removeprefix("audio/") for line in lines if line.strip()]
    lost = [name for name in names if name not in row]
    if lost:
        raise DataError(
            f"{listing} names {lost[0]}, which is not there; {len(lost)} of "
            f"{len(names)} are missing."
        )
    return np.array([row[name] for name in names], np.int64)
