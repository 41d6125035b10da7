"""Small sound files of every format, and what the result of reading one looks like."""

import gzip
import io
import itertools
import pickle
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.fuzz import aedat4, sound_seeds
from snnjax import datasets
from snnjax.datasets.layouts.braille_pickle import LETTERS
from snnjax.datasets.sources import ShdFile
from snnjax.events import Events, from_rows
from snnjax.interop.weights import read_state_dict, write_state_dict


class Format(NamedTuple):
    """One format to fuzz."""

    suffix: str  # of the files
    sound: Callable[[Path], bytes]  # a small sound file, made in a folder
    read: Callable[[Path], Any]
    believable: Callable[[Any], bool]  # whether a result is one that a file can have
    repack: Callable[[bytes, Callable[[bytes], bytes]], bytes] | None = None
    real: str = ""  # pattern of small real files below a data folder
    apart: bool = False  # whether it is read in a process that may be started for it


def _events():
    rows = [[0.1, 0.25, 0.5], [], [0.3, 1.25], [0.0, 0.75]]
    units = [[5, 0, 699], [], [3, 3], [12, 80]]
    return from_rows(
        rows, units, [2, 0, 1, 2], n_units=700, group=[4, 4, 0, 7], trial=[0, 1, 2, 3]
    )


def _shd(folder):
    extra = datasets.Extra(("zero", "one", "two"), ("m", "f"), (20, 30), (170, 180))
    datasets.write_shd(folder / "a.h5", _events(), extra=extra)
    return (folder / "a.h5").read_bytes()


def _read_shd(path):
    return datasets.read_shd(path), datasets.read_shd_extra(path)


def _read_rows(path):
    """Row by row, put together again."""
    rows = [*ShdFile(path)]
    times, units, labels, _ = zip(*rows, strict=True) if rows else [()] * 4
    return Events(
        *(np.concatenate([*times, []]), np.concatenate([*units, []])),
        np.concatenate([[0], np.cumsum([len(each) for each in times])]),
        *3 * [np.array(labels, int)],
        n_units=700,
        n_classes=1000,
    )


def _waves(folder):
    import h5py

    with h5py.File(folder / "a.h5", "w") as file:
        columns = {
            "spikes": np.array([0.5, 2.0, 1.0, 1.0, 3.0]),
            "sCount": np.array([2, 0, 3], np.int32),
            "epos": np.arange(6.0).reshape(2, 3),
            "names": np.array([b"a", b"bb", b"ccc"]),
            "array": np.array([b"MCS_8x8_100um"]),
            "meta/age": np.array([4], np.int32),
        }
        for name, column in columns.items():
            file.create_dataset(name, data=column, compression="gzip")
    return (folder / "a.h5").read_bytes()


def _npz(folder):
    datasets.write_events(folder / "a.npz", _events())
    return (folder / "a.npz").read_bytes()


def _idx(folder):
    pixels = np.arange(3 * 28 * 28).astype(np.uint8).tobytes()
    return struct.pack(">HBBIII", 0, 8, 3, 3, 28, 28) + pixels


