import sys

import numpy as np
import pytest

from snnjax.datasets import digits, load

SPLITS = ["train", "validation", "test"]


@pytest.mark.parametrize(
    ("split", "size"), [("train", 1197), ("validation", 300), ("test", 300)]
)
def test_digits_are_images_with_labels_as_those_of_mnist_are(split, size):
    found = digits(split)
    assert found.x.shape == (size, 8, 8)
    assert found.x.dtype == np.uint8
    assert found.labels.dtype == np.int32
    assert (found.x.min(), found.x.max()) == (0, 16)
    assert set(found.labels) == set(range(10))
    assert found.classes == tuple("0123456789")


def test_the_splits_of_the_digits_are_the_whole_set_once():
    from sklearn.datasets import load_digits

    parts, whole = [digits(split) for split in SPLITS], load_digits()
    rows = np.concatenate([part.trial for part in parts])
    assert sorted(rows) == [*range(1797)]
    images = np.concatenate([part.x for part in parts])
    np.testing.assert_array_equal(images, whole.images[rows])
    labels = np.concatenate([part.labels for part in parts])
    np.testing.assert_array_equal(labels, whole.target[rows])


@pytest.mark.parametrize("split", SPLITS)
def test_digits_are_the_same_at_every_call(split):
    for first, again in zip(digits(split), load("digits", split), strict=True):
        np.testing.assert_array_equal(first, again)


def test_digits_are_shuffled():
    assert np.mean(np.diff(digits("train").labels) == 1) < 0.2


def test_without_scikit_learn_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(ImportError, match=r"snnjax\[data\]"):
        digits("train")


def test_an_unknown_split_is_refused_with_those_that_exist():
    with pytest.raises(ValueError, match=r"'valid'.*train, validation, test"):
        digits("valid")
