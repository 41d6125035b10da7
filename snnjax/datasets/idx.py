"""The idx format of MNIST and Fashion-MNIST, packed or not.

Four bytes (0, 0, type, number of axes), the length of each axis as a big-endian 32-bit
number, then the numbers, big-endian (LeCun et al. 1998, doi:10.1109/5.726791; Xiao et
al. 2017, arXiv:1708.07747).
"""

import math
import struct
from pathlib import Path

import numpy as np

from snnjax.datasets.files import DataError, content, reading
from snnjax.datasets.places import find
from snnjax.datasets.samples import Samples, Split, check_split, pack, take

_TYPES = {8: "u1", 9: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_FASHION = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)


def read_idx(path: str | Path, *, limit: int | None = None) -> np.ndarray:
    """Reads one array of an idx file, plain or ``.gz``.

    Args:
        path: of the file.
        limit: most bytes that it may have, unpacked; 64 MiB and 200 times its size if
            omitted.

    Raises:
        FileNotFoundError: if there is no such file.
        DataError: naming the file and what is wrong with it.
    """
    with reading(path, "an idx file") as path:
        raw = content(path, limit)
        zero, kind, axes = struct.unpack_from(">HBB", raw)
        if zero or kind not in _TYPES or axes > 32:
            raise ValueError(
                f"it begins with {raw[:4].hex()}, not 0000, a type and axes"
            )
        shape = struct.unpack_from(f">{axes}I", raw, 4)
        dtype, begin = np.dtype(_TYPES[kind]), 4 + 4 * axes
        if math.prod(shape) * dtype.itemsize != len(raw) - begin:
            raise ValueError(
                f"byte 4 claims {dtype} {list(shape)}, {len(raw) - begin} bytes follow"
            )
        flat = np.frombuffer(raw, dtype, offset=begin).reshape(shape)
        return flat.astype(dtype.newbyteorder("="))


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
    homes = ("MNIST/raw", "MNIST")
    return _images("mnist", split, path, homes, tuple("0123456789"))


def fashion_mnist(split: Split, path: str | Path | None = None) -> Samples:
    """Articles of clothing, in the files and splits of ``mnist``."""
    homes = ("FashionMNIST/raw", "FashionMNIST")
    return _images("fashion-mnist", split, path, homes, _FASHION)


def _images(name, split, path, homes, classes):
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
        for stem in ("images-idx3-ubyte", "labels-idx1-ubyte")
    )
    x, y = read_idx(images), read_idx(labels)
    if x.ndim != 3 or x.dtype != np.uint8 or y.shape != x.shape[:1]:
        raise DataError(
            f"{images} and {labels} hold {x.dtype} {list(x.shape)} and {y.dtype} "
            f"{list(y.shape)}, not N images and N labels."
        )
    with reading(labels, f"labels of {name}"):
        found = pack(x, y, classes, trial=np.arange(len(x)))
    if split == "test":
        return found
    kept = np.arange(len(x)) < len(x) - len(x) // 6
    return take(found, kept == (split == "train"))
