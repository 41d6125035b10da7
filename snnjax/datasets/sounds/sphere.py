"""NIST SPHERE, in which TIMIT, TIDIGITS and other speech was published.

A header of lines, "NIST_1A", its size, and fields ("sample_rate -i 16000") up to
"end_head"; then numbers, channel by channel within a frame (NIST SPHERE 2.6, 1996).
Its files are often called ``.wav``.
"""

import re

import numpy as np

from snnjax.datasets.guard.checked import DamageError, HoldsError, Reading
from snnjax.datasets.sounds.sound_numbers import CODINGS, Coding, Order, frames

_CODINGS: dict[str, Coding] = {
    **{"pcm": "signed", "pcm-1": "signed", "ulaw": "µ-law", "mu-law": "µ-law"},
    "alaw": "A-law",
}
_ORDERS: dict[str, Order] = {
    **{"01": "<", "012": "<", "0123": "<", "10": ">", "210": ">", "3210": ">"},
}
_LINE = re.compile(rb"(\w+) -(i|r|s\d+) ?([^\n]*)")
_BEGIN = 16  # bytes of the first two lines
_MOST_HEADER = 2**20  # bytes
_MOST_CHANNELS = 2**10
_NUMBER_BYTES = 40  # of memory for each number of a clip


def sphere_frames(raw: bytes, file: Reading) -> tuple[int, np.ndarray]:
    """The rate [Hz] and the numbers, ``[T, channels]``, of a SPHERE file.

    Args:
        raw: the file, which begins with NIST_1A.
        file: from ``reading``.

    Raises:
        DamageError: naming the field and what is wrong with it, or for less numbers
            than the header tells.
        HoldsError: for numbers that are stored in another way, or packed.
        DataError: if the numbers would take more memory than is allowed.
    """
    size = _header_size(raw)
    fields = _fields(raw[_BEGIN:size], file)
    coding, width, order = _layout(fields)
    channels = _number(fields, "channel_count", 1, _MOST_CHANNELS)
    rate = _number(fields, "sample_rate", None, 2**31)
    count = _number(fields, "sample_count", None, 2**62, least=0)
    wanted, left = count * channels * width, len(raw) - size
    if wanted > left:
        raise DamageError(f"it claims {wanted} bytes of numbers, {left} follow")
    file.take(count * channels * _NUMBER_BYTES, "its samples")
    data = memoryview(raw)[size : size + wanted]
    return rate, frames(data, coding, width, order, channels)


def _header_size(raw):
    found = re.match(rb"NIST_1A\n *(\d+)\n", raw[:_BEGIN])
    size = int(found[1]) if found and found.end() == _BEGIN else 0
    if not _BEGIN < size <= min(len(raw), _MOST_HEADER):
        told = f"a header that begins with {raw[:_BEGIN]!r}, in {len(raw)} bytes"
        raise DamageError(told)
    return size


def _fields(header, file):
    """Values by their names, numbers as what they are."""
    file.take(20 * len(header), "its header")
    fields: dict[str, str] = {}
    lines = header.split(b"\n")
    for line in lines:
        if line.strip() == b"end_head":
            return fields
        found = _LINE.fullmatch(line)
        if found:
            name, kind, value = (each.decode("latin-1") for each in found.groups())
            most = int(kind[1:]) if kind[1:] else None
            fields[name] = value[:most].strip()
        elif line.strip(b" \0") and not line.startswith(b";"):
            raise DamageError(f"a line {line[:40]!r} of its header is no field")
    raise DamageError("its header has no end_head")


def _layout(fields):
    """How a number is stored: coding, bytes, order."""
    width = _number(fields, "sample_n_bytes", None, 8)
    told = fields.get("sample_coding", "pcm")
    if "shorten" in told or "wavpack" in told or "shortpack" in told:
        raise HoldsError(
            f"samples of coding {told[:40]!r}, which are packed; unpack them by NIST's "
            "`w_decode -o pcm` or LDC's `sph2pipe -p`"
        )
    orders = fields.get("sample_byte_format", "01" if width == 2 else "untold")
    if told == "pcm" and orders in _CODINGS:  # of old files
        told, orders = orders, "1"
    coding, order = _CODINGS.get(told), "<" if width == 1 else _ORDERS.get(orders)
    if coding is None or width not in CODINGS[coding]:
        told = f"samples of coding {told[:40]!r} in {width} bytes"
        raise HoldsError(f"{told}; pcm of 1 to 4 bytes, ulaw and alaw are read")
    if order is None or (width > 1 and len(orders) not in (2, width)):
        raise DamageError(f"{width} bytes a number in the order {orders[:40]!r}")
    return coding, width, order


def _number(fields, name, default, most, *, least=1):
    """A field that is a whole number."""
    told = fields.get(name, None if default is None else str(default))
    if told is None:
        raise DamageError(f"its header has no {name}")
    if not re.fullmatch(r"\d{1,19}(\.0*)?", told):
        raise DamageError(f"its {name} is {told[:40]!r}")
    value = int(told.split(".")[0])
    if not least <= value <= most:
        raise DamageError(f"its {name} is {value}, not {least} to {most}")
    return value
