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
from collections.abc import Iterator
from pathlib import Path
from struct import Struct
from typing import NamedTuple

import numpy as np

from snnjax import check
from snnjax.datasets.cameras import byte_stream
from snnjax.datasets.cameras.aedat_header import (
    Header,
    check_version,
    header_of,
    size_of,
)
from snnjax.datasets.cameras.byte_stream import ByteStream, opened
from snnjax.datasets.cameras.event_pieces import Pieces, at_once, room, whole
from snnjax.datasets.guard.checked import (
    DamageError,
    HoldsError,
    listed,
    reading,
)
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
_WORK = 10  # bytes of memory for each that is worked on at once


class _Packet(NamedTuple):
    k: int  # its number
    n: int  # of its events
    camera: int
    overflow: int  # how often the clock ran over its 31 bits
    size: int  # bytes of an event
    room: int  # for so many


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
    check_camera(camera)
    check.one_of("outside", outside, OUTSIDE)
    with (
        reading(path, "an AEDAT 3.1 recording", limit) as file,
        opened(file) as stream,
    ):
        return whole(decode_aedat31(stream, camera=camera), stream, outside)


def check_camera(camera: int | None) -> None:
    """Refuses a number that no camera can have."""
    if camera is not None:
        check.whole("camera", camera, least=0)


def decode_aedat31(stream: ByteStream, *, camera: int | None = None) -> Pieces:
    """Reads the header, and events as they are asked for."""
    raw = stream.begin()
    header = header_of(stream.file, raw, b"#!END-HEADER")
    _check(raw, header)
    stream.skip(header.end)
    at_once(stream, _WORK, "its events")
    pieces = _pieces(stream, _Cameras(header, camera))
    return Pieces(pieces, (2**15, 2**15), (stream.size or 0) // 8)


def _check(raw, header):
    """Refuses another version, a header without end, and packets that are packed."""
    check_version(raw, header, "3.1")
    if header.lines[-1] != "#!END-HEADER":
        raise DamageError("its header has no line #!END-HEADER")
    forms = [line[8:].strip() for line in header.lines if line.startswith("#Format:")]
    if forms != ["RAW"]:
        raise HoldsError(f"packets of format {listed(forms)}, not RAW")


class _Cameras:
    """Which camera is read: the one there is, or the one asked for."""

    def __init__(self, header: Header, asked: int | None):
        self.header, self.asked = header, asked
        self.seen: set[int] = set()  # with polarity events

    def reads(self, camera: int) -> bool:
        """Whether events of a camera are read.

        Raises:
            HoldsError: for a second one, if none was asked for.
        """
        self.seen.add(camera)
        if self.asked is None and len(self.seen) > 1:
            raise HoldsError(
                f"events of cameras {listed(sorted(self.seen))}; camera=… picks one"
            )
        return self.asked in (None, camera)

    def check(self) -> None:
        """Refuses a file without events of the camera that was asked for."""
        if self.asked is not None and self.asked not in self.seen:
            known = listed(sorted(self.seen))
            raise HoldsError(f"polarity events of cameras {known} alone")

    def nothing(self) -> Recorded:
        """No events of the camera that is read."""
        lines = (re.match(r"#Source (\d+): (.*)", line) for line in self.header.lines)
        names = {int(line[1][:9]): line[2] for line in lines if line}
        camera = next(iter(self.seen), None) if self.asked is None else self.asked
        if camera is None and len(names) == 1:
            camera = next(iter(names))
        size = size_of(names.get(camera, "")) if camera is not None else None
        return Recorded(*room(0), size, "top left", "AEDAT 3.1")


def _pieces(stream: ByteStream, cameras: _Cameras) -> Iterator[Recorded]:
    words = bytearray(max(byte_stream.PIECE // 8, 1) * 8)
    turns = np.empty(len(words) // 8, np.int64)  # of the clock, at each event
    filled, others = 0, Counter[str]()
    for packet in _packets(stream, others):
        if not packet.n:
            continue
        if not cameras.reads(packet.camera):
            others["other cameras"] += packet.n
            _expect(stream.skip(8 * packet.n), packet)
            continue
        done = 0
        while done < packet.n:
            n = min(packet.n - done, len(turns) - filled)
            with memoryview(words)[8 * filled : 8 * (filled + n)] as gap:
                _expect(8 * done + stream.read_into(gap), packet, 8 * (done + n))
            turns[filled : filled + n] = packet.overflow
            filled, done = filled + n, done + n
            if filled == len(turns):
                yield _decoded(words, turns, cameras, others)
                filled = 0
    cameras.check()
    yield _decoded(words[: 8 * filled], turns[:filled], cameras, others)


def _packets(stream: ByteStream, others: Counter[str]) -> Iterator[_Packet]:
    """Heads of polarity packets; others are skipped, and their events counted."""
    k = at = 0
    while head := bytes(stream.read(_HEAD.size)):
        if len(head) < _HEAD.size:
            raise DamageError(
                f"it ends within the head of packet {k}, {at} bytes behind its header"
            )
        kind, camera, size, offset, overflow, capacity, n, _ = _HEAD.unpack(head)
        if kind < 0:
            raise HoldsError(f"packets that are packed, such as packet {k}")
        packet = _Packet(k, n, camera, overflow, size, capacity)
        if n < 0 or capacity < n or size < 1:
            _expect(0, packet, -1)
        if kind != _POLARITY:
            others[_TYPES.get(kind, f"type {kind}")] += n
            _expect(stream.skip(n * size), packet)
        elif (size, offset) != (8, 4) or overflow < 0:
            raise DamageError(
                f"packet {k} says that its polarity events have {size} bytes, with "
                f"times at byte {offset} that ran over {overflow} times"
            )
        else:
            yield packet
        at, k = at + _HEAD.size + n * size, k + 1


def _expect(found: int, packet: _Packet, wanted: int | None = None) -> None:
    """Refuses a packet that does not have what its head says."""
    if found != (packet.n * packet.size if wanted is None else wanted):
        raise DamageError(
            f"packet {packet.k} says that it has {packet.n} events of {packet.size} "
            f"bytes with room for {packet.room}; {found} bytes follow"
        )


def _decoded(words, turns, cameras, others):
    """Valid events, and how many are not or were of another type until here."""
    word, time = np.frombuffer(words, "<u4").reshape(-1, 2).T
    if len(time) and time.max() >= 2**31:
        raise DamageError(f"an event has a time of 32 bits, {time.max()}")
    valid = (word & 1).astype(bool)
    t = time + (turns << 31)
    if not valid.all():
        others["invalid"] += int(np.count_nonzero(~valid))
        word, t = word[valid], t[valid]
    x, y = (word >> 17).astype(np.uint16), (word >> 2 & 0x7FFF).astype(np.uint16)
    p, skipped = (word >> 1 & 1).astype(np.uint8), dict(+others)
    others.clear()
    return cameras.nothing()._replace(t=t, x=x, y=y, p=p, skipped=skipped)
