"""Named data sets, each with honest splits.

A validation split is part of the definition of a set: choose by it, read the test set
once. Files are looked for where the caller says, then in the folder named by the
environment variable ``SNNJAX_DATA``, then in ``~/.cache/snnjax``.
"""

import os
from pathlib import Path
from typing import Literal

import numpy as np

from snnjax.inputs.events import Events, select
from snnjax.inputs.heidelberg import read_shd

Split = Literal["train", "validation", "test"]

_SPLITS = ("train", "validation", "test")
_SPOKEN = ("fsdd-spikes-shd-layout/fsdd_spikes_{}", "fsdd_spikes_{}", "shd_{}")


def digits(split: Split) -> tuple[np.ndarray, np.ndarray]:
    """Handwritten digits of 8x8 pixels, which scikit-learn brings along.

    1797 images, shuffled by a fixed seed into 1197 to train, 300 to validate and 300 to
    test (Alpaydin & Kaynak 1998, doi:10.24432/C50P49).

    Args:
        split: ``"train"``, ``"validation"`` or ``"test"``.

    Returns:
        Images ``[N, 64]`` in 0 to 1, float32, and labels ``[N]``, int32.

    Raises:
        ValueError: for another split.
        ImportError: without scikit-learn.
    """
    _check_split(split)
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise ImportError(
            'The digits come with scikit-learn: pip install "snnjax[data]".'
        ) from error
    images, labels = load_digits(return_X_y=True)
    order = np.random.Generator(np.random.PCG64(1797)).permutation(len(labels))
    rows = dict(zip(_SPLITS, np.split(order, [1197, 1497]), strict=True))[split]
    return (images[rows] / 16.0).astype(np.float32), labels[rows].astype(np.int32)


def spoken_digits(split: Split, path: str | Path | None = None) -> Events:
    """Speech through a cochlea, in the layout of the Heidelberg Digits.

    Reads ``fsdd_spikes_{train,test}`` or ``shd_{train,test}`` as ``.h5``, ``.h5.gz`` or
    ``.h5.zip``. Validation samples come out of the training file: recordings 5 and 6 of
    each speaker and digit where the file numbers them, else every tenth of each label.

    Args:
        split: ``"train"``, ``"validation"`` or ``"test"``.
        path: folder with the files; see the top of this page if omitted.

    Returns:
        Events of the samples of the split.

    Raises:
        ValueError: for another split, or a damaged file (``DataError``).
        FileNotFoundError: saying where it looked and what to do.
    """
    _check_split(split)
    events = read_shd(_find("test" if split == "test" else "train", path))
    if split == "test":
        return events
    held_out = _held_out(events)
    return select(events, np.flatnonzero(held_out == (split == "validation")))


def load(name: str, split: Split, path: str | Path | None = None):
    """Loads a data set by name; ``names()`` lists them.

    Raises:
        ValueError: for an unknown name, listing those that exist.
    """
    if name == "digits":
        return digits(split)
    if name == "spoken-digits":
        return spoken_digits(split, path)
    raise ValueError(f"No data set {name!r}. There are: {', '.join(names())}.")


def names() -> list[str]:
    """The data sets that ``load`` knows."""
    return ["digits", "spoken-digits"]


def _check_split(split):
    if split not in _SPLITS:
        raise ValueError(f"No split {split!r}. There are: {', '.join(_SPLITS)}.")


def _held_out(events):
    if np.all(events.trial >= 0):
        return np.isin(events.trial, (5, 6))
    held_out = np.zeros(len(events.labels), bool)
    for label in np.unique(events.labels):
        held_out[np.flatnonzero(events.labels == label)[::10]] = True
    return held_out


def _find(part, path):
    named = os.environ.get("SNNJAX_DATA")
    folders = [Path.home() / ".cache" / "snnjax"]
    if named:
        folders.insert(0, Path(named))
    if path is not None:
        folders = [Path(path)]
    for folder in folders:
        for stem in _SPOKEN:
            for ending in (".h5", ".h5.gz", ".h5.zip"):
                file = folder / (stem.format(part) + ending)
                if file.exists():
                    return file
    raise FileNotFoundError(
        f"No spoken digits ({part} file) in {', '.join(map(str, folders))}. Get "
        "shd_train.h5.gz and shd_test.h5.gz of the Spiking Heidelberg Digits "
        "(zenkelab.org/datasets), put them into one folder, and name that folder by "
        "the environment variable SNNJAX_DATA or by path."
    )
