"""What does a file of kilobytes that unpacks to hundreds of megabytes take to refuse?

    python -m benchmarks.fuzz.bombs --megabytes 700

Each file here is small, and packs or claims a lot: zeros, rows that nobody stored, one
text asked for again and again, lists of themselves, lengths behind a filter. A child
reads one file; one JSON line for each tells its size, what became of it, the memory
that reading took at most, and what is allowed for that size.
"""

import argparse
import bz2
import gzip
import importlib
import io
import json
import pickle
import struct
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks.fuzz import aedat4, sound_seeds
from benchmarks.fuzz.meter import peak_of
from benchmarks.report import ROOT, emit
from snnjax import datasets
from snnjax.datasets.containers.archives import unpack
from snnjax.datasets.guard.checked import allowance
from snnjax.datasets.layouts.braille_pickle import LETTERS
from snnjax.datasets.sources import EventFiles, ShdFile
from snnjax.interop import nir
from snnjax.interop.weights import read_state_dict

MARGIN = 2**26  # bytes that packages take which a reader imports when it is used
_MB = 2**20


class Bomb(NamedTuple):
    """A small file that would become large."""

    name: str  # of the file
    readers: tuple[str, ...]  # of ``snnjax.datasets``, or of ``OTHERS``
    make: Callable[[Path, int], None]  # writes it, of so many megabytes


def _unpack(path):
    with tempfile.TemporaryDirectory() as folder:
        return unpack(path, Path(folder) / "new")


OTHERS: dict[str, Callable] = {
    "unpack": _unpack,
    "read_state_dict": read_state_dict,
    "nir.load": lambda path: nir.load(path, dt=1e-3),
    "ShdFile": lambda path: [*ShdFile(path)],
    "EventFiles": lambda path: [*EventFiles([path], n_units=700)],
}


