"""What weights are worth on another chip, and as a start there.

Weights trained in the loop hold for one chip. At 30 % mismatch they are moved to the
next one, and trained there for a few updates; beside them start weights from software,
and weights trained in software on another chip for every batch, which knows all of them
a little. The table is starts by updates.

Fixed before the first run: updates and bounds.
"""

from typing import Any, NamedTuple

import jax
import numpy as np

from benchmarks.criterion import at_least, at_most
from benchmarks.report import emit, tell
from benchmarks.studies.shared import chips
from benchmarks.studies.shared.chips import MNIST, Size, data, per_epoch, software
from benchmarks.study import Finding, Study
from snnjax import plot
from snnjax.hardware import distorted
from snnjax.tasks.network import Network

MISMATCH = 0.3
COLORS = {"software": "#0072b2", "another chip": "#d55e00", "many chips": "#009e73"}


class Sizes(NamedTuple):
    task: Size = MNIST._replace(seeds=(0,))
    updates: tuple[int, ...] = (0, 10, 40, 100)
    many: int = 5  # epochs with another chip for every batch


def many_chips_loss(network: Network, weights: Any, xs: Any, labels: Any, key: Any):
    """Loss on a chip that is drawn for this batch alone."""
    cell = distorted(key, network.cell, MISMATCH)
    return chips.plain_loss(network._replace(cell=cell), weights, xs, labels)


def starts(sizes: Sizes, seed: int, serial: int) -> dict[str, Any]:
    """Weights that were trained elsewhere."""
    size = sizes.task
    found = data(size.task, size.samples)
    every = per_epoch(found)
    before = size.serials[size.serials.index(serial) - 1]
    with chips.chip(size, before, MISMATCH) as device:
        more = {"start": software(size, seed)}
        looped = chips.in_loop(size, device, seed, size.loop_epochs * every, **more)
    loss = chips.of_task(many_chips_loss, size)
    keys = lambda k: (jax.random.fold_in(jax.random.key(seed), k),)  # noqa: E731
    many = chips.trained(found, loss, seed, sizes.many * every, given=keys)
    return {
        "software": software(size, seed),
        "another chip": looped,
        "many chips": many,
        "another chip, at home": (before, looped),
    }


def run(full: bool, size: Sizes | None = None) -> Finding:
    del full  # there is one size
    sizes = size or Sizes()
    task = sizes.task
    found = data(task.task, task.samples)
    table: dict[str, dict[int, list[float]]] = {
        name: {k: [] for k in sizes.updates} for name in COLORS
    }
    base, home = [], []
    for seed in task.seeds:
        plain = software(task, seed)
        base.append(chips.accuracy(found.network, plain, found.parts["test"]))
        for serial in task.serials:
            held = starts(sizes, seed, serial)
            before, looped = held.pop("another chip, at home")
            with chips.chip(task, before, MISMATCH) as device:
                home.append(chips.on_chip(task, device, looped))
            with chips.chip(task, serial, MISMATCH) as device:
                for name, start in held.items():
                    for k in sizes.updates:
                        weights = start
                        if k:
                            given = task, device, seed, k
                            weights = chips.in_loop(*given, start=start)
                        table[name][k].append(chips.on_chip(task, device, weights))
                    emit(seed=seed, chip=serial, start=name, accuracies=table[name])
    mean = {
        name: {k: float(np.mean(values)) for k, values in row.items()}
        for name, row in table.items()
    }
    for name, row in mean.items():
        told = "  ".join(f"{k}: {value:.4f}" for k, value in row.items())
        tell(f"     from {name:<13} {told}")
    last = max(sizes.updates)
    lost = 100.0 * (np.mean(home) - mean["another chip"][0])
    left = 100.0 * (np.mean(base) - mean["software"][last])
    better = 100.0 * (mean["software"][last] - mean["another chip"][last])
    criteria = [
        at_least("points that looped weights lose on another chip", float(lost), 10.0),
        at_most(f"points below software, from it, {last} updates", float(left), 1.5),
        at_least("points by which software is the better start", float(better), 0.0),
    ]
    summary = {
        **{"software": base, "in_the_loop_at_home": home, "accuracies": table},
        "mean": mean,
    }
    return Finding(summary, criteria, figure(mean, float(np.mean(base))))


def figure(mean: dict[str, dict[int, float]], base: float) -> Any:
    """Accuracy against updates, by the start."""
    made, axes = plot.figure(size=(4.8, 3.4))
    ax = axes[0, 0]
    for name, row in mean.items():
        ax.plot([*map(str, row)], [*row.values()], "o-", color=COLORS[name], label=name)
    ax.axhline(base, color="0.5", lw=0.8, ls="--")
    ax.set(xlabel="updates in the loop on the new chip", ylabel="test accuracy")
    ax.legend(frameon=False, fontsize=8)
    return made


STUDY = Study(
    id="chip-to-chip",
    claim="Weights trained in the loop hold for one chip; software teaches others.",
    source="Training as Cramer et al. 2022, doi:10.1073/pnas.2109194119",
    minutes=6,
    run=run,
    one_size=True,
)
