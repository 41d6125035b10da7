"""Arrays of numbers out of a MATLAB file of version 5.

After a head of 128 bytes come elements: a tag (type, number of bytes), the bytes, and
zeros to the next multiple of 8; an element of up to 4 bytes shares the 8 of its tag. A
variable is an element that holds its flags, its shape, its name and its numbers, each
an element again, the first axis running fastest; a packed one is the same under zlib
(MathWorks, MAT-File Format, 2019).
"""

import math
import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

_NUMBERS = {
    **{1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4"},
    **{7: "f4", 9: "f8", 12: "i8", 13: "u8"},
}
_MATRIX, _COMPRESSED = 14, 15
_CLASSES = range(6, 16)  # double, single, and eight kinds of whole numbers
_ODD = 0x0E00  # flags of complex, global or logical arrays


class Element(NamedTuple):
    """One tagged piece of a file."""

    kind: int
    body: bytes
    place: int  # of its tag [byte]


def read_matlab(raw: bytes, limit: int) -> dict[str, np.ndarray]:
    """The arrays of numbers of a file, by name; other variables are left out.

    Args:
        raw: the bytes of the file.
        limit: most bytes that all variables together may unpack to.

    Raises:
        ValueError: naming the byte at which something is wrong.
    """
    if len(raw) < 128 or raw[126:128] not in (b"IM", b"MI"):
        raise ValueError("byte 126 does not say IM or MI, as version 5 does")
    order = "<" if raw[126:128] == b"IM" else ">"
    if struct.unpack_from(f"{order}H", raw, 124)[0] != 0x0100:
        raise ValueError("byte 124 tells of another version than 5")
    variables = {}
    for kind, body, place in _elements(raw, order, 128):
        if kind == _COMPRESSED:
            body = _unpacked(body, limit, place)
            limit -= len(body)
            (kind, body, _), *more = _elements(body, order, 0, place)
            if more:
                raise ValueError(f"byte {place} packs more than one variable")
        if kind != _MATRIX:
            raise ValueError(f"byte {place} has an element of type {kind}, no variable")
        variable = _variable(body, order, place)
        if variable:
            variables[variable[0]] = variable[1]
    return variables


def _elements(
    raw: bytes, order: str, at: int, within: int | None = None
) -> Iterator[Element]:
    """The elements from byte ``at`` on, of a file or ``within`` what begins there."""
    inside = "" if within is None else f"byte {within}: inside, "
    while at < len(raw):
        if len(raw) - at < 8:
            raise ValueError(f"{inside}byte {at} ends within a tag")
        kind, size = struct.unpack_from(f"{order}II", raw, at)
        begin, stop = at + 8, at + 8 + size
        if kind >> 16:  # a small element
            kind, size = kind & 0xFFFF, kind >> 16
            begin, stop = at + 4, at + 4 + size
            if size > 4:
                raise ValueError(f"{inside}byte {at} claims {size} bytes where 4 fit")
        if stop > len(raw):
            left = len(raw) - begin
            raise ValueError(f"{inside}byte {at} claims {size} bytes, {left} follow")
        yield Element(kind, raw[begin:stop], at)
        at = stop if kind == _COMPRESSED else -(-stop // 8) * 8


def _unpacked(body, limit, place):
    machine = zlib.decompressobj()
    unpacked = machine.decompress(body, max(limit, 1))
    if machine.unconsumed_tail or not machine.eof:
        raise ValueError(f"byte {place} is cut short, or unpacks to over {limit} bytes")
    return unpacked


def _variable(body, order, place):
    """Name and array of a variable; nothing if it is no array of real numbers."""
    pieces = _elements(body, order, 0, place)
    flags = next(pieces, None)
    if flags is None or len(flags.body) != 8:
        raise ValueError(f"byte {place} has a variable without flags")
    flag = struct.unpack_from(f"{order}I", flags.body)[0]
    if flag & 0xFF not in _CLASSES or flag & _ODD:
        return None
    shape, name, numbers = (next(pieces, None) for _ in range(3))
    if shape is None or name is None or numbers is None or numbers.kind not in _NUMBERS:
        raise ValueError(f"byte {place} has a variable without shape, name or numbers")
    where = f"byte {place}, variable {name.body[:20].decode('ascii')!r}"
    axes = tuple(np.frombuffer(shape.body, f"{order}i4").tolist())
    dtype = np.dtype(order + _NUMBERS[numbers.kind])
    if len(axes) < 2 or min(axes) < 0:
        raise ValueError(f"{where} has shape {axes}")
    if math.prod(axes) * dtype.itemsize != len(numbers.body):
        raise ValueError(
            f"{where} claims {dtype} {axes}, {len(numbers.body)} bytes follow"
        )
    array = np.frombuffer(numbers.body, dtype).reshape(axes, order="F")
    return name.body.decode("ascii"), array
