"""Changes of training samples at random: moved images, lost spikes."""

import numpy as np

from snnjax import check


def shifted(images, rng, reach):
    """Moves each of ``[N, height, width, ...]`` by whole pixels; dark comes in."""
    check.generator("rng", rng)
    height, width = images.shape[1:3]
    border = ((0, 0), (reach, reach), (reach, reach), *((0, 0),) * (images.ndim - 3))
    wide = np.pad(images, border)
    down, right = rng.integers(0, 2 * reach + 1, (2, len(images)))
    return np.stack(
        [
            image[y : y + height, x : x + width]
            for image, y, x in zip(wide, down, right, strict=True)
        ]
    )


def thinned(spikes, rng, share):
    """Loses a share of the spikes ``[T, ...]``, at random."""
    check.generator("rng", rng)
    mask = rng.random(spikes.shape[1:], np.float32) >= share
    return spikes * mask.astype(spikes.dtype)
