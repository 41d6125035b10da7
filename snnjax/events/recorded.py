"""What one recording holds, as it is stored: of a camera, or of many neurons."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple

import numpy as np

Origin = Literal["top left", "bottom left"]
_NOTHING: Mapping[str, int] = MappingProxyType({})


class Recorded(NamedTuple):
    """Events of one camera, in the order of the file; nothing is moved or turned."""

    t: np.ndarray  # [n], int64 [µs], from where the file has its zero
    x: np.ndarray  # [n], column, uint16
    y: np.ndarray  # [n], row, uint16
    p: np.ndarray  # [n], 1 where it became brighter, else 0, uint8
    size: tuple[int, int] | None  # height and width of the sensor, if the file tells
    origin: Origin  # where x = y = 0 lies
    source: str  # the format and its version
    # what the file holds besides, or its writer marked as invalid: how many of each
    skipped: Mapping[str, int] = _NOTHING
    zero: str | None = None  # the date at t = 0, ISO 8601, if the file tells


class RecordedSpikes(NamedTuple):
    """Spikes of many neurons, in the order of the file.

    Numbers of neurons are those of the file; two populations may use the same ones.
    """

    times: np.ndarray  # [n], float64 [s], from where the file has its zero
    units: np.ndarray  # [n], which neuron fired, int64, as the file numbers them
    population: np.ndarray  # [n], which of ``populations`` it belongs to, int64
    populations: tuple[str, ...]  # their names, one at least; ("",) if it has none
    source: str  # the format and its version
    # numbers of all neurons of each population, silent ones too, if the file tells
    known: tuple[np.ndarray, ...] | None = None
    span: tuple[float, float] | None = None  # [s], of the recording, if the file tells
    skipped: Mapping[str, int] = _NOTHING  # what else it holds: how many of each
    zero: str | None = None  # the date at time 0, ISO 8601, if the file tells
