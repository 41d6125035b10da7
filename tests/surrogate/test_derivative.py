from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import snnjax as snn
from snnjax.surrogate import (
    Arctan,
    Boxcar,
    Exponential,
    ForwardMode,
    Gaussian,
    InverseRoot,
    Learnable,
    PowerLaw,
    Scaled,
    Sigmoid,
    StraightThrough,
    SuperSpike,
    Triangle,
    spike,
)

K = 3.0
SHAPES = [
    *(SuperSpike, Sigmoid, Triangle, Arctan, Gaussian, Boxcar, Exponential),
    *(InverseRoot, PowerLaw),
]


@pytest.mark.parametrize("shape", [*SHAPES, lambda k: StraightThrough()])
def test_forward_is_the_same_step_for_every_shape(shape):
    v = np.array([-1, -1e-30, 0, 1e-30, 2, np.nan, np.inf, -np.inf], "float32")
    expected = [0, 0, 0, 1, 1, 0, 1, 0]
    np.testing.assert_array_equal(spike(v, shape(K)), expected)
    np.testing.assert_array_equal(spike(v, ForwardMode(shape(K))), expected)


def test_second_derivative_is_that_of_the_shape(x64):
    second = jax.jit(jax.grad(jax.grad(lambda v: 5.0 * spike(v, Arctan(K)))))(0.4)
    expected = -5.0 * 2 * K**2 * 0.4 / (1 + (K * 0.4) ** 2) ** 2
    np.testing.assert_allclose(second, expected, rtol=1e-12)


def test_the_slope_has_no_gradient():
    v = np.ones(3, "float32")
    grad = jax.jit(jax.grad(lambda k: spike(v, SuperSpike(k)).sum()))(2.0)
    assert grad == 0.0


def test_only_the_twin_knows_forward_mode(x64):
    v = np.array([-0.3, 0.2])
    with pytest.raises(TypeError):
        jax.jvp(lambda v: spike(v, SuperSpike(K)), (v,), (v,))
    twin = ForwardMode(SuperSpike(K))
    forward = jax.jit(jax.jacfwd(lambda v: spike(v, twin)))(v)
    np.testing.assert_allclose(forward, np.diag(1 / (1 + K * np.abs(v)) ** 2))
    reverse = jax.jit(jax.jacrev(lambda v: spike(v, SuperSpike(K))))(v)
    np.testing.assert_allclose(forward, reverse)
    total = lambda v: spike(v, ForwardMode(Arctan(K))).sum()  # noqa: E731
    hessian = jax.jit(jax.hessian(total))(v)
    assert np.all(np.isfinite(hessian))


def test_forward_and_reverse_mode_agree_through_a_network(x64):
    def loss(w, wrap):
        neuron = snn.lif(3, surrogate=wrap(SuperSpike(K)))
        net = snn.chain(neuron, snn.li(3))
        xs = w[None, None] * jnp.ones((15, 2, 3))
        return snn.unroll(net, ((), ()), xs, dt=1e-3)[1].sum()

    w = np.array([8.0, 9.0, 10.0])
    forward = jax.jit(jax.jacfwd(lambda w: loss(w, ForwardMode)))(w)
    reverse = jax.jit(jax.grad(lambda w: loss(w, lambda s: s)))(w)
    np.testing.assert_allclose(forward, reverse, rtol=1e-12)


def test_any_callable_is_a_shape():
    flat = 0.25
    grads = [
        jax.jit(jax.grad(lambda v, s=s: spike(v, s)))(0.3)
        for s in (lambda v: jnp.full_like(v, flat), Scaled(StraightThrough(), flat))
    ]
    np.testing.assert_allclose(grads, [flat, flat])


def test_many_slopes_are_one_trace():
    traces = []

    @jax.jit
    def sweep(slopes):
        def one(slope):
            traces.append(1)
            cell = snn.lif(2, surrogate=SuperSpike(slope))
            run = lambda x: snn.unroll(cell, (), x, dt=1e-3)[1].sum()  # noqa: E731
            return jax.grad(run)(jnp.full((10, 2), 3.0))

        return jax.vmap(one)(slopes)

    grads = np.asarray(sweep(np.array([1.0, 10.0, 100.0], "float32")))
    sweep(np.array([2.0, 20.0, 200.0], "float32"))
    assert len(traces) == 1
    assert np.linalg.norm(grads[0]) > np.linalg.norm(grads[2]) > 0


def test_integers_are_refused():
    with pytest.raises(ValueError, match="floating point"):
        spike(np.arange(3), SuperSpike())


@pytest.mark.parametrize("shape", SHAPES)
def test_a_learnable_slope_has_the_gradient_of_the_integral(shape, x64):
    points = 4001 if shape is Boxcar else 401  # a jump needs many points within
    v = np.linspace(-1.013, 1.0, points)
    height = jax.jit(lambda v, k: shape(k)(v))
    weight = np.cos(3 * v)

    def integral(k):
        """∫ h from threshold on, by the trapezoidal rule."""
        fine = np.linspace(0, v, 4001)
        return np.trapezoid(height(fine, k), fine, axis=0)

    def loss(v, k):
        return jnp.sum(weight * spike(v, Learnable(shape(k))))

    by_v, by_k = jax.jit(jax.grad(loss, argnums=(0, 1)))(v, K)
    np.testing.assert_allclose(by_v, weight * height(v, K), rtol=1e-12)
    step = 0.1 if shape is Boxcar else 1e-5
    slope = weight @ (integral(K + step) - integral(K - step)) / (2 * step)
    np.testing.assert_allclose(by_k, slope, rtol=0.01)


def test_the_slope_of_a_population_is_learned_with_its_weights(x64):
    def make(slope):
        return snn.lif(3, surrogate=Learnable(Scaled(SuperSpike(slope), 2.0)))

    slopes = np.array([1.0, 10.0, 100.0])
    cell = snn.learn(make, slope=slopes)
    net = snn.chain(snn.dense(4, 3), cell)
    weights = jax.jit(net.init)(jax.random.key(0))
    xs = 8 * np.asarray(jax.random.normal(jax.random.key(1), (30, 5, 4)))

    @partial(jax.jit, static_argnums=1)
    @jax.grad
    def gradient(weights, net):
        return snn.unroll(net, weights, xs, dt=1e-3)[1].sum()

    grads = gradient(weights, net)
    assert np.all(np.abs(grads[1].logs["slope"]) > 1e-3)
    fixed = snn.chain(
        snn.dense(4, 3),
        snn.lif(3, surrogate=Scaled(SuperSpike(slopes), 2.0)),
    )
    plain = gradient((weights[0], ()), fixed)
    np.testing.assert_allclose(grads[0].w, plain[0].w, rtol=1e-10)
    with pytest.raises(ValueError, match="learnable"):
        snn.lif(3, surrogate=Learnable(SuperSpike()), backend="native")
