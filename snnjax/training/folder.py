"""The folder of a run: what made it, its checkpoint and its history.

One process writes. What is there already is gone on from, or refused, or set aside;
it is not overwritten.
"""

import contextlib
import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from snnjax import files, terminal
from snnjax.training import checkpoint
from snnjax.training.identity import differences, identity, moved
from snnjax.training.parallel import first

_METRICS, _RUN = "metrics.jsonl", "run.json"


class Criterion(NamedTuple):
    """What makes an epoch the best one."""

    mode: str
    monitor: str
    of: str = "validation"  # or "training"

    @property
    def column(self) -> str:
        """Where a history tells it."""
        return f"validation_{self.monitor}" if self.of == "validation" else self.monitor

    def best(self, history: list[dict[str, float]]) -> int:
        """Which entry of a history is the best one."""
        sign = 1.0 if self.mode == "max" else -1.0
        scores = [sign * row[self.column] for row in history]
        return int(np.argmax([s if np.isfinite(s) else -np.inf for s in scores]))

    def stale(self, history: list[dict[str, float]], patience: int | None) -> bool:
        """Whether the last ``patience`` epochs were no better."""
        if patience is None or not history:
            return False
        return len(history) - 1 - self.best(history) >= patience


class Folder:
    """The folder of one run, held by this process."""

    def __init__(self, path: Path, criterion: Criterion):
        self.path, self.criterion = path, criterion
        self.made_by: dict[str, Any] = {}
        self.waiting: tuple[Any, Any, list[dict[str, float]]] | None = None

    @classmethod
    @contextlib.contextmanager
    def of_run(cls, path: str | Path, criterion: Criterion) -> Iterator["Folder"]:
        """Holds a folder; in a job of several processes the first one does so."""
        folder = cls(Path(path), criterion)
        files.check_folder(folder.path)
        alone = jax.process_count() == 1
        with contextlib.ExitStack() as held:
            first(lambda: held.enter_context(files.lock(path)))
            try:
                yield folder
            except BaseException as error:
                # Processes of a job come here together for what they all see.
                if alone or isinstance(error, FloatingPointError):
                    folder.save_waiting()
                raise
            folder.save_waiting()

    def resume(self, step, state, batches, recipe, *, epochs):
        """Where the run stopped, or where it starts.

        Args:
            step: as of ``fit``, as are the others.
            state: before the first update.
            batches: of each epoch.
            recipe: by name.
            epochs: how many are asked for.

        Returns:
            The state, the best weights, and the history.

        Raises:
            ValueError: for another run, a longer one, a damaged one, or a history
                without a checkpoint.
        """
        before = checkpoint.read_note(self.path)  # all read: orbax waits for all
        self.made_by = identity(step, state, batches, recipe)
        first(lambda: self._refuse_other_recipe(before))
        restored = checkpoint.restore(self.path, (state, state.weights), before)
        if restored is None:
            first(self._refuse_remains)
            return state, state.weights, []
        (state, best), note = restored
        first(lambda: self._refuse_another(note, epochs))
        self.made_by = note["made_by"]
        first(lambda: self._write(note["history"]))
        return state, best, note["history"]

    def hold(self, state: Any, best: Any, history: list[dict[str, float]]) -> None:
        """Keeps an epoch in memory, to be written in the end, however that comes."""
        state = jax.tree.map(jnp.copy, state)  # a step may donate it
        self.waiting = state, best, list(history)

    def save(self, state: Any, best: Any, history: list[dict[str, float]]) -> None:
        """Keeps all of an epoch: first the checkpoint, then what can be made of it.

        Ctrl-C waits until it is kept; a second one does not.
        """
        self.waiting = None
        note = {
            "history": history,
            "chosen_by": list(self.criterion),
            "made_by": self.made_by,
        }
        with terminal.held():
            checkpoint.save(self.path, len(history), (state, best), note)
            first(lambda: self._write(history))

    def save_waiting(self) -> None:
        """Writes the epoch that is held, if there is one."""
        if self.waiting is not None:
            self.save(*self.waiting)

    def _write(self, history):
        lines = "".join(json.dumps(row) + "\n" for row in history)
        self._make_agree(self.path / _METRICS, lines)
        made_by = json.dumps(self.made_by, indent=1) + "\n"
        self._make_agree(self.path / _RUN, made_by)

    def _make_agree(self, path, text):
        """Writes a file; what it held is set aside unless the text begins like it."""
        held = path.read_bytes() if path.exists() else b""
        if held == text.encode():
            return
        aside = None if text.encode().startswith(held) else files.free_name(path)
        if aside:
            path.rename(aside)
        files.write_text(path, text)
        if aside:
            warnings.warn(
                f"{path} did not agree with the checkpoint beside it; it is kept as "
                f"{aside.name}.",
                stacklevel=2,
            )

    def _refuse_remains(self):
        """Refuses a folder whose checkpoint has gone, but not its history."""
        there = [
            name
            for name in (_METRICS, _RUN)
            if (self.path / name).exists() and (self.path / name).stat().st_size
        ]
        if there:
            raise ValueError(
                f"{self.path} holds {' and '.join(there)} of an earlier run, but no "
                "checkpoint to go on from. Name another folder, or remove what is left "
                "there."
            )

    def _refuse_other_recipe(self, note):
        """Refuses by the names that the user gave, before arrays are compared."""
        if note is None or "made_by" not in note:
            return
        same = self.made_by | {"recipe": note["made_by"]["recipe"]}
        odd = differences(same, self.made_by)
        if odd:
            self._refuse(odd)

    def _refuse(self, odd):
        raise ValueError(
            f"{self.path} holds another run. What differs: {'; '.join(odd)}. Name "
            "another folder, or go back to what made that run (run.json there)."
        )

    def _refuse_another(self, note, epochs):
        before, history = note["chosen_by"], note["history"]
        if before != list(self.criterion):
            raise ValueError(
                f"The run in {self.path} chose its best weights by {_told(before)}, "
                f"not {_told(self.criterion)}. Name another folder."
            )
        if len(history) > epochs:
            raise ValueError(
                f"The run in {self.path} has {len(history)} epochs already, more than "
                f"the {epochs} asked for. Name another folder, or ask for as many."
            )
        if "made_by" not in note:
            raise ValueError(
                f"The run in {self.path} does not say what made it. Name another "
                "folder."
            )
        odd = differences(note["made_by"], self.made_by)
        if odd:
            self._refuse(odd)
        elsewhere = moved(note["made_by"], self.made_by)
        if elsewhere:
            warnings.warn(
                f"The run in {self.path} goes on elsewhere: {'; '.join(elsewhere)}. It "
                "may not end with the same bits, and whether the update is the same "
                "cannot be told.",
                stacklevel=4,
            )


def _told(criterion):
    mode, monitor, of = criterion
    return f"{mode} {monitor}" + (" of training" if of == "training" else "")
