"""R11: a deep network learns if its weights start where membranes fluctuate.

Random manifolds through one to five hidden layers. The weights of all hidden layers are
drawn so that input noise alone gives membranes a standard deviation σ_U = 1/ξ, in units
of the threshold (Rossbroich, Gygax & Zenke 2022, doi:10.1088/2634-4386/ac97bb). Too
small, and spikes die out between layers, with them the gradient; too large, and every
neuron fires whatever the sample.

Spikes of a hidden layer come in volleys, which drive the next layer harder than Poisson
spikes of the same rate would. Layers are drawn as if theirs came at 30 Hz, with which
rates grow slowly from layer to layer.

The useful range is narrower than the paper's 1/3 to 1: with inputs that fire once each,
σ_U = 1/3 leaves all but the first layer silent. Only the depth that is judged has five
seeds; the others show the trend. One learning rate serves all.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import snnjax as snn
from benchmarks.criterion import at_least, between, equal
from benchmarks.report import emit, tell
from benchmarks.studies.shared.manifolds import (
    DT,
    PARAMS,
    Manifolds,
    data,
    raster,
    readout,
    train,
)
from benchmarks.study import Finding, Study
from snnjax import plot
from snnjax.networks import normal
from snnjax.probes import watched
from snnjax.training import sweep

JUDGED = 4  # hidden layers of the network that decides


class Size(NamedTuple):
    task: Manifolds = Manifolds(epochs=20, batch=25)
    width: int = 64
    depths: tuple[int, ...] = (1, 2, 3, 4, 5)
    deviations: tuple[float, ...] = (0.1, 1 / 3, 1.0, 3.0)  # σ_U; ξ = 10, 3, 1, 1/3
    hidden_rate: float = 30.0  # assumed of hidden neurons [Hz]
    learning_rate: float = 5e-3
    seeds: int = 5  # at the depth that is judged
    others: int = 1  # seeds at other depths


FULL = Size(task=Manifolds(samples=1000, epochs=20, batch=25), others=5)


def layers(depth: int) -> tuple[str, ...]:
    """Names of the hidden layers."""
    return tuple(f"hidden{k}" for k in range(1, depth + 1))


def network(size: Size, depth: int, draw: Callable[..., Any]) -> snn.Cell:
    """``depth`` hidden layers; ``draw(rate)`` makes their initializer."""
    cells, n, rate = {}, size.task.inputs, size.task.input_rate
    for name in layers(depth):
        cells[f"to_{name}"] = snn.dense(n, size.width, init=draw(rate))
        cells[name] = snn.lif(size.width, PARAMS)
        n, rate = size.width, size.hidden_rate
    return snn.chain(**cells, **readout(size.task, size.width))


def fluctuating(deviation: Any) -> Callable[[float], Callable[..., jax.Array]]:
    """Draws weights of a given σ_U, for inputs at a rate [Hz]."""
    return lambda rate: partial(
        snn.fluctuation_driven, rate=rate, xi=1.0 / deviation, params=PARAMS, dt=DT
    )


def means(size: Size, depth: int, net: snn.Cell, weights, times) -> jax.Array:
    """Mean rate of each hidden layer, ``[L]`` [Hz]."""
    names, xs = layers(depth), raster(size.task, times)
    _, (_, ys) = snn.unroll(watched(net, names), weights, xs, dt=DT)
    return jnp.stack([snn.firing_rate(ys[name], dt=DT).mean() for name in names])


def keys(seed: Any) -> jax.Array:
    """For data, weights and training."""
    return jax.random.split(jax.random.fold_in(jax.random.key(11), seed), 3)


def trained_from(size: Size, depth: int, seeds: int) -> tuple[np.ndarray, np.ndarray]:
    """Rates at the start ``[D, S, depth]`` and test accuracies ``[D, S]``."""

    def one(deviation, seed):
        key_data, key_weights, key = keys(seed)
        parts = data(size.task, key_data)
        net = network(size, depth, fluctuating(deviation))
        weights = net.init(key_weights)
        found = train(size.task, net, parts, size.learning_rate, key, weights=weights)
        return means(size, depth, net, weights, parts.test.times), found.test

    return sweep(one, deviation=size.deviations, seed=range(seeds)).grid()


def kaiming(size: Size) -> np.ndarray:
    """Rates of the deepest network at the start if weights are √2/√n_in, ``[S, L]``."""

    def one(seed):
        key_data, key_weights, _ = keys(seed)
        depth, times = max(size.depths), data(size.task, key_data).test.times
        net = network(size, depth, lambda rate: partial(normal, gain=2**0.5))
        return means(size, depth, net, net.init(key_weights), times)

    return sweep(one, seed=range(size.seeds)).grid()


def run(full: bool, size: Size | None = None) -> Finding:
    size = size or (FULL if full else Size())
    found = {}
    for depth in size.depths:
        seeds = size.seeds if depth == JUDGED else size.others
        found[depth] = trained_from(size, depth, seeds)
        for deviation, start, hits in zip(size.deviations, *found[depth], strict=True):
            emit(
                depth=depth,
                sigma_u=round(deviation, 3),
                rates_at_start=start.mean(axis=0).astype(float).round(2).tolist(),
                test=hits.astype(float).round(4).tolist(),
            )
        row = "  ".join(f"{h:.3f}" for h in found[depth][1].mean(axis=1))
        tell(f"     {depth} layers, by σ_U: {row}")
    start = kaiming(size)
    tests = {depth: hits.mean(axis=1) for depth, (_, hits) in found.items()}
    judged = dict(zip(size.deviations, tests[JUDGED].tolist(), strict=True))
    ahead = 100 * (judged[1.0] - judged[0.1])
    best = max(judged, key=lambda deviation: judged[deviation])
    loudest = float(start[:, 2:].max())
    criteria = [
        at_least(
            f"points σ_U = 1 is ahead of σ_U = 0.1 at {JUDGED} layers",
            ahead,
            20,
            digits=1,
        ),
        between(f"best σ_U at {JUDGED} layers", best, 1 / 3, 1, digits=3),
        equal("Kaiming's initial rate of any layer from the third on, Hz", loudest, 0),
    ]
    summary = {
        "sigma_u": [round(d, 3) for d in size.deviations],
        "test_accuracy": {
            depth: mean.astype(float).round(4).tolist() for depth, mean in tests.items()
        },
        "test_accuracies": found[JUDGED][1].astype(float).round(4).tolist(),
        "rates_at_start": found[JUDGED][0].mean(axis=1).astype(float).round(2).tolist(),
        "kaiming_rates_at_start": start.mean(axis=0).astype(float).round(2).tolist(),
    }
    return Finding(summary, criteria, figure(size, tests, found[JUDGED][0], start))


def figure(size: Size, tests, start, other):
    drawn, axes = plot.figure(1, 2, (9.5, 3.8))
    left, right = axes[0]
    shades = np.linspace(0.15, 0.85, len(tests))
    for shade, (depth, mean) in zip(shades, tests.items(), strict=True):
        color = (1 - shade, 0.35, shade)
        label = f"{depth} layer" + "s" * (depth > 1)
        left.plot(size.deviations, mean, "o-", color=color, label=label)
    left.axhline(1 / size.task.classes, color="0.6", ls=":")
    left.set(xscale="log", ylim=(0, 1.02), xlabel="σ_U at the start (θ)")
    left.set(ylabel="test accuracy")
    left.axvspan(1 / 3, 1.0, color="0.93", zorder=0)
    left.legend(frameon=False)
    for deviation, by_layer in zip(size.deviations, start.mean(axis=1), strict=True):
        numbers = np.arange(1, len(by_layer) + 1)
        right.plot(numbers, by_layer, "o-", label=f"σ_U = {deviation:.2g}")
    numbers = np.arange(1, other.shape[1] + 1)
    right.plot(numbers, other.mean(axis=0), "k--", label="Kaiming")
    right.set_yscale("symlog", linthresh=1.0)
    right.set(ylim=(-0.1, 20_000), xlabel="layer", ylabel="rate at the start (Hz)")
    right.set_xticks(numbers)
    right.legend(frameon=False, ncols=2)
    return drawn


STUDY = Study(
    id="R11",
    claim="Deep networks learn from weights that make membranes fluctuate up to the "
    "threshold, and not from smaller or larger ones.",
    source="Rossbroich, Gygax & Zenke 2022, doi:10.1088/2634-4386/ac97bb",
    minutes=1.5,
    run=run,
)
