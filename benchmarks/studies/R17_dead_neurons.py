"""R17: dropout makes a network stand the death of its neurons.

The networks of R16, trained in software with and without dropout of 40 % of the hidden
neurons (others for each image), then tested with a share of these silent for good, over
several masks. What is judged is by how much the error grows (Cramer et al. 2022,
doi:10.1073/pnas.2109194119: by 10 % with dropout and 37 % without, at 15 %).

Fixed before the first run: shares and bound.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.criterion import at_most
from benchmarks.report import emit, tell
from benchmarks.studies.shared import chips
from benchmarks.studies.shared.chips import MNIST, Data, Size, data, per_epoch
from benchmarks.study import Finding, Study
from snnjax import plot
from snnjax.compose import chain, stateless
from snnjax.hardware import faulty
from snnjax.parts import rebuild
from snnjax.tasks.network import Network

DROPOUT = 0.4
AT = 0.15
COLORS = {"with dropout": "#0072b2", "without": "#d55e00"}


class Sizes(NamedTuple):
    task: Size = MNIST
    silent: tuple[float, ...] = (0.0, 0.05, 0.1, AT, 0.2, 0.3)
    masks: int = 10


def after_neurons(network: Network, cell: Any) -> Network:
    """The network with something between its hidden neurons and the readout."""

    def change(name, leaf):
        return chain(leaf, cell) if name == "hidden.1" else leaf

    return network._replace(cell=rebuild(network.cell, change))


def dropout_loss(network: Network, weights: Any, xs: Any, labels: Any, key: Any):
    """Loss without some neurons, others for each image; the rest make up for them."""
    n = weights["hidden"][0].w.shape[1]
    kept = jax.random.bernoulli(key, 1.0 - DROPOUT, (xs.shape[1], n))
    factors = kept.astype(jnp.float32) / (1.0 - DROPOUT)
    thinned = after_neurons(network, stateless(lambda x: x * factors))
    return chips.plain_loss(thinned, _with_part(weights), xs, labels)


def _with_part(weights: Any) -> Any:
    """Weights of the network with a part after its neurons, which has none."""
    connection, neurons = weights["hidden"]
    return {**weights, "hidden": (connection, (neurons, ()))}


def errors(sizes: Sizes, found: Data, weights: Any, seed: int) -> dict[float, float]:
    """Mean error over masks, by the share of silent neurons."""
    n, rows = found.sizes[1], {}

    @jax.jit
    def guesses(alive, xs):
        silenced = after_neurons(found.network, faulty(n, alive))
        shown = chips.run(silenced, _with_part(weights), xs)
        return jnp.argmax(silenced.readout(shown.v), axis=-1)

    test = found.parts["test"]
    for share in sizes.silent:
        wrong = []
        for k in range(sizes.masks if share else 1):
            rng = np.random.default_rng([seed, k])
            alive = np.ones(n, np.float32)
            alive[rng.permutation(n)[: round(share * n)]] = 0.0
            for at in chips.in_turn(test):
                taken = np.asarray(guesses(alive, test.raster(at, None)))
                wrong.append(taken != test.labels[at])
        rows[share] = float(np.mean(np.concatenate(wrong)))
    return rows


def run(full: bool, size: Sizes | None = None) -> Finding:
    del full  # there is one size
    sizes = size or Sizes()
    task = sizes.task
    found = data(task.task, task.samples)
    updates = task.epochs * per_epoch(found)
    rows: dict[str, list[dict[float, float]]] = {name: [] for name in COLORS}
    for seed in task.seeds:
        loss = chips.of_task(dropout_loss, task)
        keys = lambda k, seed=seed: (  # noqa: E731
            jax.random.fold_in(jax.random.key(seed), k),
        )
        trained = {
            "with dropout": chips.trained(found, loss, seed, updates, given=keys),
            "without": chips.software(task, seed),
        }
        for name, weights in trained.items():
            rows[name].append(errors(sizes, found, weights, seed))
            emit(seed=seed, arm=name, errors=rows[name][-1])
    mean = {
        name: {x: float(np.mean([row[x] for row in each])) for x in sizes.silent}
        for name, each in rows.items()
    }
    growth = {name: row[AT] / row[0.0] - 1.0 for name, row in mean.items()}
    tell("     error at 15 %: " + ", ".join(f"{k} +{v:.0%}" for k, v in growth.items()))
    ratio = growth["with dropout"] / growth["without"]
    return Finding(
        {"errors": mean, "growth_at_15_percent": growth},
        [at_most("growth of the error with dropout over that without", ratio, 0.5)],
        figure(mean),
    )


def figure(mean: dict[str, dict[float, float]]) -> Any:
    """Error against the share of silent neurons."""
    made, axes = plot.figure(size=(4.5, 3.2))
    ax = axes[0, 0]
    for name, row in mean.items():
        shares, values = 100 * np.array([*row]), 100 * np.array([*row.values()])
        ax.plot(shares, values, "o-", color=COLORS[name], label=name)
    ax.set(xlabel="silent hidden neurons [%]", ylabel="test error [%]", ylim=(0, None))
    ax.legend(frameon=False)
    return made


STUDY = Study(
    id="R17",
    claim="Dropout makes a network stand the death of its neurons.",
    source="Cramer et al. 2022, doi:10.1073/pnas.2109194119",
    minutes=6,
    run=run,
    one_size=True,
)
