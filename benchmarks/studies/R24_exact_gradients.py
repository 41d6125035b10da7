"""R24: networks learn from exact gradients of spike times, without a surrogate.

Yin-Yang: points (x, y, 1-x, 1-y) become times from 0.15 to 2 τs, with a bias at 0.9 τs.
Two networks in continuous time learn it by Adam with a rate that falls as a cosine.

In the first, 5-30-3 without leak, the output that fires first tells the class; weights
of neurons that are silent in too many samples are raised a little, and the norm of the
gradient is capped. In the second, 120 hidden leaky neurons fire up to three times
each, and leaky readouts are weighted exponentially: EventProp, in closed form.

What is learned how was chosen on validation points. Controls of each, with the same
optimizer: the hidden layer stays as it was drawn (frozen), and inputs lead to outputs
without a hidden layer (shallow).
"""

import time
from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

import snnjax as snn
from benchmarks.criterion import above, at_least, at_most
from benchmarks.report import emit, tell
from benchmarks.study import Finding, Study
from snnjax import plot
from snnjax.inputs import yin_yang
from snnjax.learning import spike_time_cross_entropy
from snnjax.neurons import exp_weighted_voltage, first_spike_time, spike_times
from snnjax.training import init_train_state, make_step

TAU = 5e-3  # τs [s]
EARLY, LATE, BIAS, END = 0.15 * TAU, 2.0 * TAU, 0.9 * TAU, 4.0 * TAU
WITHOUT_LEAK, LEAKY = snn.LIFParams(None, TAU), snn.LIFParams(TAU, TAU)


class Size(NamedTuple):
    train: int = 5000
    test: int = 1000
    batch: int = 150
    epochs: Mapping[str, int] = MappingProxyType({"TTFS": 100, "EventProp": 60})
    hidden: Mapping[str, int] = MappingProxyType({"TTFS": 30, "EventProp": 120})
    seeds: int = 5


class Way(NamedTuple):
    """How one of the networks answers and learns."""

    params: snn.LIFParams
    draw: Callable[..., Any]  # key, sizes of layers -> weights
    answer: Callable[..., Any]  # weights, times -> scores, and hidden spike times
    loss: Callable[..., jax.Array]  # scores, labels
    rate: float
    bump: float  # by which silent neurons' weights are raised


def points(size: int, seed: int):
    """Samples as times [s] ``[size, 5]``, and labels."""
    x, labels = yin_yang(size, seed)
    times = EARLY + (LATE - EARLY) * x
    times = np.concatenate([times, np.full((size, 1), BIAS)], axis=1)
    return jnp.asarray(times, jnp.float32), jnp.asarray(labels, jnp.int32)


def draw_ttfs(key, sizes):
    """Weights that let most neurons fire; silence has no gradient."""
    keys, moments = jax.random.split(key), ((1.0, 0.5), (0.6, 0.6))
    return [
        mean * 5.0 / n + spread * (5.0 / n) ** 0.5 * jax.random.normal(k, (n, m))
        for k, n, m, (mean, spread) in zip(keys, sizes, sizes[1:], moments)  # noqa: B905
    ]


def answer_ttfs(weights, times):
    hidden = []
    for w in weights:
        times = first_spike_time(WITHOUT_LEAK, times, w)
        hidden.append(times)
    return -jnp.minimum(times, END), hidden


def loss_ttfs(scores, labels):
    return spike_time_cross_entropy(
        -scores, labels, tau=0.15 * TAU, end=END, alpha=3e-3, tau_late=TAU
    )


SPIKES = 3  # of a hidden neuron that are read


def draw_eventprop(key, sizes):
    first, last = jax.random.split(key)
    read = 0.3 * jax.random.normal(last, (sizes[-2], sizes[-1]))
    if len(sizes) == 2:
        return [read]
    return [0.8 + 2.0 * jax.random.normal(first, (sizes[0], sizes[1])), read]


def answer_eventprop(weights, times):
    hidden, (*below, read) = [], weights
    for w in below:
        every = spike_times(LEAKY, times, w, count=SPIKES, more="drop")
        hidden.append(every[:, 0])
        times = every.reshape(len(times), -1)
        read = jnp.tile(read, (SPIKES, 1))
    mean = exp_weighted_voltage(LEAKY, times, read, tau=TAU / 2) / TAU
    return 30.0 * mean, hidden


WAYS = {
    "TTFS": Way(WITHOUT_LEAK, draw_ttfs, answer_ttfs, loss_ttfs, 1e-2, 1e-2),
    "EventProp": Way(
        LEAKY, draw_eventprop, answer_eventprop, snn.cross_entropy, 2e-2, 0.0
    ),
}
ARMS = ("all", "frozen", "shallow")


def raised(weights, hidden, bumps):
    """Weights of neurons that are silent in more than a third of a batch, raised."""
    silent = [jnp.mean(t == jnp.inf, axis=0) > 0.3 for t in hidden]
    given = zip(weights, silent, bumps, strict=True)
    return [w + bump * s[None] for w, s, bump in given]


