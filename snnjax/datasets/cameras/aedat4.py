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
from xml.etree import ElementTree

import numpy as np

from snnjax import check
from snnjax.datasets.cameras.on_sensor import on_sensor
from snnjax.datasets.guard.apart import apart
from snnjax.datasets.guard.checked import (
    DamageError,
    HoldsError,
    Reading,
    reading,
)
from snnjax.datasets.guard.signatures import kind_by_signature
from snnjax.events import Outside, Recorded
from snnjax.events.columns import OUTSIDE

SIGN = b"#!AER-DAT4.0\r\n"
_DECODED = "snnjax.datasets.cameras.aedat4_packets:decoded"
_BEGIN = 2**20  # bytes that are looked at
_TABLE, _TEXT = 1, 2  # fields of the head: where a table is, and the description
_MOST = (2**15, 2**15)  # rows and columns that an event has room for
_ROW = np.dtype([("t", "<u8"), ("x", "<u2"), ("y", "<u2"), ("on", "?")])
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
        rows = found.get("events", np.zeros(0, _ROW))
        t, x, y, on = (rows[name] for name in _ROW.names or ())
        late = t >= 2**63
        if late.any():
            raise DamageError(f"event {np.argmax(late)} has a time beyond 63 bits")
        height, width = found["size"]
        recorded = Recorded(
            *(t.view(np.int64), x, y, on.view(np.uint8), (height, width), "top left"),
            *("AEDAT 4.0", _skipped(found["others"], left), "1970-01-01T00:00:00Z"),
        )
        return on_sensor(recorded, _MOST, outside)


def is_aedat4(begin: bytes) -> bool:
    """Whether the first bytes of a file are those of AEDAT 4."""
    return begin.startswith(SIGN)


def _check(file: Reading) -> int:
    """Refuses another kind, and what the package would crash on or wait for.

    Returns:
        How many bytes at the end are no head of a packet.
    """
    with file.path.open("rb") as opened:
        begin = opened.read(_BEGIN)
        if not is_aedat4(begin):
            if kind := kind_by_signature(begin):
                raise HoldsError(kind)
            raise DamageError(f"it begins with {begin[:14]!r}, not with {SIGN!r}")
        (described,) = struct.unpack_from("<I", begin, len(SIGN))
        at = len(SIGN) + 4 + described
        if at > len(begin):
            raise DamageError(f"its description has {described} bytes")
        place, text = _field(begin, _TABLE), _field(begin, _TEXT)
        if text is None:
            raise DamageError("it has no description")
        _check_description(_text(begin, text))
        table = -1 if place is None else struct.unpack_from("<q", begin, place)[0]
        end = opened.seek(0, os.SEEK_END)
        left = _walk(opened, at, end if table < 0 else table, end)
        return left if table < 0 else 0


def _check_description(text: bytes) -> None:
    """Refuses what is no XML, or not that of iniVation."""
    root = re.search(rb"<(\w+)", text)
    if root is not None and root[1] != b"dv":
        raise HoldsError(
            f"a description <{root[1][:20].decode('latin-1')} …> in place of <dv …>, "
            "as evutils writes it and no software of iniVation reads it"
        )
    if b"<!" in text:
        raise DamageError("its description declares something")
    ElementTree.fromstring(text.decode())


def _field(begin: bytes, number: int) -> int | None:
    """Where a field of the head of a file lies, which is a FlatBuffer."""
    at = len(SIGN) + 4
    root = at + struct.unpack_from("<I", begin, at)[0]
    fields = root - struct.unpack_from("<i", begin, root)[0]
    size, place = struct.unpack_from("<H", begin, fields)[0], 4 + 2 * number
    if size < place + 2:
        return None
    (offset,) = struct.unpack_from("<H", begin, fields + place)
    return root + offset if offset else None


def _text(begin, place):
    """The text that a field leads to."""
    at = place + struct.unpack_from("<I", begin, place)[0]
    (size,) = struct.unpack_from("<I", begin, at)
    return begin[at + 4 : at + 4 + size]


def _walk(opened: BinaryIO, at: int, stop: int, end: int) -> int:
    """From packet to packet; how many bytes are behind the last."""
    if not at <= stop <= end:
        raise DamageError(f"its packets would end at byte {stop} of {end}")
    while stop - at >= 8:
        opened.seek(at + 4)
        (size,) = struct.unpack("<i", opened.read(4))
        if not 0 <= size <= stop - at - 8:
            raise DamageError(
                f"a packet at byte {at} claims {size} bytes, {stop - at - 8} follow"
            )
        at += 8 + size
    return stop - at


def _skipped(others, left):
    """How many of what else there are, by their names here."""
    named = {_OTHERS[kind]: n for kind, n in others.items()}
    named["bytes at the end"] = left
    return {name: n for name, n in named.items() if n}
