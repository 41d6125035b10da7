"""A training loop that survives being killed.

``fit`` repeats an update over epochs, shows progress, keeps the weights that do best on
validation data, and resumes from its folder bit for bit.
"""

import contextlib
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from snnjax import check
from snnjax.cell import nonfinite
from snnjax.progress import bar
from snnjax.training.folder import Criterion, Folder
from snnjax.training.parallel import first
from snnjax.training.silence import SILENT, UNMOVED, warn_of_silence
from snnjax.training.step import Metrics, TrainState

_BY_NAME = ("nonfinite", SILENT, UNMOVED)  # metrics that are no means


class Fit(NamedTuple):
    """A finished training.

    Example:
        >>> def loss(w):
        ...     return (w - 1.0) ** 2
        ...
        >>> optimizer = optax.sgd(0.25)
        >>> step = jax.jit(snn.training.make_step(loss, optimizer))
        >>> state = snn.training.init_train_state(jnp.array(0.0), optimizer)
        >>> def batches(epoch):
        ...     return [()]
        ...
        >>> fitted = snn.training.fit(step, state, batches, epochs=2, progress=False)
        >>> [row["loss"] for row in fitted.history]
        [1.0, 0.25]
    """

    state: TrainState  # after the last epoch
    # those of the epoch that did best on validation data, the first of equal ones
    best_weights: Any
    best_epoch: int  # counted from 1, as all that is told of epochs
    history: list[dict[str, float]]  # one entry for each epoch
    resumed_after: int = 0  # epochs that its folder held already

    @property
    def best(self) -> dict[str, float]:
        """The entry of the epoch that did best."""
        return self.history[self.best_epoch - 1]


