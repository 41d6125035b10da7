"""Braille letters read by a robot's fingertip of 12 taxels.

A trial is what the taxels felt while the finger slid over one letter, 76 or 77 samples
at 40 Hz (Müller-Cleve et al. 2022, doi:10.3389/fnins.2022.951164).
"""

from pathlib import Path

import numpy as np

from snnjax.datasets.layouts.braille_pickle import read_braille
from snnjax.datasets.places import find
from snnjax.datasets.published import DataSet, File
from snnjax.datasets.samples import (
    SPLITS,
    Samples,
    Split,
    check_split,
    select_samples,
)

_FILES = (
    "tutorial5_braille_spiking_data.pkl.gz",
    "tutorial5_braille_spiking_data.pkl",
    "braille_letters_27x50_raw_taxels.npz",
)
_URL = (
    "https://raw.githubusercontent.com/fzenke/spytorch/"
    "d363dbf93a04bf97b4819f1a41579bbbec17b1d2/notebooks/data"
)


def braille(split: Split, path: str | Path | None = None) -> Samples:
    """27 letters read 50 times; repetitions 35 to 39 validate, 40 to 49 test.

    Args:
        split: ``"train"``, ``"validation"`` or ``"test"``.
        path: folder with the file; see ``places`` if omitted.

    Returns:
        As ``read_braille`` does: 945, 135 or 270 trials.

    Raises:
        ValueError: for another split, or a damaged file (``DataError``).
        FileNotFoundError: saying where it looked.
    """
    check_split(split)
    trials = read_braille(find("braille", "Braille letters", _FILES, path))
    part = np.digitize(trials.trial, [35, 40])
    return select_samples(trials, part == SPLITS.index(split))


DATA_SET = DataSet(
    name="braille",
    about="27 Braille letters read 50 times by a fingertip of 12 taxels",
    parts="repetitions 35 to 39 validate, 40 to 49 test",
    home="https://doi.org/10.5281/zenodo.6556273",
    licence="CC BY 4.0",
    cite="Müller-Cleve et al. 2022, doi:10.3389/fnins.2022.951164",
    load=braille,
    marks=_FILES,
    files=(
        File(
            _FILES[0],
            f"{_URL}/{_FILES[0]}",
            "sha256:f48a449264a00ee665df62329f2364059e49d0d0faeee4993e595d08616e5a1c",
            301_542,
        ),
    ),
)
