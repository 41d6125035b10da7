"""The electrocardiograms of the QT Database, as events of two leads.

Laguna et al. 1997, doi:10.1109/CIC.1997.648140; events by Yin, Corradi & Bohte 2021,
doi:10.1038/s42256-021-00397-w.
"""

from pathlib import Path

import numpy as np

from snnjax.datasets.layouts.qtdb_mat import read_qtdb
from snnjax.datasets.places import find
from snnjax.datasets.published import DataSet, File
from snnjax.datasets.samples import Samples, Split, check_split, select_samples

_URL = (
    "https://raw.githubusercontent.com/byin-cwi/Efficient-spiking-networks/"
    "bfd47cff62d26b0812bb2cc24c5f220245443a32/data"
)


def qtdb(split: Split, path: str | Path | None = None) -> Samples:
    """Heartbeats to segment; the last tenth of the training file validates.

    Args:
        split: ``"train"``, ``"validation"`` or ``"test"``.
        path: folder with the two files; see ``places`` if omitted.

    Returns:
        As ``read_qtdb`` does: 557, 61 or 141 sequences.

    Raises:
        ValueError: for another split, or a damaged file (``DataError``).
        FileNotFoundError: saying where it looked.
    """
    check_split(split)
    part = "test" if split == "test" else "train"
    homes = DATA_SET.homes
    sequences = read_qtdb(
        find("qtdb", "electrocardiograms", [f"QTDB_{part}.mat"], path, homes=homes)
    )
    if split == "test":
        return sequences
    held_out = np.arange(len(sequences.x)) >= len(sequences.x) - len(sequences.x) // 10
    return select_samples(sequences, held_out == (split == "validation"))


DATA_SET = DataSet(
    name="qtdb",
    about="electrocardiograms as events of two leads, six segments to tell",
    parts="the last tenth of the training part validates; the official test",
    home="https://github.com/byin-cwi/Efficient-spiking-networks",
    licence="MIT",
    cite="Laguna et al. 1997, doi:10.1109/CIC.1997.648140, and Yin et al. 2021, "
    "doi:10.1038/s42256-021-00397-w",
    load=qtdb,
    homes=("ecg-qtdb", "ECG"),
    marks=("QTDB_train.mat",),
    files=(
        File(
            "QTDB_train.mat",
            f"{_URL}/QTDB_train.mat",
            "sha256:72d1a10c96f1540880447e07256835d66da419c0b34f3dff495731a7928c5bc7",
            537_262,
        ),
        File(
            "QTDB_test.mat",
            f"{_URL}/QTDB_test.mat",
            "sha256:916f11e21679a5b61988305bbb7cd1e6df8b34f1ed4a157a7a4e295d400ef232",
            112_720,
        ),
    ),
)
