"""Handwritten digits of 8x8 pixels, which are always at hand: scikit-learn has them."""

import numpy as np

from snnjax.datasets.published import DataSet
from snnjax.datasets.samples import SPLITS, Samples, Split, check_split, pack


def digits(split: Split) -> Samples:
    """Handwritten digits of 8x8 pixels, which scikit-learn brings along.

    1797 images, shuffled by a fixed seed into 1197 to train, 300 to validate and 300 to
    test (Alpaydin & Kaynak 1998, doi:10.24432/C50P49).

    Args:
        split: ``"train"``, ``"validation"`` or ``"test"``.

    Returns:
        Images ``[N, 8, 8]``, uint8, of 0 to 16: as they are published, as those of
        ``mnist`` are. ``trial`` is the number within scikit-learn's set, from 0.

    Raises:
        ValueError: for another split.
        ImportError: without scikit-learn.

    Example:
        >>> samples = snn.datasets.digits("train")
        >>> samples.x.shape, samples.classes[:3]
        ((1197, 8, 8), ('0', '1', '2'))
        >>> samples.labels[:5].tolist()
        [5, 7, 6, 5, 7]
    """
    check_split(split)
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise ImportError(
            'The digits come with scikit-learn: pip install "snnjax[data]".'
        ) from error
    found = load_digits()
    order = np.random.Generator(np.random.PCG64(1797)).permutation(len(found.target))
    rows = dict(zip(SPLITS, np.split(order, [1197, 1497]), strict=True))[split]
    images, labels = found.images[rows].astype(np.uint8), found.target[rows]
    return pack(images, labels, tuple("0123456789"), trial=rows)


DATA_SET = DataSet(
    name="digits",
    about="handwritten digits of 8x8 pixels, which scikit-learn brings along",
    parts="300 validate and 300 test, by a fixed shuffle",
    home="https://archive.ics.uci.edu/dataset/80",
    licence="CC BY 4.0",
    cite="Alpaydin & Kaynak 1998, doi:10.24432/C50P49",
    load=lambda split, path=None: digits(split),
)
