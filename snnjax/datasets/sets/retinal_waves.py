"""The retinal wave repository: spontaneous waves, recorded by electrode arrays.

Eglen et al. 2014, doi:10.1186/2047-217X-3-3.
"""

from pathlib import Path

from snnjax.datasets.guard.checked import read_all
from snnjax.datasets.layouts.waves_hdf5 import WaveRecording, read_waves
from snnjax.datasets.places import candidates, missing
from snnjax.datasets.published import DataSet, File


def retinal_waves(
    path: str | Path | None = None, *, skip_bad: bool = False
) -> dict[str, WaveRecording]:
    """Reads every recording of the retinal wave repository that is at hand.

    There are no parts to train and to test: the recordings are to be compared, by age
    and by genotype.

    Args:
        path: folder with recordings, or with one folder for each study; see ``places``
            if omitted.
        skip_bad: whether to leave out files that cannot be read; a warning names them.

    Returns:
        Recordings by the name of their file, in order.

    Raises:
        FileNotFoundError: saying where it looked.
        DataError: if one is damaged.
    """
    for folder in candidates("retinal-waves", path, DATA_SET.homes):
        files = sorted(f for mark in DATA_SET.marks for f in folder.glob(mark))
        if files:
            found = read_all(read_waves, files, skip_bad=skip_bad)
            return {files[k].stem: waves for k, waves in found.items()}
    raise missing("retinal-waves", "retinal waves (*.h5)", path)


DATA_SET = DataSet(
    name="retinal-waves",
    about="spontaneous waves of developing retinas on electrode arrays",
    parts="none: recordings to compare, read by retinal_waves",
    home="https://github.com/sje30/waverepo",
    licence="GPL-2",
    cite="Eglen et al. 2014, doi:10.1186/2047-217X-3-3, and the papers of the studies",
    load=None,
    homes=("retinal-waves/hdf5", "rgc-waverepo", "waverepo/hdf5", "waverepo"),
    marks=("*.h5", "*/*.h5"),
    files=(
        File(
            "waverepo.tar.gz",
            "https://github.com/sje30/waverepo/archive/"
            "a1be18b93979fa2861c8e206472b57500bb7fb92.tar.gz",
            most=2**31,
            unpack="",
        ),
    ),
)
