import numpy as np
import pytest

from snnjax.analysis import by_distance


def test_pairs_are_averaged_by_their_distance():
    places = np.array([[0.0, 0.0], [3.0, 4.0], [0.0, 1.0]])
    matrix = np.array([[1, 0.2, 0.8], [0.2, 1, np.nan], [0.8, np.nan, 1]])
    found = by_distance(matrix, places, np.array([0.0, 2.0, 4.9, 6.0]))
    np.testing.assert_array_equal(found.pairs, [1, 0, 1])
    np.testing.assert_allclose(found.mean, [0.8, np.nan, 0.2])
    np.testing.assert_allclose(found.distance, [1.0, 3.45, 5.45])


def test_bins_that_do_not_rise_and_matrices_of_other_units_are_refused():
    with pytest.raises(ValueError, match="must rise"):
        by_distance(np.eye(2), np.zeros((2, 2)), np.array([1.0, 1.0]))
    with pytest.raises(ValueError, match="places"):
        by_distance(np.eye(3), np.zeros((2, 2)), np.array([0.0, 1.0]))
