"""What a finished training left: its task, and the weights that it chose."""

import json
import warnings
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np

from snnjax.cell import Weights
from snnjax.tasks import own_data
from snnjax.tasks.catalogue import task_of
from snnjax.tasks.fitting import adam
from snnjax.tasks.looped import IN_THE_LOOP
from snnjax.tasks.network import identity_of
from snnjax.tasks.rules import BPTT, learner
from snnjax.tasks.samples_file import digests, kept_samples
from snnjax.tasks.task import Task, some
from snnjax.training import checkpoint, init_train_state
from snnjax.training.identity import digest, plain


class Run(NamedTuple):
    """A finished training."""

    task: Task  # with the network as it was trained
    weights: dict[str, Weights]  # those kept, by seed: "seed0" and so on


def load_run(folder: str | Path, data: str | Path | None = None) -> Run:
    """Reads the folder of a finished training.

    Args:
        folder: that ``train`` left.
        data: folder with the files of the task; the usual ones if omitted. Of one's own
            recordings, the same ones, or others: all of these test, but for those that
            were trained on, of which a warning tells.

    Raises:
        FileNotFoundError: if there is no such folder, or no data.
        ValueError: for a folder of something else, of an unfinished or damaged run, or
            of one with another network or other data than the task has today.
    """
    folder = Path(folder)
    recipes = _recipes(folder)
    first = next(iter(recipes.values()))
    others = False
    if first["task"] == own_data.NAME:
        task, others = _own(folder, first["options"], data)
    else:
        task = task_of(first["task"], data, **first["options"])
    if first["rule"] not in (BPTT, IN_THE_LOOP):
        network = learner(task, first["rule"], first["block"]).network
        task = task._replace(network=network)
    for seed, recipe in recipes.items():
        _refuse_another(folder / seed, task, recipe, others=others)
    return Run(task, {seed: _best(folder / seed, task) for seed in recipes})


def _own(folder, options, data):
    """One's own recordings, and whether they are others than those of the run."""
    measured = _told(folder, "measured")
    kept = kept_samples(folder)
    if data is None:
        home = _told(folder, "data")
        task = task_of(own_data.NAME, home, **options)
        if not _tests_the_same(task, kept):
            raise ValueError(
                f"The recordings in {home} are no longer those of the run {folder}. "
                f"With --data {home} all of them test that were not trained on."
            )
        return task, False
    task = task_of(own_data.NAME, data, measured=measured, **options)
    part = task.parts["test"]
    found = digests(part, task.samples["test"])
    fits = {each for split, each in kept if split != "test"}
    if sorted(found) == sorted(each for _, each in kept):
        same = task_of(own_data.NAME, data, **options)  # perhaps by other names
        if _tests_the_same(same, kept):
            return same, False
    new = np.array([k for k, each in enumerate(found) if each not in fits], int)
    if not len(new):
        raise ValueError(f"All {len(found)} samples of {data} were trained on.")
    if len(new) < len(found):
        warnings.warn(
            f"{len(found) - len(new)} of {len(found)} samples of {data} were trained "
            f"on; the other {len(new)} are tested.",
            stacklevel=3,
        )
    parts = {**task.parts, "test": some(part, new)}
    return task._replace(parts=parts, samples={}), True


def _tests_the_same(task, kept):
    """Whether the samples that test are those that tested."""
    tests = sorted(each for split, each in kept if split == "test")
    return sorted(digests(task.parts["test"], task.samples["test"])) == tests


def _told(folder, name):
    """A note of the summary."""
    try:
        return json.loads((folder / "summary.json").read_text(encoding="utf-8"))[name]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{folder / 'summary.json'} does not tell {name!r} of the run: {error!r}."
        ) from None


def _recipes(folder):
    """What made the networks of a folder, by seed."""
    if not folder.is_dir():
        raise FileNotFoundError(f"There is no run {folder}: no such folder.")
    found = sorted(folder.glob("seed*/run.json"), key=lambda p: (len(str(p)), str(p)))
    if not found or not (folder / "summary.json").is_file():
        raise ValueError(
            f"{folder} is not the folder of a finished training, which has "
            "summary.json and seed0/run.json. Train first: snnjax train TASK --out "
            "FOLDER."
        )
    return {path.parent.name: _recipe(path) for path in found}


def _recipe(path):
    try:
        recipe = json.loads(path.read_text(encoding="utf-8"))["recipe"]
        missing = {"task", "options", "network", "rule", "block", "data"} - {*recipe}
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{path} does not say what made the run: {error!r}.") from None
    if missing:
        raise ValueError(
            f"{path} is of another kind of run: it says nothing of "
            f"{', '.join(sorted(missing))}."
        )
    return recipe


def _refuse_another(folder, task, recipe, *, others=False):
    """Refuses a run whose network or data are not those that the task has today."""
    network, labels = task.network, task.parts["test"].labels
    now = {
        "task": task.name,
        **{name: plain(each) for name, each in identity_of(network).items()},
        "test labels": digest(labels),
    }
    if others:
        del now["test labels"]
    then = {**recipe, "test labels": recipe["data"]["test"]["labels"]}
    odd = [
        f"{name} ({then.get(name)}, now {each})"
        for name, each in now.items()
        if then.get(name) != each
    ]
    if odd:
        raise ValueError(
            f"The run in {folder} is not of the task as it is here. What differs: "
            f"{'; '.join(odd)}."
        )


def _best(folder, task):
    weights = jax.jit(task.network.init)(jax.random.key(0))
    like = init_train_state(weights, adam(task.schedule, 1)), weights
    restored = checkpoint.restore(folder, like)
    if restored is None:
        raise ValueError(f"{folder} has no checkpoint.")
    state, best = restored[0]
    return state.weights if task.schedule.epoch == "last" else best