def fit(
    step: Callable[..., tuple[TrainState, Metrics]],
    state: TrainState,
    batches: Callable[[int], Iterable[tuple]],
    *,
    epochs: int,
    validate: Callable[[Any], Metrics] | None = None,
    monitor: str | None = None,
    mode: str | None = None,
    patience: int | None = None,
    on_epoch: Callable[[dict[str, float], Any], Any] | None = None,
    folder: str | Path | None = None,
    save_every: float = 2.0,
    recipe: Mapping[str, Any] | None = None,
    progress: bool = True,
    name: str = "training",
) -> Fit:
    """Trains for a number of epochs and keeps the weights that do best in validation.

    Killed at any moment and called again with the same arguments, it goes on from its
    folder and ends with the same bits. The folder knows its run by ``recipe``, the
    update as it is compiled, ``state`` and the batches (the first 64 of epoch 0): where
    one of these is another, it is refused by name and the folder stays as it is. More
    epochs go on where the update is the same, so not where the learning rate depends on
    their number. With other versions or another device, compiled programs and drawn
    numbers prove nothing; this is told in a warning. So are layers that never fire and
    weights without gradient, by name and with a cure, see ``make_step``.

    All processes of a ``jax.distributed`` job call it together, with a ``state`` that
    is placed on them and batches that are divided among them (``training.parallel``).
    They share the folder, and the first one writes and decides. A job of another number
    of processes goes on from it, too.

    Args:
        step: ``(state, *batch) -> (state, metrics)``, as a rule ``jit(make_step(…))``.
        state: where to start.
        batches: ``epoch -> batches``; must depend on the number of the epoch alone,
            from 0, as a seed.
        epochs: how many epochs in all.
        validate: ``weights -> metrics`` on validation data, after every epoch; named
            ``validation_…`` in the history. Omitted, metrics of training decide.
        monitor: which of these decides; ``"accuracy"`` if omitted, and ``"loss"``
            without validation.
        mode: whether ``"max"`` or ``"min"`` of it is best; may be omitted for an
            accuracy or a loss.
        patience: stop after so many epochs without a better one; never if omitted.
        on_epoch: ``(row of the history, weights) -> anything``, called after every
            epoch, to log or draw, in every process; epochs that the folder held already
            are not told.
        folder: for the checkpoint, ``metrics.jsonl`` and ``run.json``, which says what
            made the run; nothing is kept if omitted.
        save_every: how often it is written [s], and in the end, however that comes; 0
            for every epoch. A job of several processes that is interrupted ends as one
            that is killed: it goes on from what was written.
        recipe: what else made the run, by name: settings, arrays of data. A change of
            it is refused by that name.
        progress: whether to show a bar (lines where there is no terminal) on stderr,
            and to say there if the folder held some epochs already.
        name: what the progress is of.

    Returns:
        ``Fit(state, best_weights, best_epoch, history, resumed_after)``.

    Raises:
        ValueError: for arguments out of range, a ``monitor`` that is not reported, one
            whose ``mode`` cannot be told, a metric of the step by a name of the
            history (``epoch``, ``seconds``, ``validation_…``), or a folder with a
            damaged checkpoint, another run (what differs is named), a longer one, one
            with another ``monitor`` or ``mode``, or a history without a checkpoint.
        BlockingIOError: if another process or thread holds the folder, with its name.
        FloatingPointError: when a loss or a state is no longer finite; it says in
            which layer. The checkpoint of the epoch before stays.

    Example:
        >>> def loss(w, x):
        ...     return snn.mse(w * x, 2.0 * x)
        ...
        >>> optimizer = optax.adam(0.1)
        >>> step = jax.jit(snn.training.make_step(loss, optimizer))
        >>> state = snn.training.init_train_state(jnp.array(0.0), optimizer)
        >>> def batches(epoch):
        ...     return [(jnp.ones((4, 1)),)] * 20
        ...
        >>> fitted = snn.training.fit(step, state, batches, epochs=5, progress=False)
        >>> print(fitted.best_epoch, f"{fitted.best_weights:.1f}")
        5 2.0
    """
    given = {"step": step, "batches": batches}
    given |= {} if validate is None else {"validate": validate}
    given |= {} if on_epoch is None else {"on_epoch": on_epoch}
    for argument, function in given.items():
        check.function(argument, function)
    _check_start(state)
    if recipe is not None:
        check.mapping("recipe", recipe)
    check.flag("progress", progress)
    check.whole("epochs", epochs)
    check.positive("save_every", save_every, " [s]", zero=True)
    check.one("save_every", save_every)
    if patience is not None:
        check.whole("patience", patience)
    criterion = _criterion(monitor, mode, validated=validate is not None)
    state = jax.tree.map(jnp.asarray, state)
    best, history, told = state.weights, list[dict[str, float]](), set[str]()
    with contextlib.ExitStack() as held:
        kept = None
        if folder is not None:
            kept = held.enter_context(Folder.of_run(folder, criterion))
        shown = progress and jax.process_index() == 0
        if kept is not None:
            run = step, state, batches, recipe or {}
            state, best, history = kept.resume(*run, epochs=epochs)
        found = len(history)
        done = found == epochs or criterion.stale(history, patience)
        if shown and found:
            print(f"{name}  {_found(folder, found, epochs, done)}", file=sys.stderr)
        note = "" if done else "compiling ..."
        update = held.enter_context(bar(name, note=note, shown=shown))
        if found and validate is not None:
            _compare(validate(best), history[criterion.best(history)])
        saved = time.perf_counter()
        while len(history) < epochs and not criterion.stale(history, patience):
            began = time.perf_counter()
            epoch = len(history)
            state, means = _epoch(step, state, batches(epoch), epoch, told)
            scores = _scores(validate, state.weights, means, criterion.monitor)
            _refuse_names(means, "epoch", "seconds", *scores)
            row = {"epoch": epoch + 1} | means | scores
            row |= {"seconds": time.perf_counter() - began}
            late = time.perf_counter() - saved >= save_every
            row, late = first(partial(tuple, (row, late)))
            history.append(row)
            if criterion.best(history) == epoch:
                best = jax.tree.map(jnp.copy, state.weights)  # a step may donate
            ends = len(history) == epochs or criterion.stale(history, patience)
            if kept is not None and (ends or late):
                kept.save(state, best, history)
                saved = time.perf_counter()
            elif kept is not None:
                kept.hold(state, best, history)
            if on_epoch is not None:
                on_epoch(dict(history[-1]), state.weights)
            update(len(history), epochs, _summary(history[-1], criterion, epochs))
    return Fit(state, best, criterion.best(history) + 1, history, found)


