"""Networks that read spoken digits, 140 channels in bins of 10 ms, as the task does.

Three of one number of weights: recurrent leaky neurons, recurrent adaptive ones that
learn their constants, and leaky ones behind synapses with delays. The recipe of each is
chosen on validation clips, in shorter runs of one seed. Then it trains for all seeds,
and after each epoch the test clips are read as well, for the record: what is judged is
the last epoch.
"""

import tempfile
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np

import snnjax as snn
from benchmarks.report import emit, tell
from snnjax import tasks
from snnjax.tasks.fitting import fit_networks
from snnjax.tasks.network import Network, scores
from snnjax.tasks.prediction import predict
from snnjax.tasks.spoken_networks import (
    ADAPTIVE,
    DROPPED,
    Reader,
    Size,
    adlif_reader,
    delays_network,
    delays_reader,
    lif_reader,
)
from snnjax.tasks.task import Part, Schedule
from snnjax.training import Fit

LONGEST, WIDTHS = 25, (10.0, 0.25)  # of delays [steps]
NEARLY_ROUND = 1e-3  # a width so small that only delays at x.5 steps are shared


class Data(NamedTuple):
    """Clips as spikes."""

    parts: dict[str, Part]
    channels: int
    classes: int
    rate: float  # of a channel [Hz]
    dt: float  # [s]


class Recipe(NamedTuple):
    """How a network is made, and how fast it learns."""

    told: str  # in words
    make: Callable[[Size], Reader]
    watched: Callable[[Size], Network]  # what reads test clips after each epoch
    spread: Callable[[Size], Network]  # as it was at the end of learning
    learning_rate: float


class Plan(NamedTuple):
    """What is trained, and for how long."""

    data: Callable[[], Data]
    recipes: dict[str, tuple[Recipe, ...]]  # to choose from, by name of the model
    hidden: dict[str, int]
    epochs: int = 60
    short: int = 20  # epochs of a run that chooses
    batch: int = 64
    seeds: int = 3


class Trained(NamedTuple):
    """Networks of one model, one for each seed."""

    recipe: Recipe
    size: Size
    fits: list[Fit]
    tried: dict[str, float]  # recipe -> validation accuracy of its short run
    hits: np.ndarray  # [seeds, epochs, test clips], as watched
    last: np.ndarray  # [seeds, test clips], after the last epoch, as tested

    @property
    def weights(self) -> int:
        """How many numbers are learned."""
        leaves = jax.tree.leaves(self.fits[0].state.weights)
        return sum(leaf.size for leaf in leaves)


def spoken() -> Data:
    """Free Spoken Digits, or what else lies there in their layout."""
    task = tasks.spoken_digits_task(source="spikes", model="adlif")
    classes = 1 + max(int(part.labels.max()) for part in task.parts.values())
    notes = task.notes
    return Data(
        task.parts, notes["channels"], classes, notes["channel_rate"], notes["dt"]
    )


def lif(rate: float, tau_mem: float, dropped: float | None) -> Recipe:
    params = snn.LIFParams(tau_mem=tau_mem, tau_syn=10e-3)
    make = partial(lif_reader, params=params, dropped=dropped)
    drop = f", dropout {dropped:g}" if dropped else ""
    return _recipe(f"{rate:g}, τm {1e3 * tau_mem:g} ms{drop}", make, rate)


def adlif(rate: float, tau_adapt: float) -> Recipe:
    make = partial(adlif_reader, params=ADAPTIVE._replace(tau_adapt=tau_adapt))
    return _recipe(f"{rate:g}, τw {1e3 * tau_adapt:g} ms at first", make, rate)


def delays(rate: float, tau_mem: float, longest: int = LONGEST) -> Recipe:
    params = snn.LIFParams(tau_mem=tau_mem, tau_syn=None)
    make = partial(delays_reader, params=params, longest=longest, widths=WIDTHS)

    def network(width):
        return lambda size: delays_network(size, params, longest, width)

    told = f"{rate:g}, τm {1e3 * tau_mem:g} ms"
    return Recipe(told, make, network(NEARLY_ROUND), network(WIDTHS[1]), rate)


