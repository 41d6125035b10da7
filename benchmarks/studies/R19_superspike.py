"""R19: an online rule of three factors maps patterns of spikes onto others.

Neurons of two layers learn to fire one pattern of spikes when they see another. What
each synapse keeps is what it did to its neuron's filtered spikes,

    ∂w_ij = ∫ e_i · α * (σ'(v_i) ε * S_j) dt        e = α * (S - Ŝ)

which is ``per_unit`` of connection, neuron and filter; the error of the output reaches
the hidden layer through the readout's weights (symmetric), through random ones, or not
at all (Zenke & Ganguli 2018, doi:10.1162/neco_a_01086).

Fixed before the first run: the loss of van Rossum, mean over the last twentieth of the
presentations, relative to that of a network that is silent. The loss at the start says
little, as a network that fires too much is worse than silent. Random feedback is
reported, not judged.
"""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

import snnjax as snn
from benchmarks.criterion import at_least, below
from benchmarks.report import emit, tell
from benchmarks.studies.shared.updates import updated
from benchmarks.study import Finding, Study
from snnjax import plot
from snnjax.inputs import spike_mapping
from snnjax.learning.online import Carry, Rule, gradients, per_unit
from snnjax.training import sweep

DT = 1e-3
PARAMS = snn.LIFParams(tau_mem=10e-3, tau_syn=5e-3)
FILTER = snn.LIParams(tau_mem=10e-3, tau_syn=5e-3)
FEEDBACK = "symmetric", "random", "none"


class Size(NamedTuple):
    inputs: int = 100
    hidden: int = 64
    outputs: int = 20
    steps: int = 500
    presentations: int = 2500
    rates: tuple[float, ...] = (1e-2, 3e-2)  # of learning
    block: int = 500  # traces give the same at any length, as the test says
    seeds: tuple[int, ...] = tuple(range(5))


FULL = Size(200, 256, 200, 1890, 10_000)


def layer(n_in: int, n: int, rate: float, **options: Any) -> snn.Cell:
    draw = partial(snn.fluctuation_driven, rate=rate, xi=1.0, params=PARAMS, dt=DT)
    cells = {
        "input": snn.dense(n_in, n, init=draw),
        "spikes": snn.lif(n, PARAMS, surrogate=snn.SuperSpike(10.0)),
        "filtered": snn.li(n, FILTER),
    }
    return snn.chain(**cells, **options)


def superspike(hidden: snn.Cell, output: snn.Cell, symmetric: Any, other: Any) -> Rule:
    """Two layers, each by what its weights did to its own filtered spikes.

    Args:
        hidden: puts out ``"spikes"`` and ``"filtered"``.
        output: puts out filtered spikes.
        symmetric: whether errors come back through the output's weights.
        other: through what else, ``[n_out, n]``.
    """
    below_, above_ = per_unit(hidden), per_unit(output)

    def init(weights, x):
        spikes = jnp.zeros((*x.shape[:-1], other.shape[1]), x.dtype)
        carries = below_.init(weights[0], x), above_.init(weights[1], spikes)
        return Carry(*zip(*carries, strict=True))

    def run(weights, carry, xs, dt):
        first, second = map(Carry, *carry)
        first, seen, pull_below = below_.run(weights[0], first, xs, dt)
        second, ys, pull_above = above_.run(weights[1], second, seen["spikes"], dt)

        def pull(errors):
            back = errors @ jnp.where(symmetric, weights[1]["input"].w.T, other)
            none = jnp.zeros_like(seen["spikes"])
            grads, dxs = pull_below({"spikes": none, "filtered": back})
            return (grads, pull_above(errors)[0]), dxs

        return Carry(*zip(first, second, strict=True)), ys, pull

    return Rule(init, run, ("recurrence of spikes through other layers",))


def layers(size: Size) -> tuple[snn.Cell, snn.Cell]:
    hidden = layer(size.inputs, size.hidden, 10.0, outputs=("spikes", "filtered"))
    return hidden, layer(size.hidden, size.outputs, 10.0)


