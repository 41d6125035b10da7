"""How fragile is what was trained? Its weights on many chips, none like another.

A trained network is rebuilt with the constants and gains of each chip, and read on the
same samples. The same chips are taken for every mismatch, only further from what was
meant; all are one program.
"""

import json
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from snnjax import check, files, plot
from snnjax.hardware import distorted
from snnjax.learning import accuracy
from snnjax.tasks.network import Network, in_steps, scores
from snnjax.tasks.runs import load_run
from snnjax.tasks.task import Part
from snnjax.training import environment
from snnjax.training.identity import digest

SAMPLES = 500
_MOST = 3.0  # a spread above is a percentage by mistake


def transfer(
    run: str | Path,
    folder: str | Path | None = None,
    *,
    mismatch: Sequence[float] = (0.1, 0.2, 0.3),
    chips: int = 100,
    samples: int = SAMPLES,
    seed: int = 0,
    data: str | Path | None = None,
) -> dict[str, Any]:
    """Tests what was trained on many chips, and leaves a folder with a report.

    Args:
        run: folder of a finished training; all of its networks are tested.
        folder: where to; ``run/transfer`` if omitted.
        mismatch: spreads, as fractions: 0.3 is 30 %. All constants of the neurons but
            the value to reset to vary, and their gains.
        chips: how many.
        samples: of the test part, evenly from all of it; fewer if there are not so
            many.
        seed: which chips.
        data: folder with the files of the task; the usual ones if omitted.

    Returns:
        The summary, as in ``folder/summary.json``; ``"accuracies"`` has those of each
        network, mismatch and chip.

    Raises:
        FileNotFoundError: if there is no such run.
        ValueError: for a run of something else; numbers that make no sense; a folder
            that holds anything else.
        ImportError: without matplotlib.
    """
    mismatch = _checked(mismatch)
    for name, value in (("chips", chips), ("samples", samples)):
        check.whole(name, value)
    check.whole("seed", seed, least=0)
    plot.figure()  # fails here rather than in the end
    out = Path(run) / "transfer" if folder is None else Path(folder)
    found = load_run(run, data)
    where = str(Path(run).resolve())
    asked = {"run": where, "mismatch": mismatch, "chips": chips, "seed": seed}
    network = in_steps("Mismatch of chips", found.task.network)
    part = found.task.parts["test"]
    asked |= {"task": found.task.name, "part": "test"}
    asked |= {"samples": min(samples, len(part.labels)), "labels": digest(part.labels)}
    _refuse_another(out, asked)
    each = list(found.weights.values())
    plain, accuracies, seconds = _tested(network, each, part, mismatch, asked)
    summary = {**asked, **_told(list(found.weights), plain, accuracies), **seconds}
    summary |= environment()
    out.mkdir(parents=True, exist_ok=True)
    with files.lock(out):
        files.write_text(out / "summary.json", json.dumps(summary, indent=1) + "\n")
        figure = page(summary)
        with files.atomic(out / "report.png") as new:
            figure.savefig(new, dpi=150, format="png")
    return summary


def _checked(mismatch):
    """Spreads in order, refused unless each is a fraction."""
    if not isinstance(mismatch, tuple | list | np.ndarray):
        raise ValueError(
            f"mismatch must be spreads, such as (0.1, 0.3), got {check.told(mismatch)}."
        )
    if not len(mismatch):
        raise ValueError("mismatch must be one number or more, got none.")
    for spread in mismatch:
        if not 0 <= spread <= _MOST:
            raise ValueError(
                f"mismatch is a fraction, 0.3 for 30 %, from 0 to {_MOST:g}; got "
                f"{spread:g}."
            )
    return sorted({float(spread) for spread in mismatch})


def _refuse_another(out, asked):
    """Refuses a folder whose contents would be lost."""
    files.check_folder(out)
    path = out / "summary.json"
    if not path.exists():
        return
    try:
        before = json.loads(path.read_text(encoding="utf-8"))
        same = all(before[name] == value for name, value in asked.items())
    except (ValueError, TypeError, KeyError):
        same = False
    if not same:
        raise ValueError(
            f"{out} holds the summary of something else that was asked for. Name "
            "another folder with --out, or remove it."
        )


