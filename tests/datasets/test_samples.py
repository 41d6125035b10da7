import numpy as np
import pytest

from snnjax.datasets.samples import pack, select_samples


def test_samples_of_which_little_is_known_have_all_columns():
    found = pack(np.zeros((3, 4, 2)), np.array([0, 1, 1]), ("a", "b"))
    assert found.lengths.tolist() == [4, 4, 4]
    assert found.group.tolist() == found.trial.tolist() == [-1, -1, -1]
    assert {column.dtype for column in found[1:-1]} == {np.dtype(np.int32)}
    kept = select_samples(
        found._replace(trial=np.arange(3)), np.array([True, False, True])
    )
    assert kept.x.shape == (2, 4, 2)
    assert kept.trial.tolist() == [0, 2]
    assert kept.classes == ("a", "b")
    assert pack(np.zeros(2), np.array([0, 1]), ("a", "b")).lengths.tolist() == [1, 1]


@pytest.mark.parametrize(
    ("labels", "options", "message"),
    [
        ([0, 1], {}, "there are 3 samples, but 2 labels"),
        ([0, 1, 2], {}, r"labels lie in 0 … 2, expected 0 … 1"),
        ([0, 1, -1], {}, r"labels lie in -1 … 1, expected 0 … 1"),
        ([[0, 1], [1, -1], [0, -2]], {}, r"labels lie in -2 … 1, expected -1 … 1"),
        ([0, 1, 1], {"trial": np.zeros(2)}, "but 2 trial"),
    ],
)
def test_samples_that_do_not_fit_are_refused(labels, options, message):
    with pytest.raises(ValueError, match=message):
        pack(np.zeros((3, 4)), np.array(labels), ("a", "b"), **options)
