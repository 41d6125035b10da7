"""Trains a task at every combination of some numbers, and leaves a table.

Slopes, learning rates and seeds share one program; what changes shapes or the number of
updates (neurons, steps of time, batches, epochs) goes one after another.
"""

import json
import platform
import warnings
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import jax
import numpy as np

from snnjax import check, files, plot
from snnjax.progress import bar
from snnjax.tasks.fitting_many import METRICS, fit_many, with_slope
from snnjax.tasks.recipe import recipe
from snnjax.tasks.sweep_figure import draw
from snnjax.tasks.task import Task
from snnjax.training import environment
from snnjax.training.identity import plain
from snnjax.training.table import KeptRows, read, written

TOGETHER = "slope", "learning_rate"  # in one program
IN_TURN = "hidden", "dt", "duration", "batch", "epochs"  # one after another
_OF_SCHEDULE = "batch", "epochs"
_WHOLE = "hidden", "batch", "epochs", "seed"
_FLOAT = np.dtype(np.float32)


def sweep_task(
    make: Callable[..., Task],
    folder: str | Path,
    columns: Mapping[str, Sequence[float]],
    *,
    seeds: int = 1,
    seed: int = 0,
    at_once: int | None = None,
    progress: bool = True,
) -> dict[str, Any]:
    """Trains a task at every combination, each as ``train`` does it alone.

    Args:
        make: makes the task, given those of ``hidden``, ``dt`` and ``duration`` that
            are varied.
        folder: for ``sweep.csv``, ``sweep.png`` and ``summary.json``; what is in the
            table there already is not trained again.
        columns: the values of each of ``TOGETHER`` and ``IN_TURN`` that is varied.
        seeds: how many networks for each combination.
        seed: of the first one.
        at_once: networks that are trained side by side and kept together; four on each
            device if omitted.
        progress: whether to show it, on stderr.

    Returns:
        The summary, as in ``folder/summary.json``. The best combination is that of the
        highest validation accuracy, a mean over seeds.

    Raises:
        ValueError: for columns that the task does not have or that are no numbers, for
            a folder with the table of another sweep or that is none; in a job of
            several processes.
        BlockingIOError: if another process sweeps there.
        ImportError: without matplotlib, before anything is trained.
    """
    if jax.process_count() > 1:
        raise ValueError(
            "A sweep of a task runs in one process, on all its devices; training.sweep "
            "takes several."
        )
    check.whole("seeds", seeds)
    check.whole("seed", seed, least=0)
    if at_once is not None:
        check.whole("at_once", at_once)
    grid = {name: _values(name, values) for name, values in columns.items()}
    grid["seed"] = range(seed, seed + seeds)
    plot.figure()  # fails here rather than after the training
    folder = Path(folder)
    files.check_folder(folder)
    with files.lock(folder / "sweep.csv"):
        cases = _cases(grid)
        first = _made(make, cases[0])
        if "slope" in grid:
            with_slope(first.network, 1.0)
        types = {n: np.dtype(np.int32) if n in _WHOLE else _FLOAT for n in grid}
        metrics = dict.fromkeys(METRICS, _FLOAT)
        rows = KeptRows(folder / "sweep.csv", types, metrics, _made_by(first, grid))
        names = {_name(case, types): case for case in cases}
        found = sum(name in rows for name in names)
        _train(make, names, rows, at_once or 4 * len(jax.devices()), progress)
        table = {n: np.array([case[n] for case in names.values()]) for n in grid}
        for k, metric in enumerate(METRICS):
            texts = [rows[name][k] for name in names]
            table[metric] = np.array([read(text, _FLOAT) for text in texts])
        summary = _summary(first, grid, table, found)
        text = json.dumps(summary, indent=2) + "\n"
        files.write_text(folder / "summary.json", text)
        drawn = draw(table, [*grid], summary["chance"], first.name)
        with files.atomic(folder / "sweep.png") as new:
            drawn.savefig(new, dpi=120, format="png")
    return summary


def _values(name, values):
    if name not in (*TOGETHER, *IN_TURN):
        raise ValueError(
            f"{name} cannot be varied; {', '.join(TOGETHER + IN_TURN)} can."
        )
    for value in values:
        if name in _WHOLE:
            check.whole(name, value)
        else:
            check.positive(name, value)
    if not values or len({np.float32(value) for value in values}) < len(values):
        raise ValueError(f"{name} must have one value at least, none twice: {values}.")
    return values


