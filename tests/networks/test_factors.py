import jax
import numpy as np

import snnjax as snn
from snnjax.networks import low_rank, normal


def test_a_connection_of_low_rank_is_that_of_the_product():
    cell = low_rank(9, 7, 3, init=normal)
    weights = cell.init(jax.random.key(0))
    matrix = weights.into @ weights.out
    assert np.linalg.matrix_rank(matrix) == 3
    dense = snn.dense(9, 7, init=lambda *_: matrix)
    xs = jax.random.normal(jax.random.key(1), (5, 2, 9))
    ys = [
        snn.unroll(c, c.init(jax.random.key(0)), xs, dt=1e-3)[1] for c in (cell, dense)
    ]
    np.testing.assert_allclose(*ys, 1e-4, 1e-6)


def test_weights_have_the_variance_of_the_initializer_at_any_rank():
    for rank in (4, 100):
        weights = low_rank(400, 300, rank, init=normal).init(jax.random.key(0))
        deviation = np.std(weights.into @ weights.out)
        np.testing.assert_allclose(deviation, 400**-0.5, 0.3)
