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
    """A finished training."""

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
    check.one_of("mode", mode, ("max", "min"))
    if patience is not None:
        check.whole("patience", patience)

    folder, criterion = None if folder is None else Path(folder), _Best(mode, monitor)
    state = jax.tree.map(jnp.asarray, state)
    best, history = state.weights, list[dict[str, float]]()
    if folder is not None:
        state, best, history = _resume(folder, state, epochs, criterion)

    with bar(name, note="compiling", shown=progress) as update:
        while len(history) < epochs and not criterion.stale(history, patience):
            began = time.perf_counter()
            state, means = _epoch(step, state, batches(len(history)), len(history))
            scores = _scores(validate(state.weights), monitor)
            row = {"epoch": len(history)} | means | scores
            history.append(row | {"seconds": time.perf_counter() - began})
            if criterion.epoch(history) == len(history) - 1:
                best = jax.tree.map(jnp.copy, state.weights)  # a step may donate
            if folder is not None:
                _save(folder, state, best, history, criterion)
            update(len(history), epochs, _summary(history[-1], monitor, epochs))
    return Fit(state, best, criterion.epoch(history), history)


class _Best(NamedTuple):
    """What makes an epoch the best one."""

    mode: str
    monitor: str

    def epoch(self, history):
        sign = 1.0 if self.mode == "max" else -1.0
        scores = [sign * row[f"validation_{self.monitor}"] for row in history]
        return int(np.argmax([s if np.isfinite(s) else -np.inf for s in scores]))

    def stale(self, history, patience):
        if patience is None or not history:
            return False
        return len(history) - 1 - self.epoch(history) >= patience


def _resume(folder, state, epochs, criterion):
    """Where a run stopped, or where it starts; its metrics.jsonl is made to agree."""
    best, history = state.weights, []
    restored = checkpoint.restore(folder, (state, best))
    if restored is not None:
        (state, best), note = restored
        history, before = note["history"], note["chosen_by"]
        if before != list(criterion):
            raise ValueError(
                f"The run in {folder} chose its best weights by {' '.join(before)}, "
                f"not {' '.join(criterion)}. Name another folder."
            )
        if len(history) > epochs:
            raise ValueError(
                f"The run in {folder} has {len(history)} epochs already, more than "
                f"the {epochs} asked for. Name another folder, or ask for as many."
            )
    _write_metrics(folder, history)
    return state, best, history


def _save(folder, state, best, history, criterion):
    note = {"history": history, "chosen_by": list(criterion)}
    checkpoint.save(folder, len(history), (state, best), note)
    _write_metrics(folder, history)


def _write_metrics(folder, history):
    lines = "".join(json.dumps(row) + "\n" for row in history)
    files.write_text(folder / "metrics.jsonl", lines)


def _epoch(step, state, batches, epoch):
    """One pass and the means of its metrics, which stay on the device until its end."""
    rows = []
    for batch in batches:
        state, metrics = step(state, *batch)
        rows.append(metrics)
    if not rows:
        raise ValueError(f"Epoch {epoch} has no batches.")
    rows = jax.device_get(rows)
    names = [name for name in rows[0] if name != "nonfinite"]
    means = {name: float(np.mean([row[name] for row in rows])) for name in names}
    where = _where_nonfinite(rows, means["loss"], state.weights)
    if where:
        raise FloatingPointError(
            f"Epoch {epoch}: not finite any more: {', '.join(sorted(where))}. Try a "
            "smaller learning rate, gradient clipping, or look at the inputs for NaN."
        )
    return state, means


def _where_nonfinite(rows, loss, weights):
    """Where NaN or infinity came up: in a state, the loss, or the weights alone."""
    states = {
        path
        for row in rows
        for path, bad in row.get("nonfinite", {}).items()
        if np.any(bad)
    }
    if states:
        return states
    if not np.isfinite(loss):
        return {"the loss"}
    return {f"weights{path}" for path, bad in nonfinite(weights).items() if bad}


def _scores(metrics, monitor):
    """Metrics of validation, as the history names them."""
    if monitor not in metrics:
        raise ValueError(f"monitor={monitor!r} is none of {sorted(metrics)}.")
    return {f"validation_{name}": float(value) for name, value in metrics.items()}


def _summary(row, monitor, epochs):
    return (
        f"epoch {row['epoch'] + 1}/{epochs}  loss {row['loss']:.3f}  "
        f"validation {monitor} {row[f'validation_{monitor}']:.3f}"
    )
