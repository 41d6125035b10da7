"""The Spiking Heidelberg Digits: spoken digits through a cochlea.

Cramer et al. 2020, doi:10.1109/TNNLS.2020.3044364.
"""

from pathlib import Path

import numpy as np

from snnjax.datasets.layouts.shd_hdf5 import read_shd
from snnjax.datasets.places import find
from snnjax.datasets.published import DataSet, File
from snnjax.datasets.samples import Split, check_split
from snnjax.events import Events, select

HOME = "https://zenkelab.org/resources/spiking-heidelberg-datasets-shd"
CITE = "Cramer et al. 2020, doi:10.1109/TNNLS.2020.3044364"
PARTS = "every fifth speaker validates; the official test, with speakers of its own"
URL = "https://zenkelab.org/datasets"
ENDINGS = (".h5", ".h5.gz", ".h5.zip")


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
    return split_off(read_shd(spikes_file("shd", part, path)), split)


def spikes_file(name: str, part: str, path: str | Path | None) -> Path:
    """The file ``<name>_<part>`` of spikes of speech, packed or not.

    Raises:
        FileNotFoundError: saying where it looked and what to do.
    """
    files = [f"{name}_{part}{ending}" for ending in ENDINGS]
    what = f"spikes of speech, {part} file"
    return find(name, what, files, path, homes=(name.upper(),))


def split_off(events: Events, split: Split) -> Events:
    """Takes training or validation samples out of a training file; test files stay.

    Recordings 5 and 6 validate where the file numbers them; else every fifth of five
    speakers or more; else a tenth of each label.
    """
    if split == "test":
        return events
    held_out = _held_out(events)
    return select(events, np.flatnonzero(held_out == (split == "validation")))


def _held_out(events):
    if np.all(events.trial >= 0):
        return np.isin(events.trial, (5, 6))
    speakers = np.unique(events.group)
    if len(speakers) >= 5 and speakers[0] >= 0:
        return np.isin(events.group, speakers[::5])
    held_out = np.zeros(len(events.labels), bool)
    for label in np.unique(events.labels):
        held_out[np.flatnonzero(events.labels == label)[::10]] = True
    return held_out


def published_files(**md5: str) -> tuple[File, ...]:
    """Files of spikes by the names of their parts."""
    return tuple(
        File(f"{name}.h5.zip", f"{URL}/{name}.h5.zip", f"md5:{digest}", most=2**32)
        for name, digest in md5.items()
    )


DATA_SET = DataSet(
    name="shd",
    about="Spiking Heidelberg Digits: 20 spoken digits as spikes of 700 units",
    parts=PARTS,
    home=HOME,
    licence="CC BY 4.0",
    cite=CITE,
    load=shd,
    homes=("SHD",),
    marks=("shd_train.h5*",),
    files=published_files(
        shd_train="f3252aeb598ac776c1b526422d90eecb",
        shd_test="1503a5064faa34311c398fb0a1ed0a6f",
    ),
)
