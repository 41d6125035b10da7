import numpy as np

from snnjax.tasks import Part
from snnjax.tasks.fitting import training_batches, with_share_done


def test_every_batch_of_every_epoch_and_seed_is_augmented_anew():
    part = Part(lambda rows, rng: rng.random(), np.zeros(6, int))
    draws = [
        [draw for draw, _ in training_batches(part, 3, seed, epoch)]
        for seed, epoch in [(0, 0), (0, 1), (1, 0), (0, 0)]
    ]
    assert draws[0] == draws[3]
    assert len(set(np.ravel(draws))) == 6


def test_the_share_that_is_done_grows_from_zero_to_almost_one():
    def batches(epoch):
        return [(f"{epoch}{k}", None) for k in range(4)]

    rows = [row for epoch in (0, 1) for row in with_share_done(batches, 4, 2, epoch)]
    assert [row[0] for row in rows] == ["00", "01", "02", "03", "10", "11", "12", "13"]
    np.testing.assert_array_equal([row[2] for row in rows], np.arange(8) / 8)
