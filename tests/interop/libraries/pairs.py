"""Neurons of two libraries that are one, or only look so, by their spikes.

Numpy alone. Each side is run in its own library's environment, under the same input, by
``recorder.py``, and kept as ``recorded/pairs/NAME-a.npz`` and ``-b.npz``.
"""

import json
import math
import zlib
from typing import Any, NamedTuple

import numpy as np

from tests.interop.libraries.recording import FOLDER as RECORDED
from tests.interop.libraries.recording import LONG, RATE, packed

FOLDER = RECORDED / "pairs"
BATCH, INPUTS, NEURONS = 8, 6, 8


class Side(NamedTuple):
    """A neuron as its library calls it: a preset, and what it is given."""

    preset: str
    options: dict[str, Any]


class Pair(NamedTuple):
    """Two neurons under one input."""

    a: Side
    b: Side
    scale: float  # of the weights, so that a fifth of all steps have a spike
    later: int = 0  # steps that b's spikes come after a's
    same: bool = True
    spread: float = 0.6  # of the weights around 0.3: a narrow one never leaves 2θ
    exact: bool = False  # weights of whole quarters, which meet the threshold exactly


def side(preset, **options):
    return Side(preset, options)


def snntorch(reset, **options):
    return side("snntorch.Leaky", beta=0.9, reset_mechanism=reset, **options)


def soft(tau=10.0):
    return side("spikingjelly.LIF", tau=tau, decay_input=False, v_reset=None)


def hard(tau=10.0, decay_input=False):
    return side("spikingjelly.LIF", tau=tau, decay_input=decay_input, v_reset=0.0)


NORSE = {"tau_mem_inv": 100.0, "dt": 1e-3}
SYNAPSE = NORSE | {"tau_syn_inv": 200.0}
SINABS = {"tau_mem": 10.0, "norm_input": True}
PAIRS = {
    "zero": Pair(snntorch("zero"), hard(), 0.6),
    "zero_at_threshold": Pair(snntorch("zero"), hard(), 0.6, same=False, exact=True),
    "subtract_at_once": Pair(
        snntorch("subtract", reset_delay=False), soft(), 0.45, spread=0.1
    ),
    "subtract_at_once_far": Pair(
        snntorch("subtract", reset_delay=False), soft(), 0.6, same=False
    ),
    "subtract": Pair(snntorch("subtract"), soft(), 0.3, same=False),
    "box": Pair(side("norse.LIFBox", **NORSE), hard(decay_input=True), 8.0),
    "exponential": Pair(
        side(
            "sinabs.LIF",
            **SINABS,
            reset_fn=("MembraneReset", {}),
            spike_fn="SingleSpike",
        ),
        hard(1 / (1 - math.exp(-0.1)), True),
        4.0,
    ),
    "exponential_euler": Pair(
        side(
            "sinabs.LIF",
            **SINABS,
            reset_fn=("MembraneReset", {}),
            spike_fn="SingleSpike",
        ),
        hard(10.0, True),
        6.0,
        same=False,
    ),
    "exponential_jaxpike": Pair(
        side(
            "sinabs.LIF",
            **SINABS,
            reset_fn=("MembraneSubtract", {}),
            spike_fn="SingleSpike",
        ),
        side("jaxpike.LIF", tau=10.0, reset="subtract"),
        4.0,
    ),
    "subtract_sparx": Pair(soft(), side("sparx.LIF", decay=0.9, threshold=1.0), 0.5),
    "subtract_spyx": Pair(
        snntorch("subtract"), side("spyx.LIF", beta=0.9, threshold=1.0), 0.5, later=1
    ),
    "synapse_spyx": Pair(
        side("snntorch.Synaptic", alpha=0.8, beta=0.9, reset_mechanism="subtract"),
        side("spyx.CuBaLIF", alpha=0.8, beta=0.9, threshold=1.0),
        0.06,
        later=1,
        same=False,  # its reset is inside the decay
    ),
    "jump_first": Pair(
        side("norse.LIF", **SYNAPSE),
        side("norse.LSNN", **SYNAPSE, tau_adapt_inv=10.0, beta=0.0),
        1.0,
        later=1,
    ),
}


def driven(name):
    """Input spikes ``[400, 8, 6]`` and weights ``[6, 8]`` of a pair."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    x = (rng.random((LONG, BATCH, INPUTS)) < RATE).astype(np.float64)
    w = PAIRS[name].scale * rng.normal(0.3, PAIRS[name].spread, (INPUTS, NEURONS))
    if PAIRS[name].exact:
        w = np.round(4 * w) / 4
    return x, w


def sides(library):
    """Names and sides that are of one library."""
    for name, pair in PAIRS.items():
        for letter, one in (("a", pair.a), ("b", pair.b)):
            if one.preset.partition(".")[0] == library:
                yield f"{name}-{letter}", one


def write(folder, which, one, spikes):
    """Keeps the spikes of a side."""
    told = {"preset": one.preset, "options": one.options}
    np.savez_compressed(
        folder / f"{which}.npz", about=np.array(json.dumps(told)), spikes=packed(spikes)
    )


def read(which, folder=FOLDER):
    """What a side was, and its spikes ``[400, 8, 8]``."""
    with np.load(folder / f"{which}.npz", allow_pickle=False) as file:
        about, spikes = json.loads(str(file["about"])), file["spikes"]
    shape = (LONG, BATCH, NEURONS)
    return about, np.unpackbits(spikes, count=math.prod(shape)).reshape(shape)


def mismatches(pair, a, b):
    """Steps in which only one of both has a spike, b shifted to where a is."""
    return int(np.sum(a[: LONG - pair.later] != b[pair.later :]))
