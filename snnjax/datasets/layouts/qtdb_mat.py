"""Electrocardiograms as events of two leads, in a MATLAB file.

A sequence of 1301 steps of 4 ms tells where each lead rose or fell by a step (``x``),
and to which of six segments of the heartbeat each step belongs (``y``); ``max_i`` is
the number of steps (Yin, Corradi & Bohte 2021, doi:10.1038/s42256-021-00397-w).
"""

from pathlib import Path

import numpy as np

from snnjax.datasets.containers.matlab import read_matlab
from snnjax.datasets.guard.checked import HoldsError, content, listed, reading
from snnjax.datasets.samples import Samples, pack

_NUMBER_BYTES = 8  # of memory for each number
SEGMENTS = ("P", "PQ", "QR", "RS", "ST", "TP")


def read_qtdb(path: str | Path, *, limit: int | None = None) -> Samples:
    """Reads ``QTDB_train.mat`` or ``QTDB_test.mat``.

    About a tenth of the steps belongs to no segment; their label is -1, and they should
    be left out of a loss and of an accuracy. (Where published code takes the largest of
    the six columns, it counts them as the first segment.) The last step of a sequence
    carries a mark, -1, in place of an event; it is read as no event.

    Args:
        path: of the file.
        limit: most bytes of memory that reading it may take; 128 MiB and 200 times the
            file's size if omitted.

    Returns:
        Events ``[N, 1301, 4]`` in {0, 1}, uint8, with labels ``[N, 1301]``.

    Raises:
        FileNotFoundError: if there is no such file.
        DataError: naming the file and what is wrong with it.
    """
    with reading(path, "a QTDB file", limit) as file:
        variables = read_matlab(content(file), file)
        if not {"x", "y", "max_i"} <= variables.keys():
            raise HoldsError(f"arrays {listed(variables)}")
        x, y, lengths = (variables[name] for name in ("x", "y", "max_i"))
        shaped = x.ndim == 3 and x.shape[1] and x.shape[2] == 4
        if not shaped or y.shape != (*x.shape[:2], len(SEGMENTS)):
            raise HoldsError(f"x and y of shapes {x.shape} and {y.shape}")
        file.take((x.size + y.size) * _NUMBER_BYTES, "its sequences")
        events, segments = x == 1, y == 1
        fits = (x == 0) | events
        fits[:, -1, 0] |= x[:, -1, 0] == -1
        if not fits.all() or not ((y == 0) | segments).all():
            raise ValueError("x or y hold something else than 0 and 1")
        if (segments.sum(axis=2) > 1).any():
            raise ValueError("a step belongs to two segments")
        if lengths.shape != (len(x), 1) or not np.all(lengths == x.shape[1]):
            raise ValueError(f"max_i is not {x.shape[1]} for each sequence")
        labels = np.where(segments.any(axis=2), segments.argmax(axis=2), -1)
        return pack(np.ascontiguousarray(events).view(np.uint8), labels, SEGMENTS)
