"""What was asked of a training, in a file that makes the same one again."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from snnjax import files
from snnjax.tasks.task import Task

_NAME = "settings.json"
_NEVER = "data", "measured", "progress"


def of_run(
    task: Task, seeds: Sequence[int], rule: str, block: int | None
) -> dict[str, Any]:
    """All that makes a training: the options of its task, then those of ``train``."""
    chosen = task.schedule._asdict()
    del chosen["epoch"], chosen["norm"]  # of the task
    return {
        "task": task.name,
        **task.options,
        "seeds": len(seeds),
        "seed": seeds[0],
        **chosen,
        "rule": rule,
        "block": block,
    }


def keep(folder: Path, settings: Mapping[str, Any]) -> None:
    """Writes the settings of a run into its folder, unless others are there.

    They are those of what the folder holds: if this is another run, it is refused.
    """
    path = Path(folder) / _NAME
    if not path.exists() and not any(Path(folder).glob("seed*")):
        files.write_text(path, json.dumps(settings, indent=1) + "\n")


def read(path: str | Path) -> dict[str, Any]:
    """Reads settings, by name; those that are null are left out.

    Args:
        path: of the file, or of the folder of a run that has one.

    Raises:
        FileNotFoundError: if there is none.
        ValueError: for a file that is no JSON object, or has what no setting is.
    """
    path = Path(path)
    path = path / _NAME if path.is_dir() else path
    if not path.is_file():
        raise FileNotFoundError(f"There are no settings at {path}.")
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:  # no JSON, or no text
        raise ValueError(f"{path} holds no settings in JSON: {error}.") from None
    if not isinstance(found, dict):
        raise ValueError(f"{path} must hold settings by name, in braces.")
    if odd := [name for name in _NEVER if name in found]:
        raise ValueError(f"{path} has {odd[0]!r}, which is no setting.")
    return {name: value for name, value in found.items() if value is not None}
