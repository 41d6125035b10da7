"""R07: the true derivative teaches the hidden layer nothing, a constant misleads it.

Random manifolds as in R06. The true derivative of a spike is zero almost everywhere:
the hidden layer gets no gradient, so that training it is training the readout alone,
and with a frozen readout nothing is learned at all. A constant in its place, h(v) = 1,
gives every neuron a gradient, however far it is from its threshold: here that is worse
than to leave the hidden layer as it was drawn.
"""

from typing import NamedTuple

import jax
import numpy as np

import snnjax as snn
from benchmarks.criterion import at_least, at_most
from benchmarks.report import emit, tell
from benchmarks.studies.shared.manifolds import (
    PARAMS,
    Manifolds,
    data,
    draw,
    readout,
    train,
)
from benchmarks.study import Finding, Study
from snnjax import plot
from snnjax.surrogate import Scaled, StraightThrough
from snnjax.training import sweep

SUPERSPIKE = snn.SuperSpike(10.0)
ZERO = Scaled(SUPERSPIKE, 0.0)


class Size(NamedTuple):
    task: Manifolds = Manifolds()
    hidden: int = 100
    rates: tuple[float, ...] = (5e-3, 2e-2)
    seeds: int = 5


FULL = Size(task=Manifolds(samples=1000), rates=(2e-3, 5e-3, 2e-2, 5e-2))


class Control(NamedTuple):
    """The derivative in the backward pass, and which weights learn."""

    shape: snn.surrogate.Shape
    hidden_learns: bool = True
    readout_learns: bool = True


CONTROLS = {
    "SuperSpike": Control(SUPERSPIKE),
    "constant": Control(StraightThrough()),
    "zero": Control(ZERO),
    "readout only": Control(SUPERSPIKE, hidden_learns=False),
    "zero, readout frozen": Control(ZERO, readout_learns=False),
}


def frozen(cell: snn.Cell) -> snn.Cell:
    """The same connection, whose weights have no gradient."""

    def deaf(advance):
        return lambda weights, *args: advance(jax.lax.stop_gradient(weights), *args)

    return cell._replace(step=deaf(cell.step), run=deaf(cell.run))


def network(size: Size, control: Control) -> snn.Cell:
    below = snn.dense(size.task.inputs, size.hidden, init=draw(size.task.input_rate))
    above = readout(size.task, size.hidden)
    if not control.readout_learns:
        above["readout"] = frozen(above["readout"])
    return snn.chain(
        input=below if control.hidden_learns else frozen(below),
        hidden=snn.lif(size.hidden, PARAMS, surrogate=control.shape),
        **above,
    )


def trained(size: Size, control: Control) -> dict:
    """Test accuracy of every seed at the learning rate that validation prefers."""

    def one(rate, seed):
        key_data, key = jax.random.split(jax.random.fold_in(jax.random.key(7), seed))
        net = network(size, control)
        found = train(size.task, net, data(size.task, key_data), rate, key)
        return found.validation, found.test

    validation, test = sweep(one, rate=size.rates, seed=range(size.seeds)).grid()
    best = int(np.argmax(validation.mean(axis=1)))
    return {
        "test_accuracy": round(float(test[best].mean()), 4),
        "test_accuracies": test[best].astype(float).round(4).tolist(),
        "learning_rate": size.rates[best],
    }


def run(full: bool, size: Size | None = None) -> Finding:
    size = size or (FULL if full else Size())
    found = {}
    for name, control in CONTROLS.items():
        found[name] = trained(size, control)
        emit(gradient=name, **found[name])
        tell(f"     {name:<22} test accuracy {found[name]['test_accuracy']:.3f}")
    return Finding(found, criteria(size, found), figure(size, found))


def criteria(size, found):
    hits = {name: 100 * row["test_accuracy"] for name, row in found.items()}
    above_chance = hits["zero, readout frozen"] - 100 / size.task.classes
    ahead = hits["zero"] - hits["readout only"]
    behind = hits["SuperSpike"] - hits["constant"]
    return [
        at_most(
            "zero derivative, readout frozen: points above chance", above_chance, 5
        ),
        at_most(
            "zero derivative: points ahead of training the readout alone", ahead, 0
        ),
        at_least("constant: points behind SuperSpike of slope 10", behind, 5),
    ]


def figure(size, found):
    drawn, axes = plot.figure(1, 1, (6.0, 2.8))
    ax = axes[0, 0]
    for k, row in enumerate(found.values()):
        ax.barh(k, row["test_accuracy"], color="0.8")
        ax.plot(row["test_accuracies"], [k] * size.seeds, "o", color="#0072b2", ms=4)
    ax.axvline(1 / size.task.classes, color="0.4", ls=":")
    ax.set(yticks=range(len(found)), yticklabels=found, xlim=(0, 1.02))
    ax.set(xlabel="test accuracy (dots: seeds; dotted line: chance)")
    ax.set_title("what the hidden layer is told", fontsize=10)
    ax.invert_yaxis()
    return drawn


STUDY = Study(
    id="R07",
    claim="The true derivative of a spike trains nothing below the readout; a constant "
    "in its place does worse than a bump.",
    source="Zenke & Vogels 2021, doi:10.1162/neco_a_01367",
    minutes=1,
    run=run,
)
