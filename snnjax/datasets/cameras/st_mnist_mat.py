"""One digit of ST-MNIST, written by hand on a skin of 10x10 taxels.

MATLAB 5 with an array ``spiketrain`` ``[101, n]``: of each taxel 1 where pressure rose,
-1 where it fell and 0 otherwise, and in the last row the times [s]. Taxel k lies in
column k mod 10 and row k // 10 (See et al. 2020, arXiv:2005.04319).
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from snnjax.datasets.cameras.camera_columns import COLUMN_BYTES, microseconds
from snnjax.datasets.containers.matlab import read_matlab
from snnjax.datasets.guard.checked import HoldsError, content, listed, reading
from snnjax.events import Recorded

_NAME, _SIDE = "spiketrain", 10
_TAXELS = _SIDE**2


def read_st_mnist(path: str | Path, *, limit: int | None = None) -> Recorded:
    """Reads one digit.

    Args:
        path: of the ``.mat`` file.
        limit: most bytes of memory that reading it may take; 128 MiB and 200 times the
            file's size if omitted.

    Returns:
        Events in the order of time, by taxel within a time; ``p`` is 1 where pressure
        rose and 0 where it fell.

    Raises:
        FileNotFoundError: if there is no such file.
        DataError: naming the file and what is wrong with it.
    """
    with reading(path, "a digit of ST-MNIST", limit) as file:
        found = read_matlab(content(file), file)
        if not is_st_mnist(found):
            raise HoldsError(_told(found))
        table = found[_NAME]
        file.take(2 * table.size, "its changes")
        change, times = table[:_TAXELS].T, table[_TAXELS]
        file.take((COLUMN_BYTES + 60) * int(np.count_nonzero(change)), "its events")
        when, taxel = np.nonzero(change)
        values = change[when, taxel]
        odd = np.abs(values) != 1
        if odd.any():
            k = int(np.argmax(odd))
            raise ValueError(
                f"taxel {taxel[k]} has {values[k]} in column {when[k]}, not -1, 0 or 1"
            )
        t = microseconds(times.astype(np.float64), "s")
        y, x = np.divmod(taxel.astype(np.uint16), np.uint16(_SIDE))
        p = (values > 0).astype(np.uint8)
        return Recorded(t[when], x, y, p, (_SIDE, _SIDE), "top left", "ST-MNIST")


def is_st_mnist(found: Mapping[str, np.ndarray]) -> bool:
    """Whether arrays of a MATLAB file are those of ST-MNIST.

    Args:
        found: from ``matlab.read_matlab``.
    """
    return _NAME in found and found[_NAME].shape[:1] == (_TAXELS + 1,)


def _told(found):
    shapes = (f"{name} {list(each.shape)[:9]}" for name, each in found.items())
    return f"arrays {listed(shapes)}, not {_NAME} [{_TAXELS + 1}, n]"
