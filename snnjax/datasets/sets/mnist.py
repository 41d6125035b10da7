"""MNIST: handwritten digits, 28x28 pixels (LeCun et al. 1998, doi:10.1109/5.726791)."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from snnjax.datasets.guard.checked import DataError, reading
from snnjax.datasets.layouts.idx import read_idx
from snnjax.datasets.places import find
from snnjax.datasets.published import DataSet, File
from snnjax.datasets.samples import Samples, Split, check_split, pack, select_samples

PARTS = "the last sixth of the training part validates; the official test"
_LABEL_BYTES = 64  # of memory for each label
_STEMS = ("images-idx3-ubyte", "labels-idx1-ubyte")


def mnist(split: Split, path: str | Path | None = None) -> Samples:
    """Handwritten digits, 28x28 pixels of 0 to 255.

    The last sixth of the training file validates (the last 10000 of 60000); the test
    file is the official one.

    Args:
        split: ``"train"``, ``"validation"`` or ``"test"``.
        path: folder with the four files; see ``places`` if omitted.

    Returns:
        Images ``[N, 28, 28]``, uint8. ``trial`` is the number within the file, from 0.

    Raises:
        ValueError: for another split, or a damaged file (``DataError``).
        FileNotFoundError: saying where it looked.
    """
    homes = DATA_SET.homes
    return labelled_images("mnist", split, path, homes, tuple("0123456789"))


def labelled_images(
    name: str,
    split: Split,
    path: str | Path | None,
    homes: Iterable[str],
    classes: tuple[str, ...],
) -> Samples:
    """A part of a data set in four files of these names.

    Args:
        name: of the data set.
        split: ``"train"``, ``"validation"`` or ``"test"``.
        path: folder with the files; see ``places`` if omitted.
        homes: subfolders that may hold them.
        classes: what the labels mean.
    """
    check_split(split)
    part = "t10k" if split == "test" else "train"
    images, labels = (
        find(
            name,
            f"{name} {stem[:6]}",
            [f"{part}-{stem}.gz", f"{part}-{stem}"],
            path,
            homes=homes,
        )
        for stem in _STEMS
    )
    x, y = read_idx(images), read_idx(labels)
    if x.ndim != 3 or x.dtype != np.uint8 or y.shape != x.shape[:1]:
        raise DataError(
            f"{images} and {labels} hold {x.dtype} {list(x.shape)} and {y.dtype} "
            f"{list(y.shape)}, not N images and N labels."
        )
    with reading(labels, f"labels of {name}") as file:
        file.take(_LABEL_BYTES * len(y), "its labels")
        samples = pack(x, y, classes, trial=np.arange(len(x)))
    if split == "test":
        return samples
    trains = np.arange(len(x)) < len(x) - len(x) // 6
    return select_samples(samples, trains == (split == "train"))


def published_files(base: str, *md5_and_size: tuple[str, int]) -> tuple[File, ...]:
    """The four files below an address: images and labels to train, then to test."""
    names = [f"{part}-{stem}.gz" for part in ("train", "t10k") for stem in _STEMS]
    return tuple(
        File(name, f"{base}/{name}", f"md5:{md5}", size)
        for name, (md5, size) in zip(names, md5_and_size, strict=True)
    )


DATA_SET = DataSet(
    name="mnist",
    about="handwritten digits of 28x28 pixels",
    parts=PARTS,
    home="http://yann.lecun.com/exdb/mnist",
    licence="CC BY-SA 3.0",
    cite="LeCun et al. 1998, doi:10.1109/5.726791",
    load=mnist,
    homes=("MNIST/raw", "MNIST"),
    marks=("train-images-idx3-ubyte*",),
    files=published_files(
        "https://storage.googleapis.com/cvdf-datasets/mnist",
        ("f68b3c2dcbeaaa9fbdd348bbdeb94873", 9_912_422),
        ("d53e105ee54ea40749a09fcbcd1e9432", 28_881),
        ("9fb629c4189551a2d022fa330f9573f3", 1_648_877),
        ("ec29112dd5afa0611ce80d1b7f02629c", 4_542),
    ),
)
