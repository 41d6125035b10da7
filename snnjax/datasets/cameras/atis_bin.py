"""Events of an ATIS in 40 bits, as N-MNIST and N-Caltech101 have them.

5 bytes for each event: x (8 bits), y (8), polarity (1), time in microseconds (23), the
time big-endian (Orchard et al. 2015, doi:10.3389/fnins.2015.00437). An entry with
y = 240 is no event: the clock ran over, and all that follows comes 8192 µs later.
Nothing in a file tells the size of its sensor.
"""

from pathlib import Path

import numpy as np

from snnjax import check
from snnjax.datasets.cameras.on_sensor import on_sensor
from snnjax.datasets.guard.checked import DamageError, Reading, content, reading
from snnjax.datasets.guard.signatures import check_signature, kind_by_signature
from snnjax.events import Outside, Recorded
from snnjax.events.columns import OUTSIDE

ATIS = "ATIS, 40 bit"  # the source that is told
ATIS_SIZES = ((34, 34), (180, 240), (240, 304))  # of sensors, N-MNIST's first
ENTRY = 5  # bytes of an entry
_EVENT_BYTES = 80  # of memory for each entry
_OVERFLOW_ROW, _OVERFLOW_TIME = 240, 2**13  # y that marks it; by how much [µs]
_MOST = (240, 256)  # rows and columns that an entry has room for
SHOWN = 200  # entries that ``is_atis_bin`` looks at


def read_atis_bin(
    path: str | Path,
    *,
    size: tuple[int, int] | None = None,
    limit: int | None = None,
    outside: Outside = "error",
) -> Recorded:
    """Reads one recording.

    Args:
        path: of the ``.bin`` file.
        size: height and width of the sensor, ``(34, 34)`` of N-MNIST and ``(180, 240)``
            of N-Caltech101; not known if omitted.
        limit: most bytes of memory that reading it may take; 128 MiB and 200 times the
            file's size if omitted.
        outside: what to do with events outside the sensor; ``"drop"`` warns how many.

    Returns:
        Events in the order of the file; entries that moved the clock are counted in
        ``skipped``.

    Raises:
        ValueError: for a size that no such file can have.
        FileNotFoundError: if there is no such file.
        DataError: naming the file and the event that is wrong.
    """
    check.one_of("outside", outside, OUTSIDE)
    if size is not None:
        _check_size(size)
    with reading(path, "a recording of an ATIS in 40 bits", limit) as file:
        recorded = atis_events(file, content(file))
        return on_sensor(recorded._replace(size=size), _MOST, outside)


def atis_events(file: Reading, raw: bytes) -> Recorded:
    """The events of a recording, none of them checked.

    Args:
        file: whose allowance they are taken from.
        raw: its bytes.

    Raises:
        DamageError: for bytes that are no whole entries.
        HoldsError: for another kind of file.
    """
    check_signature(raw, "")
    if len(raw) % ENTRY:
        raise DamageError(f"its {len(raw)} bytes are no multiple of {ENTRY}")
    file.take(len(raw) // ENTRY * _EVENT_BYTES, "its events")
    entry = np.frombuffer(raw, np.uint8).reshape(-1, ENTRY)
    t = (entry[:, 2] & 127).astype(np.int64) << 16
    t |= entry[:, 3].astype(np.int64) << 8
    t |= entry[:, 4]
    mark = entry[:, 1] == _OVERFLOW_ROW
    skipped = {}
    if n := int(np.count_nonzero(mark)):
        t = (t + _OVERFLOW_TIME * np.cumsum(mark))[~mark]
        entry, skipped = entry[~mark], {"clock overflows": n}
    x, y = (entry[:, k].astype(np.uint16) for k in (0, 1))
    return Recorded(t, x, y, entry[:, 2] >> 7, None, "top left", ATIS, skipped)


def is_atis_bin(raw: bytes) -> bool:
    """Whether bytes can be such a recording: nothing in it says so.

    Args:
        raw: the whole file, or its first entries. They have to be whole, not text nor
            of a kind that is known, not all the same, and the clock must not go back.
    """
    if not raw or len(raw) % ENTRY or kind_by_signature(raw):
        return False
    entry = np.frombuffer(raw, np.uint8, min(len(raw), SHOWN * ENTRY))
    entry = entry.reshape(-1, ENTRY).astype(np.int64)
    mark = entry[:, 1] == _OVERFLOW_ROW
    t = ((entry[:, 2] & 127) << 16) + (entry[:, 3] << 8) + entry[:, 4]
    t = (t + _OVERFLOW_TIME * np.cumsum(mark))[~mark]
    alike = len(entry) > 1 and (entry == entry[0]).all()
    return bool(len(t) and not alike and np.all(np.diff(t) >= 0))


def _check_size(size):
    whole = isinstance(size, tuple) and len(size) == 2
    whole = whole and all(
        type(n) is int and 0 < n <= most for n, most in zip(size, _MOST, strict=True)
    )
    if not whole:
        raise ValueError(
            f"size must be height and width up to {_MOST}, got {size!r:.60}."
        )
