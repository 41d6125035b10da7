"""What each part of a training step needs at least, at the rates of a machine.

The network is that of ``rival_sides.py``. An event costs a row of weights that is added
up; products are dense; whatever is larger than the last cache costs its way through
memory; of arithmetic and memory the slower one counts, as both overlap. Arrays that a
cleverer program need not have are not counted, and waiting for one another costs
nothing: these are limits for exact programs in single precision, not estimates.
"""

from typing import NamedTuple

import numpy as np

from benchmarks.speed.machine_limits import Limits
from benchmarks.speed.rival_sides import CLASSES, INPUTS

BLOCK = 1 << 16  # bytes of gradients among which the rows of an input are added up
WIDE = 16  # floats that count as one
PARTS = (
    "input x·W",
    "forward scan",
    "readout product",
    "readout scan, loss",
    "gradient to the spikes",
    "readout dW",
    "backward scan",
    "dW",
    "dR",
    "Adam",
)
INFERENCE = PARTS[:4]


class Work(NamedTuple):
    """How much there is to do, counted in the raster and in the spikes."""

    steps: int
    batch: int
    hidden: int
    events: int  # of the input
    spikes: int  # of the hidden layer


class Clock:
    """Seconds of work on so many cores of a machine."""

    def __init__(self, machine: Limits, cores: int):
        self.machine, self.cores = machine, cores
        self.at = 0 if cores == 1 else 1

    def cycles(self, count: float) -> float:
        return count / (self.machine.ghz * 1e9) / self.cores

    def rows(self, events: int, n: int, table: float) -> float:
        vectors = events * -(-n // WIDE)
        return self.cycles(vectors * self.machine.add_cycles(table))

    def product(self, rows: int, m: int, n: int) -> float:
        return 2.0 * rows * m * n / self.machine.multiply_add[self.at]

    def memory(self, read: float = 0.0, written: float = 0.0) -> float:
        """Bytes of one array each; none if the last cache holds it."""
        read, written = (b if b > self.machine.cache else 0.0 for b in (read, written))
        speeds = self.machine.read_memory, self.machine.write_memory
        return read / speeds[0][self.at] + written / speeds[1][self.at]


def limits(machine: Limits, work: Work) -> dict[str, float]:
    """Seconds of each part at least.

    Samples are what is divided among cores: a batch of one has one core.
    """
    clock = Clock(machine, min(machine.cores, work.batch))
    n, rows = work.hidden, work.steps * work.batch
    layer, raster, small = 4.0 * rows * n, 4.0 * rows * INPUTS, 4.0 * rows * CLASSES
    weights = INPUTS * n + n * n + n * CLASSES
    vectors, outputs = rows * n / WIDE, rows * CLASSES / WIDE
    neurons, back = machine.neurons, machine.neurons_back
    gather, product, memory = clock.rows, clock.product, clock.memory
    arithmetic = (
        gather(work.events, n, 4 * INPUTS * n),
        gather(work.spikes, n, 4 * n * n) + clock.cycles(vectors * neurons),
        gather(work.spikes, CLASSES, 4 * n * CLASSES),
        clock.cycles(outputs * (neurons + back)),
        product(rows, CLASSES, n),
        gather(work.spikes, CLASSES, BLOCK),
        product(rows, n, n) + clock.cycles(vectors * back),
        gather(work.events, n, BLOCK),
        gather(work.spikes, n, BLOCK),
        7 * 4 * weights / machine.read_l3[clock.at],
    )
    moved = (
        memory(raster, layer),
        memory(layer, layer),
        memory(0.0, small),
        2 * memory(small, small),
        0.0,
        0.0,
        memory(layer, layer),
        memory(layer),
        memory(layer),
        0.0,
    )
    both = zip(PARTS, arithmetic, moved, strict=True)
    return {name: float(np.maximum(work, way)) for name, work, way in both}
