"""``snnjax predict RUN FILE ...``: the class of files that nobody has labelled."""

import json
import sys
from pathlib import Path
from typing import Any

from snnjax.progress import bar, word


def run(command: Any) -> int:
    """Prints what trained networks say of files, as a table or as JSON."""
    word(f"reading {len(command.files)} files and compiling ...")
    from snnjax.tasks import predict_files

    with bar("encoding") as progress:
        found = predict_files(
            _where(command.run_folder),
            command.files,
            skip_bad=command.skip_bad,
            progress=progress,
        )
    print(_json(command.run_folder, found) if command.json else _table(found))
    return 0


def _where(run: Path) -> Path:
    """A folder or a file, or else the file of a network that comes trained."""
    from snnjax.models.kept import file_of, names

    known = str(run) in names()
    if known and run.exists():
        told = f"{run} is taken from here, not the trained network of that name."
        print(told, file=sys.stderr)
    elif known:
        return file_of(str(run))
    elif not run.exists():
        raise FileNotFoundError(
            f"There is no run {run}: no such folder or file, nor a trained network of "
            "that name; snnjax models list shows those."
        )
    return run


def _json(run, found):
    files = []
    for each in found:
        (best, p), *others = each.probabilities.items()
        files.append(
            {
                "file": each.name,
                "class": best,
                "probability": p,
                "runner_up": others[0][0] if others else None,
                "probabilities": each.probabilities,
            }
        )
    return json.dumps({"run": str(run), "files": files}, indent=1)


def _table(found):
    """Class, probability, what comes next, and last the file, however long its name."""
    rows = [("class", "probability", "runner-up", "file")]
    for each in found:
        (best, p), *others = each.probabilities.items()
        second = f"{others[0][0]} {others[0][1]:.3f}" if others else ""
        rows.append((best, f"{p:.3f}", second, each.name))
    *wide, _ = (max(map(len, column)) for column in zip(*rows, strict=True))
    return "\n".join(
        "  ".join([*map(str.ljust, told, wide), name]) for *told, name in rows
    )
