"""What a linear classifier makes of the same spikes: the bar to clear."""

from collections.abc import Iterator, Mapping

import numpy as np

from snnjax import check
from snnjax.tasks.task import Part

_PENALTIES = 10.0 ** np.arange(-1, 5)
_DECAYS = (0.7, 0.9, 0.97, 0.99)  # of traces, what is left after a step


def linear_baseline(parts: dict[str, Part]) -> float:
    """Test accuracy of ridge regression on the spikes of a task, counted coarsely.

    Samples with one label: square roots of counts in about 20 bins of time and at most
    70 groups of channels. A label for every step: the spikes of the step and traces of
    those before, which decay over 3, 10, 30 and 100 steps. The penalty is chosen on the
    validation split.

    Args:
        parts: train, validation and test.

    Raises:
        ValueError: for parts that are missing, or without samples or channels.
    """
    _check_parts(parts)
    features = {name: _features(part) for name, part in parts.items()}
    x, labels = features["train"]
    mean = x.mean(axis=0, dtype=np.float64).astype(np.float32)
    goal = np.eye(labels.max() + 1, dtype=np.float32)[labels]
    best = (-1.0, 0.0)
    for w in _ridge(x - mean, goal):

        def accuracy(name, w=w):
            x, labels = features[name]
            return float(np.mean(np.argmax((x - mean) @ w, axis=1) == labels))

        best = max(best, (accuracy("validation"), accuracy("test")))
    return best[1]


def _check_parts(parts):
    names = "train", "validation", "test"
    if not isinstance(parts, Mapping) or not {*names} <= {*parts}:
        raise ValueError(
            f"parts must be a dict of {', '.join(names)}, got {parts!r:.80}."
        )
    for name in names:
        check.fields("parts", parts[name], *Part._fields)
        labels = np.asarray(parts[name].labels)
        if not (labels >= 0).any():
            raise ValueError(f"parts must have a label each, {name} has none.")
        if parts[name].raster(np.arange(1), None).size == 0:
            raise ValueError(f"parts must hold steps and channels, {name} holds none.")


def _ridge(x, goal) -> Iterator[np.ndarray]:
    """Weights for each penalty, by the smaller of both normal equations."""
    n, d = x.shape
    wide = d > n
    gram = (x @ x.T if wide else x.T @ x).astype(np.float64)
    right = goal if wide else x.T @ goal
    for penalty in _PENALTIES:
        solved = np.linalg.solve(gram + penalty * np.eye(min(n, d)), right)
        yield (x.T @ solved if wide else solved).astype(np.float32)


def _features(part):
    """Features and labels of all that has a label, float32, [K, d] and [K]."""
    n = len(part.labels)
    rows = [np.arange(first, min(first + 500, n)) for first in range(0, n, 500)]
    per_step = part.labels.ndim > 1
    features = _traces if per_step else _counts
    x = np.concatenate([features(_flat(part.raster(row, None))) for row in rows])
    if not per_step:
        return x, part.labels
    labels = part.labels.reshape(-1)
    known = labels >= 0
    return x.reshape(len(labels), -1)[known], labels[known]


def _flat(raster):
    return raster.reshape(*raster.shape[:2], -1)


def _counts(raster):
    t, n = -(-raster.shape[0] // 20), -(-raster.shape[2] // 70)
    sums = np.add.reduceat(raster, np.arange(0, raster.shape[0], t), axis=0)
    sums = np.add.reduceat(sums, np.arange(0, raster.shape[2], n), axis=2)
    return np.sqrt(np.moveaxis(sums, 1, 0).reshape(raster.shape[1], -1)).astype("f4")


def _traces(raster):
    """Of each sample and step, ``[B, T, 5·n]``."""
    traces = [raster]
    for decay in _DECAYS:
        trace, now = np.zeros(raster.shape, np.float32), np.float32(0)
        for t, spikes in enumerate(raster):
            now = decay * now + (1.0 - decay) * spikes
            trace[t] = now
        traces.append(trace)
    return np.moveaxis(np.concatenate(traces, axis=2), 0, 1).astype(np.float32)
