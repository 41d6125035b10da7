"""What a device showed of a population while it ran."""

from typing import NamedTuple

import jax
import numpy as np

from snnjax.exported import exportable

Measured = jax.Array | np.ndarray


@exportable
class Seen(NamedTuple):
    """A recording of one population; what was not measured is None.

    A device samples a voltage at the end of a step, when a neuron that fired has been
    reset already: what it was before the reset cannot be measured.

    Example:
        >>> seen = snn.hardware.Seen(spikes=np.zeros((20, 8, 3), np.float32))
        >>> seen.v is None  # voltages were not measured
        True
    """

    spikes: Measured | None = None  # [T, *batch, n], 0 or 1
    v: Measured | None = None  # [T, *batch, n], after the reset, in the model's units
    known: Measured | None = None  # which v were measured, broadcasts to v; None: all
