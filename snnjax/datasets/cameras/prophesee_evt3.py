"""EVT 3.0, what newer cameras of Prophesee send: words of 16 bits with a state.

Four bits say what a word is, the other twelve hold

    0    row y 0-10, of the events that follow
    2    an event at x 0-10, polarity 11
    3    begin of a vector: x 0-10, polarity 11
    4, 5 a mask of 12 or 8 pixels from there, and the begin moves on by as many
    6, 8 the lower and the upper 12 bits of the time [µs]

and each holds until the next of its kind; masks come in any order. An upper part of the
time sets the lower to zero; a lower one may step back, and is kept so. Times run over
after 2²⁴ µs, which is undone. Events before the first time, row or begin of a vector
are left out. (https://docs.prophesee.ai/stable/data/encoding_formats/evt3.html)
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np

from snnjax import check
from snnjax.datasets.cameras.byte_stream import ByteStream, opened
from snnjax.datasets.cameras.event_pieces import Pieces, at_once, room, whole
from snnjax.datasets.cameras.evt3_package import Evt3Package
from snnjax.datasets.cameras.evt3_words import SIDE, State, decoded
from snnjax.datasets.cameras.prophesee_header import (
    check_kind,
    read_header,
    sensor_size,
)
from snnjax.datasets.guard.checked import HoldsError, reading
from snnjax.events import Outside, Recorded

Decoder = Literal["numpy", "evt3"]

_MOST = (SIDE, SIDE)  # height and width that the words have bits for
_WORK = 64  # bytes of memory for each that is worked on at once
_SHARE = 4  # of them, since a word of a vector may be 12 events
_DECODERS = ("numpy", "evt3")


def read_prophesee_evt3(
    path: str | Path,
    *,
    decoder: Decoder = "numpy",
    limit: int | None = None,
    outside: Outside = "error",
) -> Recorded:
    r"""Reads one recording in EVT 3.0.

    Args:
        path: of the ``.raw`` file.
        decoder: ``"numpy"``, or ``"evt3"`` for the package of this name, which is
            faster where a recording has vectors or many words between events. Events
            and counts are the same.
        limit: most bytes of memory that reading it may take; 128 MiB and 200 times the
            file's size if omitted.
        outside: what to do with events outside the sensor; ``"drop"`` warns how many.

    Returns:
        Its events. Triggers, words of a vendor, and events before the first time, row
        or begin of a vector are counted in ``skipped``.

    Raises:
        ValueError: for another decoder.
        ImportError: without the package, if that is asked for.
        FileNotFoundError: if there is no such file.
        DataError: naming the file and what is wrong with it.

    Example:
        >>> from pathlib import Path
        >>> head = b"% evt 3.0\n% format EVT3;height=48;width=64\n% end\n"
        >>> words = np.array([0x8000, 0x6040, 2, 0x2802], "<u2")  # at 64 µs, brighter
        >>> size = Path("camera.raw").write_bytes(head + words.tobytes())
        >>> recorded = snn.datasets.read_prophesee_evt3("camera.raw")
        >>> recorded.t.tolist(), recorded.x.tolist(), recorded.y.tolist()
        ([64], [2], [2])
    """
    check_decoder(decoder)
    with (
        reading(path, "an EVT 3 recording of Prophesee", limit) as file,
        opened(file) as stream,
    ):
        return whole(decode_evt3(stream, decoder=decoder), stream, outside)


def check_decoder(decoder: Decoder) -> None:
    """Refuses a decoder that there is not, or that is not installed."""
    check.one_of("decoder", decoder, _DECODERS)
    if decoder == "evt3":
        Evt3Package()


def decode_evt3(stream: ByteStream, *, decoder: Decoder = "numpy") -> Pieces:
    """Reads the header, and events as they are asked for."""
    header = read_header(stream.begin())
    kind = check_kind(header, "EVT 3")
    if header.one("endianness").lower() not in ("", "little"):
        raise HoldsError(f"EVT 3 of endianness {header.one('endianness')[:20]!r}")
    stream.skip(header.begin)
    none = Recorded(*room(0), sensor_size(header, _MOST), "top left", kind)
    at_once(stream, _WORK, "its words")
    decode = Evt3Package().decoded if decoder == "evt3" else decoded
    return Pieces(_pieces(stream, decode, none), _MOST, (stream.size or 0) // 2)


def _pieces(stream, decode, none) -> Iterator[Recorded]:
    yield none
    state = State()
    for raw in stream.pieces(2, _SHARE):
        n, rest = divmod(len(raw), 2)
        skipped = {"bytes at the end": rest} if rest else {}
        piece, state = decode(np.frombuffer(raw, "<u2", n), state, skipped)
        yield none._replace(**piece._asdict(), skipped=skipped)
