import jax
import jax.numpy as jnp
import numpy as np
import pytest

import snnjax as snn
from snnjax import plot
from snnjax.analysis import fields, landscape

ORIGIN, X, Y = jnp.zeros(2), jnp.array([1.0, 0.0]), jnp.array([0.0, 1.0])


def disk():
    double = jnp.result_type(float)
    return landscape.plane(*(jnp.asarray(x, double) for x in (ORIGIN, X, Y)))


def rotation(w):
    """g = (-y, x), whose integral around a closed path is twice the area inside."""
    return jnp.array([-w[1], w[0]])


def network(weights):
    """A smooth network of two layers."""
    hidden = jnp.tanh(weights["w"] @ jnp.array([0.5, -1.0]) + 0.2)
    return jnp.tanh(weights["u"] @ hidden) ** 2


def trees(count):
    keys = jax.random.split(jax.random.key(3), count)
    return [
        {"w": jax.random.normal(k, (3, 2)), "u": jax.random.normal(k, (3,))}
        for k in keys
    ]


def test_the_line_integral_of_a_gradient_is_what_the_loss_gained(x64):
    start, end = trees(2)
    path, at = landscape.line(start, end), np.linspace(0.0, 1.0, 201)
    losses = landscape.loss_on_path(network, path, at)
    found = fields.line_integral(jax.grad(network), path, at)
    away = np.abs(losses[0] + found.value - losses)
    assert found.value.shape == found.error.shape == at.shape
    assert found.value[0] == found.error[0] == 0.0
    assert away.max() < 1e-4
    np.testing.assert_allclose(found.error[1:], 8 * away[1:], rtol=0.01)


def test_the_error_falls_with_the_square_of_the_interval(x64):
    path = landscape.line(*trees(2))
    coarse, fine = (
        fields.line_integral(jax.grad(network), path, np.linspace(0, 1, n))
        for n in (51, 101)
    )
    np.testing.assert_allclose(coarse.error[-1] / fine.error[-1], 4.0, rtol=0.01)


def test_a_field_that_jumps_is_integrated_within_its_error(x64):
    # ∫ 1[w > c] dw from 0 to 1 is 1 - c.
    for c in (0.1234, 0.5, 0.777):
        found = fields.line_integral(
            lambda w, c=c: (w > c).astype(w.dtype),
            landscape.line(jnp.zeros(1), jnp.ones(1)),
            np.linspace(0, 1, 12),
        )
        away = abs(found.value[-1] - (1 - c))
        assert away <= found.error[-1] + 1 / 66
        assert found.error[-1] < 1 / 11


def test_the_order_of_the_points_sets_the_sign(x64):
    path, at = landscape.line(*trees(2)), np.linspace(0, 1, 21)
    there, back = (
        fields.line_integral(jax.grad(network), path, s) for s in (at, at[::-1])
    )
    np.testing.assert_allclose(there.value[-1], -back.value[-1])


def test_a_smooth_network_has_no_loop_integral(x64):
    center, first, second = trees(3)
    ring = landscape.circle(landscape.plane(center, first, second), 1.5)
    found = fields.loop_integral(jax.grad(network), ring, 1000)
    assert abs(found.value) < 1e-10
    assert found.error < 1e-10


@pytest.mark.parametrize("radius", [0.5, 3.0])
def test_the_loop_integral_of_a_rotation_is_twice_the_area_of_a_circle(radius, x64):
    found = fields.loop_integral(rotation, landscape.circle(disk(), radius), 10)
    np.testing.assert_allclose(found.value, 2 * np.pi * radius**2)
    assert found.error < 1e-12


@pytest.mark.parametrize("batch_size", [None, 7])
def test_the_loop_integral_of_a_rotation_is_twice_the_area_of_a_polygon(
    batch_size, x64
):
    corners = np.array([[0.0, 0.0], [3.0, 0.0], [3.0, 2.0], [1.0, 4.0], [-1.0, 1.0]])
    x, y = corners.T
    area = 0.5 * np.sum(x * np.roll(y, -1) - y * np.roll(x, -1))
    path = landscape.polygon(*map(jnp.asarray, corners))
    found = fields.loop_integral(rotation, path, 20, batch_size=batch_size)
    np.testing.assert_allclose(found.value, 2 * area)
    assert found.error < 1e-12


def test_a_surrogate_has_a_loop_integral_and_a_smooth_spike_has_none(x64):
    # y = s(u s(w)), around a circle: the surrogate of a step and a smooth step.
    shape = snn.surrogate.normalized(snn.Sigmoid(5.0), "area")
    ring = landscape.circle(landscape.plane(jnp.array([0.2, 0.3]), X, Y), 1.0)
    surrogate, smooth = (
        fields.loop_integral(
            jax.grad(lambda w, fire=fire: fire(w[1] * fire(w[0]))), ring, 4000
        )
        for fire in (lambda v: snn.spike(v, shape), shape.cdf)
    )
    assert abs(surrogate.value) > 50 * surrogate.error
    assert abs(smooth.value) < 1e-10


def test_many_radii_are_one_program(x64):
    @jax.jit
    def sweep(radii):
        def one(radius):
            return fields.loop_integral(
                rotation, landscape.circle(disk(), radius), 5
            ).value

        return jax.vmap(one)(radii)

    radii = jnp.array([1.0, 2.0])
    np.testing.assert_allclose(sweep(radii), 2 * np.pi * radii**2)


def test_what_is_no_field_and_no_loop_is_refused():
    line, ring = landscape.line(X, Y), landscape.circle(disk(), 1.0)
    with pytest.raises(ValueError, match=r"no loop: .* ends 1.41 from there"):
        fields.loop_integral(rotation, line, 10)
    with pytest.raises(ValueError, match="no loop: it goes 0 away"):
        fields.loop_integral(rotation, lambda s: X, 10)
    with pytest.raises(ValueError, match="points must be at least 2"):
        fields.loop_integral(rotation, ring, 1)
    with pytest.raises(ValueError, match="gradient must be a tree like"):
        fields.line_integral(lambda w: w[:1], line, [0.0, 1.0])
    with pytest.raises(ValueError, match="at must be two points or more"):
        fields.line_integral(rotation, line, [0.0])
    with pytest.raises(ValueError, match="2 of 3 integrals are not finite"):
        fields.line_integral(lambda w: w / jnp.zeros(2), line, [0.0, 0.5, 1.0])


def test_loop_integrals_are_drawn_with_their_errors():
    ax = plot.figure()[1][0, 0]
    plot.loop_integrals(
        ax, [1.0, 5.0], [-0.5, 2.0], [0.1, 0.2], label="net", title="loops"
    )
    ax.figure.canvas.draw()
    np.testing.assert_array_equal(ax.lines[0].get_xydata(), [[1.0, 0.5], [5.0, 2.0]])
    (bars,) = ax.collections
    heights = [segment[:, 1] for segment in bars.get_segments()]
    np.testing.assert_allclose(heights, [[0.4, 0.6], [1.8, 2.2]])
    assert ax.get_legend().get_texts()[0].get_text() == "net"
    assert ax.get_title() == "loops"
