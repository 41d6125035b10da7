"""Arrays of numbers out of a MATLAB file of version 5.

After a head of 128 bytes come elements: a tag (type, number of bytes), the bytes, and
zeros to the next multiple of 8; an element of up to 4 bytes shares the 8 of its tag. A
variable is an element that holds its flags, its shape, its name and its numbers, each
an element again, the first axis running fastest; a packed one is the same under zlib
(MathWorks, MAT-File Format, 2019).

Read by own means, for what ``scipy.io`` lacks: sizes are taken from an allowance of
memory before anything is unpacked, objects and functions are refused, and damage is
told by its place. It is fuzzed.
"""

import math
import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from snnjax.datasets.guard.checked import DamageError, HoldsError, Reading
from snnjax.datasets.guard.signatures import kind_by_signature

_NUMBERS = {
    **{1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4"},
    **{7: "f4", 9: "f8", 12: "i8", 13: "u8"},
}
_MATRIX, _COMPRESSED = 14, 15
_CELL = 1  # the class of cell arrays
_CLASSES = range(6, 16)  # double, single, and eight kinds of whole numbers
_ODD = 0x0E00  # flags of complex, global or logical arrays
_VARIABLE_BYTES = 1000  # of memory for each variable, beside its numbers


class Element(NamedTuple):
    """One tagged piece of a file."""

    kind: int
    body: memoryview
    place: int  # of its tag [byte]


def read_matlab(raw: bytes, file: Reading) -> dict[str, np.ndarray]:
    """The arrays of numbers of a file, by name; other variables are left out.

    Args:
        raw: the bytes of the file.
        file: that they come from, whose allowance they are taken from.

    Raises:
        ValueError: naming the byte at which something is wrong.
        HoldsError: for a file of another version.
        DataError: if the variables would take more than is allowed.
    """
    variables = {}
    for order, body, place in matrices(raw, file):
        variable = array_of(body, order, place)
        if variable:
            variables[variable[0]] = variable[1]
    return variables


def matrices(raw: bytes, file: Reading) -> Iterator[tuple[str, memoryview, int]]:
    """Order of bytes, body and place of each variable of a file, unpacked.

    Raises:
        ValueError: as ``read_matlab``.
    """
    order = _byte_order(raw)
    for kind, body, place in _elements(raw, order, 128):
        file.take(_VARIABLE_BYTES, f"what byte {place} holds")
        if kind == _COMPRESSED:
            body = _unpacked(body, file, place)
            inside = _elements(body, order, 0, place)
            kind, body, _ = next(inside, Element(0, memoryview(b""), 0))
            if next(inside, None) is not None:
                raise DamageError(f"byte {place} packs more than one variable")
        if kind != _MATRIX:
            raise DamageError(
                f"byte {place} has an element of type {kind}, no variable"
            )
        yield order, body, place


def _byte_order(raw):
    """The order that the head of a file of version 5 tells."""
    if len(raw) < 128 or raw[126:128] not in (b"IM", b"MI"):
        kind = kind_by_signature(raw)
        if kind and kind != "MATLAB 5 data":
            raise HoldsError(kind)
        if _is_version_4(raw):
            raise HoldsError("MATLAB 4 data")
        raise DamageError("byte 126 does not say IM or MI, as version 5 does")
    order = "<" if raw[126:128] == b"IM" else ">"
    (version,) = struct.unpack_from(f"{order}H", raw, 124)
    if version != 0x0100:
        raise HoldsError(
            f"MATLAB data of version {version >> 8}.{version & 255}, not 5"
        )
    return order


def _is_version_4(raw):
    """Whether a file begins with a whole array of version 4, which has no signature."""
    if len(raw) < 20:
        return False
    kind, rows, columns, imaginary, name = struct.unpack_from("<5I", raw)
    if kind >= 5000 or kind // 10 % 10 > 5 or imaginary > 1 or not 1 < name < 64:
        return False
    width = (8, 4, 4, 2, 2, 1)[kind // 10 % 10]
    end = 20 + name + rows * columns * width * (1 + imaginary)
    return end <= len(raw) and raw[19 + name] == 0


def _elements(
    raw: bytes | memoryview, order: str, at: int, within: int | None = None
) -> Iterator[Element]:
    """The elements from byte ``at`` on, of a file or ``within`` what begins there."""
    inside = "" if within is None else f"byte {within}: inside, "
    while at < len(raw):
        if len(raw) - at < 8:
            raise DamageError(f"{inside}byte {at} ends within a tag")
        kind, size = struct.unpack_from(f"{order}II", raw, at)
        begin, stop = at + 8, at + 8 + size
        if kind >> 16:  # a small element
            kind, size = kind & 0xFFFF, kind >> 16
            begin, stop = at + 4, at + 4 + size
            if size > 4:
                raise DamageError(f"{inside}byte {at} claims {size} bytes where 4 fit")
        if stop > len(raw):
            left = len(raw) - begin
            raise DamageError(f"{inside}byte {at} claims {size} bytes, {left} follow")
        yield Element(kind, memoryview(raw)[begin:stop], at)
        at = stop if kind == _COMPRESSED else -(-stop // 8) * 8


def _unpacked(body, file, place):
    machine, most = zlib.decompressobj(), file.left // 2 + 1  # two copies, for a while
    unpacked = machine.decompress(body, most)
    enough = len(unpacked) < most
    file.take(len(unpacked) if enough else 2 * most, f"what byte {place} packs")
    if not machine.eof:
        raise DamageError(f"byte {place} is cut short")
    return unpacked


def array_of(
    body: bytes | memoryview, order: str, place: int
) -> tuple[str, np.ndarray] | None:
    """Name and array of a variable; nothing if it is no array of real numbers.

    Args:
        body: of the element that holds it.
        order: of its bytes.
        place: for messages.

    Raises:
        ValueError: naming the place of what is damaged.
    """
    pieces = _elements(body, order, 0, place)
    flag = _flags(pieces, order, place)
    if flag & 0xFF not in _CLASSES or flag & _ODD:
        return None
    called, axes = _named(pieces, order, place)
    numbers = next(pieces, None)
    if numbers is None or numbers.kind not in _NUMBERS:
        raise DamageError(f"byte {place} has a variable without shape, name or numbers")
    where = f"byte {place}, variable {called[:20]!r}"
    dtype = np.dtype(order + _NUMBERS[numbers.kind])
    if math.prod(axes) * dtype.itemsize != len(numbers.body):
        raise DamageError(
            f"{where} claims {dtype} {axes[:9]}, {len(numbers.body)} bytes follow"
        )
    array = np.frombuffer(numbers.body, dtype).reshape(axes, order="F")
    return called, array


def cells_of(
    body: bytes | memoryview, order: str, place: int, file: Reading
) -> tuple[str, tuple[int, ...], list[np.ndarray | None]] | None:
    """Name, shape and arrays of a cell array; nothing if it is none.

    Args:
        body: of the element that holds it.
        order: of its bytes.
        place: for messages.
        file: whose allowance its cells are taken from.

    Returns:
        The cells, the first axis running fastest; ``None`` for one that is no array of
        real numbers.

    Raises:
        ValueError: naming the place of what is damaged.
    """
    pieces = _elements(body, order, 0, place)
    if _flags(pieces, order, place) & 0xFF != _CELL:
        return None
    name, axes = _named(pieces, order, place)
    cells: list[np.ndarray | None] = []
    for kind, inside, _ in pieces:
        file.take(_VARIABLE_BYTES, f"the cells of byte {place}")
        if kind != _MATRIX:
            raise DamageError(f"byte {place} has a cell of type {kind}")
        found = array_of(inside, order, place) if len(inside) else ("", np.zeros(0))
        cells.append(found[1] if found else None)
    if len(cells) != math.prod(axes):
        raise DamageError(f"byte {place} claims cells {axes}, {len(cells)} follow")
    return name, axes, cells


def _flags(pieces, order, place):
    """The flags that a variable begins with."""
    flags = next(pieces, None)
    if flags is None or len(flags.body) != 8:
        raise DamageError(f"byte {place} has a variable without flags")
    return struct.unpack_from(f"{order}I", flags.body)[0]


def _named(pieces, order, place):
    """The name and the shape of a variable, which follow its flags."""
    shape, name = next(pieces, None), next(pieces, None)
    if shape is None or name is None:
        raise DamageError(f"byte {place} has a variable without shape, name or numbers")
    called = bytes(name.body[:200]).decode("ascii")
    axes = tuple(np.frombuffer(shape.body[:400], f"{order}i4").tolist())
    if not 2 <= len(axes) <= 32 or min(axes) < 0:
        where = f"byte {place}, variable {called[:20]!r}"
        raise DamageError(f"{where} has shape {axes[:9]}")
    return called, axes
