"""A recording of an event camera, read one piece after another.

Bytes are decoded as they are asked for, by what reads a file as a whole as well, so
that a file of gigabytes takes no more memory than its pieces do.
"""

import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from snnjax import check
from snnjax.datasets.cameras.aedat2 import check_layout, decode_aedat2, read_aedat2
from snnjax.datasets.cameras.aedat31 import check_camera, decode_aedat31, read_aedat31
from snnjax.datasets.cameras.byte_stream import opened
from snnjax.datasets.cameras.event_pieces import Pieces
from snnjax.datasets.cameras.event_stream import decode_event_stream, read_event_stream
from snnjax.datasets.cameras.event_text import (
    check_lines,
    decode_event_text,
    read_event_text,
)
from snnjax.datasets.cameras.on_sensor import on_sensor
from snnjax.datasets.cameras.prophesee_dat import decode_dat, read_prophesee_dat
from snnjax.datasets.cameras.prophesee_evt2 import decode_evt2, read_prophesee_evt2
from snnjax.datasets.cameras.prophesee_evt3 import (
    check_decoder,
    decode_evt3,
    read_prophesee_evt3,
)
from snnjax.datasets.cameras.recut import by_count, by_time
from snnjax.datasets.formats.any_file import format_of
from snnjax.datasets.guard.checked import HoldsError, reading
from snnjax.events import Outside, Recorded
from snnjax.events.checked_recordings import microseconds
from snnjax.events.columns import OUTSIDE

_WHAT = "a recording of an event camera"
_EVENTS = 2**20  # of a piece
_DECODERS: dict[Callable[..., Recorded], Callable[..., Pieces]] = {
    read_aedat2: decode_aedat2,
    read_aedat31: decode_aedat31,
    read_event_stream: decode_event_stream,
    read_event_text: decode_event_text,
    read_prophesee_dat: decode_dat,
    read_prophesee_evt2: decode_evt2,
    read_prophesee_evt3: decode_evt3,
}
_CHECKS: dict[Callable[..., Pieces], Callable[..., None]] = {
    decode_aedat2: check_layout,
    decode_aedat31: check_camera,
    decode_event_text: check_lines,
    decode_evt3: check_decoder,
}


def stream_recorded(
    path: str | Path,
    *,
    events: int | None = None,
    every: float | None = None,
    start: float | None = None,
    outside: Outside = "error",
    options: Mapping[str, Any] | None = None,
) -> Iterator[Recorded]:
    """Reads a recording of an event camera piece by piece, whatever its format.

    These are DAT, EVT 2, 2.1 and 3 of Prophesee, Event Stream, AEDAT 2.0 and 3.1, and
    text, as such or packed in a ``.gz``. What ``read_recorded`` reads of a file are its
    pieces one behind the other; memory is that of a piece, however long the file.

    Pieces have a number of events, or with ``every`` those of a time: piece k has the
    events of ``start + k·every <= t < start + (k + 1)·every``, in the order of the
    file, and may have none. A camera may send an event up to 10 ms behind later ones.

    Args:
        path: of the file.
        events: of each piece but the last; 2²⁰ if omitted.
        every: time that each piece is of [s], whole microseconds.
        start: of the first piece [s]; the time of the first event if omitted.
        outside: what to do with events outside the sensor; ``"drop"`` warns how many.
        options: of the reader of the format, where that leaves something open: its
            ``layout``, ``camera``, ``columns``, ``unit`` or ``decoder``.

    Returns:
        Pieces in the order of the file, one at least. Times are those of the file.
        ``skipped`` tells what was left out since the piece before.

    Raises:
        ValueError: for both ``events`` and ``every``, for a ``start`` without
            ``every``, what is no such number, or options that the format does not have.
        FileNotFoundError: if there is no such file.
        DataError: naming the file and what is wrong with it, or what it is instead. Of
            what is wrong further on, once the pieces before were given; and for events
            before ``start``, or further behind later ones than cameras send them.
    """
    check.one_of("outside", outside, OUTSIDE)
    if events is not None and every is not None:
        raise ValueError("pieces have a number of events= or a time every=, not both.")
    if events is not None:
        check.whole("events", events, least=1)
    if every is None and start is not None:
        raise ValueError(f"start={start} is of pieces in time; every= is missing.")
    width = None if every is None else microseconds("every", every)
    if width is not None and width < 1:
        raise ValueError(f"every must be 1e-6 s at least, got {every} s.")
    begin = None if start is None else microseconds("start", start)
    with reading(path, _WHAT):
        found = format_of(path, options)
        if not is_streamed(found.read):
            name = found.read.__name__
            raise HoldsError(f"{found.name}, which is read as a whole, by {name}")
    decode = _DECODERS[found.read]
    _check_options(found.read.__name__, decode, options or {})
    pieces = _pieces(Path(path), decode, outside, options or {})
    pieces = chain([next(pieces)], pieces)  # the header is read at once
    if width is None:
        return by_count(pieces, events or _EVENTS)
    return by_time(pieces, width, begin, path)


def is_streamed(read: Callable[..., Any]) -> bool:
    """Whether what a reader reads can be read piece by piece."""
    return read in _DECODERS


def _check_options(name, decode, options):
    """Refuses options that a format does not have, or of wrong values."""
    known = [
        key
        for key, each in inspect.signature(decode).parameters.items()
        if each.kind is inspect.Parameter.KEYWORD_ONLY
    ]
    if unknown := sorted({*options} - {*known}):
        raise ValueError(
            f"options of {name} are {', '.join(known) or 'none'}, got "
            f"{', '.join(unknown)}."
        )
    if options:
        _CHECKS[decode](**options)


def _pieces(path, decode, outside, options) -> Iterator[Recorded]:
    """As they are decoded, all on the sensor; the first one is empty."""
    n = 0
    with reading(path, _WHAT, sys.maxsize) as file, opened(file) as stream:
        found = decode(stream, **options)
        for piece in found.pieces:
            yield on_sensor(piece, found.most, outside, first=n)
            n += len(piece.t)
