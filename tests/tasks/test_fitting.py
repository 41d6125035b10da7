import numpy as np

from snnjax.tasks import Part
from snnjax.tasks.fitting import training_batches


def test_every_batch_of_every_epoch_and_seed_is_augmented_anew():
    part = Part(lambda rows, rng: rng.random(), np.zeros(6, int))
    draws = [
        [draw for draw, _ in training_batches(part, 3, seed, epoch)]
        for seed, epoch in [(0, 0), (0, 1), (1, 0), (0, 0)]
    ]
    assert draws[0] == draws[3]
    assert len(set(np.ravel(draws))) == 6
