import sys

import numpy as np
import pytest

from snnjax.datasets import digits, load

SPLITS = ["train", "validation", "test"]


@pytest.mark.parametrize(
    ("split", "size"), [("train", 1197), ("validation", 300), ("test", 300)]
)
def test_digits_are_images_in_0_to_1_with_labels(split, size):
    images, labels = digits(split)
    assert images.shape == (size, 64)
    assert images.dtype == np.float32
    assert labels.dtype == np.int32
    assert (images.min(), images.max()) == (0, 1)
    np.testing.assert_array_equal(images * 16, np.round(images * 16))
    assert set(labels) == set(range(10))


def test_the_splits_of_the_digits_are_the_whole_set_once():
    from sklearn.datasets import load_digits

    parts = [digits(split) for split in SPLITS]
    found = np.concatenate([np.column_stack([16 * x, y]) for x, y in parts])
    whole = np.column_stack(load_digits(return_X_y=True))
    assert found.shape == whole.shape
    for rows in (found, whole):
        rows[:] = rows[np.lexsort(rows.T)]
    np.testing.assert_array_equal(found, whole)


@pytest.mark.parametrize("split", SPLITS)
def test_digits_are_the_same_at_every_call(split):
    for first, again in zip(digits(split), load("digits", split), strict=True):
        np.testing.assert_array_equal(first, again)


def test_digits_are_shuffled():
    _, labels = digits("train")
    assert np.mean(np.diff(labels) == 1) < 0.2


def test_without_scikit_learn_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(ImportError, match=r"snnjax\[data\]"):
        digits("train")


def test_an_unknown_split_is_refused_with_those_that_exist():
    with pytest.raises(ValueError, match=r"'valid'.*train, validation, test"):
        digits("valid")
