import gzip
import struct

import numpy as np
import pytest

from snnjax.datasets import DataError, fashion_mnist, mnist

NAMES = ("images-idx3-ubyte", "labels-idx1-ubyte")


def idx(kind, shape, body):
    head = struct.pack(f">HBB{len(shape)}I", 0, kind, len(shape), *shape)
    return head + body


def images(n, rows=28):
    pixels = np.arange(n * rows * 28).astype(np.uint8)
    return idx(8, (n, rows, 28), pixels.tobytes())


def labels(n, most=10):
    return idx(8, (n,), (np.arange(n) % most).astype(np.uint8).tobytes())


@pytest.fixture
def folder(tmp_path):
    """Twelve images to train and three to test."""
    for part, n in (("train", 12), ("t10k", 3)):
        for name, raw in zip(NAMES, (images(n), labels(n)), strict=True):
            (tmp_path / f"{part}-{name}.gz").write_bytes(gzip.compress(raw))
    return tmp_path


@pytest.mark.parametrize("home", ["", "fashion-mnist", "FashionMNIST/raw"])
def test_the_last_sixth_of_the_training_images_validates(home, folder, tmp_path):
    where = tmp_path / "there"
    (where / home).mkdir(parents=True)
    for file in folder.glob("*.gz"):
        file.rename(where / home / file.name)
    parts = [fashion_mnist(s, where) for s in ("train", "validation", "test")]
    assert [p.trial.tolist() for p in parts] == [[*range(10)], [10, 11], [0, 1, 2]]
    assert [p.x.shape for p in parts] == [(10, 28, 28), (2, 28, 28), (3, 28, 28)]
    assert parts[1].labels.tolist() == [0, 1]
    assert parts[0].classes[9] == "Ankle boot"
    pixels = np.arange(12 * 784).astype(np.uint8).reshape(12, 28, 28)
    np.testing.assert_array_equal(parts[1].x, pixels[10:])


def test_plain_files_will_do(folder):
    for packed in folder.glob("*.gz"):
        packed.with_suffix("").write_bytes(gzip.decompress(packed.read_bytes()))
        packed.unlink()
    assert mnist("test", folder).x.shape == (3, 28, 28)


@pytest.mark.parametrize(
    ("name", "raw", "message"),
    [
        (NAMES[0], images(2), "not N images and N labels"),
        (NAMES[0], labels(3), "not N images and N labels"),
        (NAMES[0], idx(9, (3, 28, 28), bytes(3 * 784)), "hold int8"),
        (NAMES[1], labels(4), "not N images and N labels"),
        (
            NAMES[1],
            idx(8, (3,), b"\x00\x01\x0a"),
            "labels lie in 0 … 10, expected 0 … 9",
        ),
    ],
)
def test_files_that_do_not_belong_together_are_refused(name, raw, message, folder):
    (folder / f"t10k-{name}.gz").write_bytes(gzip.compress(raw))
    with pytest.raises(DataError, match=message) as caught:
        mnist("test", folder)
    assert f"t10k-{name}" in str(caught.value)


def test_a_missing_file_is_named_with_the_way_out(folder, monkeypatch):
    (folder / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(FileNotFoundError, match=r"t10k-labels.*snnjax data get mnist"):
        mnist("test", folder)
    monkeypatch.setenv("SNNJAX_DATA", str(folder))
    with pytest.raises(FileNotFoundError, match=f"in {folder}, .*cache"):
        mnist(
            "train"
        )  # files of this name could be Fashion-MNIST: no subfolder, no set


def test_an_unknown_split_is_refused():
    with pytest.raises(ValueError, match=r"'valid'.*train, validation, test"):
        mnist("valid")


def test_mnist_is_the_published_set(data_folder):
    folder = data_folder("mnist").parent
    parts = {s: mnist(s, folder) for s in ("train", "validation", "test")}
    assert [len(p.x) for p in parts.values()] == [50_000, 10_000, 10_000]
    train = np.concatenate([parts["train"].labels, parts["validation"].labels])
    # class counts of the training set and the test set, as commonly published
    assert np.bincount(train).tolist() == [
        *(5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949)
    ]
    assert np.bincount(parts["test"].labels).tolist() == [
        *(980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009)
    ]
    counts = sum(
        np.bincount(parts[s].x.ravel(), minlength=256) for s in ("train", "validation")
    )
    light = np.arange(256) / 255.0
    mean = np.average(light, weights=counts)
    assert abs(mean - 0.1307) < 5e-5
    assert abs(np.average((light - mean) ** 2, weights=counts) ** 0.5 - 0.3081) < 5e-5
