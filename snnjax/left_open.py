"""What a person says of a file that the file does not tell, as options of commands."""

from dataclasses import dataclass
from typing import Annotated, Any

_NAMES = (
    *("unit", "resolution", "rate", "columns"),
    *("population", "camera", "variable"),
)
_TOLD, _ALL = "(default: as the file tells)", "(default: all)"


def options(conf: Any) -> type:
    """The options, as a class to build a command on; docstrings are its help."""

    @dataclass
    class LeftOpen:
        unit: Annotated[
            str | None, conf.arg(metavar="s|ms|us|ns", help_behavior_hint=_TOLD)
        ] = None
        """Of times."""
        resolution: Annotated[
            float | None, conf.arg(metavar="SECONDS", help_behavior_hint=_TOLD)
        ] = None
        """Of the steps that are times of NEST."""
        rate: Annotated[
            float | None, conf.arg(metavar="HZ", help_behavior_hint=_TOLD)
        ] = None
        """Of the samples that are times of a spike sorter."""
        columns: Annotated[
            str | None, conf.arg(metavar="NAMES", help_behavior_hint=_TOLD)
        ] = None
        """Of a text, in order: "x y p t", "unit time"."""
        population: Annotated[
            str | None, conf.arg(metavar="NAME", help_behavior_hint=_ALL)
        ] = None
        """Which one of several."""
        camera: Annotated[
            str | None, conf.arg(metavar="NAME", help_behavior_hint=_TOLD)
        ] = None
        """Which one of several: left or right of HDF5, a number of AEDAT."""
        variable: Annotated[
            str | None, conf.arg(metavar="NAME", help_behavior_hint=_TOLD)
        ] = None
        """Of MATLAB, that has the times."""

    return LeftOpen


def said(command: Any) -> dict[str, Any]:
    """What was said, for ``snnjax.datasets.read``."""
    given = {name: getattr(command, name) for name in _NAMES}
    if given["camera"] is not None and given["camera"].isdecimal():
        given["camera"] = int(given["camera"])
    return {name: value for name, value in given.items() if value is not None}
