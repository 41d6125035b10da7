"""Makes what ``snnjax.models`` opens: ``python -m benchmarks.train_models [NAME …]``.

Each network is trained by its task as ``snnjax train`` does it, tested once, and
written with its card into ``snnjax/models/files``. Seed 0 is kept, whatever it reaches;
other seeds say what another one would have reached. A training that was cut off goes
on.
"""

import argparse
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from benchmarks.report import ROOT, emit, tell
from snnjax import tasks
from snnjax.datasets.catalogue import DATA_SETS
from snnjax.models.cards import Card, to_notes
from snnjax.models.kept import FILES
from snnjax.saving import load, save
from snnjax.tasks.catalogue import task_of
from snnjax.tasks.network import readout_name, scores
from snnjax.tasks.prediction import predict
from snnjax.tasks.recipe import data_of
from snnjax.tasks.task import Part, Task
from snnjax.training import environment

MOST = 10**6  # bytes of a file
SEED = 0  # whose network is kept
OF_WEIGHTS = "Apache-2.0, as the package"


class Recipe(NamedTuple):
    """What to train, and what its card says of it."""

    about: str
    task: str
    options: Mapping[str, Any]
    encoding: str
    data_set: str  # of the catalogue, or a name of its own
    provenance: str = ""  # what the catalogue does not say of the licence
    source: tuple[str, str] | None = None  # licence and citation, beside the catalogue
    seeds: int = 3


RECIPES = {
    "digits": Recipe(
        "handwritten digits of 8x8 pixels, 512 leaky neurons",
        "digits",
        {},
        "64 pixels of 0 to 1 row by row (ON), then 1 minus these (OFF), through "
        "snnjax.inputs.latency(x, tau=20e-3, threshold=0.1, steps=50, dt=1e-3, "
        "outside='drop')",
        "digits",
        ", as stated by the UCI repository",
    ),
    "yin-yang": Recipe(
        "points on a yin-yang symbol, told by the times of five spikes",
        "yin-yang",
        {},
        "x, y, 1-x, 1-y of 0 to 1 fire once at (0.15 + 1.85 x) * 5 ms, a fifth channel "
        "at 4.5 ms always; in steps of 0.25 ms",
        "yin-yang",
        source=(
            "points are made by this package; those published before are MIT",
            "Kriener, Göltz & Petrovici 2022, doi:10.1145/3517343.3517380",
        ),
    ),
    "braille": Recipe(
        "27 Braille letters under a fingertip, 200 recurrent leaky neurons",
        "braille",
        {},
        "4 taxels, twice as fast by linear interpolation (12.5 ms), through "
        "snnjax.senses.threshold_crossing at 16 levels from 8 to 248: a channel for up "
        "and one for down",
        "braille",
        ", as stated in the README of the repository that offers the file; original "
        "doi:10.5281/zenodo.6556273",
    ),
    "ecg": Recipe(
        "six segments of a heartbeat at every step, 96 recurrent neurons that learned "
        "their time constants",
        "ecg",
        {},
        "events of two leads as published, upwards and downwards apart, in steps of "
        "4 ms",
        "qtdb",
        ", that of the repository of the events; the recordings are those of the QT "
        "Database of PhysioNet, ODC-By 1.0 as far as we know",
    ),
    "mnist": Recipe(
        "handwritten digits of 28x28 pixels, one spike or none each, 256 leaky neurons",
        "mnist",
        {},
        "784 pixels of 0 to 1 row by row, through snnjax.inputs.latency(x, tau=20e-3, "
        "threshold=0.2, steps=40, dt=1e-3, outside='drop')",
        "mnist",
        ", as the documentation of Keras states it, as far as we know",
    ),
    "spoken-digits-lif": Recipe(
        "spoken digits of speakers never heard before, 128 recurrent leaky neurons",
        "spoken-digits",
        {"source": "sound", "model": "lif"},
        "Recordings at 8 kHz through snnjax.senses.hearing (70 channels, seed 0), "
        "counted in 70 channels and steps of 5 ms. Speakers are parted: one tests, one "
        "validates, four train.",
        "fsdd",
        " (ShareAlike), as stated in the README of its repository",
    ),
    "n-mnist": Recipe(
        "digits before a moving event camera, two layers of maps; some hundred "
        "recordings of the published 60000",
        "n-mnist",
        {},
        "events counted in 34x34 pixels of two polarities and steps of 10 ms",
        "n-mnist",
        " (ShareAlike), as stated on its page",
    ),
}


