"""What one file of an event camera holds, as it is stored."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple

import numpy as np

Origin = Literal["top left", "bottom left"]


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
    skipped: Mapping[str, int] = MappingProxyType({})
