"""AEDAT 4, as the software of iniVation writes it: the package aedat reads its events.

A line ``#!AER-DAT4.0``, a description of streams (events, frames, motion, triggers),
and packets of one stream each, perhaps compressed. Times are microseconds since 1970.
Row 0 is at the top. (docs.inivation.com, "AEDAT file formats"; the package runs
``apart``.)
"""

import os
import re
import struct
from pathlib import Path
from typing import BinaryIO

import numpy as np

from snnjax import check
from snnjax.datasets.formats.apart import apart
from snnjax.datasets.formats.checked import (
    DamageError,
    HoldsError,
    Reading,
    reading,
)
from snnjax.datasets.formats.on_sensor import on_sensor
from snnjax.datasets.formats.signatures import kind_by_signature
from snnjax.events import Outside, Recorded
from snnjax.events.columns import OUTSIDE

SIGN = b"#!AER-DAT4.0\r\n"
_DECODED = "snnjax.datasets.formats.aedat4_packets:decoded"
_BEGIN = 2**16  # bytes that are looked at
_MOST = (2**15, 2**15)  # rows and columns that an event has room for
_EVENT_BYTES = 8  # of memory for each event, beside the bytes that came
_COLUMNS = {"t": np.uint64, "x": np.uint16, "y": np.uint16, "on": np.bool_}
_OTHERS = {
    **{"frame": "frames", "imus": "motion", "triggers": "external triggers"},
    "events": "other cameras",
}


def read_aedat4(
    path: str | Path,
    *,
    camera: int | None = None,
    limit: int | None = None,
    outside: Outside = "error",
) -> Recorded:
    """Reads the events of one camera.

    Args:
        path: of the ``.aedat4`` file.
        camera: number of its stream in the file; needed where several have events.
        limit: most bytes of memory that reading it may take; 128 MiB and 200 times the
            file's size if omitted.
        outside: what to do with events outside the sensor; ``"drop"`` warns how many.

    Returns:
        Events in the order of the file, of times since 1970; frames, samples of motion,
        triggers and events of other cameras are counted in ``skipped``.

    Raises:
        ValueError: for a number that no camera can have.
        ImportError: without the package aedat.
        FileNotFoundError: if there is no such file.
        DataError: naming the file and what is wrong with it.
    """
    if camera is not None:
        check.whole("camera", camera, least=0)
    check.one_of("outside", outside, OUTSIDE)
    with reading(path, "an AEDAT 4 recording", limit) as file:
        left = _check(file)
        found = apart(_DECODED, file, package="aedat", extra="cameras", camera=camera)
        t, x, y, on = (
            found.get(name, np.zeros(0, kind)) for name, kind in _COLUMNS.items()
        )
        file.take(len(t) * _EVENT_BYTES, "its events")
        late = t >= 2**63
        if late.any():
            raise DamageError(f"event {np.argmax(late)} has a time beyond 63 bits")
        height, width = found["size"]
        recorded = Recorded(
            *(t.view(np.int64), x, y, on.view(np.uint8), (height, width), "top left"),
            *("AEDAT 4.0", _skipped(found["others"], left), "1970-01-01T00:00:00Z"),
        )
        return on_sensor(recorded, _MOST, outside)


def _check(file: Reading) -> int:
    """Refuses another kind, and a description that the package does not know.

    Returns:
        How many bytes at the end are no head of a packet.
    """
    with file.path.open("rb") as opened:
        begin = opened.read(_BEGIN)
        if not begin.startswith(SIGN):
            if kind := kind_by_signature(begin):
                raise HoldsError(kind)
            raise DamageError(f"it begins with {begin[:14]!r}, not with {SIGN!r}")
        root = re.search(rb"<(\w+)", begin)
        if root is not None and root[1] != b"dv":
            raise HoldsError(
                f"a description <{root[1][:20].decode('latin-1')} …> in place of "
                "<dv …>, as evutils writes it and no software of iniVation reads it"
            )
        return _left(opened, begin)


def _left(opened: BinaryIO, begin: bytes) -> int:
    """Bytes behind the last packet, of a file that has no table of its packets."""
    at, end = len(SIGN) + 4, opened.seek(0, os.SEEK_END)
    (described,) = struct.unpack_from("<I", begin, at - 4)
    (root,) = struct.unpack_from("<I", begin, at)
    (back,) = struct.unpack_from("<i", begin, at + root)
    size, place = struct.unpack_from("<H4xH", begin, at + root - back)
    if size > 6 and place:
        (table,) = struct.unpack_from("<q", begin, at + root + place)
        if table >= 0:
            return 0  # the package looks for it, and goes by it
    at += described
    while end - at >= 8:
        opened.seek(at + 4)
        (size,) = struct.unpack("<I", opened.read(4))
        at += 8 + size
    return max(end - at, 0)


def _skipped(others, left):
    """How many of what else there are, by their names here."""
    named = {_OTHERS[kind]: n for kind, n in others.items()}
    named["bytes at the end"] = left
    return {name: n for name, n in named.items() if n}