def main(args: list[str] | None = None) -> int:
    """Trains what is named, or everything; exit status 2 for a wrong call."""
    given = parser().parse_args(args)
    unknown = [name for name in given.names if name not in RECIPES]
    if unknown:
        tell(f"No model {', '.join(unknown)}. There are: {', '.join(RECIPES)}.")
        return 2
    for name in given.names or RECIPES:
        emit(**made(name, RECIPES[name], given.runs, given.out, given.epochs))
    return 0


def parser() -> argparse.ArgumentParser:
    """What the command line takes."""
    made = argparse.ArgumentParser(description=__doc__)
    made.add_argument("names", nargs="*", metavar="NAME", help=", ".join(RECIPES))
    made.add_argument("--out", type=Path, default=FILES, help="where files go")
    made.add_argument(
        "--runs", type=Path, default=ROOT / "runs/models", help="where trainings are"
    )
    made.add_argument("--epochs", type=int, help="other than the task has, to try it")
    return made


def made(
    name: str, recipe: Recipe, runs: Path, out: Path, epochs: int | None = None
) -> dict[str, Any]:
    """Trains a network, tests it and writes it.

    Raises:
        ValueError: if the file would be larger than ``MOST``, or a file cannot hold the
            network.
    """
    tell(f"{name}: {recipe.about}")
    task = task_of(recipe.task, None, **recipe.options)
    run = runs / name
    summary = tasks.train(task, run, seeds=recipe.seeds, seed=SEED, epochs=epochs)
    network, weights, _ = load(run / f"seed{SEED}/network.safetensors")
    card = card_of(name, recipe, task, weights, summary)
    path = out / f"{name}.safetensors"
    save(path, weights, network=network, notes=to_notes(card))
    size = path.stat().st_size
    if size > MOST:
        path.unlink()
        raise ValueError(f"{path} would have {size} bytes, more than {MOST}.")
    error = round(card.standard_error, 4)
    return {"name": name, "test_accuracy": card.test_accuracy, "error": error} | {
        "other_seeds": card.other_seeds,
        "bytes": size,
    }


def card_of(
    name: str, recipe: Recipe, task: Task, weights: Any, summary: Mapping[str, Any]
) -> Card:
    """What is to be known of a network."""
    test = task.parts["test"]
    found = predict(jax.jit(partial(scores, task.network)), weights, test)
    accuracies = summary["test_accuracies"]
    if found.accuracy != accuracies[0]:
        raise ValueError(f"{name} reads {found.accuracy} now, {accuracies[0]} before.")
    steps, _, *inputs = test.raster(np.arange(1), None).shape
    licence, cite = source_of(recipe)
    return Card(
        name=name,
        about=recipe.about,
        command=f"./run python -m benchmarks.train_models {name}",
        task=task.name,
        options=dict(task.options),
        encoding=recipe.encoding,
        inputs=tuple(inputs),
        steps=steps,
        dt=task.network.dt,
        readout=readout_name(task.network),
        classes=task.classes,
        seed=SEED,
        epochs=summary["epochs"],
        chosen_epoch=summary["chosen_epochs"][0],
        test_accuracy=found.accuracy,
        standard_error=standard_error(test, found.guesses),
        other_seeds=tuple(accuracies[1:]),
        chance=found.chance,
        linear=summary["linear_readout_test_accuracy"],
        data={split: data_of(part) for split, part in task.parts.items()},
        data_set=recipe.data_set,
        licence=licence,
        cite=cite,
        licence_of_weights=OF_WEIGHTS,
        versions=environment()["versions"],
    )


def source_of(recipe: Recipe) -> tuple[str, str]:
    """Licence of the data and who is to be cited."""
    if recipe.source is not None:
        return recipe.source
    known = DATA_SETS[recipe.data_set]
    return known.licence + recipe.provenance, known.cite


def standard_error(part: Part, guesses: np.ndarray) -> float:
    """Of an accuracy, over samples: steps of one sample go together.

        p = Σ r / Σ l        σ² = N/(N-1) Σ (r - p l)² / (Σ l)²

    for r right steps of l labelled ones; with one label a sample √(p (1-p) / (N-1)).

    Args:
        part: that was tested, ``labels`` ``[N]`` or ``[N, T]``; -1: none.
        guesses: for each label that there is, in order, as ``predict`` gives them.
    """
    known = part.labels.reshape(len(part.labels), -1) >= 0
    right = np.zeros(known.shape)
    right[known] = guesses == part.labels[part.labels >= 0]
    labelled, n = known.sum(axis=1), len(known)
    apart = right.sum(axis=1) - right.sum() / labelled.sum() * labelled
    return float(np.sqrt(n / (n - 1) * np.sum(apart**2)) / labelled.sum())


if __name__ == "__main__":
    sys.exit(main())
