"""R14: does recurrence matter on speech, and do spikes of a cochlea carry timing?

Free Spoken Digits (``SNNJAX_DATA``) become spikes in 70 channels. Four networks read
them: 128 spiking neurons with and without recurrence, and an LSTM and a GRU of 64
units, which have about as many weights as the recurrent spikes. All read out the mean
over time of linear units (leaky ones behind spikes), and learn without augmentation.

Each of the six speakers is held out once: networks train on four, the learning rate and
the epoch are chosen on the next speaker in alphabetical order, and the one held out is
read once, at the end. The recurrent spiking network also trains

- on shuffled spikes: within a clip, and for each channel by itself, time bins change
  places, so that counts are kept and timing is lost. It is tested on such spikes, too;
- on a random split into parts of the same sizes, which share all speakers.

``--full`` asks for the Spiking Heidelberg Digits with 700 channels: the official test
file, every fifth speaker of the other to validate, five seeds.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import linen

import snnjax as snn
from benchmarks.criterion import at_least
from benchmarks.report import emit, tell
from benchmarks.study import Finding, Study
from snnjax import plot
from snnjax.datasets import fsdd_recordings, shd
from snnjax.events import Events, late_events, rasterize
from snnjax.learning import mean_over_time
from snnjax.networks import normal
from snnjax.senses.hearing import encode_cached
from snnjax.training import Fit, epoch_rows, fit, init_train_state, make_step

PARAMS = snn.LIFParams(tau_mem=20e-3, tau_syn=10e-3)
READOUT = snn.LIParams(tau_mem=100e-3, tau_syn=10e-3)
COLORS = {
    "feed-forward SNN": "#e69f00",
    "recurrent SNN": "#d55e00",
    "GRU": "#56b4e9",
    "LSTM": "#0072b2",
    "recurrent SNN, shuffled": "0.6",
    "recurrent SNN, random split": "#009e73",
}
COMPARED = (  # better, worse, by how many points at least
    ("recurrent SNN", "feed-forward SNN", 5),
    ("LSTM", "recurrent SNN", 0),
    ("recurrent SNN", "recurrent SNN, shuffled", 5),
    ("recurrent SNN, random split", "recurrent SNN", 5),
)


class Fold(NamedTuple):
    """Which clips do what, numbers of clips each."""

    name: str
    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray


class Heard(NamedTuple):
    """N clips as spikes."""

    counts: np.ndarray  # [N, T, n], uint8
    labels: np.ndarray  # [N]
    folds: list[Fold]
    notes: dict[str, Any]


class Model(NamedTuple):
    """A network to compare."""

    init: Callable[[jax.Array], Any]  # key -> weights
    scores: Callable[[Any, jax.Array], jax.Array]  # weights, [T, B, n] -> [B, classes]


def count(events: Events, steps: int, dt: float) -> tuple[np.ndarray, float]:
    """Counts in bins ``[N, T, n]``, and the share of spikes that come after them."""
    counts = rasterize(events, steps=steps, dt=dt, outside="drop")
    share = late_events(events, duration=steps * dt) / len(events.times)
    return np.moveaxis(counts, 1, 0).astype(np.uint8), share


def free_spoken_digits() -> Heard:
    recordings = fsdd_recordings()

    def progress(done, of):
        if done % 512 == 0 or done == of:
            tell(f"     encoded {done}/{of}")

    events = encode_cached(recordings, channels=70, progress=progress)
    counts, late = count(events, 100, 10e-3)
    folds = speaker_folds(events.group, recordings.speakers)
    return Heard(counts, events.labels, folds, {"late_share": round(late, 5)})


def heidelberg_digits() -> Heard:
    parts = [shd(split) for split in ("train", "validation", "test")]
    made = [count(events, 140, 10e-3) for events in parts]
    ends = np.cumsum([len(events.labels) for events in parts])
    rows = np.split(np.arange(ends[-1]), ends[:-1])
    return Heard(
        np.concatenate([counts for counts, _ in made]),
        np.concatenate([events.labels for events in parts]),
        [Fold(f"seed {k}", *rows) for k in range(5)],
        {"late_share": [round(late, 5) for _, late in made]},
    )


def speaker_folds(group: np.ndarray, speakers) -> list[Fold]:
    """Each speaker tests once, and the next one validates."""
    n, folds = len(speakers), []
    for k, name in enumerate(speakers):
        test, validation = group == k, group == (k + 1) % n
        rows = map(np.flatnonzero, (~test & ~validation, validation, test))
        folds.append(Fold(name, *rows))
    return folds


def random_fold(fold: Fold, seed: int) -> Fold:
    """Parts of the same sizes, from all clips."""
    rows = np.random.default_rng(seed).permutation(np.concatenate(fold[1:]))
    ends = np.cumsum([len(part) for part in fold[1:]])
    return Fold(f"draw {seed}", *np.split(rows, ends[:-1]))


def shuffled(counts: np.ndarray, seed: int) -> np.ndarray:
    """Bins of each channel change places, up to the last spike of the clip."""
    rng, counts = np.random.default_rng(seed), counts.copy()
    for clip in counts:
        end = np.max(np.flatnonzero(clip.any(axis=1)), initial=-1) + 1
        clip[:end] = rng.permuted(clip[:end], axis=0)
    return counts


class Size(NamedTuple):
    data: Callable[[], Heard] = free_spoken_digits
    spiking: int = 128  # neurons
    gated: int = 64  # units, which have about as many weights
    epochs: int = 40
    batch: int = 128
    dt: float = 10e-3  # [s]
    rates: tuple[float, ...] = (5e-3, 1e-2)  # of Adam, to choose from
    folds: int | None = None  # the first ones; all if omitted


FULL = Size(heidelberg_digits)


def spiking(size: Size, heard: Heard, *, loop: bool) -> Model:
    n, classes = heard.counts.shape[2], int(heard.labels.max()) + 1
    rate = float(heard.counts.mean()) / size.dt
    draw = partial(snn.fluctuation_driven, xi=1.0, params=PARAMS, dt=size.dt)
    neurons = snn.lif(size.spiking, PARAMS)
    if loop:
        layer = snn.recurrent(
            *(n, size.spiking, neurons),
            init=partial(draw, rate=rate, share=0.9),
            init_recurrent=partial(draw, rate=10.0, share=0.1),
        )
    else:
        dense = snn.dense(n, size.spiking, init=partial(draw, rate=rate))
        layer = snn.chain(dense, neurons)
    readout = snn.dense(size.spiking, classes, init=normal)
    net = snn.chain(layer, readout, snn.li(classes, READOUT))

    def scores(weights, xs):
        voltages = snn.unroll(net, weights, xs, dt=size.dt)[1]
        return 10.0 * mean_over_time(voltages)

    return Model(net.init, scores)


class Gated(linen.Module):
    """A layer of gates, and a linear readout of its mean over time."""

    cell: linen.RNNCellBase
    classes: int

    @linen.compact
    def __call__(self, xs):
        hidden = linen.RNN(self.cell, time_major=True)(xs)
        return linen.Dense(self.classes)(hidden.mean(axis=0))


def gated(size: Size, heard: Heard, cell) -> Model:
    net = Gated(cell(size.gated), int(heard.labels.max()) + 1)
    some = jnp.zeros((1, 1, heard.counts.shape[2]))
    return Model(lambda key: net.init(key, some), net.apply)


class Run(NamedTuple):
    """One network of one fold, at the learning rate that does best in validation."""

    rate: float
    fit: Fit
    test: float  # accuracy


@cache
def programs(model: Model, updates: int):
    """The optimizer of a learning rate, an update, and a guess."""

    @optax.inject_hyperparams
    def adam(rate):  # a part of the state, so that all rates share one program
        return optax.adam(optax.cosine_decay_schedule(rate, updates))

    def loss(weights, xs, labels):
        return snn.cross_entropy(model.scores(weights, xs), labels)

    def guess(weights, xs):
        return jnp.argmax(model.scores(weights, xs), axis=-1)

    return adam, jax.jit(make_step(loss, adam(0.0))), jax.jit(guess)


def train(model: Model, size: Size, heard: Heard, folds: list[Fold]) -> list[Run]:
    """Trains a network for each fold and rate; test clips are read by the best."""
    updates = size.epochs * -(-len(folds[0].train) // size.batch)
    adam, step, guess = programs(model, updates)

    def spikes(rows):
        return np.moveaxis(heard.counts[rows], 1, 0).astype(np.float32)

    def accuracy(rows, weights):
        guesses = np.asarray(guess(weights, spikes(rows)))
        return {"accuracy": float(np.mean(guesses == heard.labels[rows]))}

    def batches(fold, seed, epoch):
        for rows in epoch_rows(seed, epoch, len(fold.train), size.batch):
            rows = fold.train[rows]
            yield spikes(rows), heard.labels[rows]

    def one(seed, fold):
        fits = [
            fit(
                step,
                init_train_state(model.init(jax.random.key(seed)), adam(rate)),
                partial(batches, fold, seed),
                epochs=size.epochs,
                validate=partial(accuracy, fold.validation),
                progress=False,
            )
            for rate in size.rates
        ]
        best = int(np.argmax([validated(each) for each in fits]))
        test = accuracy(fold.test, fits[best].best_weights)["accuracy"]
        return Run(size.rates[best], fits[best], test)

    return on_every_device(one, folds)


def validated(found: Fit) -> float:
    """Accuracy of the epoch chosen."""
    return found.best["validation_accuracy"]


def on_every_device(one: Callable[[int, Any], Any], things: list) -> list:
    """``one(k, thing)`` for all things, each device taking every so many of them."""
    devices = jax.devices()

    def share(first):
        with jax.default_device(devices[first]):
            of_this = range(first, len(things), len(devices))
            return {k: one(k, things[k]) for k in of_this}

    with ThreadPoolExecutor(len(devices)) as pool:
        found = dict(
            item
            for part in pool.map(share, range(len(devices)))
            for item in part.items()
        )
    return [found[k] for k in range(len(things))]


def arms(size: Size, heard: Heard):
    """Every network, with what it hears and how that is parted."""
    folds = heard.folds[: size.folds]
    mixed = [random_fold(fold, k) for k, fold in enumerate(folds)]
    flat = spiking(size, heard, loop=False)
    looped = spiking(size, heard, loop=True)
    noise = heard._replace(counts=shuffled(heard.counts, 0))
    found = (
        (flat, heard, folds),
        (looped, heard, folds),
        (gated(size, heard, linen.GRUCell), heard, folds),
        (gated(size, heard, linen.OptimizedLSTMCell), heard, folds),
        (looped, noise, folds),
        (looped, heard, mixed),
    )
    return dict(zip(COLORS, found, strict=True))


def run(full: bool, size: Size | None = None) -> Finding:
    size = size or (FULL if full else Size())
    heard = size.data()
    names = [fold.name for fold in heard.folds[: size.folds]]
    runs, tests, summary = {}, {}, {"held_out": names, **heard.notes}
    for name, (model, clips, folds) in arms(size, heard).items():
        runs[name] = train(model, size, clips, folds)
        tests[name] = np.array([each.test for each in runs[name]])
        summary[name] = told(runs[name])
        emit(network=name, **summary[name])
        tell(f"     {name:<28} test accuracy {tests[name].mean():.3f}")
    criteria, summary["gaps"] = [], {}
    for better, worse, bound in COMPARED:
        gaps = 100 * (tests[better] - tests[worse])
        name = f"points {better} is ahead of {worse}"
        criteria.append(at_least(name, float(gaps.mean()), bound, digits=1))
        summary["gaps"][name] = {
            "standard_error": round(error(gaps), 1),
            "of_each": gaps.round(1).tolist(),
        }
    return Finding(summary, criteria, figure(names, runs))


def told(runs: list[Run]) -> dict[str, Any]:
    hits = [each.test for each in runs]
    last = [each.fit.history[-1] for each in runs]
    return {
        "test_accuracy": round(float(np.mean(hits)), 4),
        "standard_error": round(error(hits), 4),
        "test_accuracies": [round(hit, 4) for hit in hits],
        "validation_accuracies": [round(validated(each.fit), 4) for each in runs],
        "learning_rates": [each.rate for each in runs],
        "chosen_epochs": [each.fit.best_epoch for each in runs],
        "training_loss_at_last": [round(row["loss"], 4) for row in last],
    }


def error(values):
    """Of their mean."""
    return float(np.std(values, ddof=1) / len(values) ** 0.5)


def figure(names, runs):
    drawn, axes = plot.figure(1, 2, (11.0, 4.2))
    left, right = axes[0]
    marks = dict(zip(names, "osD^vP", strict=False))
    for k, (arm, color) in enumerate(COLORS.items()):
        histories = [each.fit.history for each in runs[arm]]
        seen = [[row["validation_accuracy"] for row in h] for h in histories]
        mean = np.mean(seen, axis=0)
        left.plot(1 + np.arange(len(mean)), mean, color=color, label=arm)
        right.bar(k, np.mean([each.test for each in runs[arm]]), color=color, alpha=0.5)
        places = k + np.linspace(-0.25, 0.25, len(names))
        for name, place, each in zip(names, places, runs[arm], strict=True):
            label = name if k == 0 else None
            right.plot(
                place, each.test, marks[name], color=color, mec="0.3", label=label
            )
    left.set(xlabel="epoch", ylabel="validation accuracy (mean)", ylim=(0, 1.02))
    left.legend(frameon=False, fontsize=8, ncols=2, loc="upper left")
    right.set(ylabel="test accuracy", ylim=(0, 1.02), xticks=range(len(COLORS)))
    right.set_xticklabels(
        [arm.replace(" SNN", "\nSNN").replace(", ", ",\n") for arm in COLORS],
        fontsize=8,
    )
    right.set_title("marks: who is held out (random split: draws)", fontsize=10)
    right.legend(frameon=False, fontsize=7, ncols=6, loc="upper center")
    return drawn


STUDY = Study(
    id="R14",
    claim="Recurrence matters on speech, whose spikes carry timing; speakers that were "
    "never heard are harder than a random split tells.",
    source="Cramer et al. 2020, doi:10.1109/TNNLS.2020.3044364",
    minutes=8,
    run=run,
)
