import jax.numpy as jnp
import numpy as np
import pytest

from snnjax.analysis import confusion


def confusion_by_loop(labels, guesses, classes):
    counts = np.zeros((classes, classes), int)
    for label, guess in zip(labels, guesses, strict=True):
        counts[label, guess] += 1
    return counts


@pytest.mark.parametrize("n", [1, 7, 500])
def test_confusion_counts_guesses_by_label(n, rng):
    labels, guesses = rng.integers(0, 5, (2, n))
    expected = confusion_by_loop(labels, guesses, 6)
    np.testing.assert_array_equal(confusion(labels, guesses, 6), expected)


def test_confusion_of_nothing_is_zero():
    nothing = np.zeros(0, int)
    np.testing.assert_array_equal(confusion(nothing, nothing, 3), np.zeros((3, 3)))


def test_confusion_takes_jax_arrays_and_small_integers():
    labels = np.array([15, 15, 0], np.uint8)  # 15 * 20 does not fit into eight bits
    counts = confusion(labels, jnp.array([3, 3, 1], jnp.uint8), 20)
    assert counts[15, 3] == 2
    assert counts[0, 1] == 1
    assert counts.sum() == 3


@pytest.mark.parametrize(
    ("labels", "guesses", "message"),
    [
        ([0, 1], [0], "differ"),
        ([[0, 1]], [[0, 1]], "differ"),
        ([0, 3], [0, 1], r"0 … 2"),
        ([0, 1], [-1, 1], r"0 … 2"),
    ],
)
def test_confusion_refuses_what_it_cannot_count(labels, guesses, message):
    with pytest.raises(ValueError, match=message):
        confusion(np.array(labels), np.array(guesses), 3)
