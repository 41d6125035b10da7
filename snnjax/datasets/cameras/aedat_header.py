"""What the lines before the records of an AEDAT file tell.

Lines begin with ``#`` and end as the first does; what begins with ``#`` and is no such
line is a record already.
"""

import re
from typing import NamedTuple

from snnjax.datasets.guard.checked import DamageError, HoldsError, Reading
from snnjax.datasets.guard.signatures import kind_by_signature

_LONGEST = 2**21  # bytes of a header
_LINE_BYTES = 200  # of memory for a line, besides twice its length
_TEXT = re.compile(rb"#[\t\r\x20-\x7e\x80-\xff]*\n")
_READERS = {"2.0": "read_aedat2", "3.1": "read_aedat31"}
_SIZES = {  # height and width of the sensor, by letters and number of the chip
    "dvs128": (128, 128),
    "tmpdiff128": (128, 128),
    "davis128": (128, 128),
    "davis208": (192, 208),
    "davis240": (180, 240),
    "davis346": (260, 346),
    "davis640": (480, 640),
}


class Header(NamedTuple):
    """The lines before the first record."""

    version: str  # such as "2.0"; "" if the file has no line that says it
    lines: tuple[str, ...]  # without their ends
    end: int  # where the first record begins


def header_of(file: Reading, raw: bytes | bytearray, last: bytes) -> Header:
    """Reads the lines at the begin of a file.

    Args:
        file: from ``reading``.
        raw: its first bytes, 4 MiB or all there are.
        last: how the line begins that ends a header, if there is one.

    Raises:
        DataError: if that would take more memory than is allowed.
        DamageError: for lines that do not end within 2 MiB.
    """
    first_end = raw.find(b"\n", 0, _LONGEST)
    ending = b"\r\n" if raw[first_end - 1 : first_end] == b"\r" else b"\n"
    lines: list[bytes] = []
    end = 0
    while line := _TEXT.match(raw, end, end + _LONGEST):
        if not line[0].endswith(ending):
            break
        file.take(2 * len(line[0]) + _LINE_BYTES, "its header")
        end = line.end()
        lines.append(line[0])
        if end > _LONGEST:
            raise DamageError(f"its header has more than {_LONGEST} bytes")
        if line[0].startswith(last):
            break
    texts = tuple(line.decode("latin-1").rstrip() for line in lines)
    first = re.fullmatch(r"#!AER-DAT(\d+\.\d+)", texts[0]) if texts else None
    return Header(first[1] if first else "", texts, end)


def check_version(raw: bytes | bytearray, header: Header, version: str) -> None:
    """Refuses a file of another version, or of another kind.

    Raises:
        HoldsError: saying what it holds.
        DamageError: if it begins as no kind that is known.
    """
    if header.version == version:
        return
    if header.version:
        other = _READERS.get(header.version)
        raise HoldsError(
            f"AEDAT {header.version}" + (f", for {other}" if other else "")
        )
    if kind := kind_by_signature(raw):
        raise HoldsError(kind)
    raise DamageError(
        f"it begins with {bytes(raw[:12])!r}, not with #!AER-DAT{version}"
    )


def size_of(chip: str) -> tuple[int, int] | None:
    """Height and width of a sensor by the name of its chip; ``None`` if not known."""
    words = re.search(r"(dvs|davis|tmpdiff)[a-z]*?(\d+)", chip.lower())
    return _SIZES.get(words[1] + words[2]) if words else None
