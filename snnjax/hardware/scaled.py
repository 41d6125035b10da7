"""Readout weights that exceed the range of a chip's synapses are scaled as a whole."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Self

import numpy as np

from snnjax import check
from snnjax.hardware.checks import check_weights
from snnjax.hardware.device import Device, Handle, Recording


class Loaded(NamedTuple):
    """What a chip was programmed with, and by what its readout was divided."""

    handle: Handle
    scale: float


class ScaledReadout:
    """A device whose readout fits into the range of its synapses.

    The last population integrates and does not fire: weights divided by a number give
    voltages divided by it, so that what it shows is multiplied by the same number.

    Notes hold the number as ``"readout_scale"``.

    Example:
        >>> weights = [0.5 * np.ones((4, 3), "f4"), 9.0 * np.ones((3, 2), "f4")]
        >>> spikes = np.ones((20, 8, 4), np.float32)
        >>> chip = snn.hardware.emulated_chip((4, 3, 2), dt=1.7e-6)
        >>> with snn.hardware.ScaledReadout(chip, largest=63 * 0.02) as device:
        ...     seen, notes = device.run(device.program(weights), spikes, trial=0)
        ...
        >>> round(notes["readout_scale"], 2)
        7.14
    """

    def __init__(self, device: Device, largest: float) -> None:
        """Takes a device and what its synapses can hold.

        Args:
            device: programmed and run as it is otherwise.
            largest: weight that a synapse can have.

        Raises:
            ValueError: for what is no device, or a weight that is not positive.
        """
        check.fields("device", device, "program", "run")
        check.one("largest", largest)
        check.positive("largest", largest)
        self._device, self._largest = device, float(largest)

    def program(self, weights: Sequence[np.ndarray]) -> Loaded:
        """As ``Device.program``.

        Raises:
            ValueError: for weights that are no floating-point arrays, or not finite.
        """
        check_weights("weights", tuple(weights))
        *below, last = map(np.asarray, weights)
        scale = max(1.0, float(np.max(np.abs(last), initial=0.0)) / self._largest)
        fitted = (last / scale).astype(last.dtype)
        return Loaded(self._device.program([*below, fitted]), scale)

    def run(
        self, handle: Loaded, spikes: np.ndarray, *, trial: int | None = None
    ) -> Recording:
        """As ``Device.run``.

        Raises:
            ValueError: for a handle of something else.
        """
        if not isinstance(handle, Loaded):
            raise ValueError(
                f"handle must be what program gave, got a {type(handle).__name__}."
            )
        seen, notes = self._device.run(handle.handle, spikes, trial=trial)
        last = seen[-1]
        if last.v is not None:
            v = np.asarray(last.v, np.result_type(last.v, np.float32))
            last = last._replace(v=(v * handle.scale).astype(v.dtype))
        return Recording((*seen[:-1], last), {**notes, "readout_scale": handle.scale})

    def close(self) -> None:
        """Ends the device, if it can be ended."""
        getattr(self._device, "close", lambda: None)()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: Any) -> None:
        self.close()
