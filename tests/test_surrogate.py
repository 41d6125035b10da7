import jax
import jax.numpy as jnp
import numpy as np
import pytest

import snnjax as snn
from snnjax.surrogate import (
    Arctan,
    Boxcar,
    ForwardMode,
    Gaussian,
    Scaled,
    Sigmoid,
    StraightThrough,
    SuperSpike,
    Triangle,
    spike,
    unit_area,
)

K = 3.0
SHAPES = [SuperSpike, Sigmoid, Triangle, Arctan, Gaussian, Boxcar]
# Functions F with F' = h, worked out by hand; v in numpy.
PRIMITIVES = {
    SuperSpike: lambda v: v / (1 + K * np.abs(v)),
    Sigmoid: lambda v: 4 / K / (1 + np.exp(-K * v)),
    Triangle: lambda v: np.where(
        np.abs(v) < 1 / K, v - np.sign(v) * K * v**2 / 2, np.sign(v) / (2 * K)
    ),
    Arctan: lambda v: np.arctan(K * v) / K,
    Boxcar: lambda v: np.clip(v, -1 / (2 * K), 1 / (2 * K)),
}


@pytest.mark.parametrize("shape", [*SHAPES, lambda k: StraightThrough()])
def test_forward_is_the_same_step_for_every_shape(shape):
    v = jnp.array([-1.0, -1e-30, 0.0, 1e-30, 2.0, jnp.nan, jnp.inf, -jnp.inf])
    expected = [0, 0, 0, 1, 1, 0, 1, 0]
    np.testing.assert_array_equal(spike(v, shape(K)), expected)
    np.testing.assert_array_equal(spike(v, ForwardMode(shape(K))), expected)


@pytest.mark.parametrize("shape", PRIMITIVES)
def test_gradient_is_the_slope_of_the_primitive(shape, x64):
    v = jnp.linspace(-2.013, 2.0, 41)
    grads = jax.grad(lambda v: spike(v, shape(K)).sum())(v)
    step = 1e-6
    primitive = PRIMITIVES[shape]
    slope = (primitive(v + step) - primitive(v - step)) / (2 * step)
    np.testing.assert_allclose(grads, slope, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("shape", SHAPES)
def test_peak_is_one_and_area_as_stated(shape, x64):
    v = jnp.concatenate([-jnp.logspace(6, -7, 200_001), jnp.logspace(-7, 6, 200_001)])
    np.testing.assert_allclose(shape(K)(jnp.zeros(())), 1.0)
    np.testing.assert_allclose(np.trapezoid(shape(K)(v), v), shape(K).area, rtol=1e-3)
    normal = np.trapezoid(unit_area(shape(K))(v), v)
    np.testing.assert_allclose(normal, 1.0, rtol=1e-3)


def test_a_gaussian_is_what_it_says(x64):
    np.testing.assert_allclose(Gaussian(2.0)(jnp.float64(0.5)), np.exp(-0.5))


def test_straight_through_has_no_area_to_normalise():
    with pytest.raises(ValueError, match="no finite area"):
        unit_area(StraightThrough())


def test_second_derivative_is_that_of_the_shape(x64):
    second = jax.grad(jax.grad(lambda v: 5.0 * spike(v, Arctan(K))))(0.4)
    expected = -5.0 * 2 * K**2 * 0.4 / (1 + (K * 0.4) ** 2) ** 2
    np.testing.assert_allclose(second, expected, rtol=1e-12)


def test_the_slope_has_no_gradient():
    grad = jax.grad(lambda k: spike(jnp.ones(3), SuperSpike(k)).sum())(2.0)
    assert grad == 0.0


def test_only_the_twin_knows_forward_mode(x64):
    v = jnp.array([-0.3, 0.2])
    with pytest.raises(TypeError):
        jax.jvp(lambda v: spike(v, SuperSpike(K)), (v,), (v,))
    twin = ForwardMode(SuperSpike(K))
    forward = jax.jacfwd(lambda v: spike(v, twin))(v)
    np.testing.assert_allclose(forward, np.diag(1 / (1 + K * np.abs(v)) ** 2))
    reverse = jax.jacrev(lambda v: spike(v, SuperSpike(K)))(v)
    np.testing.assert_allclose(forward, reverse)
    hessian = jax.hessian(lambda v: spike(v, ForwardMode(Arctan(K))).sum())(v)
    assert np.all(np.isfinite(hessian))


def test_forward_and_reverse_mode_agree_through_a_network(x64):
    def loss(w, wrap):
        neuron = snn.lif(3, surrogate=wrap(SuperSpike(K)))
        net = snn.chain(neuron, snn.li(3))
        return snn.unroll(net, ((), ()), w * jnp.ones((15, 2, 3)), dt=1e-3)[1].sum()

    w = jnp.array([8.0, 9.0, 10.0])
    forward = jax.jacfwd(lambda w: loss(w, ForwardMode))(w)
    np.testing.assert_allclose(forward, jax.grad(loss)(w, lambda s: s), rtol=1e-12)


def test_any_callable_is_a_shape():
    flat = 0.25
    grads = [
        jax.grad(lambda v, s=s: spike(v, s))(0.3)
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

    grads = sweep(jnp.array([1.0, 10.0, 100.0]))
    sweep(jnp.array([2.0, 20.0, 200.0]))
    assert len(traces) == 1
    assert np.linalg.norm(grads[0]) > np.linalg.norm(grads[2]) > 0


def test_integers_are_refused():
    with pytest.raises(ValueError, match="floating point"):
        spike(jnp.arange(3), SuperSpike())
