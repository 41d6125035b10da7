"""R01: with a surrogate the hidden layer learns; with the true derivative it cannot.

Random spike patterns with random labels through 100-4-2 leaky neurons, full batch, as
in the first example of Neftci, Mostafa & Zenke 2019. The true derivative of a spike is
zero almost everywhere, which is what a zero surrogate says; then only the readout
learns. All seeds are one vmapped program.

The published network adds the whole synaptic current to the membrane in each step; ours
adds the exact share ``GAIN`` of it. Weights and learning rate are the published ones
divided by that share, so that both networks are the same but for a delay of one step.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

import snnjax as snn
from benchmarks.criterion import at_least, equal
from benchmarks.report import emit
from benchmarks.study import Finding, Study
from snnjax import plot
from snnjax.inputs import frozen_poisson
from snnjax.networks import normal
from snnjax.training import init_train_state, make_step

DT = 1e-3
TAU_MEM, TAU_SYN = 10e-3, 5e-3
KEPT, CURRENT = float(np.exp(-DT / TAU_MEM)), float(np.exp(-DT / TAU_SYN))
GAIN = TAU_SYN / (TAU_MEM - TAU_SYN) * (KEPT - CURRENT)  # voltage of a unit current
WEIGHT_SCALE = 7.0 * (1.0 - KEPT) / GAIN
LEARNING_RATE = 2e-3 / GAIN


class Size(NamedTuple):
    patterns: int = 256
    steps: int = 200
    inputs: int = 100
    hidden: int = 4
    epochs: int = 1000
    seeds: int = 5


def zero(v):
    """The true derivative of a spike, almost everywhere."""
    return jnp.zeros_like(v)


def network(size: Size, shape) -> snn.Cell:
    draw = partial(normal, gain=WEIGHT_SCALE)
    return snn.chain(
        input=snn.dense(size.inputs, size.hidden, init=draw),
        hidden=snn.lif(size.hidden, snn.LIFParams(TAU_MEM, TAU_SYN), surrogate=shape),
        readout=snn.dense(size.hidden, 2, init=draw),
        out=snn.li(2, snn.LIParams(TAU_MEM, TAU_SYN)),
    )


def patterns(size: Size, key):
    """Spikes and labels of one seed."""
    return frozen_poisson(
        jax.random.split(key)[0],
        patterns=size.patterns,
        steps=size.steps,
        n=size.inputs,
        rate=5.0,
        dt=DT,
    )


def loss_of(size: Size, shape, spikes, labels):
    """Weights -> loss, and the share of patterns told right."""
    net = network(size, shape)

    def loss(weights):
        _, v = snn.unroll(net, weights, spikes, dt=DT)
        scores = snn.max_over_time(v)
        return snn.cross_entropy(scores, labels), {"hit": snn.accuracy(scores, labels)}

    return loss


def train(size: Size, shape, key):
    """One seed; accuracy and loss over epochs, weights, and how far layer 1 moved."""
    loss = loss_of(size, shape, *patterns(size, key))
    weights = network(size, shape).init(jax.random.split(key)[1])
    optimizer = optax.adam(LEARNING_RATE)
    step = make_step(loss, optimizer, has_aux=True)
    state, curve = jax.lax.scan(
        lambda state, _: step(state),
        init_train_state(weights, optimizer),
        length=size.epochs,
    )
    moved = jnp.sum(state.weights["input"].w != weights["input"].w)
    return {
        "accuracy": curve["hit"],
        "loss": curve["loss"],
        "final": loss(state.weights)[1]["hit"],
        "weights_moved": moved,
        "weights": (weights, state.weights),
    }


def run(full: bool, size: Size | None = None) -> Finding:
    size = size or (Size(hidden=100) if full else Size())
    keys = jax.random.split(jax.random.key(0), size.seeds)
    shapes = {"surrogate": snn.SuperSpike(100.0), "true derivative": zero}
    found = {
        name: jax.device_get(jax.jit(jax.vmap(partial(train, size, shape)))(keys))
        for name, shape in shapes.items()
    }
    for name, curves in found.items():
        emit(
            condition=name,
            train_accuracy=curves["final"].astype(float).round(4).tolist(),
        )
    return Finding(summary(found), criteria(found, full), figure(found))


def summary(found):
    return {
        name.replace(" ", "_"): {
            "train_accuracies": curves["final"].astype(float).round(4).tolist(),
            "train_accuracy": round(float(curves["final"].mean()), 4),
            "layer_1_weights_moved": curves["weights_moved"].tolist(),
        }
        for name, curves in found.items()
    }


def criteria(found, full):
    with_it, without = found["surrogate"], found["true derivative"]
    least = 1.0 if full else 0.80
    good = int(np.sum(with_it["final"] >= least))
    gap = 100 * float(with_it["final"].mean() - without["final"].mean())
    moved = int(without["weights_moved"].sum())
    needed = -(-4 * len(with_it["final"]) // 5)
    return [
        at_least(f"seeds with train accuracy >= {least}", good, needed),
        at_least("points lost without surrogate", gap, 8, digits=1),
        equal("layer-1 weights moved without surrogate", moved, 0),
    ]


def figure(found):
    drawn, axes = plot.figure(1, 2, (9.0, 3.4))
    for name, color in (("surrogate", "#0072b2"), ("true derivative", "#d55e00")):
        for ax, what in zip(axes[0], ("accuracy", "loss"), strict=True):
            for k, curve in enumerate(found[name][what]):
                ax.plot(curve, color=color, lw=0.8, label=None if k else name)
            ax.set(xlabel="epoch", ylabel=f"training {what}")
    axes[0, 0].axhline(0.5, color="0.6", ls=":", label="chance")
    axes[0, 0].legend(frameon=False)
    drawn.suptitle(
        "256 random spike patterns, 100-4-2: only a surrogate reaches layer 1"
    )
    return drawn


STUDY = Study(
    id="R01",
    claim="A surrogate gradient trains the hidden layer; the true derivative cannot.",
    source="Neftci, Mostafa & Zenke 2019, doi:10.1109/MSP.2019.2931595",
    minutes=1,
    run=run,
)
