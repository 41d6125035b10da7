"""What the layers of trained networks do on test data."""

import warnings
from functools import partial
from typing import Any

import jax
import numpy as np

from snnjax.analysis.activity import LayerActivity, count_spikes, of_counts
from snnjax.tasks.network import AnyNetwork
from snnjax.tasks.prediction import BATCH
from snnjax.tasks.task import Part, as_read
from snnjax.tasks.timed import TimedNetwork, spike_times_of

_MOST = 1000  # samples


def layers(network: AnyNetwork, each: list[Any], part: Part) -> dict[str, Any]:
    """Activity by layer, for the summary; of a network that does not tell, nothing.

    Args:
        network: what was trained.
        each: weights of each seed.
        part: of which up to a thousand samples are read, evenly.

    Returns:
        ``"layers"``, the fields of ``analysis.LayerActivity`` by name as means over
        seeds, and ``"layers_of_samples"``, how many were read.
    """
    if isinstance(network, TimedNetwork):
        return _timed_layers(network, each, as_read(part, network))
    rows = batches_of(len(part.labels))
    batches = [part.raster(some, None) for some in rows]
    steps, samples = len(batches[0]), sum(map(len, rows))
    cell, dt = network.cell, network.dt
    count = jax.jit(partial(count_spikes, cell, dt=dt))
    try:
        found = [
            of_counts(
                *(cell, weights, [count(weights, xs) for xs in batches]),
                *(samples, steps * dt),
            )
            for weights in each
        ]
    except ValueError as error:
        warnings.warn(f"Nothing is told of layers: {error}", stacklevel=2)
        return {"layers": {}, "layers_of_samples": 0}
    mean = {name: _mean([layers[name] for layers in found]) for name in found[0]}
    return {"layers": mean, "layers_of_samples": samples}


def _timed_layers(network, each, part):
    """The same where neurons fire once: before the trial ends, or not at all."""
    rows = np.concatenate(batches_of(len(part.labels)))
    times = part.raster(rows, None)
    compiled = jax.jit(partial(spike_times_of, network))
    found = []
    for weights in each:
        fired = [
            np.asarray(t) < network.end for t in (times, *compiled(weights, times))
        ]
        counts = [float(f.sum(1).mean()) for f in fired]
        sent = [0.0, *(c * n for c, n in zip(counts, network.sizes[1:], strict=False))]
        found.append(
            {
                name: LayerActivity(
                    n, count / n / network.end, float(np.mean(~f.any(0))), count, ops
                )
                for name, n, count, f, ops in zip(
                    ("input", "hidden", "out"),
                    *(network.sizes, counts, fired, sent),
                    strict=True,
                )
            }
        )
    mean = {name: _mean([layers[name] for layers in found]) for name in found[0]}
    return {"layers": mean, "layers_of_samples": len(rows)}


def batches_of(n: int) -> list[np.ndarray]:
    """Numbers of up to a thousand of n samples, evenly, in batches of one size."""
    batches = -(-min(n, _MOST) // BATCH)
    batch = min(n, _MOST) // batches
    every = np.linspace(0, n - 1, batches * batch).round().astype(int)
    return np.split(every, batches)


def _mean(several: list[LayerActivity]) -> dict[str, Any]:
    """Over seeds; None where one of them has none."""
    columns = zip(*several, strict=True)
    return {
        name: None if None in column else float(np.mean(column))
        for name, column in zip(LayerActivity._fields, columns, strict=True)
    } | {"neurons": several[0].neurons}


def in_words(layers: dict[str, dict[str, Any]]) -> str:
    """A line for the title of a figure, behind a line break; nothing of no layers."""
    told = [
        f"{name} {layer['rate']:.3g} Hz, {layer['silent']:.0%} silent"
        for name, layer in layers.items()
        if layer["rate"] is not None and layer["operations"]
    ]
    if not told:
        return ""
    operations = sum(layer["operations"] for layer in layers.values())
    return f"\n{'; '.join(told)}; {operations:,.0f} synaptic operations in a sample"
