import gzip
import struct

import numpy as np
import pytest

from snnjax.datasets import DataError, fashion_mnist, mnist, read_idx

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


@pytest.mark.parametrize(
    ("kind", "letter", "dtype"),
    [
        *((8, "B", np.uint8), (9, "b", np.int8), (0x0B, "h", np.int16)),
        *((0x0C, "i", np.int32), (0x0D, "f", np.float32), (0x0E, "d", np.float64)),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_numbers_of_every_type_are_read(kind, letter, dtype, packed, tmp_path):
    raw = idx(kind, (2, 3), struct.pack(f">6{letter}", 1, 2, 3, 4, 5, 100))
    path = tmp_path / ("a.gz" if packed else "a")
    path.write_bytes(gzip.compress(raw) if packed else raw)
    found = read_idx(path)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, [[1, 2, 3], [4, 5, 100]])


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "unpack_from requires"),
        (idx(8, (2, 2), b"abc"), r"byte 4 claims uint8 \[2, 2\], 3 bytes follow"),
        (idx(8, (2, 2), b"abcde"), "5 bytes follow"),
        (idx(8, (2**32 - 1,) * 3, b"abcd"), "4 bytes follow"),
        (idx(0x0D, (2,), b"abcd"), r"claims >f4 \[2\], 4 bytes"),
        (idx(7, (2,), b"ab"), "begins with 00000701"),
        (b"\x01" + idx(8, (2,), b"ab")[1:], "begins with 01000801"),
        (b"\x00\x00\x08\xff" + bytes(2000), "begins with 000008ff"),
        (b"\x00\x00\x08\x03\x00\x00", "unpack_from requires"),
    ],
)
def test_a_damaged_file_is_refused_and_named(raw, message, tmp_path):
    (tmp_path / "a").write_bytes(raw)
    with pytest.raises(DataError, match=message) as caught:
        read_idx(tmp_path / "a")
    assert str(tmp_path / "a") in str(caught.value)


def test_a_file_does_not_unpack_to_more_than_its_limit(tmp_path):
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(idx(8, (10_000_000,), bytes(10_000_000))))
    assert len(read_idx(path)) == 10_000_000
    with pytest.raises(DataError, match="more than 5000000 bytes; pass limit"):
        read_idx(path, limit=5_000_000)


def test_a_bomb_is_refused_without_a_limit_given(tmp_path):
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(bytes(100_000_000)))
    with pytest.raises(DataError, match=r"more than 8[0-9]+ bytes"):
        read_idx(path)


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
