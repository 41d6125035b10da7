"""Measures of what networks do, and of the machine that did it."""

import platform
from importlib import metadata
from typing import Any

import jax
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


def interspike_intervals(spikes: np.ndarray, *, dt: float) -> np.ndarray:
    """Times between successive spikes of each neuron, all neurons pooled.

    Args:
        spikes: ``[T, n]`` in {0, 1}.
        dt: time step [s].

    Returns:
        Intervals [s], ``[K]``.
    """
    unit, step = np.nonzero(np.asarray(spikes).T)
    return np.diff(step)[np.diff(unit) == 0] * dt


def describe() -> dict[str, Any]:
    """Versions and device, for the record of a measurement."""
    packages = ("snnjax", "jax", "jaxlib", "flax", "optax", "numpy")
    return {
        "versions": {"python": platform.python_version()}
        | {name: metadata.version(name) for name in packages},
        "device": f"{jax.devices()[0].platform}: {jax.devices()[0].device_kind}",
    }
