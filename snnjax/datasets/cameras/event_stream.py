"""Event Stream 2.0, the format ``.es``: what a DVS or an ATIS saw.

16 bytes of head (name, version, kind), width and height in 2 bytes each, then events of
5 bytes: a first byte, x and y in 2 bytes each, little-endian. The first byte is

    DVS     polarity 0, time 1-7 [µs] since the event before;
            254 is a reset and 255 an overflow of 127 µs, of one byte each
    ATIS    crossing 0, polarity 1, time 2-7;
            252 is a reset and 253 to 255 are overflows of 63, 126 and 189 µs

Threshold crossings of an ATIS measure light and are no events: they are left out. y
counts from the bottom; it is as stored, not turned.
(https://github.com/neuromorphic-paris/event_stream)
"""

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from snnjax.datasets.cameras.byte_stream import ByteStream, opened
from snnjax.datasets.cameras.event_pieces import Pieces, at_once, room, whole
from snnjax.datasets.cameras.prophesee_words import Piece, kept
from snnjax.datasets.guard.checked import DamageError, HoldsError, reading
from snnjax.datasets.guard.signatures import check_signature
from snnjax.events import Outside, Recorded

_NAME, _HEAD = b"Event Stream", 20  # how it begins; bytes before the events
_KINDS = ("generic events", "DVS", "ATIS", "events for a display", "events of colour")
_DVS, _ATIS = 1, 2
_RUN = 2**8  # bytes at most of a run; many are walked at once
_WORK = 24  # bytes of memory for each that is worked on at once
_SPECIAL = {_DVS: 254, _ATIS: 252}  # first bytes from here on are no events
_OVERFLOW = {_DVS: 127, _ATIS: 63}  # µs
_LOW = {_DVS: 1, _ATIS: 2}  # bits of a first byte below its time
_MOST = (2**16, 2**16)


def read_event_stream(
    path: str | Path, *, limit: int | None = None, outside: Outside = "error"
) -> Recorded:
    """Reads one recording of a DVS or an ATIS.

    Args:
        path: of the ``.es`` file.
        limit: most bytes of memory that reading it may take; 128 MiB and 200 times the
            file's size if omitted.
        outside: what to do with events outside the sensor; ``"drop"`` warns how many.

    Returns:
        Its events, whose y counts from the bottom. Threshold crossings, resets and
        bytes at the end that are no whole event are counted in ``skipped``.

    Raises:
        FileNotFoundError: if there is no such file.
        DataError: naming the file and what is wrong with it.
    """
    with (
        reading(path, "an Event Stream", limit) as file,
        opened(file) as stream,
    ):
        return whole(decode_event_stream(stream), stream, outside)


def decode_event_stream(stream: ByteStream) -> Pieces:
    """Reads the header, and events as they are asked for."""
    raw = stream.begin()
    kind = _kind(raw)
    width, height = np.frombuffer(raw, "<u2", 2, _HEAD - 4).tolist()
    if not width or not height:
        raise DamageError(f"its sensor has {width}x{height} pixels")
    stream.skip(_HEAD)
    source = f"Event Stream 2 {_KINDS[kind]}"
    none = Recorded(*room(0), (height, width), "bottom left", source)
    at_once(stream, _WORK, "its bytes")
    return Pieces(_pieces(stream, kind, none), _MOST, (stream.size or 0) // 5)


def _kind(raw):
    """Which of the kinds of events it holds."""
    if not raw.startswith(_NAME):
        check_signature(raw[:64], "an Event Stream")
    if len(raw) < 16:
        raise DamageError("it ends before the kind of its events")
    major, minor, patch, kind = raw[12:16]
    if major != 2:
        raise HoldsError(f"Event Stream {major}.{minor}.{patch}; 2.0 is read")
    if kind not in (_DVS, _ATIS):
        known = _KINDS[kind] if kind < len(_KINDS) else f"events of kind {kind}"
        raise HoldsError(f"{known}; those of a DVS or an ATIS are read")
    if len(raw) < _HEAD:
        raise DamageError("it ends before the size of its sensor")
    return kind


def _pieces(stream, kind, none) -> Iterator[Recorded]:
    yield none
    time, rest = 0, b""
    while len(raw := stream.grown(rest)) > len(rest):
        skipped: dict[str, int] = {}
        piece, time, end = _decoded(np.frombuffer(raw, np.uint8), kind, time, skipped)
        rest = raw[end:]
        yield none._replace(**piece._asdict(), skipped=skipped)
    if rest:
        yield none._replace(skipped={"bytes at the end": len(rest)})


def _decoded(stream, kind, time, skipped):
    """Whole events of some bytes, the time of the last, and where another begins."""
    special, low, over = _SPECIAL[kind], _LOW[kind], _OVERFLOW[kind]
    at = np.flatnonzero(_begins(stream >= special))
    first, end = stream[at], len(stream)
    if len(at) and first[-1] < special and at[-1] + 5 > len(stream):
        end, at, first = int(at[-1]), at[:-1], first[:-1]
    event = first < special
    times = np.where(event, first >> low, over * (first - special).astype(np.int64))
    times = time + np.cumsum(times, dtype=np.int64)
    time = int(times[-1]) if len(times) else time
    if n := int(np.count_nonzero(first == special)):
        skipped["resets"] = n
    piece = _events(stream, at[event], times[event], first[event], kind, skipped)
    return piece, time, end


def _events(stream, at, t, first, kind, skipped):
    x, y = (stream[at + k] | stream[at + k + 1].astype(np.uint16) << 8 for k in (1, 3))
    piece = Piece(t, x, y, first >> (_LOW[kind] - 1) & 1)
    if kind == _ATIS:
        return kept(skipped, piece, first & 1 == 0, "threshold crossings")
    return piece


def _begins(special):
    """Which bytes begin an event or stand alone; the first one does.

    A byte of an event may look like one that stands alone, so each run of bytes is
    walked from all five places that it may begin at, all runs at once.

    Args:
        special: which bytes stand alone if an event could begin there, ``[n]``.
    """
    n = len(special)
    run = min(_RUN, math.isqrt(n) + 1)
    runs = -(-n // run)
    grid = np.ones((runs, run), bool)
    grid.reshape(-1)[:n] = special
    grid = np.ascontiguousarray(grid.T)
    place = np.repeat(np.arange(5, dtype=np.uint8)[:, None], runs, axis=1)
    begins = np.empty((run, 5, runs), bool)
    for k in range(run):
        np.equal(place, 0, out=begins[k])
        stays = begins[k] & grid[k]
        place += 1
        place *= (place < 5) & ~stays
    starts, inside = [], 0
    for ends in place.T.tolist():
        starts.append(inside)
        inside = ends[inside]
    which = begins[:, starts, np.arange(runs)]
    return np.ascontiguousarray(which.T).reshape(-1)[:n]
