"""AEDAT 2.0, as jAER and v2e write it: events of a DVS128 or a DAVIS among others.

8 bytes for each record, large end first: an address and a time [µs] of 32 bits each.

    bits of      y     x     polarity         besides
    DAVIS    30-22 21-12     11, 1 brighter   31 frame (APS) or, with 11 and 10, motion
                                              (IMU); 10 alone an external input
    DVS128    14-8   7-1     0, 0 brighter    15 external input

Rows count from the bottom. Columns stay as they are stored: jAER and v2e store them
mirrored, so that the left one is ``width - 1 - x``. A time that runs over its 32 bits
goes on. (docs.inivation.com, "AEDAT file formats"; jAER.)
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from snnjax import check
from snnjax.datasets.cameras.aedat_header import (
    Header,
    check_version,
    header_of,
    size_of,
)
from snnjax.datasets.cameras.byte_stream import ByteStream, opened
from snnjax.datasets.cameras.event_pieces import Pieces, at_once, room, whole
from snnjax.datasets.guard.checked import DamageError, HoldsError, reading
from snnjax.datasets.guard.signatures import kind_by_signature
from snnjax.events import Outside, Recorded
from snnjax.events.columns import OUTSIDE

Layout = Literal["davis", "dvs128"]

_OTHERS = ("plain text", "a pointer of Git LFS, not the file itself")
_MOST = (512, 1024)  # rows and columns that an address has room for
_WORK = 8  # bytes of memory for each that is worked on at once


class _Chip(NamedTuple):
    layout: str
    why: str  # it is this one
    size: tuple[int, int] | None = None


def read_aedat2(
    path: str | Path,
    *,
    layout: Layout | None = None,
    limit: int | None = None,
    outside: Outside = "error",
) -> Recorded:
    """Reads the events of one recording, out of frames, motion and external inputs.

    What an address means is told by the line ``# AEChip`` of the header. Without one,
    an address beyond 16 bits is of a DAVIS, and shorter ones whose last ten bits
    differ are of a DVS128; ``source`` of the result says how it was decided. Where
    neither tells, and for a file without header, ``layout`` does.

    Args:
        path: of the ``.aedat`` file.
        layout: of addresses, ``"davis"`` or ``"dvs128"``, whatever the header says; as
            above if omitted.
        limit: most bytes of memory that reading it may take; 128 MiB and 200 times the
            file's size if omitted.
        outside: what to do with events outside the sensor of a chip that the header
            names; ``"drop"`` warns how many.

    Returns:
        Events in the order of the file, and how many records are no events.

    Raises:
        ValueError: for another layout.
        FileNotFoundError: if there is no such file.
        DataError: naming the file and what is wrong with it.
    """
    check_layout(layout)
    check.one_of("outside", outside, OUTSIDE)
    with (
        reading(path, "an AEDAT 2.0 recording", limit) as file,
        opened(file) as stream,
    ):
        return whole(decode_aedat2(stream, layout=layout), stream, outside)


def check_layout(layout: Layout | None) -> None:
    """Refuses another layout than there are."""
    if layout is not None:
        check.one_of("layout", layout, ("davis", "dvs128"))


def decode_aedat2(stream: ByteStream, *, layout: Layout | None = None) -> Pieces:
    """Reads the header, and events as they are asked for."""
    raw = stream.begin()
    header = header_of(stream.file, raw, b"#End Of ASCII Header")
    if header.lines or layout is None or kind_by_signature(raw) in _OTHERS:
        _check(raw, header)
    stream.skip(header.end)
    at_once(stream, _WORK, "its records")
    chip = _chip(header, layout) or _chip_of(stream, header.end)
    source = f"AEDAT 2.0, {chip.why}"
    none = Recorded(*room(0), chip.size, "bottom left", source)
    expected = (stream.size or 0) // 8
    return Pieces(_pieces(stream, chip.layout, none), _MOST, expected)


def _pieces(stream, layout, none) -> Iterator[Recorded]:
    yield none
    n, time = 0, None
    for raw in stream.pieces(8):
        some, left = divmod(len(raw), 8)
        if left:
            raise DamageError(
                f"behind its header, {n + some} records of 8 bytes leave {left}"
            )
        records = np.frombuffer(raw, ">u4").reshape(-1, 2)
        address = records[:, 0].astype(np.uint32)
        event, skipped = _DECODE[layout](address, n)
        n += some
        t = _unrolled(records[:, 1], time)
        time = int(t[-1])
        if skipped:
            t, address = t[event], address[event]
        x, y, p = _pixels(address, layout)
        yield none._replace(t=t, x=x, y=y, p=p, skipped=skipped)


def _check(raw, header):
    """Refuses another version, another kind, and ticks of another length."""
    if not header.version and not kind_by_signature(raw):
        raise ValueError(
            f"it begins with {bytes(raw[:12])!r}, not with #!AER-DAT2.0, and may be "
            "AEDAT 1.0, which read_aedat1 reads; layout=… reads AEDAT 2.0 without a "
            "header"
        )
    check_version(raw, header, "2.0")
    ticks = [re.search(r"imestamps tick(?: is|:) (.*)", line) for line in header.lines]
    others = [tick[1] for tick in ticks if tick and tick[1] != "1 us"]
    if others:
        raise HoldsError(f"times in ticks of {others[0][:40]!r}, not of 1 us")


def _chip(header: Header, layout: str | None) -> _Chip | None:
    """How addresses are laid out: as is asked for, or as the header says."""
    names = [line[9:].strip() for line in header.lines if line.startswith("# AEChip:")]
    name = names[0].rpartition(".")[2][:40] if names else ""
    size = size_of(name)
    says = _layout_of(name) if size else ""
    if layout is not None:
        return _Chip(layout, f"layout {layout}", size if says == layout else None)
    if says:
        return _Chip(says, f"addresses of {name}", size)
    if names:
        raise HoldsError(f"addresses of {name!r}; layout=… reads them as of another")
    return None


def _chip_of(stream: ByteStream, begin: int) -> _Chip:
    """How addresses are laid out, as they show; the stream is as it was then."""
    found, low = _Chip("davis", "no records"), set[int]()
    for raw in stream.pieces(8):
        address = np.frombuffer(raw, ">u4", len(raw) // 8 * 2)[::2]
        if not len(address):
            continue
        if address.max() >= 2**16:
            found = _Chip("davis", "addresses of more than 16 bits, of a DAVIS")
            break
        low |= {int((address & 0x3FF).min()), int((address & 0x3FF).max())}
        found = _Chip("dvs128", "addresses of 16 bits, of a DVS128")
    if found.layout == "dvs128" and len(low) == 1:
        raise HoldsError(
            "addresses that may be of a DVS128 or of a DAVIS; pass layout=…"
        )
    stream.rewind(begin)
    return found


def _layout_of(name):
    return "davis" if "davis" in name.lower() else "dvs128"


def _of_davis(address, _):
    """Which records are events, and how many are what else."""
    kind = (address >> 10).astype(np.uint8) & 3
    other = address >= 2**31
    external = ~other & ((kind & 1) == 1)
    motion = np.count_nonzero(other & (kind == 3))
    counts = {
        "external input": int(np.count_nonzero(external)),
        "frame (APS)": int(np.count_nonzero(other) - motion),
        "motion (IMU)": int(motion),
    }
    return ~(other | external), {name: n for name, n in counts.items() if n}


def _of_dvs128(address, before):
    if len(address) and address.max() >= 2**16:
        k = int(np.argmax(address >= 2**16))
        raise DamageError(
            f"record {before + k} has the address {address[k]:#x}, beyond the 16 bits "
            "of a DVS128"
        )
    event = address < 2**15
    others = int(np.count_nonzero(~event))
    return event, {"external input": others} if others else {}


_DECODE = {"davis": _of_davis, "dvs128": _of_dvs128}


def _pixels(address, layout):
    if layout == "davis":
        x, y, p = address >> 12 & 0x3FF, address >> 22, address >> 11 & 1
    else:
        x, y, p = address >> 1 & 0x7F, address >> 8, ~address & 1
    return x.astype(np.uint16), y.astype(np.uint16), p.astype(np.uint8)


def _unrolled(times, before):
    """Times that go on where 32 bits run over; a step is less than half of them."""
    found = np.empty(len(times), np.int64)
    found[0] = times[0]
    if before is not None:
        step = (int(times[0]) - before + 2**31) % 2**32 - 2**31
        found[0] = before + step
    found[1:] = np.diff(times.astype(np.uint32)).view(np.int32)
    return np.cumsum(found, out=found)