def hits(
    network: Network,
    weights: Any,
    xs: jax.Array,
    labels: jax.Array,
    keys: jax.Array,
    mismatch: jax.Array,
) -> jax.Array:
    """Accuracy on each of ``K`` chips, one after another.

    Args:
        network: as it was trained.
        weights: of it.
        xs: inputs ``[T, B, *n_in]``.
        labels: ``[B]``, or ``[T, B]`` where steps have them.
        keys: of the chips, ``[K]``.
        mismatch: of each, ``[K]``.
    """
    mask = labels >= 0 if labels.ndim > 1 else None

    def one(chip):
        cell = distorted(chip[0], network.cell, chip[1])
        return accuracy(scores(network._replace(cell=cell), weights, xs), labels, mask)

    return jax.lax.map(one, (keys, mismatch))


def _tested(network: Network, each: list, part: Part, mismatch, asked):
    """Accuracies without mismatch, those on chips, and how long it took."""
    n, chips = len(part.labels), asked["chips"]
    rows = np.linspace(0, n - 1, asked["samples"]).round().astype(int)
    xs = jnp.asarray(part.raster(rows, None))
    labels = jnp.asarray(np.moveaxis(part.labels[rows], 0, -1))
    drawn = jax.random.split(jax.random.key(asked["seed"]), chips)
    keys = jnp.concatenate([drawn[:1], *[drawn] * len(mismatch)])
    spreads = jnp.asarray(np.repeat([0.0, *mismatch], [1, *[chips] * len(mismatch)]))
    given = xs, labels, keys, spreads.astype(jnp.float32)
    began = time.perf_counter()
    compiled = jax.jit(partial(hits, network)).lower(each[0], *given).compile()
    ready = time.perf_counter()
    found = np.stack([np.asarray(compiled(weights, *given)) for weights in each])
    seconds = {
        "compile_seconds": ready - began,
        "run_seconds": time.perf_counter() - ready,
    }
    return found[:, 0], found[:, 1:].reshape(len(each), len(mismatch), chips), seconds


def _told(names, plain, accuracies):
    """What came of it, in numbers that JSON can keep."""
    by_mismatch = accuracies.swapaxes(0, 1).reshape(accuracies.shape[1], -1)
    return {
        "networks": names,
        "accuracy_without_mismatch": plain.round(6).tolist(),
        "mean": by_mismatch.mean(axis=1).round(6).tolist(),
        "standard_deviation": by_mismatch.std(axis=1).round(6).tolist(),
        "worst": by_mismatch.min(axis=1).round(6).tolist(),
        "best": by_mismatch.max(axis=1).round(6).tolist(),
        "accuracies": accuracies.round(6).tolist(),
    }


def page(summary: dict[str, Any]) -> Any:
    """A figure: accuracy against mismatch, each chip a dot."""
    figure, axes = plot.figure(1, 1, (7.0, 4.5))
    ax = axes[0, 0]
    start = np.mean(summary["accuracy_without_mismatch"])
    percent = 100.0 * np.array([0.0, *summary["mismatch"]])
    each = np.asarray(summary["accuracies"]).swapaxes(0, 1)
    each = each.reshape(len(each), -1)
    middle = [start, *np.median(each, axis=1)]
    low, high = ([start, *np.quantile(each, q, axis=1)] for q in (0.1, 0.9))
    ax.fill_between(percent, low, high, color="#0072b2", alpha=0.2, linewidth=0)
    for x, ys in zip(percent[1:], each, strict=True):
        ax.plot(np.full(ys.size, x), ys, ".", color="0.35", markersize=3, alpha=0.5)
    ax.plot(percent, middle, "o-", color="#0072b2", label="median chip, 10 to 90 %")
    ax.axhline(start, color="#d55e00", linestyle=":", label="without mismatch")
    ax.set(ylim=(0.0, 1.02), xlabel="mismatch (%)", ylabel="test accuracy")
    ax.set(title=f"{summary['task']} on {summary['chips']} chips, not trained there")
    ax.legend(frameon=False, loc="lower left")
    return figure


def table(summary: dict[str, Any]) -> str:
    """The same in words, a line for each mismatch."""
    start = float(np.mean(summary["accuracy_without_mismatch"]))
    lines = [
        f"{'mismatch':>8}  {'mean':>6}  {'s.d.':>6}  {'worst':>6}  {'best':>6}",
        f"{'0 %':>8}  {start:6.3f}",
    ]
    columns = "mismatch", "mean", "standard_deviation", "worst", "best"
    for spread, *numbers in zip(*(summary[name] for name in columns), strict=True):
        told = "  ".join(f"{number:6.3f}" for number in numbers)
        lines.append(f"{f'{100 * spread:g} %':>8}  {told}")
    return "\n".join(lines)
