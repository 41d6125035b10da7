"""Named data sets: which there are, and how to get and load them."""

from pathlib import Path
from typing import Any

from snnjax.datasets.fetch import fetch
from snnjax.datasets.published import DataSet
from snnjax.datasets.samples import Split
from snnjax.datasets.sets import (
    braille,
    digits,
    dvs_gesture,
    fashion_mnist,
    fsdd,
    hd_audio,
    mnist,
    n_mnist,
    qtdb,
    retinal_waves,
    shd,
    speech_commands,
    spoken_digits,
    ssc,
)

_SETS = (
    *(digits, mnist, fashion_mnist, n_mnist, dvs_gesture),
    *(spoken_digits, shd, ssc, hd_audio, fsdd, speech_commands),
    *(braille, qtdb, retinal_waves),
)
DATA_SETS: dict[str, DataSet] = {each.DATA_SET.name: each.DATA_SET for each in _SETS}


def load(name: str, split: Split, path: str | Path | None = None) -> Any:
    """Loads a part of a data set by name; ``names()`` lists them.

    Args:
        name: of the data set.
        split: ``"train"``, ``"validation"`` or ``"test"``.
        path: folder with its files; see ``places`` if omitted.

    Returns:
        What the function of that name returns: ``Events``, ``Samples`` or
        ``Recordings``.

    Raises:
        ValueError: for an unknown name, listing those that exist, or for a set that is
            not parted.
    """
    chosen = data_set(name)
    if chosen.load is None:
        raise ValueError(f"{name} has no parts to load: {chosen.parts}.")
    return chosen.load(split, path)


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
    return fetch(data_set(name), to, progress=progress)
