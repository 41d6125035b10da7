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

from snnjax.datasets.cameras.byte_stream import ByteStream, opened
from snnjax.datasets.cameras.event_pieces import Pieces, at_once, room, whole
from snnjax.datasets.cameras.prophesee_header import (
    Header,
    check_kind,
    read_header,
    sensor_size,
)
from snnjax.datasets.cameras.prophesee_words import (
    Piece,
    bits_set,
    count_others,
    kept,
    turned,
)
from snnjax.datasets.guard.checked import HoldsError, reading
from snnjax.events import Outside, Recorded

_WORK, _WORK_21 = 16, 32  # bytes of memory for each that is worked on at once
_SHARE = 16  # of them, since a word of EVT 2.1 may be 32 events
_MOST = (2048, 2048)  # height and width that the words have bits for
_FIRST_OTHER, _TIME = 2 << 28, 8  # no event is as large a number


def read_prophesee_evt2(
    path: str | Path, *, limit: int | None = None, outside: Outside = "error"
) -> Recorded:
    r"""Reads one recording in EVT 2.0 or EVT 2.1.

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

    Example:
        >>> from pathlib import Path
        >>> head = b"% evt 2.0\n% format EVT2;height=48;width=64\n% end\n"
        >>> words = np.array([0x80000001, 0x10001002], "<u4")  # at 64 µs, brighter
        >>> size = Path("camera.raw").write_bytes(head + words.tobytes())
        >>> recorded = snn.datasets.read_prophesee_evt2("camera.raw")
        >>> recorded.t.tolist(), recorded.x.tolist(), recorded.y.tolist()
        ([64], [2], [2])
    """
    with (
        reading(path, "an EVT 2 recording of Prophesee", limit) as file,
        opened(file) as stream,
    ):
        return whole(decode_evt2(stream), stream, outside)


def decode_evt2(stream: ByteStream) -> Pieces:
    """Reads the header, and events as they are asked for."""
    header = read_header(stream.begin())
    kind = check_kind(header, "EVT 2", "EVT 2.1")
    upper = _upper_half(header, kind)
    stream.skip(header.begin)
    none = Recorded(*room(0), sensor_size(header, _MOST), "top left", kind)
    at_once(stream, _WORK if upper is None else _WORK_21, "its words")
    return Pieces(_pieces(stream, upper, none), _MOST, (stream.size or 0) // 4)


def _upper_half(header: Header, kind: str) -> int | None:
    """Which of two halves of a word says what it is; ``None`` if it has no halves.

    Raises:
        HoldsError: for another order of bytes.
    """
    order = header.one("endianness").lower()
    if kind == "EVT 2":
        if order not in ("", "little"):
            raise HoldsError(f"EVT 2 of endianness {order[:20]!r}; little is read")
        return None
    if order not in ("little", "legacy"):
        raise HoldsError(
            f"EVT 2.1 of endianness {order[:20]!r}; its header must say "
            "'% endianness little' or '% endianness legacy'"
        )
    return 0 if order == "legacy" else 1


def _pieces(stream, upper, none) -> Iterator[Recorded]:
    yield none
    high, width = -1, 4 if upper is None else 8
    for raw in stream.pieces(width, _SHARE if width == 8 else 1):
        n, rest = divmod(len(raw), width)
        skipped = {"bytes at the end": rest} if rest else {}
        words = np.frombuffer(raw, "<u4", n * width // 4)
        head = words if upper is None else words[upper::2].copy()
        event, counts, after = _times(head, high, skipped)
        piece = _events(head[event] if event is not None else head, *counts)
        if upper is not None:
            mask = words[1 - upper :: 2]
            piece = _spread(piece, mask if event is None else mask[event])
        if high < 0:
            why = "events before the first time"
            piece = kept(skipped, piece, piece.t >= 0, why)
        high = after
        yield none._replace(**piece._asdict(), skipped=skipped)


def _times(head, high, skipped):
    """Which words are events; times [64 µs] and of how many; and the last one."""
    event = head < _FIRST_OTHER
    others = np.flatnonzero(~event)
    kind = (head[others] >> 28).astype(np.uint8)
    count_others(skipped, kind, {_TIME})
    number = np.flatnonzero(kind == _TIME)
    at = others[number]
    highs = turned(head[at] & 0xFFFFFFF, 28, high)
    n = len(head) - len(others)
    counts = np.diff(at - number, prepend=0, append=n)
    times = np.concatenate([[high], highs])
    return event if len(others) else None, (times, counts), int(times[-1])


def _events(word, times, counts):
    """Columns of events, which are words that follow each other here."""
    found = Piece(*room(len(word)))
    rest = (word >> 22).astype(np.uint8)  # kind, 0 or 1, and time
    np.bitwise_and(rest, 63, out=found.t, casting="unsafe")
    found.t[:] += np.repeat(times << 6, counts)
    np.right_shift(rest, 6, out=found.p)
    np.bitwise_and(word.astype(np.uint16), 2047, out=found.y)
    np.bitwise_and((word >> 11).astype(np.uint16), 2047, out=found.x)
    return found


def _spread(piece, mask):
    """An event for each bit of the masks."""
    word, bit = bits_set(mask)
    t, x, y, p = (column[word] for column in piece)
    x += bit.astype(np.uint16)
    return Piece(t, x, y, p)
