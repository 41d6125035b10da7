"""Spoken digits as spikes: own files in the layout of SHD, or else SHD."""

from pathlib import Path

from snnjax.datasets.layouts.shd_hdf5 import read_shd
from snnjax.datasets.places import candidates, missing
from snnjax.datasets.published import DataSet
from snnjax.datasets.samples import Split, check_split
from snnjax.datasets.sets.shd import CITE, ENDINGS, HOME, split_off
from snnjax.events import Events


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
    return split_off(read_shd(file), split)


def spoken_digits_file(part: str, path: str | Path | None = None) -> Path | None:
    """The file of ``"train"`` or ``"test"`` that ``spoken_digits`` reads, if any."""
    for folder in candidates("spoken-digits", path, DATA_SET.homes):
        for stem in ("fsdd_spikes", "shd"):
            for ending in ENDINGS:
                file = folder / f"{stem}_{part}{ending}"
                if file.exists():
                    return file
    return None


DATA_SET = DataSet(
    name="spoken-digits",
    about="spoken digits as spikes of a cochlea: own files of that layout, or else shd",
    parts="recordings 5 and 6 validate, or else the speakers that do in shd",
    home=HOME,
    licence="that of the recordings",
    cite=CITE,
    load=spoken_digits,
    homes=("shd", "fsdd-spikes-shd-layout", "SHD", ""),
    marks=("fsdd_spikes_train.h5*", "shd_train.h5*"),
)
