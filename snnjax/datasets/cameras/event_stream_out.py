"""Recordings of a camera, written as Event Stream 2.0, see ``event_stream``."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from snnjax import check
from snnjax.datasets.cameras.pieces_out import pieces_of
from snnjax.events import Recorded
from snnjax.files import atomic

_HEAD = b"Event Stream" + bytes([2, 0, 0, 1])  # its version, and events of a DVS
_STEP = 127  # [µs] of an overflow, one byte
_MOST = 2**20  # overflows before one event: two minutes


def write_event_stream(
    path: str | Path, recorded: Recorded | Iterable[Recorded], *, zero: int = 0
) -> int:
    """Writes a recording of a DVS; the file appears whole or not at all.

    Rows of a sensor that counts from the top are turned, as the format counts from the
    bottom. What the recording says of its source and of what was skipped is not kept.

    Args:
        path: of the file, ``.es``.
        recorded: events in order of time, or pieces of them one after the other.
        zero: what is subtracted from all times [µs]; the format counts from 0.

    Returns:
        How many events were written.

    Raises:
        ValueError: if the sensor has no size, for a time before ``zero`` or before the
            one in front of it, or a pause of more than two minutes.
    """
    check.whole("zero", zero, least=-(2**62), most=2**62)
    last, count, size = zero, 0, None
    with atomic(path) as new, new.open("wb") as file:
        for piece in pieces_of(recorded):
            if piece.size is None:
                raise ValueError(
                    "recorded must have a size, (height, width), for an Event Stream."
                )
            if size is None:
                size = piece.size
                file.write(_HEAD + np.array(size[::-1], "<u2").tobytes())
            file.write(_encoded(piece, last, count).tobytes())
            count += len(piece.t)
            last = int(piece.t[-1]) if len(piece.t) else last
        if size is None:
            raise ValueError("recorded must be one piece at least, got none.")
    return count


def _encoded(piece, last, count):
    """The bytes of the events that follow a time."""
    since = np.diff(piece.t, prepend=last)
    if (since < 0).any():
        k = int(np.argmax(since < 0))
        raise ValueError(
            f"event {count + k} lies at {piece.t[k]} µs, before zero or the last "
            f"one, at {piece.t[k] - since[k]} µs; sort the recording, or give zero=."
        )
    overflows, rest = np.divmod(since, _STEP)
    if overflows.max(initial=0) > _MOST:
        k = int(np.argmax(overflows))
        raise ValueError(
            f"event {count + k} comes {since[k] * 1e-6} s after the one in front of it "
            "or zero, more than two minutes; give zero=, or write HDF5."
        )
    ends = np.cumsum(overflows + 5)
    found = np.full(int(ends[-1]) if len(ends) else 0, 255, np.uint8)
    y = piece.y
    if piece.origin == "top left":
        y = piece.size[0] - 1 - y.astype(np.int64)
    at = ends - 5
    found[at] = rest << 1 | piece.p
    for k, column in ((1, piece.x), (3, y)):
        found[at + k], found[at + k + 1] = column & 255, column >> 8
    return found
