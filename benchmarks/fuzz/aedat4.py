"""Small files of AEDAT 4, written byte by byte from its description.

Lengths and places of FlatBuffers are worked out by hand, for one layout of each table
(docs.inivation.com, "AEDAT 4.0").
"""

import struct
from collections.abc import Iterable, Mapping, Sequence

EVENT = "<qhhB3x"  # time [µs], x, y and polarity
SIGN = b"#!AER-DAT4.0\r\n"
_FOLDER = "/mainloop/Recorder/outInfo/"


def header(
    streams: Mapping[int, tuple[str, int, int]],
    *,
    compression: int = 0,
    table: int = -1,
) -> bytes:
    """The begin of a file.

    Args:
        streams: kind, width and height of each, by its number.
        compression: 0 is none, 1 LZ4, 3 Zstandard.
        table: where a table of its packets lies; -1 if there is none.
    """
    inside = "".join(_stream(n, *told) for n, told in streams.items())
    text = (
        f'<dv version="2.0"><node name="outInfo" path="{_FOLDER}">{inside}</node></dv>'
    )
    body = struct.pack("<I4s6x5H", 24, b"IOHE", 10, 20, 4, 12, 8)
    body += struct.pack("<iiIq", 10, compression, 12, table)
    body += struct.pack("<I", len(text)) + text.encode() + b"\0"
    return SIGN + _sized(body + bytes(-len(body) % 4))


def packet(stream: int, body: bytes) -> bytes:
    """A packet of a stream."""
    return struct.pack("<ii", stream, len(body)) + body


def events(rows: Iterable[tuple[int, int, int, int]]) -> bytes:
    """Events: time [µs], x, y and polarity each."""
    return stored_events([struct.pack(EVENT, *row) for row in rows])


def stored_events(items: Sequence[bytes | memoryview]) -> bytes:
    """Events that are laid out already, see ``EVENT``."""
    return _vector(b"EVTS", items)


def triggers(n: int) -> bytes:
    """External triggers, ten microseconds apart."""
    tables = [struct.pack("<B3xq", 2, 10 * k) for k in range(n)]
    return _tables(b"TRIG", (8, 16, 8, 4), tables)


def motion(n: int) -> bytes:
    """Samples of motion of which only the time is told."""
    tables = [struct.pack("<4xq", 10 * k) for k in range(n)]
    return _tables(b"IMUS", (6, 16, 8), tables)


def frame(width: int, height: int) -> bytes:
    """A black frame of 8 bits."""
    places = (26, 20, 12, 0, 0, 0, 0, 0, 4, 6, 0, 0, 8)  # time, width, height, pixels
    body = struct.pack("<I4s13H6x", 40, b"FRME", *places)
    body += struct.pack("<ihhIq", 32, width, height, 12, 5)
    return _sized(body + struct.pack("<I", width * height) + bytes(width * height))


def _stream(number, kind, width, height):
    path = f"{_FOLDER}{number}/"
    sides = {"sizeX": width, "sizeY": height} if width else {}
    told = "".join(
        f'<attr key="{name}" type="int">{n}</attr>' for name, n in sides.items()
    )
    return (
        f'<node name="{number}" path="{path}">'
        '<attr key="compression" type="string">NONE</attr>'
        f'<attr key="typeIdentifier" type="string">{kind}</attr>'
        f'<node name="info" path="{path}info/">{told}</node></node>'
    )


def _vector(kind, items):
    """A table of one vector of structs of 8-byte parts."""
    body = struct.pack("<I4s3H2xiII", 16, kind, 6, 8, 4, 8, 4, len(items))
    return _sized(body + b"".join(items))


def _tables(kind, places, tables):
    """A table of one vector of tables, all of them laid out alike."""
    body = struct.pack("<I4s3H2xiII", 16, kind, 6, 8, 4, 8, 4, len(tables))
    about = 28 + 4 * len(tables)  # where it is told how they are laid out
    first = about + 2 * len(places)
    first += (4 - first) % 8  # so that times lie at eights, with the size before all
    sizes = [4 + len(table) for table in tables]
    starts = [first + sum(sizes[:k]) for k in range(len(tables))]
    offsets = [start - 28 - 4 * k for k, start in enumerate(starts)]
    body += struct.pack(f"<{len(offsets)}I", *offsets)
    body = body.ljust(about, b"\0") + struct.pack(f"<{len(places)}H", *places)
    body = body.ljust(first, b"\0")
    for start, table in zip(starts, tables, strict=True):
        body += struct.pack("<i", start - about) + table
    return _sized(body)


def _sized(body):
    return struct.pack("<I", len(body)) + body
