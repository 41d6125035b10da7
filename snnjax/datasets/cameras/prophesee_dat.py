"""DAT, events as software of Prophesee and Chronocam has decoded them.

Lines of text, two bytes (type and size of an event), and 8 bytes for each event: its
time [µs] in 32 bits, then as bits of 32

    Version 2    x 0-13, y 14-27, polarity 28-31
    Version 1    x 0-8,  y 9-16,  polarity 17

The clock runs over after 71 minutes, which is undone: a time that falls by more than
half of that is of the next turn. The header of N-CARS tells no size, and type 0 in
place of 12. (https://docs.prophesee.ai/stable/data/file_formats/dat.html)
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from snnjax.datasets.cameras.byte_stream import ByteStream, opened
from snnjax.datasets.cameras.event_pieces import Pieces, at_once, room, whole
from snnjax.datasets.cameras.prophesee_header import (
    check_kind,
    read_header,
    sensor_size,
)
from snnjax.datasets.cameras.prophesee_words import turned
from snnjax.datasets.guard.checked import DamageError, HoldsError, reading
from snnjax.events import Outside, Recorded

_WORK = 8  # bytes of memory for each that is worked on at once
_BITS = {"1": (9, 8, 1), "2": (14, 14, 4)}  # of x, y and polarity in each version
_TYPES = (0, 12)  # any event of a pixel, one of contrast
_OTHER = {14: "external triggers"}


def read_prophesee_dat(
    path: str | Path, *, limit: int | None = None, outside: Outside = "error"
) -> Recorded:
    """Reads one recording.

    Args:
        path: of the ``.dat`` file.
        limit: most bytes of memory that reading it may take; 128 MiB and 200 times the
            file's size if omitted.
        outside: what to do with events outside the sensor; ``"drop"`` warns how many.

    Returns:
        Its events. Bytes at the end that are no whole event are counted in
        ``skipped``.

    Raises:
        FileNotFoundError: if there is no such file.
        DataError: naming the file and what is wrong with it.
    """
    with (
        reading(path, "a DAT recording of Prophesee", limit) as file,
        opened(file) as stream,
    ):
        return whole(decode_dat(stream), stream, outside)


def decode_dat(stream: ByteStream) -> Pieces:
    """Reads the header, and events as they are asked for."""
    raw = stream.begin()
    header = read_header(raw)
    check_kind(header, "DAT")
    version = header.one("version")
    if version not in _BITS:
        raise HoldsError(f"DAT of version {version[:20]!r}; 1 and 2 are read")
    _check_type(raw[header.begin : header.begin + 2])
    stream.skip(header.begin + 2)
    bits = _BITS[version]
    most = 2 ** bits[1], 2 ** bits[0]
    none = Recorded(*room(0), sensor_size(header, most), "top left", f"DAT {version}")
    at_once(stream, _WORK, "its words")
    return Pieces(_pieces(stream, bits, none), most, (stream.size or 0) // 8)


def _pieces(stream, bits, none) -> Iterator[Recorded]:
    yield none
    before = -1
    for piece in stream.pieces(8):
        n, rest = divmod(len(piece), 8)
        word = np.frombuffer(piece, "<u4", 2 * n).reshape(n, 2)
        t = turned(word[:, 0], 32, before)
        before = int(t[-1]) if n else before
        skipped = {"bytes at the end": rest} if rest else {}
        x, y, p = _pixel(word[:, 1], *bits)
        yield none._replace(t=t, x=x, y=y, p=p, skipped=skipped)


def _check_type(two):
    if len(two) < 2:
        raise DamageError("it ends before the type of its events")
    kind, size = two
    if kind in _TYPES and size == 8:
        return
    other = _OTHER.get(kind, f"events of type {kind} in {size} bytes")
    raise HoldsError(f"{other}, none of pixels in 8 bytes")


def _pixel(word, x_bits, y_bits, p_bits):
    x = (word & (2**x_bits - 1)).astype(np.uint16)
    y = (word >> x_bits & (2**y_bits - 1)).astype(np.uint16)
    return x, y, (word >> x_bits + y_bits & (2**p_bits - 1)).astype(np.uint8)
