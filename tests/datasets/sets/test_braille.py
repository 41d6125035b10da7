import numpy as np
import pytest

from snnjax.datasets import braille, read_braille

NPZ = "braille_letters_27x50_raw_taxels.npz"
PICKLE = "tutorial5_braille_spiking_data.pkl.gz"


def test_a_missing_file_is_named_with_the_way_out(tmp_path):
    with pytest.raises(FileNotFoundError, match="snnjax data get braille"):
        braille("test", tmp_path)
    with pytest.raises(ValueError, match="'valid'"):
        braille("valid", tmp_path)
    with pytest.raises(FileNotFoundError, match=r"No file .*none\.pkl"):
        read_braille(tmp_path / "none.pkl")


def test_the_published_pickle_holds_27_letters_50_times(data_folder):
    folder = data_folder("braille")
    found = read_braille(folder / PICKLE)
    for column, same in zip(found, read_braille(folder / NPZ), strict=True):
        np.testing.assert_array_equal(column, same)
    assert found.x.shape == (1350, 77, 12)
    assert np.bincount(found.lengths).tolist()[76:] == [891, 459]
    # only four taxels ever feel anything
    assert np.flatnonzero(np.ptp(found.x, axis=(0, 1))).tolist() == [1, 2, 6, 10]
    parts = [braille(s, folder.parent) for s in ("train", "validation", "test")]
    assert [len(part.x) for part in parts] == [945, 135, 270]
    assert [np.unique(part.trial).tolist() for part in parts] == [
        *([*range(35)], [*range(35, 40)], [*range(40, 50)])
    ]
    for part in parts:
        assert len(set(np.bincount(part.labels))) == 1


def test_a_linear_readout_reads_the_published_letters(data_folder):
    train, _, test = (
        braille(s, data_folder("braille").parent)
        for s in ("train", "validation", "test")
    )
    first = lambda part: part.x[:, :76, [1, 2, 6, 10]].reshape(len(part.x), -1) / 255.0  # noqa: E731
    x, y = first(train), np.eye(27)[train.labels]
    x = np.column_stack([x, np.ones(len(x))])
    w = np.linalg.solve(x.T @ x + np.eye(x.shape[1]), x.T @ y)
    guess = (np.column_stack([first(test), np.ones(len(test.x))]) @ w).argmax(1)
    assert np.mean(guess == test.labels) > 0.88  # 92.2 % with five repetitions more
