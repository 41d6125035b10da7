"""Named data sets: what they are, how they are parted, and how to get them."""

import hashlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from snnjax.datasets import published
from snnjax.datasets.braille import braille
from snnjax.datasets.digits import digits
from snnjax.datasets.download import fetch
from snnjax.datasets.dvs_gesture import dvs_gesture
from snnjax.datasets.files import DataError
from snnjax.datasets.idx import fashion_mnist, mnist
from snnjax.datasets.nmnist import n_mnist
from snnjax.datasets.published import File
from snnjax.datasets.qtdb import qtdb
from snnjax.datasets.recordings import fsdd, hd_audio, speech_commands
from snnjax.datasets.samples import Split
from snnjax.datasets.spoken import shd, spoken_digits, ssc
from snnjax.datasets.unpack import unpack
from snnjax.files import cache_folder
from snnjax.progress import bar


class DataSet(NamedTuple):
    """What is known of a data set."""

    about: str  # in one line
    parts: str  # which samples validate and test
    home: str  # its page
    licence: str
    cite: str
    load: Callable[..., Any] | None  # (split, path) -> Events, Samples or Recordings
    files: tuple[File, ...] = ()


_HEIDELBERG = "https://zenkelab.org/resources/spiking-heidelberg-datasets-shd"
_CRAMER = "Cramer et al. 2020, doi:10.1109/TNNLS.2020.3044364"
_SIXTH = "the last sixth of the training part validates; the official test"
_SPEAKERS = "every fifth speaker validates; the official test, with speakers of its own"

DATA_SETS = {
    "digits": DataSet(
        "handwritten digits of 8x8 pixels, which scikit-learn brings along",
        "300 validate and 300 test, by a fixed shuffle",
        "https://archive.ics.uci.edu/dataset/80",
        "CC BY 4.0",
        "Alpaydin & Kaynak 1998, doi:10.24432/C50P49",
        lambda split, path=None: digits(split),
    ),
    "mnist": DataSet(
        "handwritten digits of 28x28 pixels",
        _SIXTH,
        "http://yann.lecun.com/exdb/mnist",
        "CC BY-SA 3.0",
        "LeCun et al. 1998, doi:10.1109/5.726791",
        mnist,
        published.MNIST,
    ),
    "fashion-mnist": DataSet(
        "articles of clothing, 28x28 pixels",
        _SIXTH,
        "https://github.com/zalandoresearch/fashion-mnist",
        "MIT",
        "Xiao et al. 2017, arXiv:1708.07747",
        fashion_mnist,
        published.FASHION_MNIST,
    ),
    "n-mnist": DataSet(
        "MNIST seen by a moving event camera of 34x34 pixels",
        _SIXTH,
        "https://www.garrickorchard.com/datasets/n-mnist",
        "CC BY-SA 4.0",
        "Orchard et al. 2015, doi:10.3389/fnins.2015.00437",
        n_mnist,
        published.N_MNIST,
    ),
    "dvs-gesture": DataSet(
        "eleven gestures of hands and arms, seen by an event camera of 128x128 pixels",
        "users 20 to 23 validate; the official test, users 24 to 29",
        "https://research.ibm.com/interactive/dvsgesture",
        "CC BY 4.0",
        "Amir et al. 2017, doi:10.1109/CVPR.2017.781",
        dvs_gesture,
        published.DVS_GESTURE,
    ),
    "spoken-digits": DataSet(
        "spoken digits as spikes of a cochlea: own files of that layout, or else shd",
        "recordings 5 and 6 validate, or else the speakers that do in shd",
        _HEIDELBERG,
        "that of the recordings",
        _CRAMER,
        spoken_digits,
    ),
    "shd": DataSet(
        "Spiking Heidelberg Digits: 20 spoken digits as spikes of 700 units",
        _SPEAKERS,
        _HEIDELBERG,
        "CC BY 4.0",
        _CRAMER,
        shd,
        published.SHD,
    ),
    "ssc": DataSet(
        "Spiking Speech Commands: 35 spoken words as spikes of 700 units",
        "the three official parts",
        _HEIDELBERG,
        "CC BY 4.0",
        _CRAMER,
        ssc,
        published.SSC,
    ),
    "hd-audio": DataSet(
        "Heidelberg Digits: the recordings behind shd, FLAC at 48 kHz",
        _SPEAKERS,
        _HEIDELBERG,
        "CC BY 4.0",
        _CRAMER,
        hd_audio,
        published.HD_AUDIO,
    ),
    "fsdd": DataSet(
        "Free Spoken Digits: 3000 clips by six speakers at 8 kHz",
        "recordings 5 and 6 validate; the official test, 0 to 4; or by speaker",
        "https://github.com/Jakobovski/free-spoken-digit-dataset",
        "CC BY-SA 4.0",
        "Jackson et al. 2018, doi:10.5281/zenodo.1342401",
        fsdd,
        published.FSDD,
    ),
    "speech-commands": DataSet(
        "Speech Commands: 35 words by thousands of speakers, 1 s at 16 kHz",
        "the three official parts, which share no speaker",
        "https://www.tensorflow.org/datasets/catalog/speech_commands",
        "CC BY 4.0",
        "Warden 2018, arXiv:1804.03209",
        speech_commands,
        published.SPEECH_COMMANDS,
    ),
    "braille": DataSet(
        "27 Braille letters read 50 times by a fingertip of 12 taxels",
        "repetitions 35 to 39 validate, 40 to 49 test",
        "https://doi.org/10.5281/zenodo.6556273",
        "CC BY 4.0",
        "Müller-Cleve et al. 2022, doi:10.3389/fnins.2022.951164",
        braille,
        published.BRAILLE,
    ),
    "qtdb": DataSet(
        "electrocardiograms as events of two leads, six segments to tell",
        "the last tenth of the training part validates; the official test",
        "https://github.com/byin-cwi/Efficient-spiking-networks",
        "MIT",
        "Laguna et al. 1997, doi:10.1109/CIC.1997.648140, and Yin et al. 2021, "
        "doi:10.1038/s42256-021-00397-w",
        qtdb,
        published.QTDB,
    ),
    "retinal-waves": DataSet(
        "spontaneous waves of developing retinas on electrode arrays",
        "none: recordings to compare, read by retinal_waves",
        "https://github.com/sje30/waverepo",
        "GPL-2",
        "Eglen et al. 2014, doi:10.1186/2047-217X-3-3, and the papers of the studies",
        None,
        published.RETINAL_WAVES,
    ),
}


