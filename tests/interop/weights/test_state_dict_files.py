"""State dicts in files: what is read, written and refused."""

import io
import json
import pickle
import struct
import zipfile

import ml_dtypes
import numpy as np
import pytest

from snnjax.datasets import DataError
from snnjax.datasets.guard import checked
from snnjax.interop.weights import read_state_dict, write_state_dict

ARRAYS = {
    "fc.weight": np.random.default_rng(0).normal(size=(3, 2)).astype(np.float32),
    "fc.bias": np.arange(3.0, dtype=np.float16),
    "lif.beta": np.array(0.9),
    "file": np.array([1, 2], np.int64),  # what an argument of numpy is called
}


@pytest.mark.parametrize("ending", ["safetensors", "npz"])
def test_what_is_written_is_read(ending, tmp_path):
    path = tmp_path / f"net.{ending}"
    write_state_dict(path, ARRAYS)
    found = read_state_dict(path)
    assert sorted(found) == sorted(ARRAYS)
    for name, array in ARRAYS.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)


def test_bfloat16_is_kept_by_safetensors_and_refused_of_npz(tmp_path):
    given = {"w": np.array([0.5, 3.0], ml_dtypes.bfloat16)}
    write_state_dict(tmp_path / "a.safetensors", given)
    found = read_state_dict(tmp_path / "a.safetensors")
    assert found["w"].dtype == given["w"].dtype
    with pytest.raises(ValueError, match="bfloat16"):
        write_state_dict(tmp_path / "a.npz", given)


def test_what_safetensors_itself_wrote_is_read(tmp_path):
    from safetensors.numpy import save_file

    save_file(ARRAYS, tmp_path / "a.bin", metadata={"format": "pt"})
    np.testing.assert_array_equal(
        read_state_dict(tmp_path / "a.bin")["fc.weight"], ARRAYS["fc.weight"]
    )


def _zipped(name, raw):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, raw)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "raw",
    [_zipped("net/data.pkl", pickle.dumps({})), pickle.dumps({"w": 1.0}, protocol=2)],
    ids=["new", "old"],
)
def test_a_file_of_pytorch_is_refused_with_how_to_convert_it(raw, tmp_path):
    path = tmp_path / "net.pt"
    path.write_bytes(raw)
    with pytest.raises(DataError, match="pickle") as refusal:
        read_state_dict(path)
    assert refusal.value.sound
    for line in (
        "import torch",
        "save_file({k: v",
        'torch.load("net.pt"',
        "weights_only",
    ):
        assert line in str(refusal.value)


def _eighths():
    """One number of eight bits."""
    part = {"dtype": "F8_E4M3", "shape": [1], "data_offsets": [0, 1]}
    head = json.dumps({"w": part}).encode()
    return struct.pack("<Q", len(head)) + head + b"\0"


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "cannot be read"),
        (b"\x08" + 7 * b"\0" + b"{}      junk", "damaged"),
        (b"\xff" * 64, "damaged"),
        (b"\x89HDF\r\n\x1a\n" + 64 * b"\0", "HDF5"),
        (_zipped("w.npy", b"junk"), "cannot be read"),
        (_eighths(), "F8_E4M3"),
    ],
)
def test_other_files_are_refused_by_name(raw, message, tmp_path):
    path = tmp_path / "net.safetensors"
    path.write_bytes(raw)
    with pytest.raises(DataError, match=message) as refusal:
        read_state_dict(path)
    assert str(path) in str(refusal.value)


def test_objects_and_texts_are_no_weights(tmp_path):
    np.savez(tmp_path / "a.npz", w=np.array([{}], object))
    with pytest.raises(DataError, match="pickle"):
        read_state_dict(tmp_path / "a.npz")
    np.savez(tmp_path / "b.npz", w=np.array(["a"]))
    with pytest.raises(DataError, match="no number"):
        read_state_dict(tmp_path / "b.npz")


def test_only_arrays_of_numbers_are_written_and_nothing_half(tmp_path):
    path = tmp_path / "a.npz"
    write_state_dict(path, {"w": np.zeros(2)})
    for wrong, message in (
        ({"w": "text"}, r"arrays\['w'\] must be numbers"),
        ({3: np.zeros(2)}, "named by text"),
        ([1], "arrays must be"),
    ):
        with pytest.raises(ValueError, match=message):
            write_state_dict(path, wrong)
    with pytest.raises(ValueError, match=r"must end in \.safetensors or \.npz"):
        write_state_dict(tmp_path / "a.pt", ARRAYS)
    assert [*read_state_dict(path)] == ["w"]
    with pytest.raises(FileNotFoundError):
        read_state_dict(tmp_path / "none.npz")


def test_an_allowance_is_kept_and_can_be_raised(tmp_path, monkeypatch):
    monkeypatch.setattr(checked, "_SLACK", 2**20)
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        raw = io.BytesIO()
        np.save(raw, np.zeros(2**20, np.float64))
        archive.writestr("w.npy", raw.getvalue())
    with pytest.raises(DataError, match="limit=…"):
        read_state_dict(path)
    assert read_state_dict(path, limit=2**24)["w"].shape == (2**20,)


def test_another_order_of_bytes_is_the_same_numbers(tmp_path):
    numbers = np.arange(3, dtype=">f4")
    np.savez(tmp_path / "turned.npz", w=numbers)
    read = read_state_dict(tmp_path / "turned.npz")["w"]
    assert read.dtype == np.dtype("float32")
    np.testing.assert_array_equal(read, numbers)
    write_state_dict(tmp_path / "turned.safetensors", {"w": numbers})
    read = read_state_dict(tmp_path / "turned.safetensors")["w"]
    np.testing.assert_array_equal(read, numbers)


def test_what_safetensors_keeps_for_itself_is_no_name(tmp_path):
    path = tmp_path / "own.safetensors"
    with pytest.raises(ValueError, match="'__metadata__' is no name"):
        write_state_dict(path, {"__metadata__": np.zeros(2, np.float32)})
    assert not path.exists()
