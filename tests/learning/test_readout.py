import jax
import jax.numpy as jnp
import numpy as np
import pytest

import snnjax as snn
from snnjax.learning import running_max

DT = 1e-3


@pytest.mark.parametrize("options", [{}, {"checkpoint": 5}])
def test_the_last_maximum_so_far_is_the_maximum_over_time(options, x64):
    xs = jax.random.normal(jax.random.key(0), (20, 3, 4))
    connection = snn.dense(4, 6)
    weights = connection.init(jax.random.key(1))

    def along(weights):
        net = snn.chain(connection, snn.li(6), running_max(6))
        state, _ = snn.unroll(net, (weights, (), ()), xs, dt=DT, **options)
        return snn.cross_entropy(state[-1], jnp.array([0, 5, 2]))

    def afterwards(weights):
        net = snn.chain(connection, snn.li(6))
        _, v = snn.unroll(net, (weights, ()), xs, dt=DT)
        return snn.cross_entropy(snn.max_over_time(v), jnp.array([0, 5, 2]))

    found, expected = (
        jax.value_and_grad(along)(weights),
        jax.value_and_grad(afterwards)(weights),
    )
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, 1e-12), found, expected)


def test_the_gradient_goes_to_the_first_of_equal_values():
    run = lambda x: snn.unroll(running_max(1), (), x, dt=DT)[0].sum()  # noqa: E731
    grads = jax.grad(run)(jnp.array([[1.0], [3.0], [3.0], [2.0]]))
    assert grads[:, 0].tolist() == [0, 1, 0, 0]


@pytest.mark.parametrize("steps", [0, 1, 7])
def test_a_run_is_that_of_steps_where_values_are_equal_or_not_a_number(steps, rng):
    xs = rng.integers(0, 4, (steps, 5, 30)).astype(np.float32)
    xs[rng.random(xs.shape) < 0.1] = np.nan
    cell = running_max(30)
    state = jnp.asarray(rng.integers(0, 3, (5, 30)), jnp.float32)

    def loss(xs, state, record):
        end, ys = snn.unroll(cell, (), xs, dt=DT, state=state, record=record)
        tilt = jnp.cos(1.0 + jnp.arange(ys.size, dtype=ys.dtype)).reshape(ys.shape)
        return jnp.nansum(ys * tilt) + jnp.nansum(3.0 * end), (end, ys)

    graded = jax.jit(jax.grad(loss, (0, 1), has_aux=True), static_argnums=2)
    found, expected = graded(xs, state, None), graded(xs, state, lambda s, y: y)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, 1e-6), found, expected)


def test_an_input_of_another_width_is_refused():
    with pytest.raises(ValueError, match="expects 3 channels"):
        snn.unroll(running_max(3), (), jnp.zeros((5, 4)), dt=DT)
