"""Which classes are taken for which."""

import numpy as np

from snnjax import check


def confusion(labels: np.ndarray, guesses: np.ndarray, classes: int) -> np.ndarray:
    """Counts of guess (column) by label (row), ``[classes, classes]``.

    Raises:
        ValueError: for labels or guesses out of range, not whole, or of different
            number.

    Example:
        >>> labels, guesses = np.array([0, 0, 1]), np.array([0, 1, 1])
        >>> print(snn.analysis.confusion(labels, guesses, 2))
        [[1 1]
         [0 1]]
    """
    check.whole("classes", classes, most=2**15)
    labels, guesses = np.asarray(labels), np.asarray(guesses)
    for name, given in (("labels", labels), ("guesses", guesses)):
        if given.size and given.dtype.kind not in "iu":
            raise ValueError(f"{name} must be whole numbers, got {given.dtype}.")
    if labels.shape != guesses.shape or labels.ndim != 1:
        raise ValueError(f"labels {labels.shape} and guesses {guesses.shape} differ.")
    both = np.concatenate([labels, guesses]).astype(int)
    if len(both) and (both.min() < 0 or both.max() >= classes):
        raise ValueError(f"labels and guesses must lie in 0 … {classes - 1}.")
    labels, guesses = labels.astype(int), guesses.astype(int)
    cells = np.ravel_multi_index((labels, guesses), (classes, classes))
    return np.bincount(cells, minlength=classes**2).reshape(classes, classes)
