"""What holds for every reader: memory, what is no file, what is another file."""

import datetime
import gzip
import inspect
import os
import pickle
import re
import socket
import struct

import numpy as np
import pytest

from benchmarks.fuzz.bombs import BOMBS, OTHERS, measure, reader_of
from benchmarks.fuzz.meter import peak_of
from benchmarks.fuzz.readers import verdict
from benchmarks.fuzz.seeds import FORMATS
from snnjax import datasets
from snnjax.datasets import DataError
from snnjax.datasets.containers import archives
from snnjax.datasets.guard import checked
from snnjax.interop import nir
from snnjax.interop.weights import read_state_dict

pytest.importorskip("h5py")

FOLDERS = {"read_phy"}  # which read a folder
READERS = [name for name in datasets.__all__ if name.startswith("read_")]
SUFFIX = {
    "nir.load": ".nir",
    "read_aedat1": ".dat",
    "read_aedat2": ".aedat",
    "read_aedat31": ".aedat",
    "read_aedat4": ".aedat4",
    "read_asl_dvs": ".mat",
    "read_atis_bin": ".bin",
    "read_braille": ".pkl",
    "read_braille_events": ".pkl",
    "read_camera_npz": ".npz",
    "read_event_stream": ".es",
    "read_event_text": ".txt",
    "read_events": ".npz",
    "read_gesture_file": ".npy",
    "read_idx": ".gz",
    "read_nest": ".dat",
    "read_nix": ".nix",
    "read_nmnist_file": ".bin",
    "read_prophesee_dat": ".dat",
    "read_prophesee_evt2": ".raw",
    "read_prophesee_evt3": ".raw",
    "read_qtdb": ".mat",
    "read_sound": ".wav",
    "read_spike_arrays": ".npz",
    "read_spike_mat": ".mat",
    "read_spike_text": ".csv",
    "read_st_mnist": ".mat",
    "read_state_dict": ".npz",
    "unpack": ".zip",
    "EventFiles": ".npz",
}


