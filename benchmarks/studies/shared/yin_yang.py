"""Networks that learn Yin-Yang in four ways, three of them without a surrogate.

Points (x, y, 1-x, 1-y) become times from 0.15 to 2 τs, with a bias at 0.9 τs. A way
draws weights, answers and has a loss; all learn by Adam with a rate that falls as a
cosine and a cap on the norm of the gradient.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

import snnjax as snn
from snnjax.inputs import yin_yang
from snnjax.learning import (
    exp_weighted_over_time,
    force,
    max_over_time,
    mean_over_time,
    raise_silent,
    spike_time_cross_entropy,
)
from snnjax.neurons import exp_weighted_voltage, first_spike_time, spike_times
from snnjax.surrogate import Shape
from snnjax.tasks.yin_yang import END, TAU, input_times
from snnjax.training import init_train_state, make_step

WITHOUT_LEAK, LEAKY = snn.LIFParams(None, TAU), snn.LIFParams(TAU, TAU)
DT = TAU / 20.0
ARMS = ("all", "frozen", "shallow")


class Way(NamedTuple):
    """How a network answers and learns."""

    draw: Callable[..., Any]  # key, sizes of layers -> weights
    answer: Callable[..., Any]  # weights, times -> scores, and hidden spike times
    loss: Callable[..., jax.Array]  # scores, labels
    rate: float
    bump: float = 0.0  # by which silent neurons' weights are raised


class Plan(NamedTuple):
    """How long a way learns, and how large its network is."""

    hidden: int
    epochs: int
    batch: int = 150


def points(size: int, seed: int):
    """Samples as times [s] ``[size, 5]``, and labels."""
    x, labels = yin_yang(size, seed)
    return jnp.asarray(input_times(x)), jnp.asarray(labels, jnp.int32)


def draw_ttfs(key, sizes, gain=1.0):
    """Weights that let most neurons fire; silence has no gradient."""
    keys, moments = jax.random.split(key), ((1.0, 0.5), (0.6, 0.6))
    return [
        gain
        * (mean * 5.0 / n + spread * (5.0 / n) ** 0.5 * jax.random.normal(k, (n, m)))
        for k, n, m, (mean, spread) in zip(keys, sizes, sizes[1:], moments)  # noqa: B905
    ]


def answer_ttfs(params, forced, weights, times):
    """First spikes of layers; by force the later the higher a layer, if at all."""
    hidden, end = [], END
    for k, w in enumerate(weights):
        if forced:
            at = (2.5 + 1.5 * k) * TAU
            end, given = at + 2.0 * TAU, force(times, w, at=at, weight=forced)
        else:
            given = times, w
        times = first_spike_time(params, *given)
        hidden.append(times)
    return -jnp.minimum(times, end), hidden


def loss_ttfs(end, scores, labels):
    return spike_time_cross_entropy(
        -scores, labels, tau=0.15 * TAU, end=end, alpha=3e-3, tau_late=TAU
    )


def ttfs(params=WITHOUT_LEAK, *, gain=1.0, forced=0.0, bump=1e-2) -> Way:
    """The output that fires first tells the class."""
    return Way(
        partial(draw_ttfs, gain=gain),
        partial(answer_ttfs, params, forced),
        partial(loss_ttfs, 6.0 * TAU if forced else END),
        *(1e-2, bump),
    )


SPIKES = 3  # of a hidden neuron that are read


def draw_read(key, sizes):
    first, last = jax.random.split(key)
    read = 0.3 * jax.random.normal(last, (sizes[-2], sizes[-1]))
    if len(sizes) == 2:
        return [read]
    return [0.8 + 2.0 * jax.random.normal(first, (sizes[0], sizes[1])), read]


def answer_continuous(weights, times):
    """Early voltages of readouts count most, in closed form."""
    hidden, (*below, read) = [], weights
    for w in below:
        every = spike_times(LEAKY, times, w, count=SPIKES, more="drop")
        hidden.append(every[:, 0])
        times = every.reshape(len(times), -1)
        read = jnp.tile(read, (SPIKES, 1))
    mean = exp_weighted_voltage(LEAKY, times, read, tau=TAU / 2) / TAU
    return 30.0 * mean, hidden


def answer_on_grid(surrogate, readout, weights, times):
    """The same neurons in steps of ``DT``."""
    *below, read = weights
    bins = jnp.floor(times / DT + 1e-6)
    clock = jnp.arange(round(END / DT), dtype=times.dtype)
    x = (bins[None] == clock[:, None, None]).astype(times.dtype)
    for w in below:
        _, x = snn.unroll(_fires(w.shape[1], surrogate), (), x @ w, dt=DT)
    _, v = snn.unroll(snn.li(read.shape[1], LEAKY_READ), (), x @ read, dt=DT)
    return readout(v), []


def _fires(n, surrogate):
    return snn.lif(n, LEAKY, surrogate=surrogate)


LEAKY_READ = snn.LIParams(TAU, TAU)
READOUTS = {  # voltages over time -> scores
    "exp-weighted": lambda v: 15.0 * exp_weighted_over_time(v, tau=TAU / 2, dt=DT),
    "sum": lambda v: 15.0 * mean_over_time(v),
    "max": lambda v: 5.0 * max_over_time(v),
}


def continuous() -> Way:
    """EventProp, each spike at its time."""
    return Way(draw_read, answer_continuous, snn.cross_entropy, 2e-2)


def on_grid(surrogate: Shape, readout: str = "exp-weighted", rate: float = 2e-2) -> Way:
    """Spikes in steps of time, with a gradient of choice."""
    answer = partial(answer_on_grid, surrogate, READOUTS[readout])
    return Way(draw_read, answer, snn.cross_entropy, rate)


def train(way: Way, plan: Plan, arm: str, parts: Any, seed: jax.Array):
    """Accuracy on training batches over epochs, and on the test in the end.

    Args:
        way: how a network learns.
        plan: for how long.
        arm: of ``ARMS``: all layers learn, the hidden one stays as it was drawn
            (frozen), or there is none (shallow).
        parts: times and labels to learn from, and to test.
        seed: of the network, a number.
    """
    (xs, labels), (test, answers) = parts
    sizes = [5, 3] if arm == "shallow" else [5, plan.hidden, 3]
    key, key_order = jax.random.split(jax.random.key(seed))
    weights = way.draw(key, sizes)
    per_epoch = len(xs) // plan.batch
    rate = optax.cosine_decay_schedule(way.rate, per_epoch * plan.epochs)
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
            each = zip(state.weights, seen["hidden"], bumps, strict=True)
            raised = [raise_silent(w, t, by=by) for w, t, by in each]
            state = state._replace(weights=raised)
        return state, seen["hit"]

    def epoch(state, key):
        rows = jax.random.permutation(key, len(xs))[: per_epoch * plan.batch]
        state, hits = jax.lax.scan(update, state, rows.reshape(per_epoch, -1))
        return state, jnp.mean(hits)

    keys = jax.random.split(key_order, plan.epochs)
    state, hits = jax.lax.scan(epoch, init_train_state(weights, optimizer), keys)
    return hits, snn.accuracy(way.answer(state.weights, test)[0], answers)
