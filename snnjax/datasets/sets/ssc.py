"""The Spiking Speech Commands: spoken words through a cochlea.

Cramer et al. 2020, doi:10.1109/TNNLS.2020.3044364.
"""

from pathlib import Path

from snnjax.datasets.layouts.shd_hdf5 import read_shd
from snnjax.datasets.published import DataSet
from snnjax.datasets.samples import Split, check_split
from snnjax.datasets.sets.shd import CITE, HOME, published_files, spikes_file
from snnjax.events import Events


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
    return read_shd(spikes_file("ssc", part, path))


DATA_SET = DataSet(
    name="ssc",
    about="Spiking Speech Commands: 35 spoken words as spikes of 700 units",
    parts="the three official parts",
    home=HOME,
    licence="CC BY 4.0",
    cite=CITE,
    load=ssc,
    homes=("SSC",),
    marks=("ssc_train.h5*",),
    files=published_files(
        ssc_train="d102be95e7144fcc0553d1f45ba94170",
        ssc_valid="b4eee3516a4a90dd0c71a6ac23a8ae43",
        ssc_test="a35ff1e9cffdd02a20eb850c17c37748",
    ),
)
