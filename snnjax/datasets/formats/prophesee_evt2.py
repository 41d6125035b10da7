"""EVT 2.0 and 2.1, what cameras of Prophesee send: words of 32 or 64 bits.

    EVT 2.0    type 28-31, time 22-27, x 11-21, y 0-10
    EVT 2.1    the same in the upper 32 bits; the lower are a mask of pixels, whose
               bit k is an event at x + k

Types 0 and 1 are events that became darker and brighter. Type 8 is a time of 28 bits in
units of 64 µs, which holds until the next; events before the first have no time and
are left out. Times run over after 2³⁴ µs, which is undone. In EVT 2.1 of some sensors
(``% endianness legacy``) the upper 32 bits come first.
(https://docs.prophesee.ai/stable/data/encoding_formats/evt21.html)
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from snnjax.datasets.formats.checked import HoldsError, Reading, content, reading
from snnjax.datasets.formats.on_sensor import on_sensor
from snnjax.datasets.formats.prophesee_header import (
    Header,
    check_kind,
    read_header,
    sensor_size,
)
from snnjax.datasets.formats.prophesee_words import (
    EVENT_BYTES,
    Piece,
    bits_set,
    count_others,
    held,
    joined,
    kept,
    turned,
)
from snnjax.events import Outside, Recorded

_WORDS = 2**14  # that are read at once
_WORD_BYTES = 2**11  # of memory for each of these, of 32 events at most
_MOST = (2048, 2048)  # height and width that the words have bits for
_DARKER, _BRIGHTER, _TIME = 0, 1, 8


def read_prophesee_evt2(
    path: str | Path, *, limit: int | None = None, outside: Outside = "error"
) -> Recorded:
    """Reads one recording in EVT 2.0 or EVT 2.1.

    Args:
        path: of the ``.raw`` file.
        limit: most bytes of memory that reading it may take; 128 MiB and 200 times the
            file's size if omitted.
        outside: what to do with events outside the sensor; ``"drop"`` warns how many.

    Returns:
        Its events. Triggers, words of a vendor and events before the first time are
        counted in ``skipped``.

    Raises:
        FileNotFoundError: if there is no such file.
        DataError: naming the file and what is wrong with it.
    """
    with reading(path, "an EVT 2 recording of Prophesee", limit) as file:
        raw = content(file)
        header = read_header(raw)
        kind = check_kind(header, "EVT 2", "EVT 2.1")
        heads, masks, rest = _halves(raw, header, kind)
        file.take(min(_WORDS, len(heads)) * _WORD_BYTES, "its words")
        skipped = {"bytes at the end": rest} if rest else {}
        recorded = joined(
            _pieces(heads, masks, file, skipped),
            *(sensor_size(header, _MOST), "top left", kind, skipped),
        )
        return on_sensor(recorded, _MOST, outside)


def _halves(raw, header: Header, kind: str):
    """Words without their masks, their masks, and how many bytes are left."""
    order = header.one("endianness").lower()
    if kind == "EVT 2":
        if order not in ("", "little"):
            raise HoldsError(f"EVT 2 of endianness {order[:20]!r}; little is read")
        n, rest = divmod(len(raw) - header.begin, 4)
        return np.frombuffer(raw, "<u4", n, header.begin), None, rest
    if order not in ("little", "legacy"):
        raise HoldsError(
            f"EVT 2.1 of endianness {order[:20]!r}; its header must say "
            "'% endianness little' or '% endianness legacy'"
        )
    n, rest = divmod(len(raw) - header.begin, 8)
    words = np.frombuffer(raw, "<u4", 2 * n, header.begin).reshape(n, 2)
    upper = 0 if order == "legacy" else 1
    return words[:, upper], words[:, 1 - upper], rest


def _pieces(heads, masks, file: Reading, skipped) -> Iterator[Piece]:
    high = -1
    for begin in range(0, len(heads), _WORDS):
        head = heads[begin : begin + _WORDS]
        mask = None if masks is None else masks[begin : begin + _WORDS]
        kind = (head >> 28).astype(np.uint8)
        count_others(skipped, kind, {_DARKER, _BRIGHTER, _TIME})
        at = np.flatnonzero(kind == _TIME)
        highs = turned(head[at] & 0xFFFFFFF, 28, high)
        event = np.flatnonzero(kind <= _BRIGHTER)
        time = held(high, at, highs, len(head))[event]
        high = int(highs[-1]) if len(highs) else high
        piece = _events(head[event], time, kind[event])
        if mask is None:
            file.take(len(event) * EVENT_BYTES, "its events")
        else:
            piece = _spread(piece, mask[event], file)
        yield kept(skipped, piece, piece.t >= 0, "events before the first time")


def _events(word, time, polarity):
    low, x, y = word >> 22 & 63, word >> 11 & 2047, word & 2047
    return Piece(np.where(time < 0, -1, (time << 6) + low), x, y, polarity)


def _spread(piece, mask, file):
    """An event for each bit of the masks."""
    n = int(np.bitwise_count(mask).sum(dtype=np.int64))
    file.take(n * EVENT_BYTES, "its events")
    word, bit = bits_set(mask)
    t, x, y, p = (column[word] for column in piece)
    return Piece(t, x + bit, y, p)
