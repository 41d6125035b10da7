"""Which classes are taken for which."""

import numpy as np


def confusion(labels: np.ndarray, guesses: np.ndarray, classes: int) -> np.ndarray:
    """Counts of guess (column) by label (row), ``[classes, classes]``.

    Raises:
        ValueError: for labels or guesses out of range, or of different number.
    """
    labels, guesses = np.asarray(labels), np.asarray(guesses)
    if labels.shape != guesses.shape or labels.ndim != 1:
        raise ValueError(f"Labels {labels.shape} and guesses {guesses.shape} differ.")
    both = np.concatenate([labels, guesses])
    if len(both) and (both.min() < 0 or both.max() >= classes):
        raise ValueError(f"Labels and guesses must lie in 0 … {classes - 1}.")
    cells = np.ravel_multi_index((labels, guesses), (classes, classes))
    return np.bincount(cells, minlength=classes**2).reshape(classes, classes)