def _nmnist(folder):
    events = [(k % 34, k // 34, k % 2, 1000 * k) for k in range(100)]
    codes = [(x << 32) | (y << 24) | (p << 23) | t for x, y, p, t in events]
    return b"".join(code.to_bytes(5, "big") for code in codes)


def _dat(folder):
    head = b"% Data file containing CD events.\n% Version 2\n% Width 64\n% Height 48\n"
    words = [(10 * k, k % 64 | k % 48 << 14 | k % 2 << 28) for k in range(60)]
    return head + b"\x0c\x08" + b"".join(struct.pack("<II", *word) for word in words)


def _evt2(folder):
    head = b"% evt 2.0\n% format EVT2;height=48;width=64\n% end\n"
    words = [8 << 28 | 5, 10 << 28, 14 << 28]
    for k in range(60):
        words.append(k % 2 << 28 | k << 22 | k % 64 << 11 | k % 48)
    return head + struct.pack(f"<{2 * len(words)}I", *words, *words)


def _evt21(folder):
    head = b"% evt 2.1\n% format EVT21;height=48;width=64\n% endianness little\n% end\n"
    words = [8 << 60 | 5 << 32, 10 << 60]
    for k in range(40):
        words.append(k % 2 << 60 | k << 54 | 32 * (k % 2) << 43 | k << 32 | 3 << k % 30)
    return head + struct.pack(f"<{len(words)}Q", *words)


def _evt3(folder):
    head = b"% evt 3.0\n% format EVT3;height=48;width=64\n% end\n"
    words = [8 << 12 | 1, 10 << 12, 14 << 12]
    for k in range(40):
        words += [6 << 12 | k, k, 2 << 12 | k, 3 << 12 | k % 2 << 11 | k % 9]
        words += [4 << 12 | 5 << k % 9, 4 << 12 | 9 << k % 5, 5 << 12 | 1 << k % 8]
    return head + struct.pack(f"<{2 * len(words)}H", *words, *words)


def _stream_of(kind):
    def make(folder):
        raw = b"Event Stream\x02\x00\x00" + struct.pack("<BHH", kind, 64, 48)
        for k in range(60):
            raw += b"\xff" * (k % 3) + struct.pack("<BHH", 3 * k, k % 64, k % 48)
        return raw

    return make


def _nir(folder):
    """A layer that sees itself, behind a map, and one that waits."""
    import nir

    w, one = np.eye(4, dtype=np.float32), np.ones(4, np.float32)
    lif = nir.CubaLIF(5e-3 * one, 2e-2 * one, one, 0 * one, one, 0 * one, 5 * one)
    inner = nir.NIRGraph(
        {
            **{"input": nir.Input(np.array([4])), "lif": lif},
            **{"back": nir.Linear(w), "output": nir.Output(np.array([4]))},
        },
        [("input", "lif"), ("lif", "back"), ("back", "lif"), ("lif", "output")],
    )
    kernel = np.ones((4, 1, 2, 2), np.float32)
    whole = nir.NIRGraph(
        {
            "input": nir.Input(np.array([1, 3, 3])),
            "conv": nir.Conv2d((3, 3), kernel, 1, 0, 1, 1, one),
            "pool": nir.SumPool2d(*map(np.array, ((2, 2), (2, 2), (0, 0)))),
            "flat": nir.Flatten(np.array([4, 1, 1]), 0, -1),
            "layer": inner,
            "late": nir.Delay(2e-3 * one),
            "read": nir.Affine(w, one, metadata={"by": "hand"}),
            "out": nir.LI(2e-2 * one, one, 0 * one),
            "output": nir.Output(np.array([4])),
        },
        list(itertools.pairwise(_NIR)),
    )
    nir.write(folder / "a.nir", whole)
    return (folder / "a.nir").read_bytes()


_NIR = ("input", "conv", "pool", "flat", "layer", "late", "read", "out", "output")


def _read_nir(path):
    from snnjax.interop import nir

    return nir.load(path, dt=1e-3)


def _is_network(found):
    import jax

    names = jax.tree.leaves(found.weights)
    return found.dt == 1e-3 and all(np.isfinite(each).all() for each in names)


def _gesture(folder):
    k = np.arange(60.0)
    held = io.BytesIO()
    np.save(held, np.stack([k % 128, k, k % 2, 10.0 * k], axis=1))
    return held.getvalue()


def _aedat2(folder):
    """Events of a DAVIS240 among frames, motion and an external input."""
    k = np.arange(60)
    word = k << 22 | (k * 3) << 12 | (k % 2) << 11
    word = np.concatenate([word, [1 << 31, 1 << 31 | 1025, 3 << 10 | 1 << 31, 1 << 10]])
    rows = np.stack([word, 100 * np.arange(len(word))], axis=1)
    chip = b"# AEChip: eu.seebetter.ini.chips.davis.DAVIS240C\r\n"
    return b"#!AER-DAT2.0\r\n" + chip + rows.astype(">u4").tobytes()


def _aedat31(folder):
    """A packet of polarity events, some not valid, after a special one."""
    k = np.arange(60)
    word = (k * 2) << 17 | k << 2 | (k % 2) << 1 | (k % 10 > 0)
    rows = np.stack([word, 100 * k], axis=1).astype("<i4").tobytes()
    head = b"#!AER-DAT3.1\r\n#Format: RAW\r\n#Source 1: DVS128\r\n#!END-HEADER\r\n"
    special = struct.pack("<hhiiiiii2i", 0, 1, 8, 4, 0, 1, 1, 1, 3, 0)
    return head + special + struct.pack("<hhiiiiii", 1, 1, 8, 4, 1, 60, 60, 54) + rows


def _event_text(folder):
    """Times of seconds, a comment, and one line written otherwise."""
    lines = [f"{k / 1e4:.6f} {k % 64} {k % 48} {k % 2}" for k in range(60)]
    return "\n".join(["# t x y p", *lines, "1e-2 3.0 4 1", ""]).encode()


def _event_csv(folder):
    lines = [f"{1000 * k};{k % 64};{k % 48};{k % 2 * 2 - 1};0,5" for k in range(60)]
    return "\r\n".join(["t;x@64;y@48;on;label", *lines, ""]).encode()


def _spike_text(folder):
    """Times of milliseconds, populations, and two lines written otherwise."""
    lines = [f"{k / 7!r} {'V1' if k % 3 else 'LGN'} {k % 48}" for k in range(60)]
    names = "timestamps population node_ids"
    return "\n".join([names, *lines, "# end", "1e-2  V1 3.0", ""]).encode()


def _spike_csv(folder):
    lines = [f"{k % 48};{k / 4:.2f}".replace(".", ",") for k in range(60)]
    return "\r\n".join(["Neuron;Zeit_ms", *lines, ""]).encode()


def _nest(folder):
    lines = [f"{k % 9}\t{k / 8:.3f}" for k in range(60)]
    head = ["# NEST version: 3.8", "# RecordingBackendASCII version: 2"]
    return "\n".join([*head, "sender\ttime_ms", *lines, ""]).encode()


def _nest_steps(folder):
    return b"".join(b"%d\t%d\t0.%03d\t\n" % (k % 9, k, k) for k in range(60))


def _read_nest_steps(path):
    return datasets.read_nest(path, resolution=1e-4)


def _sonata(folder):
    import h5py

    with h5py.File(folder / "a.h5", "w") as file:
        file.attrs["magic"] = np.uint32(0x0A7A)
        for name, packed in (("V1", "gzip"), ("LGN", None)):
            group = file.create_group(f"spikes/{name}")
            group.attrs["sorting"] = "by_id"
            times, nodes = np.arange(20) / 3, np.arange(20, dtype=np.uint64)
            column = group.create_dataset("timestamps", data=times, compression=packed)
            column.attrs["units"] = "ms"
            group.create_dataset("node_ids", data=nodes, compression=packed)
    return (folder / "a.h5").read_bytes()


def _nwb(folder):
    import h5py

    with h5py.File(folder / "a.h5", "w") as file:
        file.attrs["nwb_version"] = "2.6.0"
        file["timestamps_reference_time"] = "2026-01-01T00:00:00+00:00"
        file["units/spike_times"] = np.arange(12) / 7
        file["units/spike_times_index"] = np.array([4, 4, 12], np.uint16)
        file["units/id"] = np.array([10, 3, 7])
        file["units/obs_intervals"] = np.array([[0.0, 2.0]] * 3)
        file["units/obs_intervals_index"] = np.array([1, 2, 3])
        file["units/quality"] = ["good", "noise", "good"]
    return (folder / "a.h5").read_bytes()


def _nix(folder):
    import h5py

    with h5py.File(folder / "a.h5", "w", track_order=True) as file:
        for name, value in (("format", "nix"), ("created_at", "x"), ("version", 1)):
            file.attrs[name] = value
        file.create_group("metadata")
        block = file.create_group("data/neo.block.1")
        segment = block.create_group("groups/neo.segment.1")
        block.attrs["type"], segment.attrs["type"] = "neo.block", "neo.segment"
        for k, unit in enumerate(("s", "ms", "s")):
            tag = segment.create_group(f"multi_tags/{k}")
            tag.attrs["type"] = "neo.spiketrain"
            tag["positions/data"] = np.arange(7.0 * k)
            tag["positions"].attrs["unit"] = unit
            for edge, value in (("t_start", 0.0), ("t_stop", 60.0)):
                tag[f"metadata/properties/{edge}"] = np.array([value])
                tag[f"metadata/properties/{edge}"].attrs["unit"] = unit
        segment.create_group("data_arrays/0").attrs["type"] = "neo.analogsignal"
    return (folder / "a.h5").read_bytes()


def _spike_mat(folder):
    from scipy.io import savemat

    cells = np.empty((1, 4), object)
    cells[0] = [np.arange(float(k)) / 7 for k in (5, 0, 3, 1)]
    held = io.BytesIO()
    savemat(held, {"spikes": cells, "fs": 30_000.0, "name": "a"}, do_compression=True)
    return held.getvalue()


def _read_spike_mat(path):
    return datasets.read_spike_mat(path, unit="s")


_PHY = {
    "spike_times.npy": np.arange(5, 65, dtype=np.uint64)[:, None],
    "spike_clusters.npy": np.arange(60, dtype=np.int32) % 7,
    "cluster_group.tsv": b"cluster_id\tgroup\n0\tgood\n3\tnoise\n5\tmua\n6\t\n",
    "params.py": b"dat_path = 'a.dat'\nsample_rate = 30_000.  # Hz\n",
}


def _phy(name):
    """One file of a folder of phy; the others lie beside it."""

    def make(folder):
        for other, what in _PHY.items():
            with (folder / f"sound.{other}").open("wb") as file:
                file.write(what) if isinstance(what, bytes) else np.save(file, what)
        return (folder / f"sound.{name}").read_bytes()

    return make


def _read_phy(name):
    """Reads a folder in which one file is the input."""

    def read(path):
        folder = Path(f"{path}.folder")
        if not folder.exists():
            folder.mkdir()
            for other in _PHY:
                beside = path.parent / f"sound.{other}"
                (folder / other).symlink_to(path if other == name else beside)
        return datasets.read_phy(folder)

    return read


def _spikes_npy(folder):
    held = io.BytesIO()
    np.save(held, np.stack([np.arange(40) / 7, np.arange(40) % 9], axis=1, dtype=">f8"))
    return held.getvalue()


def _read_spikes_npy(path):
    return datasets.read_spike_arrays(path, unit="ms")


def _spikes_npz(folder):
    times, units = np.arange(40) / 7, np.arange(40, dtype=">u2")
    np.savez(folder / "a.npz", spike_times_ms=times, unit_ids=units, rate=np.zeros(3))
    return (folder / "a.npz").read_bytes()


def _events_of_a_camera():
    k = np.arange(60)
    return {"t": 100 * k, "x": k.astype("u2"), "y": k % 48, "p": (k % 2).astype("u1")}


def _camera_blosc(folder):
    """The layout of DSEC, packed as its files are."""
    import h5py
    import hdf5plugin

    with h5py.File(folder / "a.h5", "w") as file:
        file.attrs["height"], file.attrs["width"] = 48, 64
        for name, column in _events_of_a_camera().items():
            how = hdf5plugin.Blosc("zstd", 5, hdf5plugin.Blosc.SHUFFLE)
            file.create_dataset(f"events/{name}", data=column, chunks=(25,), **how)
        file["ms_to_idx"], file["t_offset"] = np.arange(6, dtype="u8"), 5
    return (folder / "a.h5").read_bytes()


def _camera_rows(folder):
    """The layout of Prophesee, and a column of another one that is not whole."""
    import h5py

    held, columns = io.BytesIO(), _events_of_a_camera()
    rows = np.zeros(60, [("x", "<u2"), ("y", "<u2"), ("p", "<i2"), ("t", "<i8")])
    for name, column in columns.items():
        rows[name] = column
    with h5py.File(held, "w") as file:
        file.attrs["geometry"] = "64x48"
        file.create_dataset("CD/events", data=rows, chunks=(25,), compression="gzip")
        file["events/ts"] = columns["t"] * 1e-6
    return held.getvalue()


def _camera_npz(folder):
    np.savez(folder / "a.npz", **_events_of_a_camera(), width=64, height=48)
    return (folder / "a.npz").read_bytes()


def _n_tidigits(folder):
    import h5py

    with h5py.File(folder / "a.h5", "w") as file:
        for part in ("train", "test"):
            file[f"{part}_labels"] = np.array([b"bm-a-1", b"ek-b-o2", b"bm-b-z"])
            for key in ("bm-a-1", "ek-b-o2", "bm-b-z"):
                file[f"{part}_timestamps/{key}"] = np.arange(20) / 100
                file[f"{part}_addresses/{key}"] = np.arange(20)
    return (folder / "a.h5").read_bytes()


def _st_mnist(folder):
    from scipy.io import savemat

    table = np.zeros((101, 20))
    table[np.arange(20) * 5, np.arange(20)] = (-1.0) ** np.arange(20)
    table[100] = np.arange(20) / 100
    held = io.BytesIO()
    savemat(held, {"spiketrain": table}, do_compression=True)
    return held.getvalue()


def _asl_dvs(folder):
    from scipy.io import savemat

    t, x, y, p = (each[:, None] for each in _events_of_a_camera().values())
    held = io.BytesIO()
    savemat(held, {"ts": t, "x": x, "y": y, "pol": p}, do_compression=True)
    return held.getvalue()


def _aedat1(folder):
    k = np.arange(60)
    rows = np.zeros(60, [("address", ">u2"), ("time", ">u4")])
    rows["address"], rows["time"] = k << 8 | k << 1 | k % 2, 100 * k
    return rows.tobytes()


def _aedat4(folder):
    """Events among a frame, motion and triggers."""
    k = range(60)
    rows = [(1_700_000_000_000_000 + 100 * j, j, j % 48, j % 2) for j in k]
    streams = {0: ("EVTS", 64, 48), 1: ("FRME", 4, 2)}
    streams |= {2: ("IMUS", 0, 0), 3: ("TRIG", 0, 0)}
    others = (aedat4.frame(4, 2), aedat4.motion(3), aedat4.triggers(2))
    packets = [aedat4.packet(j, body) for j, body in enumerate(others, 1)]
    events = aedat4.packet(0, aedat4.events(rows))
    return aedat4.header(streams) + events + b"".join(packets) + events


def _trials():
    felt = np.full((5, 12), 255.0)
    felt[1:4, 2] = 17.0, 30.0, 99.0
    return [
        {"experiment_name": "e", "letter": "B", "repetition": k, "taxel_data": felt[k:]}
        for k in range(3)
    ]


def _braille(folder):
    return pickle.dumps(_trials(), 4)


def _braille_npz(folder):
    np.savez(
        folder / "a.npz",
        taxel_data=np.zeros((2, 4, 12), np.uint8),
        length=np.array([4, 3]),
        label=np.array([0, 26]),
        repetition=np.array([7, 8]),
        letters=np.array(LETTERS),
    )
    return (folder / "a.npz").read_bytes()


def _braille_events(folder):
    taxels = [[[0.5, 0.75], [0.25]] for _ in range(12)]
    whole = {"letter": np.array(["C", "Space"]), "events": [taxels, taxels]}
    return pickle.dumps(whole, 4)


def _qtdb(folder):
    from scipy.io import savemat

    x, y = np.zeros((3, 6, 4), np.int16), np.zeros((3, 6, 6), np.uint8)
    x[:, 1, 2], x[:, -1, 0], y[:, 2:, 5] = 1, -1, 1
    held = io.BytesIO()
    savemat(held, {"x": x, "y": y, "max_i": np.full((3, 1), 6)}, do_compression=True)
    return held.getvalue()


def _regzip(raw, change):
    """Changes what a gzip file packs; its checksum is right again."""
    return gzip.compress(change(gzip.decompress(raw)), 1, mtime=0)


def _rezip(raw, change):
    """Changes what a zip file packs, each entry by itself."""
    held = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(raw)) as old, zipfile.ZipFile(held, "w") as new:
        for name in old.namelist():
            new.writestr(zipfile.ZipInfo(name), change(old.read(name)))
    return held.getvalue()


def _zipped(raw):
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.h5", raw)
    return held.getvalue()


def _are_events(events):
    n, cuts = len(events.labels), events.offsets
    rising = np.diff(events.times) >= 0
    rising[cuts[1:-1][(cuts[1:-1] > 0) & (cuts[1:-1] < len(events.times))] - 1] = True
    return bool(
        (len(cuts) == n + 1 and cuts[0] == 0 and (np.diff(cuts) >= 0).all())
        and cuts[-1] == len(events.times) == len(events.units)
        and np.isfinite(events.times).all()
        and (events.times >= 0).all()
        and rising.all()
        and (events.units >= 0).all()
        and (events.units < max(events.n_units, 1)).all()
        and (events.labels >= 0).all()
        and (events.labels < max(events.n_classes, 1)).all()
        and len(events.group) == len(events.trial) == n
    )


def _are_samples(samples):
    n = len(samples.x)
    return bool(
        len(samples.labels) == len(samples.lengths) == len(samples.trial) == n
        and (samples.labels >= -1).all()
        and (samples.labels < len(samples.classes)).all()
    )


def _is_recording(units):
    def believable(found):
        times, which = found
        finite = np.isfinite(times).all() and (times >= 0).all()
        inside = (which >= 0).all() and (which < units).all()
        return bool(len(times) == len(which) and finite and inside)

    return believable


def _is_recorded(recorded):
    """Whether events lie on a sensor, and were not narrowed."""
    t, x, y, p = columns = recorded[:4]
    kinds = [column.dtype for column in columns]
    height, width = recorded.size or (2**16, 2**16)
    return bool(
        kinds == [np.int64, np.uint16, np.uint16, np.uint8]
        and len(t) == len(x) == len(y) == len(p)
        and (x < width).all()
        and (y < height).all()
        and (p <= 1).all()
        and all(n > 0 for n in recorded.skipped.values())
    )


def _are_spikes(found):
    """Whether spikes are of populations that there are, and were not narrowed."""
    columns = found.times, found.units, found.population
    least, most = found.population.min(initial=0), found.population.max(initial=0)
    return bool(
        [column.dtype for column in columns] == [np.float64, np.int64, np.int64]
        and len({len(column) for column in columns}) == 1
        and np.isfinite(found.times).all()
        and 0 <= least <= most < len(found.populations)
        and (found.known is None or len(found.known) == len(found.populations))
        and all(n > 0 for n in found.skipped.values())
    )


def _is_sound(sound):
    return bool(np.isfinite(sound.samples).all() and 0 < sound.rate <= 10**6)


def _is_array(array):
    return isinstance(array, np.ndarray) and array.nbytes < 2**27


def _are_waves(found):
    n = found.events.n_units
    placed = found.positions.shape == (n, 2) and np.isfinite(found.positions).all()
    return bool(_are_events(found.events) and placed and len(found.names) in (0, n))


def _is_shd(found):
    events, extra = found
    return _are_events(events) and all(isinstance(key, str) for key in extra.keys)


def _state_dict(ending):
    def make(folder):
        rng, path = np.random.default_rng(0), folder / f"a.{ending}"
        arrays = {
            "fc.weight": rng.normal(size=(10, 12)).astype(np.float32),
            "fc.bias": np.zeros(10, np.float16),
            "lif.beta": np.array(0.9),
            "bn.num_batches_tracked": np.array(345),
        }
        write_state_dict(path, arrays)
        return path.read_bytes()

    return make


def _are_weights(found):
    kinds = all(each.dtype.kind in "biufV" for each in found.values())
    return kinds and all(isinstance(name, str) for name in found)


FORMATS = {
    "shd": Format(".h5", _shd, _read_shd, _is_shd),
    "shd.gz": Format(
        *(".h5.gz", lambda f: gzip.compress(_shd(f)), _read_shd, _is_shd, _regzip)
    ),
    "shd.zip": Format(
        *(".h5.zip", lambda f: _zipped(_shd(f)), _read_shd, _is_shd, _rezip)
    ),
    "shd.rows": Format(".h5", _shd, _read_rows, _are_events),
    "waves": Format(
        *(".h5", _waves, datasets.read_waves, _are_waves, None),
        "rgc-waverepo/Kirkby2013/*_01_*.h5",
    ),
    "events.npz": Format(".npz", _npz, datasets.read_events, _are_events, _rezip),
    "nir": Format(".nir", _nir, _read_nir, _is_network),
    "idx": Format("", _idx, datasets.read_idx, _is_array),
    "idx.gz": Format(
        *(".gz", lambda f: gzip.compress(_idx(f)), datasets.read_idx, _is_array),
        _regzip,
        "mnist/t10k-labels*",
    ),
    "n-mnist": Format(
        *(".bin", _nmnist, datasets.read_nmnist_file, _is_recording(2312), None),
        "nmnist-small/Test/1/*.bin",
    ),
    "atis.bin": Format(".bin", _nmnist, datasets.read_atis_bin, _is_recorded),
    "camera.h5": Format(
        *(".h5", _camera_blosc, datasets.read_camera_hdf5, _is_recorded, None),
        "recordings/hdf5/event-*",
    ),
    "camera-rows.h5": Format(
        ".h5", _camera_rows, datasets.read_camera_hdf5, _is_recorded
    ),
    "camera.npz": Format(
        ".npz", _camera_npz, datasets.read_camera_npz, _is_recorded, _rezip
    ),
    "n-tidigits": Format(".h5", _n_tidigits, datasets.read_n_tidigits, _are_events),
    "st-mnist.mat": Format(".mat", _st_mnist, datasets.read_st_mnist, _is_recorded),
    "asl-dvs.mat": Format(".mat", _asl_dvs, datasets.read_asl_dvs, _is_recorded),
    "aedat1": Format(".dat", _aedat1, datasets.read_aedat1, _is_recorded),
    "aedat4": Format(
        *(".aedat4", _aedat4, datasets.read_aedat4, _is_recorded, None),
        *("recordings/aedat4/*zero*", True),
    ),
    "aedat2": Format(
        *(".aedat", _aedat2, datasets.read_aedat2, _is_recorded, None),
        "recordings/odd/davis346_[dt]*.aedat",
    ),
    "aedat31": Format(
        *(".aedat", _aedat31, datasets.read_aedat31, _is_recorded, None),
        "recordings/dvs_gesture/*.aedat",
    ),
    "event.txt": Format(
        *(".txt", _event_text, datasets.read_event_text, _is_recorded, None),
        "recordings/odd/text_*",
    ),
    "event.csv": Format(".csv", _event_csv, datasets.read_event_text, _is_recorded),
    "dvs-gesture": Format(
        ".npy", _gesture, datasets.read_gesture_file, _is_recording(32_768)
    ),
    "braille.pkl": Format(".pkl", _braille, datasets.read_braille, _are_samples),
    "braille.npz": Format(
        ".npz", _braille_npz, datasets.read_braille, _are_samples, _rezip
    ),
    "braille-events.pkl": Format(
        ".pkl", _braille_events, datasets.read_braille_events, _are_events
    ),
    "prophesee.dat": Format(
        *(".dat", _dat, datasets.read_prophesee_dat, _is_recorded, None),
        "recordings/odd/dat_*.dat",
    ),
    "prophesee.evt2": Format(
        *(".raw", _evt2, datasets.read_prophesee_evt2, _is_recorded)
    ),
    "prophesee.evt21": Format(
        *(".raw", _evt21, datasets.read_prophesee_evt2, _is_recorded, None),
        "recordings/evt21/evt21_little*",
    ),
    "prophesee.evt3": Format(
        *(".raw", _evt3, datasets.read_prophesee_evt3, _is_recorded, None),
        "recordings/odd/evt3_[iz]*.raw",
    ),
    "dvs.es": Format(".es", _stream_of(1), datasets.read_event_stream, _is_recorded),
    "atis.es": Format(".es", _stream_of(2), datasets.read_event_stream, _is_recorded),
    "qtdb.mat": Format(".mat", _qtdb, datasets.read_qtdb, _are_samples),
    "spikes.txt": Format(
        *(".txt", _spike_text, datasets.read_spike_text, _are_spikes, None),
        "recordings/csv_spikes/b*.csv",
    ),
    "spikes.csv": Format(".csv", _spike_csv, datasets.read_spike_text, _are_spikes),
    "nest.dat": Format(".dat", _nest, datasets.read_nest, _are_spikes),
    "nest.gdf": Format(".gdf", _nest_steps, _read_nest_steps, _are_spikes),
    "sonata": Format(
        *(".h5", _sonata, datasets.read_sonata, _are_spikes, None),
        "recordings/sonata/*.h5",
    ),
    "nwb": Format(
        *(".nwb", _nwb, datasets.read_nwb, _are_spikes, None),
        "recordings/nwb/pynwb_units*.nwb",
    ),
    **{
        f"phy.{name}": Format(
            Path(name).suffix, _phy(name), _read_phy(name), _are_spikes
        )
        for name in _PHY
    },
    "spikes.npy": Format(
        *(".npy", _spikes_npy, _read_spikes_npy, _are_spikes, None),
        "recordings/odd/spike_times_big_endian.npy",
    ),
    "spikes.npz": Format(
        ".npz", _spikes_npz, datasets.read_spike_arrays, _are_spikes, _rezip
    ),
    "nix": Format(
        *(".nix", _nix, datasets.read_nix, _are_spikes, None),
        "recordings/neo_nix/*.nix",
    ),
    "spikes.mat": Format(
        *(".mat", _spike_mat, _read_spike_mat, _are_spikes, None),
        "recordings/mat_spikes/*.mat",
    ),
    "wav": Format(
        *(".wav", sound_seeds.wav, datasets.read_sound, _is_sound, None),
        "fsdd/recordings/6_*_0.wav",
    ),
    "weights.safetensors": Format(
        ".safetensors", _state_dict("safetensors"), read_state_dict, _are_weights
    ),
    "weights.npz": Format(
        ".npz", _state_dict("npz"), read_state_dict, _are_weights, _rezip
    ),
    "wav.rifx": Format(".wav", sound_seeds.rifx, datasets.read_sound, _is_sound),
    "wav.rf64": Format(".wav", sound_seeds.rf64, datasets.read_sound, _is_sound),
    "wav.piped": Format(".wav", sound_seeds.piped, datasets.read_sound, _is_sound),
    "sphere": Format(".sph", sound_seeds.sphere, datasets.read_sound, _is_sound),
}
for _suffix in sound_seeds.BY_SOUNDFILE if sound_seeds.IS_INSTALLED else ():
    FORMATS[_suffix[1:]] = Format(
        *(_suffix, sound_seeds.by_soundfile(_suffix), datasets.read_sound, _is_sound),
        repack=sound_seeds.in_pages if _suffix == ".ogg" else None,
        apart=True,
    )