def load(name: str, split: Split, path: str | Path | None = None) -> Any:
    """Loads a part of a data set by name; ``names()`` lists them.

    Args:
        name: of the data set.
        split: ``"train"``, ``"validation"`` or ``"test"``.
        path: folder with its files; see ``places`` if omitted.

    Returns:
        What the function of that name returns: ``Events``, ``Samples``, ``Recordings``,
        or images and labels.

    Raises:
        ValueError: for an unknown name, listing those that exist, or for a set that is
            not parted.
    """
    found = data_set(name)
    if found.load is None:
        raise ValueError(f"{name} has no parts to load: {found.parts}.")
    return found.load(split, path)


def names() -> list[str]:
    """The data sets that ``load`` knows."""
    return [name for name, each in DATA_SETS.items() if each.load is not None]


def data_set(name: str) -> DataSet:
    """What is known of a data set.

    Raises:
        ValueError: for an unknown name, listing those that exist.
    """
    if name not in DATA_SETS:
        raise ValueError(f"No data set {name!r}. There are: {', '.join(DATA_SETS)}.")
    return DATA_SETS[name]


def get(name: str, to: str | Path | None = None, *, progress: bool = True) -> Path:
    """Downloads a data set, checks it and unpacks it; what is there is kept.

    Args:
        name: of the data set.
        to: folder of all data sets, which gets a subfolder; the cache if omitted.
        progress: whether to show a bar (lines where there is no terminal) on stderr.

    Returns:
        The folder of the set.

    Raises:
        ValueError: for an unknown name, or a set that is not downloaded.
        ConnectionError: if an address cannot be reached.
        DataError: if what came is not what was published; nothing is kept of it.
    """
    found = data_set(name)
    if not found.files:
        raise ValueError(f"{name} is not downloaded: {found.about}.")
    base = cache_folder() if to is None else Path(to)
    for file in found.files:
        if file.unpack is None:
            _fetch(file, base / name / file.name, progress)
        elif not (base / name / file.unpack).exists():
            archive = _fetch(file, base / ".downloads" / name / file.name, progress)
            accept = partial(_compare, *file.contents)
            unpack(archive, base / name / file.unpack, accept=accept)
            archive.unlink()
    return base / name


def _fetch(file, path, shown):
    options = {"checksum": file.checksum, "size": file.size}
    with bar(file.name, of_bytes=True, shown=shown) as update:
        return fetch(file.url, path, progress=update, **options)


def contents_digest(folder: Path, pattern: str) -> str:
    """SHA-256 of what ``sha256sum`` prints of files of a pattern, sorted by name."""
    listing = hashlib.sha256()
    for file in sorted(folder.glob(pattern), key=lambda each: each.name.encode()):
        each = hashlib.sha256(file.read_bytes()).hexdigest()
        listing.update(f"{each}  {file.name}\n".encode())
    return listing.hexdigest()


def _compare(pattern, wanted, folder):
    came = contents_digest(folder, pattern) if wanted else wanted
    if came != wanted:
        raise DataError(
            f"{pattern} has digest {came}, {wanted} was expected: what came was "
            "damaged or changed. Nothing was kept of it."
        )
