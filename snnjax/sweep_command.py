"""``snnjax sweep TASK``: what can be varied of each task, and the sweep itself."""

from dataclasses import make_dataclass
from pathlib import Path
from typing import Annotated, Any

from snnjax import training_command
from snnjax.progress import word

ABOUT = """Train a task at every combination of some numbers, and leave a table.

Slopes, learning rates and seeds are trained in one program; what changes shapes or the
number of updates (hidden, dt, duration, batch, epochs) goes one after another. A sweep
that was cut off goes on when called again with the same --out, and one that asks for
more trains what is new.
"""
_REALS, _WHOLES = tuple[float, ...], tuple[int, ...]
_VARIED: dict[str, tuple[Any, str]] = {  # type, help
    "slope": (_REALS, "Slopes of the surrogate, whichever --surrogate names."),
    "learning_rate": (_REALS, "Of Adam, at first; each falls to zero like a cosine."),
    "epochs": (_WHOLES, "How often each network sees all training data."),
    "batch": (_WHOLES, "Samples of an update."),
    "hidden": (_WHOLES, "How many neurons (or maps) the hidden layer has."),
    "dt": (_REALS, "Steps of time, in seconds."),
    "duration": (_REALS, "How much of each recording is read, in seconds."),
}
_ALWAYS = "learning_rate", "epochs", "batch"


def run(command: Any) -> int:
    """Sweeps what a command asks for, and prints the best of it."""
    word(f"{command.task}: reading data and compiling ...")
    from snnjax.tasks import sweep_task

    given = {k: v for k, v in vars(command).items() if v is not None and v is not False}
    name, out = given.pop("task"), given.pop("out", Path("runs/sweep"))
    data = given.pop("data", None)
    if given.pop("from_sound", False):
        given["source"] = "sound"
    columns = {each: [*given.pop(each)] for each in _VARIED if each in given}
    asked = "seeds", "seed", "at_once"
    of_sweep = {each: given.pop(each) for each in asked if each in given}

    def make(**own):
        return training_command.made(name, data, given | own)

    summary = sweep_task(make, out, columns, **of_sweep)
    best = summary["best"]
    if best:
        varied = ", ".join(
            f"--{each.replace('_', '-')} {best[each]:g}" for each in columns
        )
        print(
            f"best on validation data: {varied or 'the only combination'}; "
            f"test accuracy {best['test_accuracy']:.3f}, by chance "
            f"{summary['chance']:.3f}"
        )
    print(
        f"{summary['networks']} networks, {summary['found_already']} of them found "
        f"already, {summary['not_finite']} stopped being finite\n"
        f"table: {out / 'sweep.csv'}, figure: {out / 'sweep.png'}"
    )
    return 0


def tasks(conf: Any) -> dict[str, Any]:
    """A command for each task, by name.

    Args:
        conf: ``tyro.conf``.
    """

    def varied(name):
        typed, told = _VARIED[name]
        shown = "INT ..." if typed is _WHOLES else "FLOAT ..."
        hint = "(default: as the task has it)"
        about = conf.arg(help=told, metavar=shown, help_behavior_hint=hint)
        return name, Annotated[typed | None, about], None

    def command(name):
        about, *own = training_command.TASKS[name]
        named = [each.partition(":")[0] for each in own]
        columns = [*_ALWAYS, *(each for each in _VARIED if each in named)]
        columns += ["slope"] if "surrogate" in named else []
        plain = [e for e, n in zip(own, named, strict=True) if n not in _VARIED]
        first = [training_command.field(conf, e) for e in plain if e == "path"]
        rest = [training_command.field(conf, e) for e in plain if e != "path"]
        fields = [
            *first,
            ("task", conf.Suppress[str], name),
            ("out", *_option(conf, Path, "PATH", "runs/sweep", "Folder of the sweep.")),
            *map(varied, columns),
            *rest,
            *(training_command.field(conf, each) for each in ("seeds", "seed")),
            ("at_once", *_option(conf, int, "INT", "4 on each device", _AT_ONCE)),
        ]
        made = make_dataclass(name, fields, namespace={"run": run})
        made.__doc__ = about
        return made

    return {name: command(name) for name in training_command.TASKS}


_AT_ONCE = "Networks that are trained side by side, and kept in the table together."


def _option(conf, kind, metavar, default, told):
    hint = f"(default: {default})"
    about = conf.arg(help=told, metavar=metavar, help_behavior_hint=hint)
    return Annotated[kind | None, about], None
