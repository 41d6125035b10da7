"""R02: the loss of a spiking network is flat between jumps; its surrogate has a slope.

The network of R01 is trained with a surrogate and then looked at on the straight line
from where it began to where it ended: once with the readout as trained, so that only
hidden weights move and the loss can only change where a hidden spike appears, leaves or
moves by a step; once with all weights. At each point the loss is differenced along the
hidden part of the line, and the surrogate gradient is integrated up to there.

Everything after training is in double precision.
"""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

import snnjax as snn
from benchmarks.criterion import at_least
from benchmarks.report import emit, tell
from benchmarks.studies.R01_hidden_layer import Size as Net
from benchmarks.studies.R01_hidden_layer import loss_of, patterns, train
from benchmarks.study import Finding, Study
from snnjax import plot
from snnjax.analysis import directional_derivatives, directions, fields, landscape
from snnjax.surrogate import normalized

SHAPE = snn.SuperSpike(100.0)
AREA_1 = normalized(SHAPE, "area")
STEP = 1e-6
FOLLOWS = 0.8  # an integral whose rank correlation with the loss is above
LINES = ("hidden weights", "all weights", "all weights, area 1")


class Size(NamedTuple):
    net: Net = Net()
    points: int = 401
    plane: int = 25  # points to a side
    apart: int = 4  # on the line of all weights every so many points are looked at


FULL = Size(plane=101, apart=1)


class Line(NamedTuple):
    """A loss on the way to its minimum, and the work of a surrogate until there."""

    losses: np.ndarray
    work: fields.Integral


class Seen(NamedTuple):
    """What was seen of one seed; hidden weights have the readout as trained."""

    lines: dict[str, Line]
    flat: float  # share of the differences in hidden weights that are exactly zero
    near: tuple[np.ndarray, np.ndarray]  # positions and losses close to the middle
    plane: np.ndarray  # along the hidden weights and in a random direction


def learn(size: Size):
    """Spikes, labels, accuracy and weights before and after, of every seed."""

    def one(key):
        found = train(size.net, SHAPE, key)
        return *patterns(size.net, key), found["final"], *found["weights"]

    keys = jax.random.split(jax.random.key(0), size.net.seeds)
    return jax.jit(lambda keys: jax.lax.map(one, keys))(keys)


def view(loss, path, at) -> Line:
    work = fields.line_integral(jax.grad(loss), path, at, batch_size=4)
    return Line(landscape.loss_on_path(loss, path, at), work)


def flatness(loss, path, direction, at):
    """Share of the central differences along a direction that are exactly zero."""
    one = jax.tree.map(lambda d: d[None] / optax.tree.norm(direction), direction)
    found = jax.lax.map(
        lambda s: directional_derivatives(loss, path(s), one, step=STEP)[0], at
    )
    return jnp.mean(found == 0)


def look(size: Size, spikes, labels, before, after) -> Seen:
    before, after = jax.tree.map(lambda w: jnp.asarray(w, float), (before, after))
    raster = spikes.astype(jnp.uint8)

    def loss(weights, shape=SHAPE):
        return loss_of(size.net, shape, raster, labels)(weights)[0]

    start = {**after, "input": before["input"]}  # the readout as trained
    moved = optax.tree.sub(after, start)
    across = directions.random_direction(jax.random.key(2), start)
    across = {**optax.tree.zeros_like(across), "input": across["input"]}
    hidden, whole = landscape.line(start, after), landscape.line(before, after)
    at = jnp.linspace(0.0, 1.0, size.points)
    near = 0.5 + (at - 0.5) / size.points / 2
    side = jnp.linspace(-0.25, 1.25, size.plane)
    through = landscape.plane(start, moved, across)
    lines = (
        view(loss, hidden, at),
        view(loss, whole, at[:: size.apart]),
        view(partial(loss, shape=AREA_1), whole, at[:: size.apart]),
    )
    return Seen(
        dict(zip(LINES, lines, strict=True)),
        flatness(loss, hidden, moved, at),
        (near, landscape.loss_on_path(loss, hidden, near)),
        landscape.loss_on_plane(loss, through, side, side - 0.5, batch_size=4),
    )


def spearman(a, b) -> float:
    """Correlation of ranks."""
    ranks = [np.argsort(np.argsort(x)) for x in (a, b)]
    return float(np.corrcoef(*ranks)[0, 1])


