"""Files of event cameras that are read piece by piece, told by their first bytes."""

import gzip
from collections.abc import Callable
from pathlib import Path

from snnjax.datasets.cameras.aedat2 import read_aedat2
from snnjax.datasets.cameras.aedat31 import read_aedat31
from snnjax.datasets.cameras.event_stream import read_event_stream
from snnjax.datasets.cameras.event_text import read_event_text
from snnjax.datasets.cameras.prophesee_dat import read_prophesee_dat
from snnjax.datasets.cameras.prophesee_evt2 import read_prophesee_evt2
from snnjax.datasets.cameras.prophesee_evt3 import read_prophesee_evt3
from snnjax.datasets.cameras.prophesee_header import kind_of_header, read_header
from snnjax.datasets.guard.checked import HoldsError
from snnjax.datasets.guard.signatures import kind_by_signature
from snnjax.events import Recorded

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
