"""Columns of spikes that files hold are checked, and become one recording."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from snnjax.datasets.guard.checked import Reading
from snnjax.events import RecordedSpikes

_SPIKE_BYTES = 60  # of memory for each spike, besides what is stored


def seconds(values: np.ndarray, per_second: float, place: str) -> np.ndarray:
    """Times [s], float64.

    Args:
        values: times in another unit.
        per_second: of that unit.
        place: for messages.

    Raises:
        ValueError: naming the first that is no time.
    """
    times = values.astype(np.float64) / per_second
    if not np.isfinite(times).all():
        k = int(np.argmin(np.isfinite(times)))
        raise ValueError(f"spike {k} of {place} is at {values[k]}")
    return times


def numbered(values: np.ndarray, place: str) -> np.ndarray:
    """Numbers of neurons, int64.

    Raises:
        ValueError: for one beyond.
    """
    if values.dtype.kind == "u" and values.max(initial=0) > 2**63 - 1:
        raise ValueError(f"{place} has a neuron {values.max()}")
    return values.astype(np.int64)


def together(
    file: Reading,
    parts: Mapping[str, tuple[np.ndarray, np.ndarray]],
    source: str,
    **told: Any,
) -> RecordedSpikes:
    """One recording of populations one after the other.

    Args:
        file: from ``reading``.
        parts: times [s] and neurons of each population, by its name; one at least.
        source: the format and its version.
        **told: other fields of ``RecordedSpikes``.

    Raises:
        ValueError: for another number of times than of neurons.
        DataError: if they would take more than is allowed.
    """
    counts = [len(times) for times, _ in parts.values()]
    file.take(_SPIKE_BYTES * sum(counts), "its spikes")
    for name, (times, units) in parts.items():
        if len(times) != len(units):
            raise ValueError(
                f"{name or 'it'} has {len(times)} times, {len(units)} units"
            )
    times, units = zip(*parts.values(), strict=True)
    return RecordedSpikes(
        np.concatenate(times),
        np.concatenate(units),
        np.repeat(np.arange(len(counts)), counts),
        tuple(parts),
        source,
        **told,
    )
