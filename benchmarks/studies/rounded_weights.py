"""How few bits weights may have, rounded afterwards or trained rounded.

Software networks of R16 with weights of 8 to 2 bits, their sign included: rounded with
one step for each layer or each neuron; or trained through the rounding for an epoch,
one step for each layer (``hardware.quantize``).
"""

from functools import partial
from typing import Any, NamedTuple

import numpy as np

from benchmarks.criterion import at_least, at_most
from benchmarks.report import emit, tell
from benchmarks.studies.shared import chips
from benchmarks.studies.shared.chips import MNIST, Size, data, per_epoch, software
from benchmarks.study import Finding, Study
from snnjax import plot
from snnjax.hardware import quantize

ARMS = {
    "a step for each layer": "#d55e00",
    "a step for each neuron": "#e69f00",
    "trained rounded, a step for each layer": "#0072b2",
}


class Sizes(NamedTuple):
    task: Size = MNIST
    bits: tuple[int, ...] = (8, 7, 6, 5, 4, 3, 2)
    trained: tuple[int, ...] = (4, 3, 2)


def rounded_loss(bits: int, network: Any, weights: Any, xs: Any, labels: Any):
    """Loss with rounded weights; their gradient goes to the weights as they are."""
    return chips.plain_loss(network, quantize(weights, bits), xs, labels)


def reached(sizes: Sizes, seed: int) -> dict[str, dict[int, float]]:
    """Test accuracies of one network."""
    size = sizes.task
    found = data(size.task, size.samples)
    test, plain = found.parts["test"], software(size, seed)
    layer, neuron, trained = ARMS
    rows: dict[str, dict[int, float]] = {name: {} for name in ARMS}
    for bits in sizes.bits:
        for name, axis in ((layer, None), (neuron, 0)):
            weights = quantize(plain, bits, axis=axis)
            rows[name][bits] = chips.accuracy(found.network, weights, test)
    for bits in sizes.trained:
        loss = partial(rounded_loss, bits, found.network)
        updates = size.loop_epochs * per_epoch(found)
        more = {"start": plain, "rate": chips.LATER}
        weights = chips.trained(found, loss, seed, updates, **more)
        rounded = quantize(weights, bits)
        rows[trained][bits] = chips.accuracy(found.network, rounded, test)
    return rows


def run(full: bool, size: Sizes | None = None) -> Finding:
    del full  # there is one size
    sizes = size or Sizes()
    found: list[dict[str, dict[int, float]]] = []
    for seed in sizes.task.seeds:
        found.append(reached(sizes, seed))
        emit(seed=seed, accuracies=found[-1])
    mean = {
        name: {bits: float(np.mean([row[name][bits] for row in found])) for bits in row}
        for name, row in found[0].items()
    }
    for name, row in mean.items():
        told = "  ".join(f"{bits}: {value:.4f}" for bits, value in row.items())
        tell(f"     {name:<39} {told}")
    layer, _, trained = ARMS

    def points(bits, name):
        return 100.0 * (mean[layer][8] - mean[name][bits])

    criteria = [
        at_most("points lost at 6 bits, rounded afterwards", points(6, layer), 0.5),
        at_most("points lost at 4 bits, trained rounded", points(4, trained), 1.0),
        at_least("points lost at 4 bits, rounded afterwards", points(4, layer), 2.0),
    ]
    return Finding({"accuracies": mean}, criteria, figure(mean))


def figure(mean: dict[str, dict[int, float]]) -> Any:
    """Accuracy against bits."""
    made, axes = plot.figure(size=(4.8, 3.4))
    ax = axes[0, 0]
    for name, row in mean.items():
        ax.plot([*row], [*row.values()], "o-", color=ARMS[name], label=name)
    ax.set(xlabel="bits of a weight, with its sign", ylabel="test accuracy")
    ax.legend(frameon=False, fontsize=8)
    return made


STUDY = Study(
    id="rounded-weights",
    claim="Few bits are enough for weights that were trained rounded.",
    source="Synapses as Cramer et al. 2022, doi:10.1073/pnas.2109194119",
    minutes=5,
    run=run,
    one_size=True,
    missed="Bounds were fixed before the first run, after a network that was trained "
    "elsewhere and lost 2.7 points at 4 bits; this one loses a third of that. "
    "At 3 bits it shows what was asked for: 4.7 points rounded afterwards, 0.8 "
    "trained rounded.",
)
