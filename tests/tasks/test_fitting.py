from functools import partial

import jax
import numpy as np
import pytest

from snnjax.tasks import TASKS, Part
from snnjax.tasks.fitting import (
    changing_loss,
    divided,
    loss,
    training_batches,
    with_share_done,
)
from snnjax.tasks.fitting_many import with_slope
from snnjax.tasks.network import scores
from snnjax.tasks.prediction import predict, scores_of_all
from snnjax.tasks.task import some
from snnjax.training import parallel


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


@pytest.mark.parametrize(
    ("name", "changes"), [("digits", False), ("digits", True), ("chip-digits", False)]
)
def test_a_batch_among_devices_has_the_loss_and_gradient_of_one(name, changes, x64):
    """Six samples on four devices; a network that is another at each update, too."""
    task, mesh = TASKS[name](), parallel.make_mesh()
    assert mesh.size == 4
    part = some(task.parts["train"], np.arange(6))
    (batch,) = training_batches(part, 6, 0, 0)
    value = partial(loss, task.network)
    if changes:
        batch = *batch, np.uint32(3), np.float32(0.25)

        def learning(key, done):
            slope = 10.0 + 40.0 * done.astype(float) + jax.random.uniform(key)
            return with_slope(task.network, slope)

        value = partial(changing_loss, learning)
    weights = task.network.init(jax.random.key(0))
    weights = jax.tree.map(lambda w: w.astype(np.float64), weights)
    grad = partial(jax.value_and_grad, has_aux=True)
    alone = jax.jit(grad(value))(weights, *batch)
    (parted,) = divided(lambda epoch: [batch], mesh, 0)
    assert len(parted[0].sharding.device_set) == 4
    placed = parallel.place(weights, mesh)
    among = jax.jit(grad(partial(value, mesh=mesh)))(placed, *parted)
    assert max(np.abs(g).max() for g in jax.tree.leaves(alone[1])) > 1e-3
    for found, expected in zip(*map(jax.tree.leaves, (among, alone)), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)
    score = scores_of_all(task.network, mesh)
    several = predict(score, placed, part)
    one = predict(jax.jit(partial(scores, task.network)), weights, part)
    jax.tree.map(np.testing.assert_array_equal, several, one)
    rows = part.raster(np.arange(6), None)
    np.testing.assert_allclose(
        score(placed, rows), scores(task.network, weights, rows), rtol=1e-9
    )
