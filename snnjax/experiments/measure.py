"""Measures of what networks do, and of the machine that did it.

How the units of a population fire together, near and far, is in ``correlations``.
"""

import platform
from importlib import metadata
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from snnjax import check
from snnjax.networks.fluctuations import Membrane


class MembraneStatistics(NamedTuple):
    """How membranes fluctuate, in the units of their voltage."""

    mean: jax.Array  # of each neuron, [n]
    deviation: jax.Array  # of each neuron, over time and samples, [n]
    population: Membrane  # of all: what ``networks.predict_membrane`` predicts


def membrane_statistics(voltages: jax.Array, *, skip: int = 0) -> MembraneStatistics:
    """Mean and standard deviation of membranes over time.

    A neuron's variance is its own, about its own mean; the population has the mean of
    these variances. Taken over all neurons at once, the variance would contain as well
    how far the neurons' means lie apart; ``population.pooled`` is the root of that.

    Args:
        voltages: ``[T, *batch, n]``, of neurons that do not fire (``li``) where theory
            is to be compared. Time and samples are taken together.
        skip: steps to leave out at the start, until the membranes forgot their rest;
            five time constants will do.

    Returns:
        Statistics of each neuron and of the population.

    Raises:
        ValueError: for voltages without time and neurons, or a ``skip`` that leaves
            nothing.
    """
    check.whole("skip", skip, least=0)
    if voltages.ndim < 2 or voltages.size == 0 or skip >= len(voltages):
        raise ValueError(
            f"Voltages must be [T, *batch, n] with T > skip = {skip}, got shape "
            f"{voltages.shape}."
        )
    axes = tuple(range(voltages.ndim - 1))
    mean = jnp.mean(voltages[skip:], axes)
    variance = jnp.var(voltages[skip:], axes)
    population = Membrane(mean.mean(), jnp.sqrt(variance.mean()), mean.std())
    return MembraneStatistics(mean, jnp.sqrt(variance), population)


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
