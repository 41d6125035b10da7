import numpy as np
import pytest

from snnjax.datasets import DataError, mnist, n_mnist, nmnist_recordings
from snnjax.events import rasterize


def fill(folder, part, numbers):
    for k in numbers:
        path = folder / part / str(k % 10) / f"{k:05d}.bin"
        path.parent.mkdir(parents=True, exist_ok=True)
        time = 1000 * k  # [µs]
        path.write_bytes(bytes([k % 34, 0, 128, *time.to_bytes(2, "big")]))


def test_the_last_sixth_of_the_training_digits_validates(tmp_path):
    fill(tmp_path, "Train", range(12, 0, -1))
    fill(tmp_path, "Test", [7, 8])
    parts = [n_mnist(s, tmp_path) for s in ("train", "validation", "test")]
    assert [p.trial.tolist() for p in parts] == [[*range(1, 11)], [11, 12], [7, 8]]
    assert parts[1].labels.tolist() == [1, 2]
    np.testing.assert_allclose(parts[1].times, [0.011, 0.012])
    assert parts[1].offsets.tolist() == [0, 1, 2]
    assert (parts[1].n_units, parts[1].n_classes) == (2312, 10)
    with pytest.raises(ValueError, match="'valid'"):
        n_mnist("valid", tmp_path)


@pytest.mark.parametrize("home", ["n-mnist", "NMNIST", "N-MNIST", "nmnist-small"])
@pytest.mark.parametrize("part", ["Test", "test"])
def test_the_folder_goes_by_several_names(home, part, tmp_path, monkeypatch):
    fill(tmp_path / home, part, [3])
    monkeypatch.setenv("SNNJAX_DATA", str(tmp_path))
    assert n_mnist("test").labels.tolist() == [3]


def test_a_missing_folder_is_named_with_the_way_out(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"\(Train\).*snnjax data get n-mnist"):
        n_mnist("train", tmp_path)


@pytest.mark.parametrize("name", ["a/00001.bin", "3/first.bin", "12/00001.bin"])
def test_a_file_of_another_name_is_refused(name, tmp_path):
    (tmp_path / name).parent.mkdir()
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(DataError, match=f"{name} is not named <label>/<number>"):
        nmnist_recordings(tmp_path)


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"holds no <label>/<number>\.bin"):
        nmnist_recordings(tmp_path)


def test_real_recordings_show_the_digits_of_mnist(data_folder):
    folder = data_folder("nmnist-small").parent
    parts = {s: n_mnist(s, folder) for s in ("train", "validation", "test")}
    assert [len(p.labels) for p in parts.values()] == [584, 116, 100]
    sizes = np.concatenate([np.diff(p.offsets) for p in parts.values()])
    assert (sizes.min(), sizes.max()) == (1069, 7152)
    times = [p.times.max() for p in parts.values()]
    assert 0.3 < min(times) <= max(times) < 0.337
    test = parts["test"]
    digits = mnist("test", data_folder("mnist"))
    np.testing.assert_array_equal(test.labels, digits.labels[test.trial - 1])
    # Light that moves leaves most events where the image is: 0.69 against 0.49.
    seen = rasterize(test, steps=1, dt=1.0).reshape(100, 34, 34, 2).sum(-1)
    seen, shown = seen[:, 3:31, 3:31].reshape(100, -1), digits.x[:100].reshape(100, -1)
    match = np.corrcoef(seen, shown)[:100, 100:]
    assert np.diag(match).mean() > 0.6
    assert match.mean() < 0.5