def train(size: Size, name: str, arm: str, parts, seed):
    """Accuracy on training batches over epochs, and on the test in the end."""
    way, (xs, labels), (test, answers) = WAYS[name], *parts
    sizes = [5, 3] if arm == "shallow" else [5, size.hidden[name], 3]
    key, key_order = jax.random.split(jax.random.key(seed))
    weights = way.draw(key, sizes)
    per_epoch = len(xs) // size.batch
    steps = per_epoch * size.epochs[name]
    rate = optax.cosine_decay_schedule(way.rate, steps)
    optimizer = optax.chain(optax.clip_by_global_norm(1.0), optax.adam(rate))

    def loss(weights, x, y):
        held = [
            jax.lax.stop_gradient(w) if arm == "frozen" and k == 0 else w
            for k, w in enumerate(weights)
        ]
        scores, hidden = way.answer(held, x)
        return way.loss(scores, y), {"hit": snn.accuracy(scores, y), "hidden": hidden}

    step = make_step(loss, optimizer, has_aux=True)

    def update(state, rows):
        state, seen = step(state, xs[rows], labels[rows])
        if way.bump:
            bumps = [way.bump * (k > 0 or arm != "frozen") for k in range(len(weights))]
            state = state._replace(weights=raised(state.weights, seen["hidden"], bumps))
        return state, seen["hit"]

    def epoch(state, key):
        rows = jax.random.permutation(key, len(xs))[: per_epoch * size.batch]
        state, hits = jax.lax.scan(update, state, rows.reshape(per_epoch, -1))
        return state, jnp.mean(hits)

    keys = jax.random.split(key_order, size.epochs[name])
    state, hits = jax.lax.scan(epoch, init_train_state(weights, optimizer), keys)
    return hits, snn.accuracy(way.answer(state.weights, test)[0], answers)


def run(full: bool, size: Size | None = None) -> Finding:
    del full
    size = size or Size()
    parts = points(size.train, 42), points(size.test, 40)
    seeds, found, minutes = jnp.arange(size.seeds), {}, {}
    for name in WAYS:
        for arm in ARMS:
            began = time.perf_counter()
            sweep = jax.jit(jax.vmap(partial(train, size, name, arm, parts)))
            curves, tests = jax.block_until_ready(sweep(seeds))
            minutes[name, arm] = (time.perf_counter() - began) / 60
            found[name, arm] = np.asarray(curves), np.asarray(tests)
            hits = found[name, arm][1].astype(float).round(4).tolist()
            emit(network=name, layers=arm, test=hits)
            tell(f"     {name:<10} {arm:<8} {np.mean(hits):.4f}")
    return Finding(
        summary(found, minutes), criteria(found, minutes), figure(found, size)
    )


def summary(found, minutes):
    return {
        name: {
            arm: {
                "test_accuracies": found[name, arm][1].astype(float).round(4).tolist(),
                "test_accuracy": round(float(found[name, arm][1].mean()), 4),
                "lowest_training_accuracy_of_the_second_half": round(
                    float(_later(found[name, arm][0]).min()), 4
                ),
                "minutes": round(minutes[name, arm], 2),
            }
            for arm in ARMS
        }
        for name in WAYS
    }


def _later(curves):
    return curves[:, curves.shape[1] // 2 :]


def criteria(found, minutes):
    means = {k: float(tests.mean()) for k, (_, tests) in found.items()}
    made = [
        at_least(
            "TTFS without leak: mean test accuracy", means["TTFS", "all"], 0.95, 4
        ),
        at_most("TTFS without leak: minutes", minutes["TTFS", "all"], 2),
        at_least("EventProp: mean test accuracy", means["EventProp", "all"], 0.96, 4),
    ]
    for name in WAYS:
        for arm in ARMS[1:]:
            ahead = 100 * (means[name, "all"] - means[name, arm])
            made.append(above(f"{name}: points ahead of {arm}", ahead, 0))
    return made


def figure(found, size):
    drawn, axes = plot.figure(1, 2, (9.0, 3.4))
    for ax, name in zip(axes[0], WAYS, strict=True):
        for arm, color in zip(ARMS, ("#0072b2", "#d55e00", "0.5"), strict=True):
            for k, curve in enumerate(found[name, arm][0]):
                ax.plot(curve, color=color, lw=0.8, label=None if k else arm)
        ax.set(xlabel="epoch", ylabel="training accuracy", ylim=(0.3, 1.0))
        ax.set_title(f"{name}, 5-{size.hidden[name]}-3")
    axes[0, 0].legend(frameon=False)
    return drawn


STUDY = Study(
    id="R24",
    claim="Exact gradients of spike times train networks, and their hidden layer.",
    source="Göltz et al. 2021, doi:10.1038/s42256-021-00388-x; Wunderlich & Pehle "
    "2021, doi:10.1038/s41598-021-91786-z",
    minutes=3,
    run=run,
    one_size=True,
)
