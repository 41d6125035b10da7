"""Large files of event cameras: real recordings, repeated with times that rise.

Each format yields its header, then one repetition after another.
"""

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from struct import Struct

import numpy as np

from benchmarks.fuzz import aedat4
from snnjax.datasets import read_prophesee_evt2
from snnjax.datasets.cameras.aedat_header import header_of
from snnjax.datasets.cameras.prophesee_header import read_header
from snnjax.datasets.guard.checked import reading

_PACKET = Struct("<hhiiiiii")


def _prophesee(path: Path, kind: str) -> tuple[bytes, np.ndarray]:
    raw = path.read_bytes()
    begin = read_header(raw).begin
    n = (len(raw) - begin) // np.dtype(kind).itemsize
    return raw[:begin], np.frombuffer(raw, kind, n, begin)


def _high(path: Path, kind: str, shift: int) -> Iterator[bytes]:
    """Words whose times have an upper part, of type 8, which is what rises."""
    head, words = _prophesee(path, kind)
    yield head
    which = np.flatnonzero(words >> shift == 8)
    high = (words[which] & (1 << shift) - 1).astype(np.int64)
    span = int(high.max() - high.min()) + 1
    for k in count():
        later = words.copy()
        later[which] = 8 << shift | (high + k * span) % (1 << shift)
        yield later.tobytes()