def gzipped(begin: bytes = b"", piece: bytes = bytes(_MB)) -> Callable:
    """Zeros, or a piece again and again, in a ``.gz``."""

    def make(path, megabytes):
        with gzip.open(path, "wb", 9) as packed:
            packed.write(begin)
            for _ in range(megabytes * _MB // len(piece)):
                packed.write(piece)

    return make


def zipped(*names: str, method: int = zipfile.ZIP_DEFLATED, head: bytes = b""):
    """Zeros under each name, in a ``.zip``."""

    def make(path, megabytes):
        with zipfile.ZipFile(path, "w", method, compresslevel=9) as archive:
            for name in names:
                with archive.open(name, "w", force_zip64=True) as entry:
                    entry.write(head)
                    for _ in range(megabytes):
                        entry.write(bytes(_MB))

    return make


def arrays(**columns: Callable[[int], np.ndarray]) -> Callable:
    """Arrays of a size made of the number of megabytes, in an ``.npz``."""

    def make(path, megabytes):
        np.savez_compressed(path, **{k: f(megabytes) for k, f in columns.items()})

    return make


def _idx(megabytes):
    return struct.pack(">HBBI", 0, 8, 1, megabytes * _MB)


def _wav_of(form, bits):
    def make(path, megabytes):
        n = megabytes * _MB
        head = struct.pack("<HHIIHH", form, 1, 8000, 8000, bits // 8, bits)
        chunks = b"fmt " + struct.pack("<I", 16) + head + b"data" + struct.pack("<I", n)
        raw = b"RIFF" + struct.pack("<I", 36 + n) + b"WAVE" + chunks
        with path.open("wb") as file:
            file.write(raw)
            file.truncate(len(raw) + n)

    return make


def _sphere(path, megabytes):
    """Numbers of one byte that nobody stored."""
    raw = sound_seeds.sphere(path.parent, megabytes * _MB // 2, b"")
    with path.open("wb") as file:
        file.write(raw)
        file.truncate(len(raw) + megabytes * _MB)


def _flac(path, megabytes):
    """Silence, which packs to nothing."""
    soundfile = importlib.import_module("soundfile")
    with soundfile.SoundFile(path, "w", 8000, 1, "PCM_16") as file:
        for _ in range(megabytes):
            file.write(np.zeros(_MB // 2, np.int16))


def _lines(path, megabytes):
    """A header of lines of no words."""
    path.write_bytes(b"#!AER-DAT2.0\n" + b"#\n" * (megabytes * 2**14))


def _blank_lines_of(begin):
    """An event, and lines of nothing."""

    def make(path, megabytes):
        path.write_bytes(begin + b"\n" * (megabytes * 2**15))

    return make


def _packets(path, megabytes):
    """Packets of no events."""
    head = b"#!AER-DAT3.1\r\n#Format: RAW\r\n#!END-HEADER\r\n"
    packet = struct.pack("<hhiiiiii", 1, 1, 8, 4, 0, 0, 0, 0)
    path.write_bytes(head + packet * (megabytes * 2**11))


def _many_chunks(path, megabytes):
    body = b"".join(struct.pack("<II", k, 0) for k in range(megabytes * 2**12))
    path.write_bytes(b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WAVE" + body)


def _npy(shape, kind="u1"):
    held = io.BytesIO()
    head = {"descr": kind, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_2_0(held, head)
    return held.getvalue()


def _gesture(path, megabytes):
    gzipped(_npy((megabytes * _MB // 4, 4)))(path, megabytes)


def _letters(path, megabytes):
    """An ``.npz`` of which the letters are a list of millions."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in ("taxel_data", "length", "label", "repetition"):
            shape = (0, 1, 12) if name == "taxel_data" else (0,)
            archive.writestr(f"{name}.npy", _npy(shape))
        archive.writestr(
            "letters.npy", _npy((megabytes * _MB,)) + bytes(megabytes * _MB)
        )


def _phy(path, megabytes):
    """A folder of spikes that are claimed, and no more."""
    path.mkdir()
    for name in ("spike_times.npy", "spike_clusters.npy"):
        (path / name).write_bytes(_npy((megabytes * _MB,)))


# Pickles, as bytes of their instructions


def _text(words):
    return b"X" + struct.pack("<I", len(words)) + words


def text_again(path, megabytes):
    """One text, encoded again and again."""
    begin = b"\x80\x04c_codecs\nencode\nq\x00" + _text(b"a" * 300_000) + b"q\x01"
    begin += _text(b"latin1") + b"q\x02h\x01h\x02\x86q\x03]("
    raw = begin + b"h\x00h\x03R" * (megabytes * 3) + b"e."
    path.write_bytes(gzip.compress(raw, 9))


def scalar_again(path, megabytes):
    """One scalar of a wide type, taken out of its bytes again and again."""
    begin = b"\x80\x04cnumpy\ndtype\nq\x00" + _text(b"U65536") + b"\x85Rq\x01"
    begin += b"cnumpy.core.multiarray\nscalar\nq\x02B" + struct.pack("<I", 2**18)
    begin += (b"a\0\0\0" * 2**16) + b"q\x03h\x01h\x03\x86q\x04]("
    raw = begin + b"h\x02h\x04R" * (megabytes * 4) + b"e."
    path.write_bytes(gzip.compress(raw, 9))


def _instructions(piece):
    return gzipped(b"\x80\x04](", piece * (_MB // len(piece)))


def doubled(wrap: Callable[[bytes], bytes]) -> Callable:
    """A list of two lists of two lists …, each twice the same."""

    def make(path, megabytes):
        inner = b"]q\x00"
        for _ in range(40):
            inner += b"(h\x00h\x00tq\x00"
        path.write_bytes(b"\x80\x04" + wrap(inner) + b".")

    return make


def _trial(**fields):
    """A list of one trial whose fields are programs."""
    items = b"".join(_text(k.encode()) + v for k, v in fields.items())
    return b"](}(" + items + b"ue"


def _felt():
    array = pickle.dumps(np.zeros((1, 12), np.uint8), 4)
    return array[2 + 9 : -1] if array[2:3] == b"\x95" else array[2:-1]


def same_trial(path, megabytes):
    """One trial of empty signs, millions of times."""
    signs = b"(" + b"](]]e" * 12 + b"t"
    begin = b"\x80\x04}(" + _text(b"letter") + b"](" + _text(b"A") + b"q\x01"
    n = megabytes * 1000
    raw = begin + b"h\x01" * (n - 1) + b"e" + _text(b"events")
    raw += b"](" + signs + b"q\x02" + b"h\x02" * (n - 1) + b"eu."
    path.write_bytes(gzip.compress(raw, 9))


def long_trial(path, megabytes):
    """One trial of millions of readings."""
    n = megabytes * _MB // 12
    felt = {"letter": "A", "repetition": 0, "taxel_data": np.zeros((n, 12), np.uint8)}
    path.write_bytes(gzip.compress(pickle.dumps([felt], 4), 9))


def wide_text(path, megabytes):
    """A text of one byte a letter, but for one that makes each of four."""
    words = b"a" * (megabytes * _MB) + "\N{GRINNING FACE}".encode()
    path.write_bytes(gzip.compress(b"\x80\x04" + _text(words) + b".", 9))


# MATLAB


def _element(kind, body):
    return struct.pack("<II", kind, len(body)) + body + bytes(-len(body) % 8)


def _mat(*elements):
    return b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM" + b"".join(elements)


def _packed_element(pieces: Iterator[bytes]):
    machine = zlib.compressobj(9)
    body = b"".join([*(machine.compress(piece) for piece in pieces), machine.flush()])
    return struct.pack("<II", 15, len(body)) + body


def _variable(name, megabytes):
    n = megabytes * _MB
    inside = _element(6, struct.pack("<II", 9, 0))
    inside += _element(5, struct.pack("<ii", 1, n)) + _element(1, name)
    yield (
        struct.pack("<II", 14, len(inside) + 8 + n) + inside + struct.pack("<II", 2, n)
    )
    yield from (bytes(_MB) for _ in range(megabytes))


def cells_in_mat(path, megabytes):
    """A cell array of millions of empty cells, packed."""
    n = megabytes * _MB // 8
    inside = _element(6, struct.pack("<II", 1, 0))
    inside += _element(5, struct.pack("<ii", 1, n)) + _element(1, b"spikes")
    cell = struct.pack("<II", 14, 0) * (_MB // 8)
    head = struct.pack("<II", 14, len(inside) + 8 * n) + inside
    pieces = (head, *(cell for _ in range(megabytes)))
    path.write_bytes(_mat(_packed_element(iter(pieces))))


def zeros_in_mat(path, megabytes):
    """One variable of zeros."""
    path.write_bytes(_mat(_packed_element(_variable(b"x", megabytes))))


def elements_in_mat(path, megabytes):
    """Millions of elements of no bytes, packed."""
    pieces = (bytes(_MB) for _ in range(megabytes))
    path.write_bytes(_mat(_packed_element(pieces)))


def variables_in_mat(path, megabytes):
    """Many packed variables, each of some megabytes."""
    some = [_packed_element(_variable(b"%d" % k, 20)) for k in range(megabytes // 20)]
    path.write_bytes(_mat(*some))


def changes_in_mat(path, megabytes):
    """Changes of taxels that never end."""
    n = megabytes * _MB // 101
    inside = _element(6, struct.pack("<II", 9, 0)) + _element(
        5, struct.pack("<ii", 101, n)
    )
    inside += _element(1, b"spiketrain")
    begin = struct.pack("<II", 14, len(inside) + 8 + 101 * n) + inside
    ones = (b"\1" * 101 for _ in range(n))
    path.write_bytes(
        _mat(_packed_element([begin + struct.pack("<II", 2, 101 * n), *ones]))
    )


def signs_in_mat(path, megabytes):
    """Millions of events of one pixel."""
    n = megabytes * _MB // 4
    packed = []
    for name in (b"ts", b"x", b"y", b"pol"):
        inside = _element(6, struct.pack("<II", 9, 0))
        inside += _element(5, struct.pack("<ii", n, 1)) + _element(1, name)
        begin = struct.pack("<II", 14, len(inside) + 8 + n) + inside
        packed.append(_packed_element([begin + struct.pack("<II", 2, n), bytes(n)]))
    path.write_bytes(_mat(*packed))


# HDF5


def _hdf5(path, fill):
    import h5py

    plain = path.with_suffix("") if path.suffix == ".gz" else path
    with h5py.File(plain, "w") as file:
        fill(file, h5py)
    if plain != path:
        path.write_bytes(gzip.compress(plain.read_bytes(), 9))
        plain.unlink()


def _rows(file, h5py, shape, **options):
    for name, kind in (("times", np.float32), ("units", np.uint16)):
        rows = h5py.vlen_dtype(np.dtype(kind))
        file.create_dataset(f"spikes/{name}", shape, rows, **options)


def rows_nobody_stored(path, megabytes):
    """Millions of rows that are declared, and no more."""
    n = megabytes * 3000

    def fill(file, h5py):
        _rows(file, h5py, (n,), chunks=(n,))
        file.create_dataset("labels", (n,), np.uint16, chunks=(n,))
        file["padding"] = np.zeros(n + 10, np.uint8)

    _hdf5(path, fill)


def length_behind_a_filter(path, megabytes):
    """A row that claims gigabytes, where its length is packed."""

    def fill(file, h5py):
        _rows(file, h5py, (4,), chunks=(4,), compression="gzip", compression_opts=0)
        for name in ("times", "units"):
            rows = file[f"spikes/{name}"]
            for k in range(4):
                rows[k] = np.arange(5)
            raw = rows.id.read_direct_chunk((0,))[1]
            told = bytearray(zlib.decompress(raw))
            struct.pack_into("<I", told, 16, megabytes * _MB // 4)
            rows.id.write_direct_chunk((0,), zlib.compress(bytes(told), 0))
        file["labels"] = np.arange(4, dtype=np.uint16)

    _hdf5(path, fill)


def _deflated(megabytes):
    machine = zlib.compressobj(9)
    pieces = [machine.compress(bytes(_MB)) for _ in range(megabytes)]
    return b"".join([*pieces, machine.flush()])


def chunk_larger_than_it_says(place, kind="u2"):
    """A chunk of four numbers that unpacks to hundreds of megabytes."""

    def make(path, megabytes):
        def fill(file, h5py):
            _rows(file, h5py, (4,))
            for name in ("labels", "sCount", "spikes_", "epos", "extra/keys"):
                dtype = "S4" if name == "extra/keys" else kind
                column = file.create_dataset(
                    name, (4,), dtype, chunks=(4,), compression="gzip"
                )
                if name == place:
                    column.id.write_direct_chunk((0,), _deflated(megabytes))

        _hdf5(path, fill)

    return make


def texts_nobody_stored(kind):
    """Hundreds of millions of words that are declared, and no more."""

    def make(path, megabytes):
        def fill(file, h5py):
            dtype = h5py.string_dtype() if kind == "O" else kind
            n = megabytes * _MB // 8
            file.create_dataset("extra/keys", (n,), dtype, chunks=(n,))
            file.create_dataset("names", (n,), dtype, chunks=(n,))
            file["padding"] = np.zeros(16 * _MB, np.uint8)
            file["spikes"], file["sCount"] = np.zeros(0), np.zeros(0, np.int32)
            file["epos"] = np.zeros((2, 0))

        _hdf5(path, fill)

    return make


def numbers_nobody_stored(path, megabytes):
    """Spikes of a recording that are declared, and no more."""

    def fill(file, h5py):
        n = megabytes * _MB // 8
        file.create_dataset("spikes", (n,), "f8", chunks=(n,))
        file.create_dataset("sCount", (n,), "i1", chunks=(n,))
        file.create_dataset("epos", (2, n), "f2", chunks=(2, n))
        file.create_dataset("extra/meta_info/age", (n,), "i1", chunks=(n,))

    _hdf5(path, fill)


def spikes_nobody_stored(path, megabytes):
    """Spikes of populations and of units that are declared, and no more."""
    n = megabytes * _MB // 8

    def fill(file, h5py):
        for name in ("units/spike_times", "spikes/V1/timestamps"):
            file.create_dataset(name, (n,), "f8", chunks=(n,))
        for name in ("units/spike_times_index", "units/id", "spikes/V1/node_ids"):
            file.create_dataset(name, (n,), "i1", chunks=(n,))
        file["padding"] = np.zeros(_MB, np.uint8)

    _hdf5(path, fill)


def trains_again(path, megabytes):
    """One long train under the names of many."""

    def fill(file, h5py):
        for name in ("format", "created_at", "version"):
            file.attrs[name] = "nix"
        file.create_group("metadata")
        block = file.create_group("data/b")
        segment = block.create_group("groups/s")
        train = segment.create_group("multi_tags/t")
        for node, kind in (
            (block, "block"),
            (segment, "segment"),
            (train, "spiketrain"),
        ):
            node.attrs["type"] = f"neo.{kind}"
        train["positions/data"] = np.zeros(megabytes * _MB // 64)
        train["positions"].attrs["unit"] = "s"
        for k in range(1000):
            segment[f"multi_tags/{k}"] = train

    _hdf5(path, fill)


def populations_again(path, megabytes):
    """The same spikes under the names of many populations."""

    def fill(file, h5py):
        file["spikes/V1/timestamps"] = np.zeros(megabytes * _MB // 64)
        file["spikes/V1/node_ids"] = np.zeros(megabytes * _MB // 64, np.int8)
        for k in range(1000):
            file[f"spikes/{k}"] = file["spikes/V1"]

    _hdf5(path, fill)


def _nir(path, fill):
    """A graph of one node between input and output, with something put into it."""

    def whole(file, h5py):
        text = h5py.string_dtype()
        file.create_dataset("version", data="1.0.8", dtype=text)
        node = file.create_group("node")
        node.create_dataset("type", data="NIRGraph", dtype=text)
        node["edges"] = [("input", "n"), ("n", "output")]
        for name, kind in (("input", "Input"), ("n", "Scale"), ("output", "Output")):
            node.create_dataset(f"nodes/{name}/type", data=kind, dtype=text)
            if kind != "Scale":
                node[f"nodes/{name}/shape"] = np.array([3])
        fill(node, h5py)

    _hdf5(path, whole)


def weights_nobody_stored(path, megabytes):
    """A scale of as many numbers as are declared, and no more."""
    n = megabytes * _MB // 8
    _nir(path, lambda node, h5py: node.create_dataset("nodes/n/scale", (n,), "f8"))


def nodes_again(path, megabytes):
    """One large node under the names of many."""

    def fill(node, h5py):
        node["nodes/n/scale"] = np.zeros(megabytes * _MB // 64)
        for k in range(900):
            node[f"nodes/{k}"] = node["nodes/n"]

    _nir(path, fill)


def graphs_in_themselves(path, megabytes):
    """A graph that is a node of itself, so many times."""

    def fill(node, h5py):
        node["nodes/n/scale"] = np.zeros(3)
        for k in range(megabytes):
            node[f"nodes/{k}"] = node

    _nir(path, fill)


def _events_of(path, fill):
    """Columns of a camera, each made by a function."""

    def columns(file, h5py):
        for name in "txyp":
            fill(file, f"events/{name}")
        file["ms_to_idx"] = np.zeros(1, np.uint64)

    _hdf5(path, columns)


def events_nobody_stored(path, megabytes):
    """Millions of events that are declared, and no more."""
    n = megabytes * _MB // 8

    def fill(file, place):
        file.create_dataset(place, (n,), "u1", chunks=(n,))

    _events_of(path, fill)


def pieces_nobody_stored(path, megabytes):
    """Events in pieces of one each, that are declared and no more."""
    n = megabytes * 2**12

    def fill(file, place):
        file.create_dataset(place, (n,), "u1", chunks=(1,))

    _events_of(path, fill)


def zeros_of_blosc(path, megabytes):
    """Zeros that Blosc has packed."""
    import hdf5plugin

    n = megabytes * _MB // 4

    def fill(file, place):
        how = hdf5plugin.Blosc("zstd", 9)
        file.create_dataset(place, data=np.zeros(n, np.uint8), chunks=(n,), **how)

    _events_of(path, fill)


def blosc_larger_than_it_says(path, megabytes):
    """Four numbers as a piece that unpacks to hundreds of megabytes."""
    import hdf5plugin

    def fill(file, place):
        how, n = hdf5plugin.Blosc("zstd", 9), megabytes * _MB // 4
        zeros = np.zeros(n, np.uint8)
        large = file.create_dataset(f"{place}_", data=zeros, chunks=(n,), **how)
        small = file.create_dataset(place, (4,), "u1", chunks=(4,), **how)
        small.id.write_direct_chunk((0,), large.id.read_direct_chunk((0,))[1])

    _events_of(path, fill)


def utterances_nobody_stored(path, megabytes):
    """Spikes of one utterance that are declared, and no more."""

    def fill(file, h5py):
        n = megabytes * _MB // 8
        for part in ("train", "test"):
            file[f"{part}_labels"] = np.array([b"bm-a-1"])
            for name, kind in (("timestamps", "f8"), ("addresses", "u1")):
                place = f"{part}_{name}/bm-a-1"
                file.create_dataset(place, (n,), kind, chunks=(n,))

    _hdf5(path, fill)


# Cameras


def words_again(head: bytes, *words: bytes) -> Callable:
    """A recording of the same words again and again, packed."""
    piece = b"".join(words)
    return gzipped(head, piece * (_MB // len(piece)))


def masks_again(head: bytes, *words: bytes) -> Callable:
    """The same, not packed: of words that are many events each."""
    piece = b"".join(words)

    def make(path, megabytes):
        path.write_bytes(head + piece * (megabytes * 2**15 // len(piece)))

    return make


def zeros_of_zstandard(path, megabytes):
    """A packet of AEDAT 4 in blocks of one byte, again and again."""
    run = struct.pack("<I", 1 << 1 | 2**17 << 3)[:3] + b"\0"
    last = struct.pack("<I", 1 | 1 << 1 | 2**17 << 3)[:3] + b"\0"
    packed = b"\x28\xb5\x2f\xfd\x00\x38" + run * (8 * megabytes) + last
    begin = aedat4.header({0: ("EVTS", 64, 48)}, compression=3)
    path.write_bytes(begin + aedat4.packet(0, packed) * 4)


# Archives


def _head(name, kind, size):
    head = bytearray(512)
    head[: len(name)], head[156:157], head[257:265] = name, kind, b"ustar\x0000"
    for begin, told in ((100, "0000644"), (108, "0000000"), (116, "0000000")):
        head[begin : begin + 8] = told.encode() + b"\0"
    head[124:136] = f"{size:011o}".encode() + b"\0"
    head[136:156] = b"00000000000\0" + b" " * 8
    head[148:156] = f"{sum(head):06o}".encode() + b"\0 "
    return bytes(head)


def large_head(kind):
    """A head of a tar that is larger than all files."""

    def make(path, megabytes):
        gzipped(_head(b"head", kind, megabytes * _MB))(path, megabytes)

    return make


def large_head_in_bzip2(path, megabytes):
    """The same, packed otherwise than its name says."""
    machine = bz2.BZ2Compressor(9)
    pieces = [machine.compress(_head(b"head", b"x", megabytes * _MB))]
    pieces += [machine.compress(bytes(_MB)) for _ in range(megabytes)]
    path.write_bytes(b"".join([*pieces, machine.flush()]))


def many_entries(path, megabytes):
    """A tar of nothing but names."""
    with gzip.open(path, "wb", 9) as packed:
        for k in range(megabytes * 300):
            packed.write(_head(b"%08d" % k, b"0", 0))
        packed.write(bytes(1024))


def many_names(path, megabytes):
    """A zip of nothing but names."""
    with zipfile.ZipFile(path, "w") as archive:
        for k in range(megabytes * 100):
            archive.writestr(f"{k}", b"")


SHD = ("read_shd", "read_shd_extra")
BOMBS = (
    Bomb("a.gz", ("read_idx",), lambda p, m: gzipped(_idx(m))(p, m)),
    Bomb("b.gz", ("read_idx",), gzipped()),
    Bomb(
        "a.bin.gz",
        ("read_nmnist_file", "read_atis_bin"),
        gzipped(piece=bytes(5 * 2**18)),
    ),
    Bomb("b.dat.gz", ("read_aedat1",), gzipped(piece=bytes(6 * 2**17))),
    Bomb(
        "a.aedat.gz",
        ("read_aedat2", "read_recorded"),
        gzipped(b"#!AER-DAT2.0\n" + bytes(8)),
    ),
    Bomb("b.aedat", ("read_aedat2", "read_aedat31", "read_recorded"), _lines),
    Bomb("c.aedat", ("read_aedat31", "read_recorded"), _packets),
    Bomb(
        "a.txt.gz",
        ("read_event_text", "read_recorded"),
        gzipped(piece=b"0 1 2 1\n" * 2**17),
    ),
    Bomb("b.txt", ("read_event_text", "read_recorded"), _blank_lines_of(b"0 1 2 1\n")),
    Bomb(
        *("b.csv.gz", ("read_spike_text",)),
        gzipped(b"t,i\n", b"0.12,12\n" * 2**17),
    ),
    Bomb(
        *("b.dat.gz", ("read_nest",)),
        gzipped(b"sender\ttime_ms\n", b"12\t0.125\n" * 2**16),
    ),
    Bomb("b.gdf", ("read_nest",), _blank_lines_of(b"1\t0.125\n")),
    Bomb("c.txt", ("read_spike_text",), _blank_lines_of(b"t,i\n0.1,1\n")),
    Bomb("a.npy.gz", ("read_gesture_file",), _gesture),
    Bomb(
        *("a.dat.gz", ("read_prophesee_dat", "read_recorded")),
        words_again(b"% Version 2\n\x0c\x08", bytes(8)),
    ),
    Bomb(
        *("a.raw.gz", ("read_prophesee_evt2", "read_recorded")),
        words_again(b"% evt 2.0\n% end\n", b"\0\0\0\x80", bytes(4)),
    ),
    Bomb(
        *("b.raw", ("read_prophesee_evt2", "read_recorded")),
        masks_again(
            b"% evt 2.1\n% endianness little\n% end\n",
            *(bytes(7) + b"\x80", b"\xff" * 4 + bytes(4)),
        ),
    ),
    Bomb(
        *("c.raw", ("read_prophesee_evt3", "read_recorded")),
        masks_again(b"% evt 3.0\n\x00\x80\x00\x00", b"\x00\x30" + b"\xff\x4f" * 127),
    ),
    Bomb(
        *("a.es.gz", ("read_event_stream", "read_recorded")),
        words_again(b"Event Stream\2\0\0\1@\0@\0", bytes(5), b"\xff"),
    ),
    Bomb("a.wav", ("read_sound",), _wav_of(1, 8)),
    Bomb("b.wav", ("read_sound",), _many_chunks),
    Bomb("a.sph", ("read_sound",), _sphere),
    *([Bomb("a.flac", ("read_sound",), _flac)] if sound_seeds.IS_INSTALLED else []),
    Bomb(
        *("a.npz", ("read_events", "EventFiles")),
        arrays(
            times=lambda m: np.zeros(0),
            units=lambda m: np.zeros(0, np.int8),
            offsets=lambda m: np.zeros(m * 3000, np.int8),
        ),
    ),
    Bomb(
        *("b.npz", ("read_events", "EventFiles")),
        arrays(
            times=lambda m: np.zeros(m * _MB // 8, np.float16),
            units=lambda m: np.zeros(m * _MB // 8, np.int8),
            offsets=lambda m: np.array([0, m * _MB // 8]),
        ),
    ),
    Bomb(
        *("c.npz", ("read_events",)),
        zipped("times.npy", "units.npy", "offsets.npy", method=zipfile.ZIP_BZIP2),
    ),
    Bomb("a.phy", ("read_phy",), _phy),
    Bomb(
        *("g.npz", ("read_spike_arrays",)),
        arrays(
            times_s=lambda m: np.zeros(m * _MB // 8, np.float16),
            units=lambda m: np.zeros(m * _MB // 8, np.int8),
        ),
    ),
    Bomb(
        "a.spikes.npy", ("read_spike_arrays",), lambda p, m: p.write_bytes(_npy((m,)))
    ),
    Bomb(
        *("h.npz", ("read_state_dict",)),
        arrays(w=lambda m: np.zeros(m * _MB // 8)),
    ),
    Bomb("d.npz", ("read_braille",), _letters),
    Bomb(
        *("e.npz", ("read_braille",)),
        arrays(
            taxel_data=lambda m: np.zeros((m * 80_000, 1, 12), np.uint8),
            **{
                name: lambda m: np.ones(m * 80_000, np.uint8)
                for name in ("length", "label", "repetition")
            },
            letters=lambda m: np.array(LETTERS),
        ),
    ),
    Bomb("a.pkl.gz", ("read_braille", "read_braille_events"), text_again),
    Bomb("b.pkl.gz", ("read_braille", "read_braille_events"), scalar_again),
    Bomb("c.pkl.gz", ("read_braille",), _instructions(b"]")),
    Bomb("d.pkl.gz", ("read_braille",), _instructions(b"}")),
    Bomb("e.pkl.gz", ("read_braille",), _instructions(b"M\x01\x04")),
    Bomb("f.pkl.gz", ("read_braille_events",), same_trial),
    Bomb("g.pkl.gz", ("read_braille",), long_trial),
    Bomb("h.pkl.gz", ("read_braille", "read_braille_events"), wide_text),
    Bomb(
        *("f.npz", ("read_braille",)),
        arrays(
            taxel_data=lambda m: np.zeros((0, 1, 12), np.uint8),
            **{
                name: lambda m: np.ones(m * _MB // 4, np.uint8)
                for name in ("length", "label", "repetition")
            },
            letters=lambda m: np.array(LETTERS),
        ),
    ),
    Bomb(
        *("a.pkl", ("read_braille",)),
        doubled(lambda it: _trial(letter=it, repetition=b"K\x01", taxel_data=b"h\x00")),
    ),
    Bomb(
        *("b.pkl", ("read_braille",)),
        doubled(
            lambda it: _trial(letter=_text(b"A"), taxel_data=_felt(), repetition=it)
        ),
    ),
    Bomb(
        *("c.pkl", ("read_braille_events",)),
        doubled(
            lambda it: (
                b"}("
                + (_text(b"letter") + b"](" + _text(b"A") + b"e" + _text(b"x") + it)
                + (_text(b"events") + b"]((" + b"(h\x00h\x00t" * 12 + b"te")
                + (_text(b"repetition") + b"h\x00" + b"u")
            )
        ),
    ),
    *(
        Bomb(
            name, ("read_qtdb", "read_spike_mat", "read_st_mnist", "read_asl_dvs"), make
        )
        for name, make in (
            *(("a.mat", zeros_in_mat), ("b.mat", elements_in_mat)),
            *(("c.mat", variables_in_mat), ("e.mat", changes_in_mat)),
            ("f.mat", signs_in_mat),
        )
    ),
    Bomb("a.aedat4", ("read_aedat4",), zeros_of_zstandard),
    Bomb("l.h5", ("read_camera_hdf5",), events_nobody_stored),
    Bomb("p.h5", ("read_camera_hdf5",), pieces_nobody_stored),
    Bomb("m.h5", ("read_camera_hdf5",), zeros_of_blosc),
    Bomb("n.h5", ("read_camera_hdf5",), blosc_larger_than_it_says),
    Bomb("o.h5", ("read_n_tidigits",), utterances_nobody_stored),
    Bomb(
        *("i.npz", ("read_camera_npz",)),
        arrays(**{c: lambda m: np.zeros(m * _MB, np.int8) for c in "txyp"}),
    ),
    Bomb("d.mat", ("read_spike_mat",), cells_in_mat),
    Bomb("a.h5", ("ShdFile",), rows_nobody_stored),
    Bomb("a.h5.gz", SHD, rows_nobody_stored),
    Bomb("b.h5", (*SHD, "ShdFile"), length_behind_a_filter),
    Bomb("c.h5", (*SHD, "ShdFile"), chunk_larger_than_it_says("labels")),
    Bomb("d.h5", ("read_shd_extra",), chunk_larger_than_it_says("extra/keys")),
    Bomb("e.h5", ("read_waves",), chunk_larger_than_it_says("sCount")),
    Bomb("f.h5", ("read_shd_extra", "read_waves"), texts_nobody_stored("S1")),
    Bomb("f.h5.gz", ("read_shd_extra",), texts_nobody_stored("O")),
    Bomb("g.h5", ("read_waves", "read_shd_extra"), numbers_nobody_stored),
    Bomb("h.h5", ("read_sonata", "read_nwb"), spikes_nobody_stored),
    Bomb("i.h5", ("read_sonata",), populations_again),
    Bomb("a.nix", ("read_nix",), trains_again),
    Bomb("a.nir", ("nir.load",), weights_nobody_stored),
    Bomb("b.nir", ("nir.load",), nodes_again),
    Bomb("c.nir", ("nir.load",), graphs_in_themselves),
    Bomb("h.h5.gz", ("read_sonata", "read_nwb"), spikes_nobody_stored),
    Bomb("a.h5.zip", SHD, zipped("x.h5", method=zipfile.ZIP_BZIP2)),
    Bomb("b.h5.zip", SHD, zipped("x.h5", head=b"\x89HDF\r\n\x1a\n")),
    Bomb("a.zip", ("unpack",), zipped("x", method=zipfile.ZIP_BZIP2)),
    Bomb("b.zip", ("unpack",), zipped("x", "y", "z")),
    Bomb("c.zip", ("unpack",), many_names),
    Bomb("a.tar.gz", ("unpack",), large_head(b"x")),
    Bomb("b.tar.gz", ("unpack",), large_head(b"L")),
    Bomb("c.tar.gz", ("unpack",), large_head_in_bzip2),
    Bomb("d.tar.gz", ("unpack",), many_entries),
)


def reader_of(name: str) -> Callable:
    """A reader by its name."""
    return OTHERS[name] if name in OTHERS else getattr(datasets, name)


def measure(path: Path, reader: str) -> dict:
    """What becomes of a file, and what that takes."""
    found, peak = peak_of(lambda: reader_of(reader)(path))
    read = not isinstance(found, Exception)
    named = isinstance(found, datasets.DataError) and str(path) in str(found)
    hidden = isinstance(found, MemoryError) or isinstance(
        getattr(found, "__cause__", None), MemoryError
    )
    told = "read" if read else "refused" if named and not hidden else repr(found)[:200]
    allowed = allowance(path)
    return {
        "bytes": path.stat().st_size,
        "told": told,
        "peak_MB": round(peak / _MB, 1),
        "allowed_MB": round(allowed / _MB, 1),
        "sound": told in ("read", "refused") and peak <= allowed + MARGIN,
    }


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megabytes", type=int, default=700, help="that are packed")
    parser.add_argument("--reader", default="", help="default: all")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(measure(Path(given.one[0]), given.one[1])))
        return
    worst = True
    for bomb in BOMBS:
        if given.reader and given.reader not in bomb.readers:
            continue
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / bomb.name
            bomb.make(path, given.megabytes)
            for reader in bomb.readers:
                row = _in_a_child(path, reader)
                emit(file=bomb.name, reader=reader, **row)
                worst &= row["sound"]
    sys.exit(not worst)


def _in_a_child(path, reader):
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.fuzz.bombs", "--one", str(path), reader],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
    )
    if done.returncode:
        return {"told": done.stderr[-300:], "sound": False}
    return json.loads(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    main()