def learn(size: Size, kind: jax.Array, seed: jax.Array, rate: jax.Array):
    """Loss of each presentation over that of silence, ``[presentations]``."""
    keys = jax.random.split(jax.random.fold_in(jax.random.key(19), seed), 4)
    shown = spike_mapping(
        *keys[:1],
        **{"steps": size.steps, "n_in": size.inputs, "n_out": size.outputs},
        **{"rate": 10.0, "rate_out": 10.0, "dt": DT},
    )
    _, goal = snn.unroll(snn.li(size.outputs, FILTER), (), shown.targets, dt=DT)
    hidden, output = layers(size)
    weights = hidden.init(keys[1]), output.init(keys[2])
    other = jax.random.normal(keys[3], (size.outputs, size.hidden))
    other = other * jnp.std(weights[1]["input"].w)
    other = jnp.where(kind == FEEDBACK.index("random"), other, 0.0)
    rule = superspike(hidden, output, kind == FEEDBACK.index("symmetric"), other)
    loss = lambda y, goal: 0.5 * jnp.sum((y - goal) ** 2)  # noqa: E731
    silence = 0.5 * jnp.sum(goal**2)
    optimizer = optax.adamax(rate, b1=0.0, b2=0.999)  # RMaxProp: by the largest so far

    def present(held, _):
        weights, state = held
        value, grads, _ = gradients(
            rule, weights, shown.xs, loss, goal, dt=DT, block=size.block
        )
        return updated(optimizer, grads, weights, state), value / silence

    held = weights, optimizer.init(weights)
    return jax.lax.scan(present, held, length=size.presentations)[1]


def run(full: bool, size: Size | None = None) -> Finding:
    size = size or (FULL if full else Size())
    found, curves = {}, {}
    columns = {"kind": range(len(FEEDBACK)), "seed": size.seeds, "rate": size.rates}
    every = sweep(partial(learn, size), batch_size=8, **columns).grid()
    for feedback, losses in zip(FEEDBACK, every, strict=True):
        late = losses[..., -max(size.presentations // 20, 1) :].mean(axis=-1)
        best = int(np.argmin(late.mean(axis=0)))
        curves[feedback] = losses[:, best]
        found[feedback] = row = {
            "loss_over_silence": late[:, best].astype(float).round(3).tolist(),
            "mean": round(float(late[:, best].mean()), 4),
            "learning_rate": size.rates[best],
        }
        emit(feedback=feedback, **row)
        tell(f"     {feedback:<10} {row['mean']:.3f} of the loss of silence")
    symmetric, none = (found[k]["mean"] for k in ("symmetric", "none"))
    criteria = [
        below("symmetric feedback: loss over that of silence", symmetric, 0.25, 3),
        at_least("times that, the hidden layer not learning", none / symmetric, 2),
    ]
    return Finding(found, criteria, figure(curves))


def figure(curves):
    drawn, axes = plot.figure(1, 1, (5.5, 3.4))
    ax = axes[0, 0]
    for (name, losses), color in zip(
        curves.items(), ("#0072b2", "#009e73", "0.6"), strict=True
    ):
        wide = max(losses.shape[1] // 100, 1)
        smooth = losses[:, : losses.shape[1] // wide * wide]
        smooth = smooth.reshape(len(losses), -1, wide).mean(axis=-1)
        at = wide * (0.5 + np.arange(smooth.shape[1]))
        ax.plot(at, smooth.T, color=color, lw=0.5, alpha=0.5)
        ax.plot(at, smooth.mean(axis=0), color=color, label=f"feedback: {name}")
    ax.axhline(1.0, color="0.4", ls=":")
    ax.set(xlabel="presentation", ylabel="loss over that of silence", ylim=(0, 2))
    ax.legend(frameon=False, fontsize=8)
    return drawn


STUDY = Study(
    id="R19",
    claim="A local rule of three factors maps patterns of spikes onto others through a "
    "hidden layer.",
    source="Zenke & Ganguli 2018, doi:10.1162/neco_a_01086",
    minutes=5,
    run=run,
)
