"""Speech through a cochlea: the Heidelberg sets, and own files of the same layout.

Cramer et al. 2020, doi:10.1109/TNNLS.2020.3044364.
"""

from pathlib import Path

import numpy as np

from snnjax.datasets.heidelberg import read_shd
from snnjax.datasets.places import candidates, find, missing
from snnjax.datasets.samples import Split, check_split
from snnjax.events import Events, select

_ENDINGS = (".h5", ".h5.gz", ".h5.zip")


def spoken_digits(split: Split, path: str | Path | None = None) -> Events:
    """Spoken digits, whichever are at hand.

    Reads ``fsdd_spikes_{train,test}`` or ``shd_{train,test}`` as ``.h5``, ``.h5.gz`` or
    ``.h5.zip``. Validation samples come out of the training file: recordings 5 and 6 of
    each speaker and digit where the file numbers them, else as in ``shd``.

    Args:
        split: ``"train"``, ``"validation"`` or ``"test"``.
        path: folder with the files; see ``places`` if omitted.

    Returns:
        Events of the samples of the split.

    Raises:
        ValueError: for another split, or a damaged file (``DataError``).
        FileNotFoundError: saying where it looked and what to do.
    """
    check_split(split)
    part = "test" if split == "test" else "train"
    file = spoken_digits_file(part, path)
    if file is None:
        raise missing("shd", f"spoken digits ({part} file)", path)
    return _part(read_shd(file), split)


def spoken_digits_file(part: str, path: str | Path | None = None) -> Path | None:
    """The file of ``"train"`` or ``"test"`` that ``spoken_digits`` reads, if any."""
    for folder in candidates("shd", path, ("fsdd-spikes-shd-layout", "SHD", "")):
        for stem in ("fsdd_spikes", "shd"):
            for ending in _ENDINGS:
                file = folder / f"{stem}_{part}{ending}"
                if file.exists():
                    return file
    return None


def shd(split: Split, path: str | Path | None = None) -> Events:
    """The Spiking Heidelberg Digits: ten digits in two languages by twelve speakers.

    The test file is the official one, with two speakers of its own. Every fifth speaker
    of the training file validates.

    Args:
        split: ``"train"``, ``"validation"`` or ``"test"``.
        path: folder with ``shd_train`` and ``shd_test``; see ``places`` if omitted.

    Returns:
        Events of 700 units and 20 classes; ``group`` is the speaker.

    Raises:
        ValueError: for another split, or a damaged file (``DataError``).
        FileNotFoundError: saying where it looked and what to do.
    """
    check_split(split)
    part = "test" if split == "test" else "train"
    return _part(read_shd(_file("shd", part, path)), split)


def ssc(split: Split, path: str | Path | None = None) -> Events:
    """The Spiking Speech Commands: 35 words, in the official three parts.

    Args:
        split: ``"train"``, ``"validation"`` or ``"test"``.
        path: folder with ``ssc_train``, ``ssc_valid`` and ``ssc_test``; see ``places``
            if omitted.

    Returns:
        Events of 700 units; ``group`` is the speaker.

    Raises:
        ValueError: for another split, or a damaged file (``DataError``).
        FileNotFoundError: saying where it looked and what to do.
    """
    check_split(split)
    part = "valid" if split == "validation" else split
    return read_shd(_file("ssc", part, path))


def _file(name, part, path):
    files = [f"{name}_{part}{ending}" for ending in _ENDINGS]
    return find(
        name, f"spikes of speech, {part} file", files, path, homes=(name.upper(),)
    )


def _part(events, split):
    if split == "test":
        return events
    held_out = _held_out(events)
    return select(events, np.flatnonzero(held_out == (split == "validation")))


def _held_out(events):
    """Recordings 5 and 6; else every fifth speaker; else a tenth of each label."""
    if np.all(events.trial >= 0):
        return np.isin(events.trial, (5, 6))
    speakers = np.unique(events.group)
    if len(speakers) >= 5 and speakers[0] >= 0:
        return np.isin(events.group, speakers[::5])
    held_out = np.zeros(len(events.labels), bool)
    for label in np.unique(events.labels):
        held_out[np.flatnonzero(events.labels == label)[::10]] = True
    return held_out