def _cases(grid):
    """Every combination, by name; those of one shape one after another."""
    order = sorted(grid, key=lambda name: name not in IN_TURN)
    return [
        dict(zip(order, each, strict=True)) for each in product(*map(grid.get, order))
    ]


def _name(case, types):
    return tuple(written(types[name].type(case[name])) for name in types)


def _made(make, case):
    """The task of a combination."""
    own = {k: v for k, v in case.items() if k in IN_TURN and k not in _OF_SCHEDULE}
    task = make(**own)
    schedule = {k: v for k, v in case.items() if k in _OF_SCHEDULE}
    task = task._replace(schedule=task.schedule._replace(**schedule))
    samples = len(task.parts["train"].labels)
    if schedule.get("batch", 1) > samples:
        raise ValueError(f"batch must be at most the {samples} samples to train on.")
    return task


def _made_by(task, grid):
    """What made the table, beside what is varied."""
    told = recipe(task, "bptt", None)
    options = {k: v for k, v in task.options.items() if k not in grid}
    schedule = {k: v for k, v in task.schedule._asdict().items() if k not in grid}
    data = {k: v["labels"] for k, v in told["data"].items()}
    if not {"dt", "duration"} & {*grid}:
        data |= {f"{k} spikes": v["spikes"] for k, v in told["data"].items()}
    if not {*grid} & {*IN_TURN}:
        options["network"] = told["network"]
    made = {"task": task.name, "options": options, "schedule": schedule, "data": data}
    return {
        "recipe": plain(made),
        "update": None,
        "environment": environment() | {"machine": platform.machine()},
    }


def _train(make, names, rows, at_once, progress):
    """Trains what the table lacks, some networks at once."""
    groups: dict[tuple, list] = {}
    for name, case in names.items():
        if name not in rows:
            shape = tuple((k, v) for k, v in case.items() if k in IN_TURN)
            groups.setdefault(shape, []).append((name, case))
    if not groups:
        return
    rows.begin(1)  # on each device networks take turns
    total = done = len(names)
    done -= sum(map(len, groups.values()))
    with bar("sweep", note="reading data and compiling", shown=progress) as update:
        for group in groups.values():
            task = _made(make, group[0][1])
            for k in range(0, len(group), at_once):
                part = group[k : k + at_once]
                told = f"networks {done + 1} to {done + len(part)} of {total}"

                def epochs(now, of, told=told):
                    update(now, of, f"{told}, epoch {now}/{of}")

                found = fit_many(task, _points(task, part), epochs)
                texts = zip(*(map(written, found[m]) for m in METRICS), strict=True)
                rows.add(zip((name for name, _ in part), texts, strict=True))
                done += len(part)


def _points(task, part):
    cases = [{"learning_rate": task.schedule.learning_rate} | case for _, case in part]
    names = [n for n in (*TOGETHER, "seed") if n in cases[0]]
    kinds = {"seed": np.int32}
    return {n: np.array([c[n] for c in cases], kinds.get(n, np.float32)) for n in names}


def _summary(task, grid, table, found):
    """What is told of a sweep, its best combination first."""
    varied = [name for name in grid if name != "seed"]
    means: dict[tuple, list] = {}
    for k in range(len(table["seed"])):
        means.setdefault(tuple(table[n][k].item() for n in varied), []).append(k)
    score = {c: np.mean(table["validation_accuracy"][k]) for c, k in means.items()}
    finite = {case: each for case, each in score.items() if np.isfinite(each)}
    labels = task.parts["test"].labels
    best: dict[str, Any] = {}
    if finite:
        case = max(finite, key=finite.__getitem__)
        tests = table["test_accuracy"][means[case]].astype(float)
        best = dict(zip(varied, case, strict=True)) | {
            "validation_accuracy": float(finite[case]),
            "test_accuracy": float(tests.mean()),
            "test_accuracies": tests.tolist(),
        }
    broken = int(np.sum(~np.isfinite(table["test_accuracy"])))
    if broken:
        warnings.warn(
            f"{broken} of {len(table['seed'])} networks stopped being finite; they "
            "stand in the table as nan.",
            stacklevel=3,
        )
    return {
        "task": task.name,
        "columns": {name: [*values] for name, values in grid.items()},
        "best": best,
        "networks": len(table["seed"]),
        "found_already": found,
        "not_finite": broken,
        "chance": float(np.bincount(labels[labels >= 0]).max() / np.sum(labels >= 0)),
        **{k: v for k, v in task.options.items() if k not in grid},
        **environment(),
    }
