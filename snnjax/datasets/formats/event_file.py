"""Any file of an event camera that is read here, told by its first bytes."""

import gzip
from collections.abc import Callable
from pathlib import Path

from snnjax.datasets.formats.aedat2 import read_aedat2
from snnjax.datasets.formats.aedat31 import read_aedat31
from snnjax.datasets.formats.checked import HoldsError, reading
from snnjax.datasets.formats.event_stream import read_event_stream
from snnjax.datasets.formats.event_text import read_event_text
from snnjax.datasets.formats.prophesee_dat import read_prophesee_dat
from snnjax.datasets.formats.prophesee_evt2 import read_prophesee_evt2
from snnjax.datasets.formats.prophesee_evt3 import read_prophesee_evt3
from snnjax.datasets.formats.prophesee_header import kind_of_header, read_header
from snnjax.datasets.formats.signatures import kind_by_signature
from snnjax.events import Outside, Recorded

_BEGIN = 2**16  # bytes that are looked at
_SIGNS: dict[bytes, Callable[..., Recorded]] = {
    b"Event Stream": read_event_stream,
    b"#!AER-DAT2": read_aedat2,
    b"#!AER-DAT3": read_aedat31,
}
_PROPHESEE: dict[str, Callable[..., Recorded]] = {
    "DAT": read_prophesee_dat,
    "EVT 2": read_prophesee_evt2,
    "EVT 2.1": read_prophesee_evt2,
    "EVT 3": read_prophesee_evt3,
}


def read_recorded(
    path: str | Path, *, limit: int | None = None, outside: Outside = "error"
) -> Recorded:
    """Reads a recording of an event camera, whatever its format and its name.

    These are DAT, EVT 2, 2.1 and 3 of Prophesee, Event Stream, AEDAT 2.0 and 3.1, and
    text; where a format leaves something open, its own reader takes an option for it.

    Args:
        path: of the file.
        limit: most bytes of memory that reading it may take; 128 MiB and 200 times the
            file's size if omitted.
        outside: what to do with events outside the sensor; ``"drop"`` warns how many.

    Raises:
        FileNotFoundError: if there is no such file.
        DataError: naming the file and what is wrong with it, or what it is instead.
    """
    with reading(path, "a recording of an event camera", limit) as file:
        read = reader_of(first_bytes(file.path))
    return read(path, limit=limit, outside=outside)


def first_bytes(path: Path) -> bytes:
    """Of a file, or of what a ``.gz`` packs."""
    with path.open("rb") as opened:
        begin = opened.read(_BEGIN)
    if begin.startswith(b"\x1f\x8b"):
        with gzip.open(path) as packed:
            begin = packed.read(_BEGIN)
    return begin


def reader_of(begin: bytes) -> Callable[..., Recorded]:
    """What reads a file that begins like this.

    Raises:
        HoldsError: saying what it is, if nothing does.
    """
    for sign, read in _SIGNS.items():
        if begin.startswith(sign):
            return read
    if begin.startswith(b"% "):
        kind = kind_of_header(read_header(begin))
        if kind in _PROPHESEE:
            return _PROPHESEE[kind]
        raise HoldsError(f"{kind[:40]} of Prophesee")
    kind = kind_by_signature(begin)
    if kind in ("plain text", ""):  # no sign, as text has none
        return read_event_text
    raise HoldsError(kind)