def row(seen: Seen, accuracy) -> dict:
    """One seed in numbers."""
    return {
        "train_accuracy": round(float(accuracy), 4),
        "differences_exactly_zero": round(float(seen.flat), 4),
        **{
            name: {
                "loss": [round(float(losses[k]), 4) for k in (0, -1)],
                "surrogate_integral": round(float(work.value[-1]), 5),
                "error": round(float(work.error.max()), 5),
                "spearman": round(spearman(losses, work.value), 4),
            }
            for name in LINES
            for losses, work in [seen.lines[name]]
        },
    }


def run(full: bool, size: Size | None = None) -> Finding:
    size = size or (FULL if full else Size())
    spikes, labels, accuracies, before, after = jax.device_get(learn(size))
    looking, rows, seen = jax.jit(partial(look, size)), [], []
    for k, hit in enumerate(accuracies):
        seed = jax.tree.map(lambda x, k=k: x[k], (spikes, labels, before, after))
        with jax.enable_x64(True):
            seen.append(jax.device_get(looking(*seed)))
        rows.append(row(seen[-1], hit))
        emit(seed=k, **rows[-1])
        ranks = "  ".join(f"{name} {rows[-1][name]['spearman']:.3f}" for name in LINES)
        tell(f"     seed {k}: accuracy {hit:.3f}; Spearman  {ranks}")
    return Finding({"seeds": rows}, criteria(rows), figure(seen))


def criteria(rows):
    flat = min(r["differences_exactly_zero"] for r in rows)
    needed = -(-4 * len(rows) // 5)
    found = [
        at_least(
            "differences of the loss in hidden weights exactly 0, least of all seeds",
            flat,
            0.9,
            digits=4,
        )
    ]
    for name in LINES[:2]:
        lines = [r[name] for r in rows]
        good = sum(
            line["surrogate_integral"] < -line["error"] and line["spearman"] > FOLLOWS
            for line in lines
        )
        found.append(
            at_least(
                f"line of {name}: seeds with an integral that falls and a Spearman "
                f"correlation > {FOLLOWS}",
                good,
                needed,
            )
        )
    return found


def figure(seen):
    """The seed in the middle of the list, and the correlations of all."""
    drawn, axes = plot.figure(2, 3, (14.0, 7.0))
    one = seen[len(seen) // 2]
    places = axes[0, 0], axes[1, 0], axes[1, 1]
    for ax, name in zip(places, LINES, strict=True):
        losses, work = one.lines[name]
        at = np.linspace(0.0, 1.0, len(losses))
        plot.loss_line(ax, at, losses, losses[0] + work.value, name)
    plot.loss_line(axes[0, 1], *one.near, title="hidden weights, close to s = 1/2")
    axes[0, 1].ticklabel_format(useOffset=False)
    axes[0, 1].locator_params(axis="x", nbins=4)
    side = np.linspace(-0.25, 1.25, len(one.plane))
    way = np.array([[0.0, 0.0], [1.0, 0.0]])
    plot.loss_plane(axes[0, 2], side, side - 0.5, one.plane, way, "hidden weights")
    axes[0, 2].set(xlabel="from start (0) to trained (1)", ylabel="random direction")
    for k, name in enumerate(LINES):
        ranks = [spearman(s.lines[name].losses, s.lines[name].work.value) for s in seen]
        axes[1, 2].plot(np.full(len(ranks), k), ranks, "o", color="#0072b2", alpha=0.6)
    axes[1, 2].axhline(0.8, color="0.6", ls=":")
    short = [name.replace(" weights", "") for name in LINES]
    axes[1, 2].set_xticks(range(len(LINES)), short)
    axes[1, 2].set(ylabel="Spearman correlation", title="every seed", xlim=(-0.5, 2.5))
    return drawn


STUDY = Study(
    id="R02",
    claim="The loss is piecewise constant in the hidden weights; the integral of the "
    "surrogate gradient has a slope and falls with it.",
    source="Neftci, Mostafa & Zenke 2019, doi:10.1109/MSP.2019.2931595",
    minutes=1.5,
    run=run,
    missed="The gradient of the readout is exact, that of the hidden layer as small as"
    " the area of its surrogate, 0.02. Along all weights the readout moves "
    "before hidden neurons fire as it will need them to: that costs, and counts"
    " in full, while what pays for it hardly counts. With a shape of area 1 the"
    " integral follows the loss in all five seeds.",
)
