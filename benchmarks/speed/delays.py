"""What does a delay cost?

    python -m benchmarks.speed.delays

Where glibc lets a step whose memory passes 32 MiB wait for fresh pages at every turn,
MALLOC_MMAP_THRESHOLD_=1073741824 MALLOC_TRIM_THRESHOLD_=2147483648 keep them.

Training steps (loss and gradients; weights are held) of a connection and its neurons on
the work of W2: T 100, batch 64, 140 inputs, 256 neurons; delays up to 25 steps. Each is
timed against the same layer without, by XLA, in turns in one run, in processor time.
Fixed before it ran: see ``COMPARISONS``.
"""

import argparse
import json
import time

import jax.numpy as jnp

import snnjax as snn
from benchmarks.machine import machine
from benchmarks.report import RESULTS
from benchmarks.speed.training_step import DT
from benchmarks.speed.wiring import (
    Comparison,
    Size,
    connection,
    criteria,
    measure,
    population,
    same,
    spikes,
)
from snnjax.networks import delay, delayed, learned_delay

LONGEST = 25


def plain(size, backend):
    return behind(None)(size, backend)


def behind(lines):
    """A layer behind lines, ``n -> cell``."""

    def made(size, backend):
        n_in, n = size.inputs, size.neurons
        layer = connection(n_in, n, backend), population(size, backend)
        before = () if lines is None else (lines(n_in),)
        return snn.chain(*before, *layer), spikes(size)

    return made


def given(n):
    return delay(n, DT * jnp.linspace(0.0, LONGEST, n), LONGEST)


def learned(n):
    return learned_delay(n, LONGEST)


def of_synapses(size, backend):
    connected = delayed(size.inputs, size.neurons, LONGEST, width=3.0, init=same)
    return snn.chain(connected, population(size, backend)), spikes(size)


COMPARISONS = (
    Comparison("given, of each line", 1.5, "xla", plain, behind(given)),
    Comparison("learned, of each line", 1.5, "xla", plain, behind(learned)),
    Comparison("learned, of each synapse", 7.0, "xla", plain, of_synapses),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=Size().repeats)
    asked = parser.parse_args()
    rows = measure(
        Size(repeats=asked.repeats), ("xla",), COMPARISONS, time.process_time
    )
    judged = [c.row() for c in criteria(rows, COMPARISONS)]
    line = {"rows": rows, "criteria": judged, **machine()}
    (RESULTS / "delays.json").write_text(
        f"{json.dumps(line, indent=1)}\n", encoding="utf-8"
    )


if __name__ == "__main__":
    main()
