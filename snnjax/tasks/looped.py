"""A chip-sized task on a device: programmed, asked, and trained in the loop."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from snnjax.cell import nonfinite
from snnjax.hardware import Device, Imperfections, in_the_loop
from snnjax.learning import accuracy, cross_entropy
from snnjax.tasks.network import Network
from snnjax.tasks.prediction import Predictions
from snnjax.tasks.task import Part
from snnjax.training import silent

IN_THE_LOOP = "in the loop"  # how a network learned, for its folder
LARGEST = 63 * Imperfections().weight_step  # weight of the emulated chip's synapses
_AT_ONCE = 500  # samples that a device is asked about
_ASKED = 2**30  # trials of questions are numbered from here


def chip_weights(weights: Any) -> tuple[jax.Array, jax.Array]:
    """The weights of a ``chip_task`` as a device takes them."""
    return weights["hidden"][0].w, weights["out"][0].w


def within_synapses(weights: Any) -> Any:
    """Hidden weights where synapses can hold them; a readout is scaled as a whole."""
    first, *rest = weights["hidden"]
    first = first._replace(w=jnp.clip(first.w, -LARGEST, LARGEST))
    return {**weights, "hidden": (first, *rest)}


def loss(
    network: Network, weights: Any, xs: jax.Array, seen: Any, labels: jax.Array
) -> tuple[jax.Array, dict[str, Any]]:
    """Cross entropy of what the device put out, and metrics."""
    state, ys = in_the_loop(network.cell, weights, xs, seen, dt=network.dt)
    scores = network.readout(ys["out"])
    metrics = {
        "accuracy": accuracy(scores, labels),
        "nonfinite": nonfinite(state),
        "silent": silent({"hidden": ys["hidden"]}),
        "hidden_rate": jnp.mean(ys["hidden"]) / network.dt,
    }
    return cross_entropy(scores, labels), metrics


def answers(
    device: Device,
    readout: Callable,
    weights: Any,
    part: Part,
    *,
    trial: int | None = _ASKED,
) -> tuple[Predictions, dict[str, float]]:
    """What a device takes the samples of a part for, and its notes.

    Args:
        device: what is asked.
        readout: voltages -> scores.
        weights: of the network.
        part: what to ask about.
        trial: number of the first trial; the same noise at every call if omitted, None
            for other noise, on the device as it is now.

    Returns:
        Guesses, and notes as means over batches.
    """
    handle = device.program([*map(np.asarray, chip_weights(weights))])
    guesses, notes = [], []
    scores = jax.jit(readout)
    for first in range(0, len(part.labels), _AT_ONCE):
        rows = np.arange(first, min(first + _AT_ONCE, len(part.labels)))
        spikes = np.asarray(part.raster(rows, None))
        number = None if trial is None else trial + first
        shown = device.run(handle, spikes, trial=number)
        guesses.append(np.argmax(scores(jnp.asarray(shown.seen[-1].v)), axis=-1))
        notes.append(shown.notes)
    mean = {name: float(np.mean([each[name] for each in notes])) for name in notes[0]}
    return Predictions(part.labels, np.concatenate(guesses)), mean
