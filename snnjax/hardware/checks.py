"""What functions of weights, and devices, refuse."""

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from snnjax import check


def check_weights(name: str, weights: Any) -> None:
    """Refuses weights that are not floating point, or not finite as far as is known.

    Raises:
        ValueError: by the name of the argument.
    """
    if weights is None:
        raise ValueError(f"{name} must be an array or a tree of them, got None.")
    check.arrays(name, weights)
    for w in jax.tree.leaves(weights):
        check.floating(name, w)
        check.finite(name, w)


def check_sizes(sizes: Sequence[int]) -> tuple[int, ...]:
    """Sizes as a tuple.

    Raises:
        ValueError: for fewer than two, or one below one.
    """
    if not isinstance(sizes, tuple | list) or len(sizes) < 2:
        raise ValueError(
            "sizes must be numbers of inputs, then of neurons of each population, such "
            f"as (256, 246, 10), got {check.told(sizes)}."
        )
    for n in sizes:
        check.whole("sizes", n)
    return tuple(int(n) for n in sizes)


def check_recurrent(
    recurrent: Sequence[bool] | None, sizes: tuple[int, ...]
) -> tuple[bool, ...]:
    """Whether each population sees its own spikes, as a tuple.

    Raises:
        ValueError: for another number of them, or a recurrent readout.
    """
    populations = len(sizes) - 1
    if recurrent is None:
        return (False,) * populations
    if not isinstance(recurrent, tuple | list) or len(recurrent) != populations:
        raise ValueError(
            f"recurrent must be True or False for each of {populations} populations, "
            f"got {check.told(recurrent)}."
        )
    for each in recurrent:
        check.flag("recurrent", each)
    if recurrent[-1]:
        raise ValueError("recurrent must be False for the last population, a readout.")
    return tuple(bool(each) for each in recurrent)


def check_range(name: str, given: tuple[float, float]) -> None:
    """Refuses what is no range of voltages.

    Raises:
        ValueError: for anything but two finite numbers, the lower one first.
    """
    if not isinstance(given, tuple | list) or len(given) != 2:
        raise ValueError(f"{name} must be (low, high), got {check.told(given)}.")
    for value in given:
        check.one(name, value)
        check.finite(name, value)
    if not given[0] < given[1]:
        raise ValueError(f"{name} must be (low, high), low below high, got {given}.")


def device_weights(
    weights: Sequence[np.ndarray], shapes: Sequence[tuple[int, int]]
) -> tuple[np.ndarray, ...]:
    """Copies of the weights of each population, float32, which nobody can change.

    Raises:
        ValueError: for another number of them, other shapes, or weights that are not
            finite in single precision.
    """
    if not isinstance(weights, tuple | list) or len(weights) != len(shapes):
        raise ValueError(
            f"weights must be arrays {shapes}, one for each population, got "
            f"{check.told(weights)}."
        )
    copies = []
    for w, shape in zip(weights, shapes, strict=True):
        check.array("weights", w, "[rows, n]")
        check.shape("weights", w, shape)
        with np.errstate(over="ignore"):
            copy = np.array(w, np.float32)
        check.finite("weights", copy)
        copy.setflags(write=False)
        copies.append(copy)
    return tuple(copies)


def device_events(spikes: np.ndarray, n_in: int) -> np.ndarray:
    """Spikes ``[T, *batch, n_in]`` as truth values.

    Raises:
        ValueError: for another shape, or other numbers than 0 and 1.
    """
    check.array("spikes", spikes, "[T, *batch, n_in]")
    events = np.asarray(spikes)
    if events.ndim < 2 or events.shape[-1] != n_in:
        raise ValueError(
            f"spikes must be [T, *batch, {n_in}], got shape {events.shape}. Time comes "
            "first, channels last."
        )
    fired = events != 0
    if not np.array_equal(events, fired):
        raise ValueError("spikes must be 0 or 1, some are neither.")
    return fired
