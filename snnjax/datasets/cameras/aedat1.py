"""AEDAT 1.0, as early jAER wrote it: events of a DVS128, without any header.

6 bytes for each record, large end first: an address of 16 bits and a time [µs] of 32.

    bits of    y 14-8    x 7-1    polarity 0, 0 brighter    15 external input

Rows count from the bottom and columns stay as they are stored, as in ``aedat2``. Such a
file has no sign at all, so it is read by name alone. (docs.inivation.com, "AEDAT file
formats".)
"""

from pathlib import Path

import numpy as np

from snnjax.datasets.cameras.prophesee_words import turned
from snnjax.datasets.guard.checked import DamageError, content, reading
from snnjax.datasets.guard.signatures import check_signature
from snnjax.events import Recorded

_RECORD = np.dtype([("address", ">u2"), ("time", ">u4")])
_SIZE = (128, 128)  # height and width of the sensor [pixels]
_EVENT_BYTES = 64  # of memory for each record
_SHOWN = 1000  # records that ``is_aedat1`` looks at


def read_aedat1(path: str | Path, *, limit: int | None = None) -> Recorded:
    """Reads one recording of a DVS128 in AEDAT 1.0.

    Args:
        path: of the ``.dat`` or ``.aedat`` file.
        limit: most bytes of memory that reading it may take; 128 MiB and 200 times the
            file's size if omitted.

    Returns:
        Events in the order of the file, and how many records are external inputs.

    Raises:
        FileNotFoundError: if there is no such file.
        DataError: naming the file and what is wrong with it.
    """
    with reading(path, "an AEDAT 1.0 recording", limit) as file:
        raw = content(file)
        check_signature(raw, "")
        n, left = divmod(len(raw), _RECORD.itemsize)
        if left:
            raise DamageError(f"{n} records of 6 bytes leave {left}")
        file.take(n * _EVENT_BYTES, "its records")
        records = np.frombuffer(raw, _RECORD)
        address = records["address"].astype(np.uint16)
        t, event = turned(records["time"], 32), address < 2**15
        external = int(np.count_nonzero(~event))
        t, address = t[event], address[event]
        x, y = address >> 1 & 0x7F, address >> 8 & 0x7F
        p = (1 - (address & 1)).astype(np.uint8)
        skipped = {"external input": external} if external else {}
        return Recorded(t, x, y, p, _SIZE, "bottom left", "AEDAT 1.0", skipped)


def is_aedat1(raw: bytes | bytearray) -> bool:
    """Whether bytes can be such a recording, as far as its first times tell.

    Args:
        raw: the whole file, or its begin. The clock of its records must not go back,
            nor leap by more than a minute, and a short file has whole ones alone.
    """
    whole = len(raw) % _RECORD.itemsize == 0 or len(raw) > _SHOWN * _RECORD.itemsize
    if not raw or not whole:
        return False
    records = np.frombuffer(raw, _RECORD, min(len(raw) // _RECORD.itemsize, _SHOWN))
    steps = np.diff(records["time"].astype(np.int64))
    return bool(len(steps) and np.all((steps >= 0) & (steps < 60_000_000)))
