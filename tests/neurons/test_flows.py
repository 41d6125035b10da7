"""Flows against scipy's matrix exponential, their equations and finite differences."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.linalg import expm

from snnjax.neurons.flows import (
    Matrix,
    damped_roots,
    exponential_flow,
    exponential_time,
    linear_flow,
    quadratic_flow,
    quadratic_time,
)

KINDS = {
    "overdamped": (-3.0, 1.0, 0.5, -1.0),
    "critical": (-1.0, 0.0, 1.0, -1.0),
    "oscillating": (-1.0, -4.0, 4.0, -0.5),
    "nearly critical": (-1.0, 1e-9, 1.0, -1.0),
    "still": (0.0, 0.0, 0.0, 0.0),
}


def dense(rates):
    return np.reshape(np.array(rates), (2, 2))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("t", [1e-6, 0.3, 1.0, 20.0])
def test_the_flow_is_the_matrix_exponential(kind, t, x64):
    rates = KINDS[kind]
    found = linear_flow(Matrix(*map(jnp.asarray, rates)), t)
    np.testing.assert_allclose(dense(found), expm(dense(rates) * t), 1e-12, 1e-15)


def test_entire_functions_are_smooth_where_their_branches_meet(x64):
    m, zs = jnp.asarray(-2.0), jnp.array([-1e-2, 1e-2])
    for side in (-1e-9, 1e-9):
        for order in range(3):
            f = lambda z: damped_roots(m, z)[0]  # noqa: E731
            g = lambda z: damped_roots(m, z)[1]  # noqa: E731
            for each in (f, g):
                for _ in range(order):
                    each = jax.grad(each)
                ours, there = jax.vmap(each)(zs + side), jax.vmap(each)(zs - side)
                np.testing.assert_allclose(ours, there, rtol=1e-7)


@pytest.mark.parametrize("kind", KINDS)
def test_the_gradient_of_the_flow_is_its_finite_difference(kind, x64):
    point, step = jnp.asarray(KINDS[kind]), 1e-6

    def flow(rates):
        return jnp.stack(linear_flow(Matrix(*rates), 0.7))

    found = jax.jacfwd(flow)(point)
    for k in range(4):
        up, down = (dense(point + c * step * np.eye(4)[k]) for c in (1, -1))
        slope = (expm(up * 0.7) - expm(down * 0.7)) / (2 * step)
        np.testing.assert_allclose(dense(found[:, k]), slope, 1e-8, 1e-9)


def test_a_flow_that_decays_overflows_nowhere():
    rates = Matrix(*(jnp.full(1, r) for r in (-1e6, 1e3, 1e3, -2.0)))
    found, slopes = jax.jvp(lambda t: linear_flow(rates, t), (30.0,), (1.0,))
    assert np.isfinite(np.array([found, slopes])).all()
    assert np.abs(np.array(found)).max() <= 1.0


Y, RATE = np.meshgrid([-30.0, -1.0, 0.0, 0.4, 3.0], [-2.0, -1e-5, 0.0, 1e-7, 0.3, 5.0])
BOTH = {  # y' = f(y), its flow, its time
    "exponential": (
        lambda y: RATE + 0.7 * np.exp(y),
        lambda y, *t: exponential_flow(y, RATE, 0.7, 3.5, *t),
        lambda y: exponential_time(y, RATE, 0.7, 3.5),
    ),
    "quadratic": (
        lambda y: 0.7 * y**2 + RATE,
        lambda y, *t: quadratic_flow(y, 0.7, RATE, 3.5, *t),
        lambda y: quadratic_time(y, 0.7, RATE, 3.5),
    ),
}


@pytest.mark.parametrize("kind", BOTH)
def test_nonlinear_flows_follow_their_equation_and_peak_when_they_say(kind, x64):
    slope, flow_to, time = BOTH[kind]
    flow = lambda y, t: flow_to(jnp.asarray(y), t, time(y) < t)  # noqa: E731
    when = time(Y)
    later = jnp.where(jnp.isinf(when), 1.0, 0.9 * when)
    y = flow(Y, later)
    h = 1e-6 * later
    moved = (flow(Y, later + h) - flow(Y, later - h)) / (2 * h)
    np.testing.assert_allclose(moved, slope(np.asarray(y)), 1e-6, 1e-6)
    np.testing.assert_allclose(flow(flow(Y, 0.3 * later), 0.7 * later), y, 1e-9, 1e-9)
    np.testing.assert_allclose(time(y), when - later, 1e-7, 1e-12)
    np.testing.assert_array_equal(flow(Y, 1.01 * when)[jnp.isfinite(when)], 3.5)
    rising = slope(np.asarray(Y)) > 0
    np.testing.assert_array_equal(np.isfinite(when) & ~rising, False)


@pytest.mark.parametrize("kind", BOTH)
def test_the_time_of_the_peak_has_its_gradient(kind, x64):
    time = BOTH[kind][2]
    fine = np.isfinite(time(Y)) & np.isfinite(time(Y - 1e-5))
    slope = jax.grad(lambda y: jnp.sum(time(y), where=fine))(jnp.asarray(Y))
    expected = (time(Y + 1e-6) - time(Y - 1e-6)) / 2e-6
    np.testing.assert_allclose(slope[fine], expected[fine], 2e-5, 1e-6)
    assert np.isfinite(slope).all()
