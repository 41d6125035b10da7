"""Numbers as files of sound store them, scaled to -1 … 1.

Whole numbers of b bits are divided by 2^(b-1). The µ-law and the A-law store a sign, an
exponent e and a mantissa m in eight bits (ITU-T G.711, 1988, tables 1 and 2):

    µ   ± ((2m + 33) 2^e - 33) / 2^13
    A   ± (2m + 1) / 2^12  if e = 0,  else  ± (2m + 33) 2^(e-1) / 2^12
"""

from typing import Literal

import numpy as np

Coding = Literal["signed", "unsigned", "float", "µ-law", "A-law"]
Order = Literal["<", ">"]  # the small end first, or the large one

CODINGS: dict[Coding, tuple[int, ...]] = {  # bytes that a number may have
    "signed": (1, 2, 3, 4),
    "unsigned": (1,),
    "float": (4, 8),
    "µ-law": (1,),
    "A-law": (1,),
}


def frames(
    data: memoryview, coding: Coding, width: int, order: Order, channels: int
) -> np.ndarray:
    """All numbers, ``[T, channels]``: float32 of one channel, else float64.

    Args:
        data: whole numbers of times ``width`` bytes for each channel.
        coding: how a number is stored.
        width: bytes of a number, see ``CODINGS``.
        order: of these bytes.
        channels: numbers in a frame.
    """
    dtype = np.dtype(np.float32 if channels == 1 else np.float64)
    with np.errstate(over="ignore"):  # becomes infinite
        found = _numbers(data, coding, width, order, dtype)
    return found.reshape(-1, channels)


def _numbers(data, coding, width, order, dtype):
    if coding == "float":
        return np.frombuffer(data, f"{order}f{width}").astype(dtype)
    if coding in _LAWS:
        return _LAWS[coding].astype(dtype)[np.frombuffer(data, np.uint8)]
    if coding == "unsigned":
        return np.frombuffer(data, np.uint8).astype(dtype) / dtype.type(128) - 1
    if width == 3:  # the upper three bytes of four
        wide = np.zeros((len(data) // 3, 4), np.uint8)
        begin = 1 if order == "<" else 0
        wide[:, begin : begin + 3] = np.frombuffer(data, np.uint8).reshape(-1, 3)
        return wide.view(f"{order}i4")[:, 0].astype(dtype) / dtype.type(2**31)
    found = np.frombuffer(data, f"{order}i{width}").astype(dtype)
    return found / dtype.type(2 ** (8 * width - 1))


def _mu_law(code):
    code = ~code & 0xFF
    e, m = code >> 4 & 7, code & 15
    size = ((2 * m + 33) * 2.0**e - 33) / 2**13
    return np.where(code & 0x80, -size, size)


def _a_law(code):
    code = code ^ 0x55
    e, m = code >> 4 & 7, code & 15
    size = np.where(e == 0, 2 * m + 1, (2 * m + 33) * 2.0 ** (e - 1)) / 2**12
    return np.where(code & 0x80, size, -size)


_LAWS = {"µ-law": _mu_law(np.arange(256)), "A-law": _a_law(np.arange(256))}
