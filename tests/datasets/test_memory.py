"""Reading takes no more memory than it says, and only files are read."""

import inspect
import os
import re
import socket

import pytest

from benchmarks.fuzz.bombs import BOMBS, OTHERS, measure, reader_of
from benchmarks.fuzz.meter import peak_of
from benchmarks.fuzz.readers import verdict
from benchmarks.fuzz.seeds import FORMATS
from snnjax import datasets
from snnjax.datasets import DataError
from snnjax.datasets.formats import archives, checked

pytest.importorskip("h5py")

READERS = [name for name in datasets.__all__ if name.startswith("read_")]
SUFFIX = {
    "read_braille": ".pkl",
    "read_braille_events": ".pkl",
    "read_events": ".npz",
    "read_gesture_file": ".npy",
    "read_idx": ".gz",
    "read_nmnist_file": ".bin",
    "read_qtdb": ".mat",
    "read_sound": ".wav",
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
    reader = {"unpack": archives.unpack}.get(name)
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
    for kind, path in places.items():
        with pytest.raises(DataError, match=f"{path} .* it is a {kind}, not a file"):
            reader_of(name)(path)
    with pytest.raises(FileNotFoundError, match="No file"):
        reader_of(name)(tmp_path / f"none{suffix}")
