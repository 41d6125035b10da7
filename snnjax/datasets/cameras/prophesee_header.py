"""The header of files of Prophesee: lines of text that begin with a per cent sign.

    % evt 3.0
    % format EVT3;height=720;width=1280
    % end

A key, a space and a value each. What follows the last line is binary; ``% end`` is
missing in older files. Keys and values are told apart and compared, not believed: two
that contradict each other are refused.
(https://docs.prophesee.ai/stable/data/file_formats/raw.html)
"""

from typing import NamedTuple

from snnjax.datasets.cameras.aedat1 import is_aedat1
from snnjax.datasets.guard.checked import DamageError, HoldsError
from snnjax.datasets.guard.signatures import check_signature, kind_by_signature

_LONGEST, _MOST_LINES = 4096, 1000  # bytes of a line; lines
_READERS = {
    "DAT": "read_prophesee_dat",
    "EVT 2": "read_prophesee_evt2",
    "EVT 2.1": "read_prophesee_evt2",
    "EVT 3": "read_prophesee_evt3",
}
_VERSIONS = {"2.0": "EVT 2", "2.1": "EVT 2.1", "3.0": "EVT 3"}
_FORMATS = {"EVT2": "EVT 2", "EVT21": "EVT 2.1", "EVT3": "EVT 3"}


class Header(NamedTuple):
    """What a file tells about itself."""

    values: dict[str, set[str]]  # what is told of each key, in small letters
    begin: int  # where the binary part begins

    def one(self, key: str) -> str:
        """The one value of a key; nothing if there is none.

        Raises:
            DamageError: if two are told.
        """
        told = self.values.get(key, set())
        if len(told) > 1:
            raise DamageError(f"it tells two of {key}: {' and '.join(sorted(told))}")
        return next(iter(told), "")


def read_header(raw: bytes | bytearray) -> Header:
    """Takes the lines of text off the begin of a file.

    Raises:
        HoldsError: if it has none, and is of another known kind.
        DamageError: if it has none.
    """
    if not raw.startswith(b"% "):
        if not kind_by_signature(raw) and is_aedat1(raw):
            raise HoldsError("bytes without a sign, perhaps AEDAT 1.0 (read_aedat1)")
        check_signature(raw[:64], "a file of Prophesee")
    values: dict[str, set[str]] = {}
    begin = 0
    for _ in range(_MOST_LINES):
        line, begin_of_next = _line(raw, begin)
        if line is None:
            return Header(values, begin)
        begin = begin_of_next
        key, _, value = line[1:].strip().partition(" ")
        if key == "end" and not value:
            return Header(values, begin)
        for name, told in _parts(key, value.strip()):
            values.setdefault(name, set()).add(told)
    raise DamageError(f"its header has more than {_MOST_LINES} lines")


def check_kind(header: Header, *wanted: str) -> str:
    """Which of the formats a file is, as it says.

    Args:
        header: of the file.
        wanted: those that are read: ``"DAT"``, ``"EVT 2"``, ``"EVT 2.1"``, ``"EVT 3"``.

    Raises:
        HoldsError: if it is another.
        DamageError: if it says two things.
    """
    kind = kind_of_header(header)
    if kind not in wanted:
        reader = _READERS.get(kind)
        raise HoldsError(f"{kind[:40]}, which {reader} reads" if reader else kind[:40])
    return kind


def kind_of_header(header: Header) -> str:
    """Which of the formats a file is, as it says, such as ``"EVT 3"``.

    Raises:
        DamageError: if it says two things.
    """
    version, form = header.one("evt"), header.one("format").upper()
    kinds = {_VERSIONS.get(version, f"EVT {version}")} if version else set()
    kinds |= {_FORMATS.get(form, form)} if form else set()
    if not kinds:
        kinds = {"DAT" if header.one("version") else "a header without a version"}
    if len(kinds) > 1:
        raise DamageError(f"it calls itself {' and '.join(sorted(kinds))}")
    return kinds.pop()


def sensor_size(header: Header, most: tuple[int, int]) -> tuple[int, int] | None:
    """Height and width, if they are told.

    Args:
        header: of the file.
        most: height and width of the largest sensor that the format has.

    Raises:
        DamageError: for one of the two only, or what is no number of pixels up to that.
    """
    height, width = header.one("height"), header.one("width")
    if not height and not width:
        return None
    for name, told, n in zip(("height", "width"), (height, width), most, strict=True):
        if not (told.isascii() and told.isdigit() and 0 < int(told[:9]) <= n):
            raise DamageError(
                f"its {name} is {told[:40]!r}, not a number of pixels up to {n}"
            )
    return int(height), int(width)


def _line(raw, begin):
    """A line of text and where the next begins; none where no line of text begins."""
    end = raw.find(b"\n", begin, begin + _LONGEST)
    line = raw[begin:end]
    if end < 0 or (line.rstrip() != b"%" and not line.startswith(b"% ")):
        return None, begin
    try:
        text = line.decode()
    except UnicodeDecodeError:
        return None, begin
    if not all(letter.isprintable() or letter in "\t\r" for letter in text):
        return None, begin
    return text, end + 1


def _parts(key, value):
    """Keys and values of a line, of which a format or a geometry has several."""
    if key.lower() == "format":
        first, *rest = value.split(";")
        yield "format", first.strip()
        yield from (_pair(each, "=") for each in rest if each.strip())
    elif key.lower() == "geometry":
        width, _, height = value.partition("x")
        yield from (("width", width.strip()), ("height", height.strip()))
    else:
        yield key.lower(), value


def _pair(text, sign):
    name, _, value = text.partition(sign)
    return name.strip().lower(), value.strip()
