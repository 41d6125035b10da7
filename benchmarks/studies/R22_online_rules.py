"""R22: what an online rule lets across time decides what it can learn.

A network of 32 tanh units is told after every step what the sum of two inputs of the
past was, 6 and 10 steps ago, and learns at once, with what its rule has kept of the
gradient. Who finds neither, the later, the earlier or both of the dependencies ends
near a known cross entropy: 0.662, 0.628, 0.519, 0.454 (Marschall, Cho & Savin 2020,
doi:10.48550/arXiv.1907.02649).

Fixed before the first run: the mean cross entropy of the last tenth of the steps, mean
over seeds, of each rule at the best of its three learning rates. A run that diverges
counts as one that knows nothing.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

import snnjax as snn
from benchmarks.criterion import at_least, at_most
from benchmarks.report import emit, tell
from benchmarks.study import Finding, Study
from snnjax import plot
from snnjax.about import factory
from snnjax.inputs import add, add_floor
from snnjax.learning.online import (
    Rule,
    kronecker,
    per_unit,
    rank_one,
    rtrl,
    stack,
    train,
    truncated,
    window,
)

DELAYS = 6, 10
FLOORS = {
    "neither": add_floor(),
    "later": add_floor(second=True),
    "earlier": add_floor(first=True),
    "both": add_floor(first=True, second=True),
}


class Plan(NamedTuple):
    """How long a rule learns, and at which rates."""

    steps: int
    rates: tuple[float, ...]


FAST, SLOW = (3e-3, 1e-2, 3e-2), (1e-4, 3e-4, 1e-3)
PLANS = {
    "RTRL": Plan(30_000, FAST),
    "window of 12": Plan(30_000, FAST),
    "window of 8": Plan(30_000, FAST),
    "KF-RTRL": Plan(100_000, (1e-3, 3e-3, 1e-2)),
    "UORO": Plan(200_000, SLOW),
    "RFLO": Plan(100_000, (1e-3, 3e-3, 1e-2)),
    "output only": Plan(100_000, (1e-3, 3e-3, 1e-2)),
}

BOUNDS = {
    **{"RTRL": 0.47, "window of 12": 0.47, "window of 8": 0.48},
    **{"KF-RTRL": 0.48, "UORO": 0.52},
}


class Size(NamedTuple):
    units: int = 32
    plans: dict[str, Plan] = PLANS
    seeds: tuple[int, ...] = tuple(range(5))


FULL = Size(seeds=tuple(range(20)))


@factory
def tanh(n: int, *, remembered: bool = False, backend: str = "xla") -> snn.Cell:
    """Units without memory; with a state of no use, where a rule needs one.

    The connections onto them take the same backend; ``rank_one`` cannot pass the
    native one.
    """
    del n, backend

    def step(weights, state, x, dt):
        y = jnp.tanh(x)
        return (y if remembered else state), y

    rest = (lambda x: jnp.zeros_like(x)) if remembered else (lambda x: ())
    return snn.Cell(lambda key: (), rest, step)


def network(n: int, **options: Any) -> snn.Cell:
    remembered = options.pop("remembered", False)
    return snn.recurrent(
        *(1, n, tanh(n, remembered=remembered)),
        bias=True,
        init=lambda key, n_in, n: jax.random.normal(key, (n_in, n)) / n_in**0.5,
        init_recurrent=lambda key, n_in, n: jax.random.orthogonal(key, n),
        **options,
    )


def readout(n: int) -> snn.Cell:
    draw = lambda key, n_in, n: jax.random.normal(key, (n_in, n)) / n_in**0.5  # noqa: E731
    return snn.dense(n, 2, bias=True, init=draw)


def rule_by_name(name: str, n: int, key: jax.Array) -> Rule:
    """Of the network and its readout, which remembers nothing."""
    hidden: dict[str, Callable[[], Rule]] = {
        "RTRL": lambda: rtrl(network(n)),
        "window of 12": lambda: window(network(n), 12),
        "window of 8": lambda: window(network(n), 8),
        "KF-RTRL": lambda: kronecker(network(n, remembered=True), key),
        "UORO": lambda: rank_one(network(n), key),
        "RFLO": lambda: per_unit(network(n, recurrent_gradient=False)),
        "output only": lambda: truncated(network(n)),
    }
    scale = {"RFLO": 1.0, "output only": 0.0}
    feedback = None
    if name in scale:
        feedback = [scale[name] * jax.random.normal(key, (2, n)) / n**0.5]
    return stack(hidden[name](), truncated(readout(n)), feedback=feedback)


def loss(y: jax.Array, p: jax.Array) -> jax.Array:
    return jnp.mean(optax.softmax_cross_entropy(y, p))


def learn(size: Size, name: str, seed: jax.Array, rate: jax.Array) -> jax.Array:
    """Cross entropy in 100 parts of a life."""
    keys = jax.random.split(jax.random.fold_in(jax.random.key(22), seed), 4)
    plan, n = size.plans[name], size.units
    shown = add(keys[0], steps=plan.steps, delays=DELAYS)
    cells = network(n), readout(n)
    weights = tuple(c.init(k) for c, k in zip(cells, keys[1:3], strict=True))
    rule, optimizer = rule_by_name(name, n, keys[3]), optax.sgd(rate)
    learned = train(
        *(rule, optimizer, weights, optimizer.init(weights), shown.xs, loss),
        shown.targets,
        dt=1e-3,
    )
    parts = learned.values.reshape(100, -1).mean(axis=1)
    return jnp.where(jnp.isfinite(parts), parts, FLOORS["neither"])


def lives(size: Size, name: str, rates: tuple[float, ...]) -> np.ndarray:
    """Of every seed and rate at once, on one core, ``[seeds, rates, 100]``."""
    of_rates = jax.vmap(partial(learn, size, name), (None, 0))
    every = jax.jit(jax.vmap(of_rates, (0, None)))
    return np.asarray(every(jnp.asarray(size.seeds), jnp.asarray(rates)))


def run(full: bool, size: Size | None = None) -> Finding:
    size = size or (FULL if full else Size())
    found, curves = {}, {}
    for name, plan in size.plans.items():
        parts = lives(size, name, plan.rates)
        late = parts[..., -10:].mean(axis=-1)
        best = int(np.argmin(late.mean(axis=0)))
        curves[name] = parts[:, best]
        found[name] = row = {
            "cross_entropies": late[:, best].astype(float).round(4).tolist(),
            "mean": round(float(late[:, best].mean()), 4),
            "learning_rate": plan.rates[best],
            "of_every_rate": late.mean(axis=0).astype(float).round(4).tolist(),
            "steps": plan.steps,
        }
        emit(rule=name, **row)
        tell(f"     {name:<14} {row['mean']:.4f}  at {row['learning_rate']:g}")
    mean = {name: found[name]["mean"] for name in size.plans}
    criteria = [
        at_most(f"{name}: cross entropy", mean[name], bound, 4)
        for name, bound in BOUNDS.items()
        if name in mean
    ]
    if "RFLO" in mean:
        behind = mean["output only"] - mean["RFLO"]
        criteria.append(at_least("output only is worse than RFLO by", behind, 0.02, 4))
    floors = {k: round(v, 5) for k, v in FLOORS.items()}
    return Finding({"floors": floors, **found}, criteria, figure(size, found, curves))


def figure(size, found, curves):
    drawn, axes = plot.figure(1, 2, (9.5, 3.4))
    left, right = axes[0]
    colors = plot_colors(len(curves))
    for (name, rows), color in zip(curves.items(), colors, strict=True):
        at = np.linspace(0.005, 0.995, 100) * size.plans[name].steps
        left.plot(at, rows.mean(axis=0), color=color)
    left.set(xlabel="step", ylabel="cross entropy", xscale="log")
    for k, (row, color) in enumerate(zip(found.values(), colors, strict=True)):
        hits = row["cross_entropies"]
        right.plot(hits, [k] * len(hits), "o", color=color, ms=4)
    right.set(
        yticks=range(len(found)), yticklabels=found, xlabel="at the end; dots: seeds"
    )
    right.invert_yaxis()
    for name, floor in FLOORS.items():
        left.axhline(floor, color="0.6", ls=":", lw=0.8)
        right.axvline(floor, color="0.6", ls=":", lw=0.8)
        right.text(floor, -0.7, name, fontsize=7, ha="center")
    return drawn


def plot_colors(n):
    from matplotlib import colormaps

    return colormaps["tab10"].colors[:n]


STUDY = Study(
    id="R22",
    claim="The more of the gradient an online rule lets across time, the more of the "
    "past it learns.",
    source="Marschall, Cho & Savin 2020, doi:10.48550/arXiv.1907.02649",
    minutes=10,
    run=run,
)