def dat(folder: Path) -> Iterator[bytes]:
    raw = (folder / "dat/faery_dat2.dat").read_bytes()
    begin = read_header(raw).begin + 2
    yield raw[:begin]
    words = np.frombuffer(raw, "<u4", (len(raw) - begin) // 8 * 2, begin)
    span = int(words[::2].max() - words[::2].min()) + 1
    for k in count():
        later = words.copy()
        later[::2] += np.uint32(k * span % 2**32)
        yield later.tobytes()


def evt2(folder: Path) -> Iterator[bytes]:
    return _high(folder / "evt2/faery_evt2.raw", "<u4", 28)


def evt3(folder: Path) -> Iterator[bytes]:
    return _high(folder / "evt3/evutils_evt3.raw", "<u2", 12)


def evt3_vectors(folder: Path) -> Iterator[bytes]:
    return _high(folder / "evt3/expelliarmus_evt3_sample.raw", "<u2", 12)


def event_stream(folder: Path) -> Iterator[bytes]:
    raw = (folder / "es/faery_dvs.es").read_bytes()  # of times since the event before
    yield raw[:20]
    while True:
        yield raw[20:]


def aedat2(folder: Path) -> Iterator[bytes]:
    path = folder / "aedat2/IMU_translBoxes.aedat"
    raw = path.read_bytes()
    with reading(path, "AEDAT 2.0") as file:
        begin = header_of(file, raw, b"#End Of ASCII Header").end
    yield raw[:begin]
    words = np.frombuffer(raw, ">u4", offset=begin).reshape(-1, 2)
    span = int(words[:, 1].max() - words[:, 1].min()) + 1
    for k in count():
        later = words.copy()
        later[:, 1] += np.uint32(k * span % 2**32)
        yield later.tobytes()


def aedat31(folder: Path) -> Iterator[bytes]:
    raw = (folder / "aedat31/davis240_polarity_special_imu.aedat").read_bytes()
    begin = raw.index(b"#!END-HEADER\r\n") + 14
    yield raw[:begin]
    span, base = 100_000, 0
    while True:
        if base % 2**31 + span >= 2**31:  # no packet has two turns of the clock
            base = (base // 2**31 + 1) * 2**31
        later, at = bytearray(raw[begin:]), 0
        while at < len(later):
            kind, camera, size, offset, _, room, n, valid = _PACKET.unpack_from(
                later, at
            )
            turn = base >> 31
            _PACKET.pack_into(
                later, at, kind, camera, size, offset, turn, room, n, valid
            )
            at += _PACKET.size
            if kind == 1:
                words = np.frombuffer(later, "<u4", 2 * n, at)[1::2]
                words += np.uint32(base % 2**31)
            at += n * size
        yield bytes(later)
        base += span


def aedat4_packets(folder: Path) -> Iterator[bytes]:
    """Events of a recording of EVT 2, ten thousand in a packet, not compressed."""
    found = read_prophesee_evt2(folder / "evt2/faery_evt2.raw")
    kinds = [("t", "<i8"), ("x", "<i2"), ("y", "<i2"), ("on", "u1"), ("end", "V3")]
    rows = np.zeros(len(found.t), kinds)
    rows["x"], rows["y"], rows["on"] = found[1:4]
    since = found.t - found.t[0]
    yield aedat4.header({0: ("EVTS", 640, 480)})
    for k in count():
        rows["t"] = since + k * (since[-1] + 1) + 1_700_000_000_000_000
        items = memoryview(rows.tobytes()).cast("c")
        wide, step = rows.itemsize, 10_000
        yield b"".join(
            aedat4.packet(0, aedat4.stored_events(_parts(items, a, step, wide)))
            for a in range(0, len(rows), step)
        )


def _parts(raw, first, n, wide):
    """Some rows, each by itself."""
    end = min((first + n) * wide, len(raw))
    return [raw[k : k + wide] for k in range(first * wide, end, wide)]


def _lines(folder: Path, form: str) -> Iterator[bytes]:
    """Lines of a second of time, in which ``@`` stands for the number of seconds."""
    found = read_prophesee_evt2(folder / "evt2/faery_evt2.raw")
    t = found.t - found.t[0]
    n = int(np.searchsorted(t, 10**6))
    rows = zip(*(c[:n].tolist() for c in (t, *found[1:4])), strict=True)
    text = "".join(form.format(*row) for row in rows).encode()
    for k in count(100):
        yield text.replace(b"@", b"%d" % k)


def text_us(folder: Path) -> Iterator[bytes]:
    yield b"t,x,y,p\n"
    yield from _lines(folder, "@{0:06},{1},{2},{3}\n")


def text_s(folder: Path) -> Iterator[bytes]:
    yield b""
    yield from _lines(folder, "@.{0:06} {1} {2} {3}\n")


def text_exponents(folder: Path) -> Iterator[bytes]:
    """As ``numpy.savetxt`` writes it."""
    found = read_prophesee_evt2(folder / "evt2/faery_evt2.raw")
    t, *others = (column[:50_000] for column in found[:4])
    yield b""
    line = "{:.18e} {:.18e} {:.18e} {:.18e}\n"
    for k in count():
        later = (t - t[0] + k * 10**6) / 1e6
        rows = zip(*(c.tolist() for c in (later, *others)), strict=True)
        yield "".join(line.format(*row) for row in rows).encode()


FILES: dict[str, tuple[str, Callable[[Path], Iterator[bytes]]]] = {
    "DAT": (".dat", dat),
    "EVT 2": (".raw", evt2),
    "EVT 3": (".raw", evt3),
    "EVT 3, vectors": (".raw", evt3_vectors),
    "Event Stream": (".es", event_stream),
    "AEDAT 2.0": (".aedat", aedat2),
    "AEDAT 3.1": (".aedat", aedat31),
    "AEDAT 4": (".aedat4", aedat4_packets),
    "text, µs": (".csv", text_us),
    "text, s": (".txt", text_s),
    "text, %.18e": (".txt", text_exponents),
}


def write(name: str, recordings: Path, folder: Path, size: float) -> Path:
    """A file of about so many bytes, of two whole repetitions at least."""
    suffix, make = FILES[name]
    path, written = folder / f"large{suffix}", 0
    with path.open("wb") as file:
        for k, piece in enumerate(make(recordings)):
            written += file.write(piece)
            if written >= size and k > 1:
                return path
    raise AssertionError("recordings are repeated without end")
