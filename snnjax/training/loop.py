"""A training loop that survives being killed.

``fit`` repeats an update over epochs, shows progress, keeps the weights that do best on
validation data, and resumes from its folder bit for bit.
"""

import json
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from snnjax import check, files
from snnjax.cell import nonfinite
from snnjax.progress import bar
from snnjax.training import checkpoint
from snnjax.training.step import Metrics, TrainState


class Fit(NamedTuple):
    """What ``fit`` found."""

    state: TrainState  # after the last epoch
    best_weights: Any  # those of the epoch that did best on validation data
    best_epoch: int
    history: list[dict[str, float]]  # one entry for each epoch


def fit(
    step: Callable[..., tuple[TrainState, Metrics]],
    state: TrainState,
    batches: Callable[[int], Iterable[tuple]],
    *,
    epochs: int,
    validate: Callable[[Any], Metrics],
    monitor: str = "accuracy",
    mode: str = "max",
    patience: int | None = None,
    folder: str | Path | None = None,
    progress: bool = True,
    name: str = "training",
) -> Fit:
    """Trains for a number of epochs and keeps the weights that do best in validation.

    Killed at any moment and called again with the same arguments, it goes on from its
    folder and ends with the same bits.

    Args:
        step: ``(state, *batch) -> (state, metrics)``, as a rule ``jit(make_step(…))``.
        state: where to start.
        batches: ``epoch -> batches``; must depend on the number of the epoch alone.
        epochs: how many epochs in all.
        validate: ``weights -> metrics`` on validation data, after every epoch; named
            ``validation_…`` in the history.
        monitor: which of these decides.
        mode: whether ``"max"`` or ``"min"`` of it is best.
        patience: stop after so many epochs without a better one; never if omitted.
        folder: for the checkpoint and ``metrics.jsonl``; nothing is kept if omitted.
        progress: whether to show a bar (lines where there is no terminal) on stderr.
        name: what the progress is of.

    Returns:
        ``Fit(state, best_weights, best_epoch, history)``.

    Raises:
        ValueError: for arguments out of range, a ``monitor`` that validation does not
            report, or a folder with a damaged checkpoint, the run of another network,
            a longer run, or one with another ``monitor`` or ``mode``.
        FloatingPointError: when a loss or a state is no longer finite; it says in
            which layer. The checkpoint of the epoch before stays.
    """
    check.whole("epochs", epochs)
    if mode not in ("max", "min"):
        raise ValueError(f"mode must be 'max' or 'min', got {mode!r}.")
    if patience is not None:
        check.whole("patience", patience)

    state = jax.tree.map(jnp.asarray, state)
    best, history = state.weights, list[dict[str, float]]()
    if folder is not None:
        folder = Path(folder)
        state, best, history = _resume(folder, state, epochs, [mode, monitor])

    with bar(name, note="compiling", shown=progress) as update:
        while len(history) < epochs and not _stale(history, monitor, mode, patience):
            began = time.perf_counter()
            state, means = _epoch(step, state, batches(len(history)), len(history))
            checked = {k: float(v) for k, v in validate(state.weights).items()}
            if monitor not in checked:
                raise ValueError(f"monitor={monitor!r} is none of {sorted(checked)}.")
            row = {"epoch": len(history)} | means
            row |= {f"validation_{k}": v for k, v in checked.items()}
            history.append(row | {"seconds": time.perf_counter() - began})
            if _best_epoch(history, monitor, mode) == len(history) - 1:
                best = jax.tree.map(jnp.copy, state.weights)  # a step may donate
            if folder is not None:
                note = {"history": history, "chosen_by": [mode, monitor]}
                checkpoint.save(folder, len(history), (state, best), note)
                _write_lines(folder / "metrics.jsonl", history)
            update(len(history), epochs, _summary(history[-1], monitor, epochs))
    return Fit(state, best, _best_epoch(history, monitor, mode), history)


def _resume(folder, state, epochs, chosen_by):
    """Where a run stopped, or where it starts; its metrics.jsonl is made to agree."""
    best, history = state.weights, []
    found = checkpoint.restore(folder, (state, best))
    if found is not None:
        (state, best), note = found
        history = note["history"]
        if note["chosen_by"] != chosen_by:
            raise ValueError(
                f"The run in {folder} chose its best weights by "
                f"{' '.join(note['chosen_by'])}, not {' '.join(chosen_by)}. "
                "Name another folder."
            )
        if len(history) > epochs:
            raise ValueError(
                f"The run in {folder} has {len(history)} epochs already, more than "
                f"the {epochs} asked for. Name another folder, or ask for as many."
            )
    _write_lines(folder / "metrics.jsonl", history)
    return state, best, history


def _epoch(step, state, batches, epoch):
    """One pass; metrics stay on the device until its end."""
    every = []
    for batch in batches:
        state, metrics = step(state, *batch)
        every.append(metrics)
    if not every:
        raise ValueError(f"Epoch {epoch} has no batches.")
    every = jax.device_get(every)
    broken = {
        k for m in every for k, bad in m.get("nonfinite", {}).items() if np.any(bad)
    }
    means = {
        k: float(np.mean([m[k] for m in every])) for k in every[0] if k != "nonfinite"
    }
    if not broken and not np.isfinite(means["loss"]):
        broken = {"the loss"}
    if not broken:  # the last update may have spoilt the weights alone
        broken = {f"weights{k}" for k, bad in nonfinite(state.weights).items() if bad}
    if broken:
        where = ", ".join(sorted(broken))
        raise FloatingPointError(
            f"Epoch {epoch}: not finite any more: {where}. Try a smaller learning "
            "rate, gradient clipping, or look at the inputs for NaN."
        )
    return state, means


def _best_epoch(history, monitor, mode):
    sign = 1.0 if mode == "max" else -1.0
    scores = [sign * row[f"validation_{monitor}"] for row in history]
    return int(np.argmax([s if np.isfinite(s) else -np.inf for s in scores]))


def _stale(history, monitor, mode, patience):
    if patience is None or not history:
        return False
    return len(history) - 1 - _best_epoch(history, monitor, mode) >= patience


def _write_lines(path: Path, rows: list[dict[str, float]]) -> None:
    files.write_text(path, "".join(json.dumps(row) + "\n" for row in rows))


def _summary(row, monitor, epochs):
    return (
        f"epoch {row['epoch'] + 1}/{epochs}  loss {row['loss']:.3f}  "
        f"validation {monitor} {row[f'validation_{monitor}']:.3f}"
    )
