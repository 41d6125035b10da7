"""The electrocardiograms of the QT Database, as events of two leads.

A sequence of 1301 steps of 4 ms tells where each lead rose or fell by a step, and to
which of six segments of the heartbeat each step belongs (Laguna et al. 1997,
doi:10.1109/CIC.1997.648140; events by Yin, Corradi & Bohte 2021,
doi:10.1038/s42256-021-00397-w).
"""

from pathlib import Path

import numpy as np

from snnjax.datasets.files import budget, content, reading
from snnjax.datasets.matlab import read_matlab
from snnjax.datasets.places import find
from snnjax.datasets.samples import Samples, Split, check_split, pack, take

SEGMENTS = ("P", "PQ", "QR", "RS", "ST", "TP")


def read_qtdb(path: str | Path, *, limit: int | None = None) -> Samples:
    """Reads ``QTDB_train.mat`` or ``QTDB_test.mat``.

    About a tenth of the steps belongs to no segment; their label is -1, and they should
    be left out of a loss and of an accuracy. (Where published code takes the largest of
    the six columns, it counts them as the first segment.) The last step of a sequence
    carries a mark, -1, in place of an event; it is read as no event.

    Args:
        path: of the file.
        limit: most bytes that it may have, unpacked; 64 MiB and 200 times its size if
            omitted.

    Returns:
        Events ``[N, 1301, 4]`` in {0, 1}, uint8, with labels ``[N, 1301]``.

    Raises:
        FileNotFoundError: if there is no such file.
        DataError: naming the file and what is wrong with it.
    """
    with reading(path, "a QTDB file") as path:
        found = read_matlab(content(path), budget(path, limit))
        missing = {"x", "y", "max_i"} - found.keys()
        if missing:
            raise ValueError(f"there is no variable {', '.join(sorted(missing))}")
        x, y, lengths = (found[name] for name in ("x", "y", "max_i"))
        if x.ndim != 3 or x.shape[2] != 4 or y.shape != (*x.shape[:2], len(SEGMENTS)):
            raise ValueError(f"x and y have shapes {x.shape} and {y.shape}")
        marked = x[:, -1, 0] == -1
        told = np.array(x)
        told[marked, -1, 0] = 0
        if not np.isin(told, (0, 1)).all() or not np.isin(y, (0, 1)).all():
            raise ValueError("x or y hold something else than 0 and 1")
        if (y.sum(axis=2) > 1).any():
            raise ValueError("a step belongs to two segments")
        if lengths.shape != (len(x), 1) or not np.all(lengths == x.shape[1]):
            raise ValueError(f"max_i is not {x.shape[1]} for each sequence")
        labels = np.where(y.any(axis=2), y.argmax(axis=2), -1)
        return pack(np.ascontiguousarray(told.astype(np.uint8)), labels, SEGMENTS)


def qtdb(split: Split, path: str | Path | None = None) -> Samples:
    """Heartbeats to segment; the last tenth of the training file validates.

    Args:
        split: ``"train"``, ``"validation"`` or ``"test"``.
        path: folder with the two files; see ``places`` if omitted.

    Returns:
        As ``read_qtdb`` does: 557, 61 or 141 sequences.

    Raises:
        ValueError: for another split, or a damaged file (``DataError``).
        FileNotFoundError: saying where it looked.
    """
    check_split(split)
    part = "test" if split == "test" else "train"
    homes = ("ecg-qtdb", "ECG")
    found = read_qtdb(
        find("qtdb", "electrocardiograms", [f"QTDB_{part}.mat"], path, homes=homes)
    )
    if split == "test":
        return found
    held_out = np.arange(len(found.x)) >= len(found.x) - len(found.x) // 10
    return take(found, held_out == (split == "validation"))
