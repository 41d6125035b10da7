import numpy as np
import pytest

from snnjax.tasks import TASKS
from snnjax.tasks.prediction import predict


@pytest.mark.parametrize("n", [1, 5, 127, 128, 129, 300])
def test_predictions_cover_all_rows_in_batches_of_one_shape(toy, n):
    labels = np.arange(n) % 7
    shapes = set()

    def scores(weights, xs):
        shapes.add(xs.shape)
        return np.eye(7)[xs[0, :, 0]] + weights

    parts = toy(lambda split: labels[None, :, None], {"test": labels}, ["test"])
    found = predict(scores, 0.5, parts["test"])
    np.testing.assert_array_equal(found.guesses, labels)
    np.testing.assert_array_equal(found.labels, labels)
    assert found.accuracy == 1.0
    assert found.chance == np.bincount(labels).max() / n
    assert shapes == {(1, min(n, 128), 1)}


def test_steps_without_a_label_have_no_part_in_a_score(shortened, data_folder):
    data_folder("ecg-qtdb")
    task = TASKS["ecg"]()
    part = task.parts["test"]
    assert (part.labels == -1).any()
    wrong = np.where(part.labels == -1, -1, (part.labels + 1) % 6)
    for labels, score in ((part.labels, 1.0), (wrong, 0.0)):

        def guess(weights, xs, labels=labels):
            return np.eye(6)[np.maximum(labels[: xs.shape[1]], 0).T]

        few = shortened(task, {"train": 1, "validation": 1, "test": 5})
        assert predict(guess, None, few.parts["test"]).accuracy == score
