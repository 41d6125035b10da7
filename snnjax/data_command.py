"""``snnjax data …``: what can be asked of data sets and of files."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from snnjax import left_open
from snnjax.files import cache_folder
from snnjax.progress import word

ABOUT = """List data sets, tell about one, download it; check, draw or convert files."""
_CACHE = f"(default: {cache_folder()})"


def _list(command):
    del command  # it takes no options
    from snnjax.datasets.command import listing

    print(listing())
    return 0


def _tell(command):
    from snnjax.datasets.command import description

    print(description(command.name))
    return 0


def _get(command):
    from snnjax.datasets.catalogue import get

    print(f"{command.name} is in {get(command.name, command.to)}")
    return 0


def _check(command):
    from snnjax.datasets.command import summary
    from snnjax.datasets.inspection import check

    report = check(command.path)
    print(summary(report, each=command.each))
    return 1 if report.bad else 0


def _show(command):
    from snnjax.data_pictures import picture
    from snnjax.datasets import read
    from snnjax.datasets.contents import contents_of
    from snnjax.files import atomic

    out = command.out or Path(f"{command.path.name}.png")
    if out.suffix.lower() != ".png":
        raise ValueError(f"a picture is written as .png, got {str(out)!r}.")
    word(f"reading {command.path} ...")
    found = read(command.path, **left_open.said(command))
    page = picture(found)
    name = command.path.name.encode("utf-8", "backslashreplace").decode()
    page.suptitle(name, parse_math=False)
    with atomic(out) as new:
        page.savefig(new, format="png")
    print(f"{command.path.name}: {contents_of(found).told}\nfigure: {out}")
    return 0


def _convert(command):
    from snnjax.datasets.conversion import convert

    word(f"reading {command.path} ...")
    done = convert(
        command.path, command.out, sort=command.sort, **left_open.said(command)
    )
    for note in done.notes:
        print(note)
    print(f"{done.events:,} events: {command.out}")
    return 0


def actions(conf: Any) -> dict[str, type]:
    """What can be asked for, by name; the docstrings are what --help shows."""

    @dataclass
    class List:
        """List the data sets there are."""

        run = _list

    @dataclass
    class About:
        """Tell what is known of a data set."""

        name: Annotated[str, conf.arg(metavar="NAME")]
        """Name of a data set, as `snnjax data list` tells it."""

        run = _tell

    @dataclass
    class Get:
        """Download a data set, checked and unpacked."""

        name: Annotated[str, conf.arg(metavar="NAME")]
        """Name of a data set, as `snnjax data list` tells it."""
        to: Annotated[
            Path | None, conf.arg(metavar="FOLDER", help_behavior_hint=_CACHE)
        ] = None
        """Folder of all data sets, to get this one into."""

        run = _get

    @dataclass
    class Check:
        """Read a file, or all below a folder, and tell what is in it or damaged."""

        path: Annotated[str, conf.Positional, conf.arg(metavar="PATH")]
        """File or folder."""
        each: Annotated[bool, conf.FlagCreatePairsOff] = False
        """A line for every file, however many there are."""

        run = _check

    LeftOpen: Any = left_open.options(conf)

    @dataclass(kw_only=True)
    class Show(LeftOpen):
        """Draw what a file of events, spikes, sound or samples holds."""

        path: Annotated[Path, conf.Positional, conf.arg(metavar="PATH")]
        """File, or folder of one recording."""
        out: Annotated[
            Path | None,
            conf.arg(metavar="FILE", help_behavior_hint="(default: NAME.png)"),
        ] = None
        """Picture to make, .png."""

        run = _show

    @dataclass(kw_only=True)
    class Convert(LeftOpen):
        """Write a recording in a format that others read.

        Events of a camera as .h5 or .es (Event Stream), spikes as .h5 (SONATA), samples
        of events as .npz: the end of OUT tells.
        """

        path: Annotated[Path, conf.Positional, conf.arg(metavar="PATH")]
        """File, or folder of one recording."""
        out: Annotated[Path, conf.Positional, conf.arg(metavar="OUT")]
        """File to make."""
        sort: Annotated[bool, conf.FlagCreatePairsOff] = False
        """Put events that lie out of order in order of time."""

        run = _convert

    asked = {"list": List, "info": About, "get": Get}
    return asked | {"check": Check, "show": Show, "convert": Convert}
