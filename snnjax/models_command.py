"""``snnjax models …``: networks that come trained."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from snnjax.files import usual_folders
from snnjax.progress import bar, word

ABOUT = """List networks that come trained, show what is known of one, test it."""
_USUAL_FOLDERS = f"(default: {usual_folders()})"


def _list(command):
    del command  # it takes no options
    from snnjax.models.telling import listing

    print(listing())
    return 0


def _show(command):
    from snnjax.models.telling import description

    print(description(command.name))
    return 0


def _evaluate(command):
    from snnjax.models import card, evaluate

    told = card(command.name)
    word(f"{command.name}: reading data and compiling ...")
    with bar("encoding") as progress:
        found = evaluate(command.name, data=command.data, progress=progress)
    data = "of the card" if found["as_card"] else "other than those of the card"
    recall = zip(found["classes"], found["recall"], strict=True)
    classes = "  ".join(f"{name} {share:.2f}" for name, share in recall)
    print(
        f"test accuracy {found['test_accuracy']:.3f}, by chance {found['chance']:.3f} "
        f"({found['samples']} samples {data}); the card says "
        f"{told.test_accuracy:.3f} ± {told.standard_error:.3f}\n"
        f"found of each class: {classes}"
    )
    return 0


def actions(conf: Any) -> dict[str, type]:
    """What can be asked for, by name; the docstrings are what --help shows."""
    named = conf.arg(metavar="NAME")

    @dataclass
    class List:
        """List the networks there are."""

        run = _list

    @dataclass
    class Show:
        """Tell what a network reads, how it was made, and how well it does."""

        name: Annotated[str, conf.Positional, named]
        """Name of a network, as `snnjax models list` tells it."""

        run = _show

    @dataclass
    class Evaluate:
        """Test a network on the data of its task."""

        name: Annotated[str, conf.Positional, named]
        """Name of a network, as `snnjax models list` tells it."""
        data: Annotated[
            Path | None, conf.arg(metavar="PATH", help_behavior_hint=_USUAL_FOLDERS)
        ] = None
        """Folder with the files of the task; digits and yin-yang need none."""

        run = _evaluate

    return {"list": List, "show": Show, "evaluate": Evaluate}