def _recipe(told, make, rate):
    def network(size):
        return make(size).network

    return Recipe(told, make, network, network, rate)


PLAN = Plan(
    spoken,
    recipes={
        "recurrent LIF": tuple(
            lif(rate, tau, dropped)
            for rate in (5e-3, 2e-2)
            for tau in (20e-3, 60e-3)
            for dropped in (None, DROPPED)
        ),
        "adLIF": tuple(adlif(r, tau) for r in (1e-2, 2e-2) for tau in (0.1, 0.3)),
        "delays": tuple(delays(r, tau) for r in (1e-2, 2e-2) for tau in (10e-3, 20e-3)),
    },
    hidden={"recurrent LIF": 207, "adLIF": 206, "delays": 256},  # 74 000 weights each
)


@cache
def trained(plan: Callable[[], Plan]) -> dict[str, Trained]:
    """Chooses a recipe for each model and trains it; once for all who ask."""
    given = plan()
    data = given.data()
    return {name: _model(given, data, name) for name in given.recipes}


def _model(plan: Plan, data: Data, name: str) -> Trained:
    size = Size(data.channels, data.classes, data.rate, data.dt, plan.hidden[name])
    recipes = plan.recipes[name]
    tried = {
        recipe.told: _validated(_fits(plan, data, size, recipe, plan.short, 1)[0][0])
        for recipe in (recipes if len(recipes) > 1 else ())
    }
    best = max(recipes, key=lambda recipe: tried.get(recipe.told, 0.0))
    emit(model=name, tried=tried, chosen=best.told)
    fits, hits = _fits(plan, data, size, best, plan.epochs, plan.seeds)
    compiled = jax.jit(partial(scores, best.make(size).network))
    last = [_hits(compiled, fit.state.weights, data.parts["test"]) for fit in fits]
    found = Trained(best, size, fits, tried, hits, np.stack(last))
    accuracies = found.last.mean(axis=1).round(4).tolist()
    emit(model=name, weights=found.weights, test_accuracies=accuracies)
    tell(f"     {name:<16} {best.told:<32} test accuracy {np.mean(accuracies):.3f}")
    return found


def _validated(fit: Fit) -> float:
    """Validation accuracy, on average over the last epochs, as clips are few."""
    return float(np.mean([row["validation_accuracy"] for row in fit.history[-5:]]))


def _fits(plan, data, size, recipe, epochs, seeds):
    """Networks of some seeds, and which test clips they knew after each epoch."""
    reader, seen = recipe.make(size), []
    compiled = jax.jit(partial(scores, recipe.watched(size)))
    validation, test = (kept(data.parts[name]) for name in ("validation", "test"))

    def validate(weights):
        if epochs == plan.epochs:
            seen.append(_hits(compiled, weights, test))
        return {"accuracy": predict(compiled, weights, validation).accuracy}

    with tempfile.TemporaryDirectory() as folder:
        fits = fit_networks(
            reader.network,
            data.parts["train"],
            validate,
            Schedule(plan.batch, epochs, recipe.learning_rate, epoch="last"),
            seeds=range(seeds),
            folder=Path(folder),
            recipe={},
            name=recipe.told,
            progress=False,
            learning=reader.learning,
        )
    return fits, np.reshape(seen, (seeds, -1, len(test.labels)))


def _hits(compiled, weights, part: Part) -> np.ndarray:
    found = predict(compiled, weights, part)
    return found.guesses == found.labels


def kept(part: Part) -> Part:
    """The same part with its rasters in memory, for what is read often."""
    every = part.raster(np.arange(len(part.labels)), None)
    return part._replace(raster=lambda rows, rng: every[:, rows])
