"""AEDAT 3.1, as cAER writes it: packets of polarity events among others.

A header up to ``#!END-HEADER``, then packets, small end first. Each says in 28 bytes of
which type its events are, from which camera, of how many bytes, where in an event its
time is, how often that ran over its 31 bits, and how many events follow. A polarity
event is two words of 32 bits:

    x 31-17    y 16-2    polarity 1, 1 brighter    valid 0        time [µs]

Row 0 is at the top. (docs.inivation.com, "AEDAT file formats"; libcaer.)
"""

import re
from collections import Counter
from pathlib import Path
from struct import Struct
from typing import NamedTuple

import numpy as np

from snnjax import check
from snnjax.datasets.formats.aedat_header import (
    Header,
    check_version,
    header_of,
    size_of,
)
from snnjax.datasets.formats.checked import (
    DamageError,
    HoldsError,
    Reading,
    content,
    listed,
    reading,
)
from snnjax.datasets.formats.on_sensor import on_sensor
from snnjax.events import Outside, Recorded
from snnjax.events.columns import OUTSIDE

_HEAD = Struct("<hhiiiiii")
_POLARITY = 1
_TYPES = {
    0: "special",
    2: "frame",
    3: "motion (IMU 6)",
    4: "motion (IMU 9)",
    5: "sample",
    6: "ear",
    7: "configuration",
}
_EVENT_BYTES = 48  # of memory for each event, besides its 8 in the file
_PACKET_BYTES = 250  # of memory for what is kept of a packet


class _Packet(NamedTuple):
    begin: int  # of its events
    n: int
    camera: int
    overflow: int  # how often the clock ran over its 31 bits


def read_aedat31(
    path: str | Path,
    *,
    camera: int | None = None,
    limit: int | None = None,
    outside: Outside = "error",
) -> Recorded:
    """Reads the polarity events of one camera.

    Args:
        path: of the ``.aedat`` file.
        camera: its number in the file; needed where several have polarity events.
        limit: most bytes of memory that reading it may take; 128 MiB and 200 times the
            file's size if omitted.
        outside: what to do with events outside the sensor of a camera that the header
            names; ``"drop"`` warns how many.

    Returns:
        Valid events in the order of the file, how many its writer marked as invalid,
        and how many are of which other type.

    Raises:
        ValueError: for a number that no camera can have.
        FileNotFoundError: if there is no such file.
        DataError: naming the file and what is wrong with it.
    """
    if camera is not None:
        check.whole("camera", camera, least=0)
    check.one_of("outside", outside, OUTSIDE)
    with reading(path, "an AEDAT 3.1 recording", limit) as file:
        raw = content(file)
        header = header_of(file, raw, b"#!END-HEADER")
        _check(raw, header)
        packets, skipped = _packets(file, raw, header.end)
        camera = _camera(packets, camera)
        others = sum(p.n for p in packets if p.camera != camera)
        packets = [p for p in packets if p.camera == camera]
        (t, x, y, p), invalid = _events(*_words(file, raw, packets))
        skipped.update({"other cameras": others, "invalid": invalid})
        size, held = _size(header, camera), dict(+skipped)
        found = Recorded(t, x, y, p, size, "top left", "AEDAT 3.1", held)
        return on_sensor(found, (2**15, 2**15), outside)


def _check(raw, header):
    """Refuses another version, a header without end, and packets that are packed."""
    check_version(raw, header, "3.1")
    if header.lines[-1] != "#!END-HEADER":
        raise DamageError("its header has no line #!END-HEADER")
    forms = [line[8:].strip() for line in header.lines if line.startswith("#Format:")]
    if forms != ["RAW"]:
        raise HoldsError(f"packets of format {listed(forms)}, not RAW")


def _packets(file: Reading, raw: bytes, at: int) -> tuple[list[_Packet], Counter[str]]:
    """Where polarity packets lie, and how many events are of other types."""
    packets, others, k = [], Counter[str](), 0
    while at < len(raw):
        if len(raw) - at < _HEAD.size:
            raise DamageError(f"it ends within the head of packet {k}, at byte {at}")
        kind, camera, size, offset, overflow, room, n, _ = _HEAD.unpack_from(raw, at)
        at += _HEAD.size
        if kind < 0:
            raise HoldsError(f"packets that are packed, such as packet {k}")
        if n < 0 or room < n or size < 1 or at + n * size > len(raw):
            raise DamageError(
                f"packet {k} says that it has {n} events of {size} bytes with room for "
                f"{room}; {len(raw) - at} bytes follow"
            )
        if kind != _POLARITY:
            others[_TYPES.get(kind, f"type {kind}")] += n
        elif (size, offset) != (8, 4) or overflow < 0:
            raise DamageError(
                f"packet {k} says that its polarity events have {size} bytes, with "
                f"times at byte {offset} that ran over {overflow} times"
            )
        else:
            file.take(_PACKET_BYTES, "its packets")
            packets.append(_Packet(at, n, camera, overflow))
        at, k = at + n * size, k + 1
    return packets, others


def _camera(packets, camera):
    """Which camera is read: the one there is, or the one asked for."""
    cameras = sorted({p.camera for p in packets if p.n})
    if camera is not None:
        if camera not in cameras:
            raise HoldsError(f"polarity events of cameras {listed(cameras)} alone")
        return camera
    if len(cameras) > 1:
        raise HoldsError(f"events of cameras {listed(cameras)}; camera=… picks one")
    return cameras[0] if cameras else None


def _words(file, raw, packets):
    """First words of all events, and their times."""
    n = sum(p.n for p in packets)
    file.take(n * _EVENT_BYTES, "its events")
    word, t, at = np.empty(n, np.uint32), np.empty(n, np.int64), 0
    for p in packets:
        pair = np.frombuffer(raw, "<u4", 2 * p.n, p.begin).reshape(-1, 2)
        word[at : at + p.n] = pair[:, 0]
        t[at : at + p.n] = pair[:, 1]
        if pair[:, 1].max(initial=0) >= 2**31:
            raise DamageError(f"an event has a time of 32 bits, {pair[:, 1].max()}")
        t[at : at + p.n] += p.overflow << 31
        at += p.n
    return word, t


def _events(word, t):
    """Columns of valid events, and how many are not."""
    valid = (word & 1).astype(bool)
    word, t = word[valid], t[valid]
    x, y = (word >> 17).astype(np.uint16), (word >> 2 & 0x7FFF).astype(np.uint16)
    p = (word >> 1 & 1).astype(np.uint8)
    return (t, x, y, p), int(np.count_nonzero(~valid))


def _size(header: Header, camera: int | None) -> tuple[int, int] | None:
    lines = (re.match(r"#Source (\d+): (.*)", line) for line in header.lines)
    names = {int(line[1][:9]): line[2] for line in lines if line}
    if camera is None and len(names) == 1:
        return size_of(*names.values())
    return size_of(names.get(camera, "")) if camera is not None else None
