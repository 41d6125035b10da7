"""Reports of a finished training, drawn anew."""

import json
from functools import partial
from pathlib import Path

import jax

from snnjax import files, plot
from snnjax.tasks.looped import IN_THE_LOOP
from snnjax.tasks.network import scores
from snnjax.tasks.own_data import NAME
from snnjax.tasks.prediction import predict
from snnjax.tasks.runs import load_run
from snnjax.tasks.story import Story, write_reports
from snnjax.tasks.task import as_read


def redraw(run: str | Path, *, data: str | Path | None = None) -> tuple[Path, Path]:
    """Draws ``report.png`` and ``report.html`` of a finished training again.

    Nothing is trained and no other file is changed.

    Args:
        run: folder that ``train`` left.
        data: folder with the files of the task, the same ones; the usual ones if
            omitted.

    Returns:
        Paths of both.

    Raises:
        FileNotFoundError: if there is no such folder, or no data.
        ValueError: as ``load_run``; for other recordings of one's own than the run has;
            for a run in the loop on a chip, which draws itself when it is called again;
            or for a damaged summary or history.
        BlockingIOError: if a process trains there.
        ImportError: without matplotlib.
    """
    plot.figure()
    folder = Path(run)
    task, weights = load_run(folder, data)
    if task.name == NAME and not task.samples:
        raise ValueError(
            f"{data} holds other recordings than those that tested in {folder}, of "
            "which its reports speak. Leave --data out, or test them: snnjax evaluate."
        )
    with files.lock(folder):
        summary = _read(folder / "summary.json")[0]
        if summary.get("rule") == IN_THE_LOOP:
            raise ValueError(
                f"{folder} holds a training in the loop on a chip. The command that "
                "trained it draws it again: snnjax chip train."
            )
        first, kept = next(iter(weights.items()))
        history = _read(folder / first / "metrics.jsonl")
        compiled = jax.jit(partial(scores, task.network))
        part = as_read(task.parts["test"], task.network)
        test = predict(compiled, kept, part)
        story = Story(task, history, kept, test, compiled)
        try:
            write_reports(folder, story, summary)
        except KeyError as error:
            raise ValueError(
                f"{folder / 'summary.json'} says nothing of {error}: it is of another "
                "version. Call the training again, which reads what is there."
            ) from None
    return folder / "report.png", folder / "report.html"


def _read(path):
    """Objects of JSON: the one of a file, or one a line."""
    try:
        text = path.read_text(encoding="utf-8")
        lines = [text] if path.suffix == ".json" else text.splitlines()
        found = [json.loads(line) for line in lines]
        if not found or not all(isinstance(each, dict) for each in found):
            raise ValueError("no objects")
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} cannot be read: {error}. Train again.") from None
    return found
