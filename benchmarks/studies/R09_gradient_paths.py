"""R09: through which recurrence does a gradient travel back in time?

A recurrent layer remembers in its recurrent synapses (explicit recurrence), and in the
decay of each neuron's voltage and current and in its reset (implicit recurrence). Each
path is closed to the gradient in turn, with every value left as it was. Closing that of
the voltage makes ∂v'/∂v = 0, so that what passed the reset is gone as well.

What a path carries is measured twice: the error that its closing brings into the
gradient of the untrained network, and what it costs in accuracy after training on
manifolds whose inputs fire over 50 ms. The first tells the paths apart, the second
depends on how long is trained: without the voltage's path networks learn more slowly,
and catch up, as the current still leads back in time. Both closed cost more.
"""

from typing import NamedTuple

import jax
import numpy as np
from jax.flatten_util import ravel_pytree

import snnjax as snn
from benchmarks.criterion import above
from benchmarks.report import emit, tell
from benchmarks.studies.shared.gradient_networks import (
    Paths,
    first_gradient,
    hidden_layer,
)
from benchmarks.studies.shared.manifolds import (
    PARAMS,
    Manifolds,
    data,
    readout,
    train,
)
from benchmarks.study import Finding, Study
from snnjax import plot
from snnjax.training import sweep


class Closed(NamedTuple):
    """Paths that carry no gradient."""

    reset: bool = False
    recurrent: bool = False
    state: tuple[str, ...] = ()  # of the neuron, v and i


CASES = {
    "nothing": Closed(),
    "reset": Closed(reset=True),
    "recurrent synapses": Closed(recurrent=True),
    "current": Closed(state=("i",)),
    "voltage": Closed(state=("v",)),
    "current, voltage": Closed(state=("v", "i")),
}
PAIR = "reset", "voltage"


class Size(NamedTuple):
    task: Manifolds = Manifolds()  # 30 epochs: with 20 the verdict is another
    hidden: int = 100
    rate: float = 2e-2
    seeds: int = 10
    cases: tuple[str, ...] = tuple(CASES)


FULL = Size(task=Manifolds(samples=1000, epochs=50))


def forgetting(neuron: snn.Cell, names: tuple[str, ...]) -> snn.Cell:
    """The same neuron, whose gradient does not pass through these of its state."""

    def step(weights, state, x, dt):
        still = {k: jax.lax.stop_gradient(getattr(state, k)) for k in names}
        return neuron.step(weights, state._replace(**still), x, dt)

    return snn.Cell(neuron.init, neuron.rest, step)


def network(size: Size, closed: Closed) -> snn.Cell:
    """A recurrent layer and a readout, by XLA: the same values, whatever is closed."""
    paths = Paths(not closed.reset, not closed.recurrent)
    neuron = snn.lif(size.hidden, PARAMS, reset_gradient=paths.reset, backend="xla")
    if closed.state:
        neuron = forgetting(neuron, closed.state)
    n_in, rate = size.task.inputs, size.task.input_rate
    layer = hidden_layer(n_in, size.hidden, rate, neuron, paths)
    return snn.chain(**layer, **readout(size.task, size.hidden))


def measure(size: Size, closed: Closed) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of every seed: the first gradient, and test accuracy and loss after training."""

    def one(seed):
        key_data, key = jax.random.split(jax.random.fold_in(jax.random.key(9), seed))
        drawn, net = data(size.task, key_data), network(size, closed)
        gradient, _ = ravel_pytree(first_gradient(size.task, net, drawn, key))
        found = train(size.task, net, drawn, size.rate, key)
        return gradient, found.test, found.loss[-1]

    return sweep(one, seed=range(size.seeds)).grid()


def run(full: bool, size: Size | None = None) -> Finding:
    size = size or (FULL if full else Size())
    found, gradients = {}, {}
    tell(f"     {'closed':<20} {'gradient error':>14} {'accuracy':>9} {'loss':>7}")
    for name in size.cases:
        gradients[name], tests, losses = measure(size, CASES[name])
        whole = gradients["nothing"]
        missing = np.linalg.norm(gradients[name] - whole, axis=1)
        error = (missing / np.linalg.norm(whole, axis=1)).mean()
        found[name] = row = {
            "error_of_first_gradient": round(float(error), 4),
            "test_accuracy": round(float(tests.mean()), 4),
            "test_accuracies": tests.astype(float).round(4).tolist(),
            "final_loss": round(float(losses.mean()), 4),
        }
        emit(closed=name, **row)
        tell(f"     {name:<20} {error:14.3f} {tests.mean():9.3f} {losses.mean():7.3f}")
    more = 100 * np.subtract(*(found[k]["test_accuracies"] for k in PAIR))
    found["points_more_than_the_reset"] = {
        "mean": round(float(more.mean()), 2),
        "standard_error": round(float(more.std() / size.seeds**0.5), 2),
    }
    criterion = above(
        "points that closing the voltage's path costs more than the reset's",
        float(more.mean()),
        0,
    )
    return Finding(found, [criterion], figure(size, found))


def figure(size, found):
    drawn, axes = plot.figure(1, 2, (9.5, 3.2))
    rows = [found[name] for name in size.cases]
    for ax in axes[0]:
        ax.set(yticks=range(len(rows)), yticklabels=size.cases)
        ax.invert_yaxis()
    for k, row in enumerate(rows):
        axes[0, 0].barh(k, row["error_of_first_gradient"], color="0.7")
        axes[0, 1].barh(k, row["test_accuracy"], color="0.8")
        hits = row["test_accuracies"]
        axes[0, 1].plot(hits, [k] * len(hits), "o", color="#0072b2", ms=4)
    axes[0, 0].set(xlabel="error of the first gradient")
    axes[0, 0].set_title("path closed to the gradient", fontsize=10)
    low = min(min(row["test_accuracies"]) for row in rows)
    axes[0, 1].set(xlim=(max(0.0, low - 0.1), 1.0), xlabel="test accuracy; dots: seeds")
    axes[0, 1].axvline(found["nothing"]["test_accuracy"], color="0.4", ls=":")
    axes[0, 1].set_yticklabels([])
    return drawn


STUDY = Study(
    id="R09",
    claim="Training needs the gradient through a membrane's voltage more than that "
    "through its reset.",
    source="Zenke & Vogels 2021, doi:10.1162/neco_a_01367",
    minutes=4.5,
    run=run,
)
