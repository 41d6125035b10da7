"""The order in which an epoch goes through its samples."""

import numpy as np

from snnjax import check


def epoch_rows(seed: int, epoch: int, n: int, batch: int) -> list[np.ndarray]:
    """Shuffles ``n`` samples into full batches; every sample comes at least once.

    The order depends on seed and epoch alone, so that a resumed run sees the same. The
    last batch is filled up from the start of the order, so that all have one shape.

    Args:
        seed: of the run.
        epoch: number of the epoch, from 0.
        n: number of samples.
        batch: size of a batch, at most ``n``.

    Returns:
        Rows of each batch, ``[batch]``.

    Raises:
        ValueError: for a batch below one or above ``n``, no sample, or a negative seed
            or epoch.

    Example:
        >>> rows = snn.training.epoch_rows(seed=0, epoch=0, n=5, batch=2)
        >>> np.shape(rows), np.unique(rows).tolist()
        ((3, 2), [0, 1, 2, 3, 4])
    """
    for name, number in (("seed", seed), ("epoch", epoch)):
        check.whole(name, number, least=0, most=2**32 - 1)
    check.whole("n", n)
    check.whole("batch", batch)
    if batch > n:
        raise ValueError(f"A batch of {batch} is larger than the n = {n} samples.")
    order = np.random.default_rng([seed, epoch]).permutation(n)
    order = np.concatenate([order, order[: -n % batch]])
    return list(order.reshape(-1, batch))