@pytest.fixture(scope="module", autouse=True)
def _packages_are_imported(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sound")
    for name, form in FORMATS.items():
        path = folder / f"{name}{form.suffix}"
        path.write_bytes(form.sound(folder))
        assert verdict(name, path, []) == "read"


def test_the_meter_sees_what_a_call_takes():
    found, peak = peak_of(lambda: len(b"x" * 2**26))
    assert found == 2**26
    assert 2**25 < peak < 2**27
    error, peak = peak_of(lambda: 1 / 0)
    assert isinstance(error, ZeroDivisionError)
    assert peak < 2**23


@pytest.mark.parametrize("name", [*READERS, *OTHERS])
def test_a_reader_states_its_allowance_and_lets_it_be_raised(name):
    assert any(name in bomb.readers for bomb in BOMBS)
    reader = {
        "nir.load": nir.load,
        "read_state_dict": read_state_dict,
        "unpack": archives.unpack,
    }.get(name)
    reader = reader or getattr(datasets, name, None) or getattr(datasets.sources, name)
    told = re.sub(r"\s+", " ", inspect.getdoc(reader) or "")
    assert "128 MiB" in told
    assert "200 times" in told
    assert inspect.signature(reader).parameters["limit"].default is None


@pytest.mark.parametrize("bomb", BOMBS, ids=lambda bomb: bomb.name)
def test_what_is_small_and_unpacks_to_much_takes_no_more_than_is_allowed(
    bomb, tmp_path, monkeypatch
):
    path = tmp_path / bomb.name
    bomb.make(path, 32)
    monkeypatch.setattr(checked, "_SLACK", 2**22)
    monkeypatch.setattr(archives, "_SLACK", 2**22)
    for name in bomb.readers:
        row = measure(path, name)
        if row["peak_MB"] > row["allowed_MB"] + 8:  # what else grew in this process?
            row = measure(path, name)
        assert row["told"] in ("read", "refused"), row
        assert row["peak_MB"] <= row["allowed_MB"] + 8, row


@pytest.mark.parametrize("name", [*READERS, *OTHERS])
def test_what_is_no_file_is_refused_at_once(name, tmp_path):
    suffix = SUFFIX.get(name, ".h5")
    places = {
        kind: tmp_path / f"{kind}{suffix}" for kind in ("pipe", "device", "folder")
    }
    os.mkfifo(places["pipe"])
    places["device"].symlink_to("/dev/zero")
    places["folder"].mkdir()
    places["socket"] = tmp_path / f"socket{suffix}"
    with socket.socket(socket.AF_UNIX) as there:
        there.bind(str(places["socket"]))
    wanted = "folder" if name in FOLDERS else "file"
    for kind in places.keys() - {wanted}:
        path = places[kind]
        with pytest.raises(DataError, match=f"{path} .* is a {kind}, not a {wanted}"):
            reader_of(name)(path)
    with pytest.raises(FileNotFoundError, match="No file"):
        reader_of(name)(tmp_path / f"none{suffix}")


def others(folder):
    """Sound files that no reader of this library is meant for, by kind."""
    import h5py
    from scipy.io import savemat

    with h5py.File(folder / "a.h5", "w") as file:
        file["layer/weights"] = np.eye(3)
    savemat(folder / "a.mat", {"weights": np.eye(3)})
    np.savez(folder / "a.npz", weights=np.eye(3))
    np.save(folder / "a.npy", np.eye(3))
    mine = {"accuracy": 0.9, "when": datetime.date(2026, 1, 1)}
    (folder / "a.pkl").write_bytes(pickle.dumps(mine, 4))
    head = struct.pack("<HHIIHH", 2, 1, 8000, 8000, 1, 4)
    body = b"WAVEfmt " + struct.pack("<I", 16) + head
    body += b"data" + struct.pack("<I", 4) + bytes(4)
    (folder / "a.wav").write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    (folder / "a.pdf").write_bytes(b"%PDF-1.7" + bytes(50))
    (folder / "a.html").write_text("<html>Please log in</html>")
    (folder / "a.txt").write_text("These are the notes that I took.")
    (folder / "a.lfs").write_text("version https://git-lfs.github.com/spec/v1")
    return {path.suffix: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("name", [r for r in READERS if r not in FOLDERS])
def test_a_sound_file_of_another_kind_is_not_called_damaged(name, tmp_path):
    path = tmp_path / f"mine{SUFFIX.get(name, '.h5')}"
    (tmp_path / "others").mkdir()
    for suffix, raw in others(tmp_path / "others").items():
        packed = path.suffix == ".gz"
        path.write_bytes(gzip.compress(raw) if packed else raw)
        if (name, suffix) == ("read_shd_extra", ".h5"):
            assert reader_of(name)(path) == datasets.Extra()  # it asks for nothing
            continue
        with pytest.raises(DataError, match=r"is sound, but not .* it holds") as caught:
            reader_of(name)(path)
        assert caught.value.sound
        assert "damaged" not in str(caught.value)
        assert str(path) in str(caught.value)


def test_a_file_of_matlab_4_is_told(tmp_path):
    from scipy.io import savemat

    savemat(tmp_path / "a.mat", {"weights": np.eye(3)}, format="4")
    with pytest.raises(DataError, match=r"is sound, .* it holds MATLAB 4 data"):
        datasets.read_qtdb(tmp_path / "a.mat")


def _in_circles(raw, claimed):
    """The bytes of HDF5 whose heaps of names have a free place that leads to itself.

    Heaps claim to be of another size, if one is given.
    """
    raw, heaps = bytearray(raw), 0
    at = raw.find(b"HEAP\0\0\0\0")
    while at >= 0:
        size, free, data = struct.unpack_from("<QQQ", raw, at + 8)
        struct.pack_into("<Q", raw, at + 8, claimed or size)
        place = 0 if free == 1 else free
        struct.pack_into("<Q", raw, at + 16, place)
        struct.pack_into("<QQ", raw, data + place, place, 16)
        at, heaps = raw.find(b"HEAP\0\0\0\0", at + 4), heaps + 1
    return bytes(raw), heaps


@pytest.mark.parametrize("claimed", [None, 2**62])
def test_free_places_of_a_heap_that_lead_in_circles_end_every_reader(claimed, tmp_path):
    ended = []
    for name, form in FORMATS.items():
        raw = form.sound(tmp_path)
        if not raw.startswith(b"\x89HDF"):
            continue
        path = tmp_path / f"circles{form.suffix}"
        ruined, heaps = _in_circles(raw, claimed)
        path.write_bytes(ruined)
        if heaps:
            with pytest.raises(DataError, match=r"the heap at byte \d+ is damaged"):
                form.read(path)
            ended.append(name)
    assert "nir" in ended
    assert len(ended) >= 5, ended