def _check_start(state):
    check.fields("state", state, *TrainState._fields)
    for part in TrainState._fields:
        check.arrays(f"{part} of state", getattr(state, part))
    check.array("step of state", jnp.asarray(state.step), "[]", finite=True)
    leaves = [leaf for leaf in jax.tree.leaves(state) if isinstance(leaf, jax.Array)]
    own = any(leaf.is_fully_addressable for leaf in leaves)
    if jax.process_count() > 1 and (own or not leaves):
        raise ValueError(
            "state must be placed on all processes, got arrays of this one alone: "
            "training.parallel.place(state, mesh)."
        )


def _found(folder, found, epochs, done):
    if done:
        return f"has been finished already, {found} epochs in {folder}: not trained"
    return f"goes on after epoch {found} of {epochs}, found in {folder}"


def _compare(metrics, row):
    """Tells if validation no longer says what it said of the best weights."""
    before = {name: row.get(f"validation_{name}", np.nan) for name in metrics}
    odd = [
        f"{name} {before[name]:.6g}, now {float(value):.6g}"
        for name, value in metrics.items()
        if not np.isclose(before[name], float(value), rtol=1e-5, equal_nan=True)
    ]
    if odd:
        warnings.warn(
            "Validation says something else of the best weights than before: "
            f"{'; '.join(odd)}. Were its data or its measure changed?",
            stacklevel=3,
        )


def _epoch(step, state, batches, epoch, told):
    """One pass and the means of its metrics, which stay on the device until its end."""
    rows = []
    for batch in batches:
        state, metrics = _updated(step, state, batch)
        rows.append(metrics)
    if not rows:
        raise ValueError(f"Epoch {epoch + 1} has no batches.")
    rows = jax.device_get(rows)
    names = [name for name in rows[0] if name not in _BY_NAME]
    means = {name: float(np.mean([row[name] for row in rows])) for name in names}
    where = _where_nonfinite(rows, means["loss"], state.weights)
    if where:
        raise FloatingPointError(
            f"Epoch {epoch + 1}: not finite any more: {', '.join(sorted(where))}. Try "
            "a smaller learning rate, gradient clipping, or look at the inputs for NaN."
        )
    warn_of_silence(epoch + 1, rows, told)
    return state, means


def _updated(step, state, batch):
    """What a step makes of a batch, if both are what they should be."""
    if not isinstance(batch, tuple | list):
        raise ValueError(
            "batches must give tuples, such as (xs, labels), whose parts are given to "
            f"the step; got a {type(batch).__name__}."
        )
    made = step(state, *batch)
    pair = isinstance(made, tuple) and len(made) == 2
    if not pair or not isinstance(made[1], Mapping) or "loss" not in made[1]:
        raise ValueError(
            'step must return (state, metrics) with metrics["loss"], as those of '
            f"make_step do, got a {type(made).__name__}."
        )
    return made


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


def _criterion(monitor, mode, *, validated):
    """What decides, and which way."""
    if monitor is None:
        monitor = "accuracy" if validated else "loss"
    if mode is None:
        told = {"accuracy": "max", "loss": "min"}
        mode = told.get(str(monitor).rpartition("_")[2])
    if mode not in ("max", "min"):
        raise ValueError(
            f"mode must be one of ('max', 'min') for monitor={monitor!r}, got {mode!r}."
        )
    return Criterion(mode, monitor, "validation" if validated else "training")


def _scores(validate, weights, means, monitor):
    """Metrics of validation, as the history names them; refused if none decides."""
    metrics = means if validate is None else validate(weights)
    if not isinstance(metrics, Mapping):
        raise ValueError(
            f'validate must return metrics by name, such as {{"{monitor}": 0.9}}, got '
            f"a {type(metrics).__name__}."
        )
    if monitor not in metrics:
        raise ValueError(f"monitor={monitor!r} is none of {sorted(metrics)}.")
    if validate is None:
        return {}
    return {f"validation_{name}": float(value) for name, value in metrics.items()}


def _refuse_names(means, *told):
    """Refuses metrics of training whose place in a history is another's."""
    taken = sorted({*means} & {*told})
    if taken:
        raise ValueError(
            f"metrics of step must not be called {', '.join(taken)}, as the history "
            "tells something else by that name. Call them otherwise."
        )


def _summary(row, criterion, epochs):
    scores = f"{criterion.column.replace('_', ' ')} {row[criterion.column]:.3f}"
    loss = "" if criterion.column == "loss" else f"loss {row['loss']:.3f}  "
    return f"epoch {row['epoch']}/{epochs}  {loss}{scores}"
