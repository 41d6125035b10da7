"""Handwritten digits of 8x8 pixels, which are always at hand: scikit-learn has them."""

import numpy as np

from snnjax.datasets.published import DataSet
from snnjax.datasets.samples import SPLITS, Split, check_split


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
    check_split(split)
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise ImportError(
            'The digits come with scikit-learn: pip install "snnjax[data]".'
        ) from error
    images, labels = load_digits(return_X_y=True)
    order = np.random.Generator(np.random.PCG64(1797)).permutation(len(labels))
    rows = dict(zip(SPLITS, np.split(order, [1197, 1497]), strict=True))[split]
    return (images[rows] / 16.0).astype(np.float32), labels[rows].astype(np.int32)


DATA_SET = DataSet(
    name="digits",
    about="handwritten digits of 8x8 pixels, which scikit-learn brings along",
    parts="300 validate and 300 test, by a fixed shuffle",
    home="https://archive.ics.uci.edu/dataset/80",
    licence="CC BY 4.0",
    cite="Alpaydin & Kaynak 1998, doi:10.24432/C50P49",
    load=lambda split, path=None: digits(split),
)
