from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import snnjax as snn
from snnjax.networks import DelayedWeights, delayed, normal
from snnjax.networks.delay_kernels import kernel

T, B, N_IN, N_OUT, LONGEST, DT = 20, 3, 4, 2, 5, 1e-3
cell_of = partial(delayed, N_IN, N_OUT, LONGEST, init=normal)


def raster(steps=T, seed=0):
    fired = jax.random.bernoulli(jax.random.key(seed), 0.3, (steps, B, N_IN))
    return np.asarray(fired, jnp.result_type(float))


def drawn(cell):
    return jax.tree.map(np.asarray, jax.jit(cell.init)(jax.random.key(1)))


@partial(jax.jit, static_argnums=0)
def run(cell, weights, xs):
    return snn.unroll(cell, weights, xs, dt=DT)[1]


kernel_of = jax.jit(kernel, static_argnums=(1, 2))


def tilted(ys):
    shades = jnp.cos(1.0 + jnp.arange(ys.size, dtype=ys.dtype))
    return jnp.sum(ys * shades.reshape(ys.shape))


def by_hand(xs, lags):
    """Σ_k x_{t-k} K_k, on the host."""
    xs, ys = np.asarray(xs), np.zeros((len(xs), B, N_OUT))
    for k, lag in enumerate(np.asarray(lags)):
        ys[k:] += xs[: max(len(xs) - k, 0)] @ lag
    return ys


@pytest.mark.parametrize("steps", [1, 3, 20, 21])
def test_a_run_is_the_convolution_and_the_scanned_step(steps, x64):
    for width in (0.3, 2.0, 50.0, None):
        cell, xs = cell_of(width=width), raster(steps)
        weights = drawn(cell)
        found = run(cell, weights, xs)
        expected = by_hand(xs, kernel_of(weights, LONGEST, width))
        np.testing.assert_allclose(found, expected, 0, 1e-12)
        each = partial(snn.unroll, cell, dt=DT, record=lambda s, y: y)
        slow = jax.jit(each)(weights, xs)[1]
        np.testing.assert_allclose(found, slow, 0, 1e-12)


def test_rounded_delays_are_a_sum_of_shifts_exactly():
    cell, xs = cell_of(width=None), raster()
    weights = drawn(cell)
    weights = weights._replace(w=np.round(8.0 * weights.w) / 8.0)  # sums are exact
    steps = np.round(LONGEST * jax.nn.sigmoid(weights.logit)).astype(int)
    expected = np.zeros((T, B, N_OUT))
    for i, j in np.ndindex(N_IN, N_OUT):
        late = np.asarray(xs)[: T - steps[i, j], :, i] * float(weights.w[i, j])
        expected[steps[i, j] :, :, j] += late
    np.testing.assert_array_equal(run(cell, weights, xs), expected)


def test_the_sum_over_lags_is_the_weight_and_narrow_kernels_are_rounded():
    weights = drawn(cell_of(width=None))
    for width in (1e-3, 0.1, 3.0, 1e3):
        lags = np.asarray(kernel_of(weights, LONGEST, width))
        np.testing.assert_allclose(lags.sum(0), weights.w, 2e-6)
    whole = kernel_of(weights, LONGEST, None)
    np.testing.assert_allclose(kernel_of(weights, LONGEST, 1e-3), whole, 1e-6)


def test_gradients_equal_finite_differences(x64):
    cell, xs = cell_of(width=1.3), raster()
    weights = drawn(cell)
    loss = jax.jit(lambda w, xs: tilted(run(cell, w, xs)))
    way = np.cos(np.arange(xs.size, dtype=xs.dtype)).reshape(xs.shape)
    grads, along = jax.jit(jax.grad(loss, (0, 1)))(weights, xs)
    for field in DelayedWeights._fields:
        leaf, found = (np.asarray(getattr(w, field)) for w in (weights, grads))
        for at in np.ndindex(leaf.shape):
            moved = [leaf.copy(), leaf.copy()]
            moved[0][at] += 1e-5
            moved[1][at] -= 1e-5
            up, down = (loss(weights._replace(**{field: w}), xs) for w in moved)
            np.testing.assert_allclose(found[at], (up - down) / 2e-5, 1e-5, 1e-8)
    slope = np.vdot(along, way)
    up, down = (loss(weights, xs + s * 1e-3 * way) for s in (1, -1))
    np.testing.assert_allclose(slope, (up - down) / 2e-3, 1e-8)


def test_silence_stays_silence_and_still_has_a_gradient():
    cell = cell_of(width=2.0)
    weights = drawn(cell)
    xs = np.zeros((T, B, N_IN), "float32")
    xs[4, 0] = 1.0
    ys = np.asarray(run(cell, weights, xs))
    assert not np.any(ys[:, 1:])
    assert not np.any(ys[:4])
    assert not np.any(ys[5 + LONGEST :])
    assert np.all(ys[4 : 5 + LONGEST, 0] != 0.0)
    gradient = jax.jit(jax.grad(lambda xs: run(cell, weights, xs)[9, 1].sum()))
    steep = np.asarray(gradient(np.zeros_like(xs)))
    expected = np.asarray(kernel_of(weights, LONGEST, 2.0)).sum(-1)
    np.testing.assert_allclose(steep[9 - LONGEST : 10, 1], expected[::-1], 1e-4, 1e-6)


def test_stopping_and_continuing_equals_never_stopping(x64):
    for width in (2.0, None):
        cell, xs = cell_of(width=width), raster()
        weights = drawn(cell)
        middle, first = snn.unroll(cell, weights, xs[:3], dt=DT)
        end, second = snn.unroll(cell, weights, xs[3:], dt=DT, state=middle)
        whole_end, whole = snn.unroll(cell, weights, xs, dt=DT)
        found = np.concatenate([first, second])
        np.testing.assert_allclose(found, whole, 0, 1e-12)
        np.testing.assert_array_equal(end.past, whole_end.past)


def test_a_width_that_is_not_positive_is_refused_or_nan_and_others_do_not_recompile():
    weights, xs, traces = drawn(cell_of(width=None)), raster(), []
    with pytest.raises(ValueError, match="width"):
        cell_of(width=0.0)

    @jax.jit
    def annealed(width):
        traces.append(1)
        return snn.unroll(cell_of(width=width), weights, xs, dt=DT)[1]

    assert np.isnan(annealed(0.0)).all()
    assert np.isfinite(annealed(2.0)).all()
    assert len(traces) == 1


def test_delays_are_learned_from_where_a_spike_should_arrive(x64):
    cell, target = cell_of(width=1.5), np.array([[1.0, 4.0]] * N_IN)
    xs = raster(200)
    goal = DelayedWeights(np.ones((N_IN, N_OUT)), np.log(target / (LONGEST - target)))
    wanted = run(cell, goal, xs)

    @jax.jit
    def step(logit):
        def loss(logit):
            return jnp.mean((run(cell, goal._replace(logit=logit), xs) - wanted) ** 2)

        return logit - 20.0 * jax.grad(loss)(logit)

    logit = np.zeros((N_IN, N_OUT))
    for _ in range(300):
        logit = step(logit)
    np.testing.assert_allclose(LONGEST * jax.nn.sigmoid(logit), target, atol=0.05)
