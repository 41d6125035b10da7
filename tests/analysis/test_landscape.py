import jax
import jax.numpy as jnp
import numpy as np
import pytest

import snnjax as snn
from snnjax import plot
from snnjax.analysis import directions, landscape

START = {"w": jnp.array([[1.0, -2.0], [0.5, 3.0]]), "b": jnp.array([0.3, -0.1])}
END = {"w": jnp.array([[2.0, 1.0], [0.0, -1.0]]), "b": jnp.array([1.0, 1.0])}


def double(*weights):
    """The same in double precision, which the x64 fixture allows."""
    return jax.tree.map(lambda x: jnp.asarray(x, float), weights)


def square(weights):
    """L(w) = Σ w²."""
    return sum(jnp.sum(leaf**2) for leaf in weights.values())


def flat(weights):
    return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(weights)])


def test_a_quadratic_along_a_line_is_a_parabola():
    at = np.linspace(-0.5, 1.5, 9)
    found = landscape.loss_on_path(square, landscape.line(START, END), at)
    a, b = flat(START), flat(END)
    np.testing.assert_allclose(
        found, [np.sum(((1 - s) * a + s * b) ** 2) for s in at], rtol=1e-6
    )


def test_a_plane_has_a_row_for_each_y_and_a_column_for_each_x():
    xs, ys = np.linspace(-1, 1, 4), np.linspace(0, 2, 3)
    through = landscape.plane(START, END, START)
    found = landscape.loss_on_plane(square, through, xs, ys)
    a, b = flat(START), flat(END)
    expected = [[np.sum((a + x * b + y * a) ** 2) for x in xs] for y in ys]
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize("batch_size", [None, 1, 3, 100])
def test_points_at_a_time_do_not_change_a_landscape(batch_size):
    line, through = landscape.line(START, END), landscape.plane(START, END, START)
    at = np.linspace(0, 1, 7)
    np.testing.assert_allclose(
        landscape.loss_on_path(square, line, at, batch_size=batch_size),
        jnp.stack([square(line(s)) for s in at]),
        rtol=1e-6,
    )
    np.testing.assert_allclose(
        landscape.loss_on_plane(square, through, at, at, batch_size=batch_size),
        landscape.loss_on_plane(square, through, at, at),
        rtol=1e-6,
    )


def test_all_points_are_one_program():
    traces = []

    def loss(weights):
        traces.append(1)
        return square(weights)

    landscape.loss_on_path(loss, landscape.line(START, END), np.linspace(0, 1, 50))
    assert len(traces) == 1
    jitted = jax.jit(
        lambda s: landscape.loss_on_path(
            square, landscape.line(START, END), jnp.arange(3.0) * s
        )
    )
    np.testing.assert_allclose(jitted(1.0)[0], square(START), rtol=1e-6)


def test_a_circle_keeps_its_distance_and_comes_back(x64):
    start, end = double(START, END)
    first, second = directions.orthonormal(start, end)
    ring = landscape.circle(landscape.plane(end, first, second), 0.7)
    points = np.array([flat(ring(s)) for s in np.linspace(0, 1, 9)])
    np.testing.assert_allclose(np.linalg.norm(points - flat(END), axis=1), 0.7)
    np.testing.assert_allclose(points[0], points[-1], atol=1e-12)
    np.testing.assert_allclose(points[0] - flat(END), 0.7 * flat(first), atol=1e-12)
    np.testing.assert_allclose(points[2] - flat(END), 0.7 * flat(second), atol=1e-12)


def test_a_polygon_passes_its_corners_in_straight_lines():
    corners = [jnp.array(c) for c in ([0.0, 0.0], [2.0, 0.0], [2.0, 1.0], [0.0, 4.0])]
    path = landscape.polygon(*corners)
    for k in range(5):
        np.testing.assert_allclose(path(jnp.asarray(k / 4)), corners[k % 4], atol=1e-6)
    np.testing.assert_allclose(path(jnp.asarray(0.125)), [1.0, 0.0], atol=1e-6)
    np.testing.assert_allclose(path(jnp.asarray(0.9375)), [0.0, 1.0], atol=1e-6)


def test_a_spiking_network_is_flat_between_jumps(x64):
    # One neuron in one step: s = 1[w·x > 1], so L(w) = (s - 1)² jumps at w = 1 only.
    def loss(w):
        neuron = snn.lif(1, snn.LIFParams(tau_syn=None, tau_mem=1e-9), reset="none")
        return jnp.sum((snn.unroll(neuron, (), w[None, :], dt=1e-3)[1] - 1) ** 2)

    line = landscape.line(jnp.zeros(1), 2 * jnp.ones(1))
    at = np.linspace(0.0, 1.0, 12)
    np.testing.assert_array_equal(landscape.loss_on_path(loss, line, at), at < 0.5)


@pytest.mark.parametrize("shape", [(5, 4), (3, 3, 2, 4), (4,)])
def test_random_directions_have_the_size_of_the_weights(shape):
    key_w, key = jax.random.split(jax.random.key(0))
    w = jax.random.normal(key_w, shape) * jnp.broadcast_to(jnp.arange(1.0, 5.0), shape)
    by_filter, by_layer, plain = (
        np.asarray(directions.random_direction(key, [w], normalize=how)[0])
        for how in ("filter", "layer", None)
    )
    flat_w, flat_d = (np.reshape(x, (-1, 4)) for x in (w, by_filter))
    norms = np.linalg.norm(flat_w, axis=0), np.linalg.norm(flat_d, axis=0)
    np.testing.assert_allclose(*norms, rtol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(by_layer), np.linalg.norm(w), rtol=1e-5)
    drawn = jax.random.normal(jax.random.split(key, 1)[0], shape)
    np.testing.assert_allclose(plain, drawn)
    for scaled in (by_filter, by_layer):  # no weight has changed its sign
        np.testing.assert_array_equal(np.sign(scaled), np.sign(plain))


def test_random_directions_differ_by_key_and_leave_zero_weights_alone():
    weights = {"a": jnp.ones((2, 3)), "b": jnp.zeros(3), "c": jnp.ones((2, 3))}
    one, again, other = (
        directions.random_direction(jax.random.key(k), weights) for k in (0, 0, 1)
    )
    jax.tree.map(np.testing.assert_array_equal, one, again)
    assert not np.any(one["b"])
    assert np.all(one["a"] != other["a"])
    assert np.any(one["a"] != one["c"])


def test_directions_are_made_orthonormal_while_tracing_as_well():
    made = jax.jit(lambda: directions.orthonormal(jnp.array([2.0, 0.0]), jnp.ones(2)))()
    np.testing.assert_allclose(made, np.eye(2), atol=1e-6)


def test_orthonormal_directions_span_the_same_plane(x64):
    start, end = double(START, END)
    first, second = directions.orthonormal(start, end)
    a, b, e, f = map(flat, (start, end, first, second))
    np.testing.assert_allclose(e, a / np.linalg.norm(a))
    rest = b - (b @ e) * e
    np.testing.assert_allclose(f, rest / np.linalg.norm(rest))


def test_principal_directions_are_those_in_which_weights_moved(x64):
    # An ellipse, long in direction e and narrow in f, somewhere in weight space.
    start, end = double(START, END)
    e, f = directions.orthonormal(start, end)
    angle = np.linspace(0, 2 * np.pi, 40, endpoint=False)

    def stack(center, along, across):
        turn = (-1,) + center.ndim * (1,)
        return (
            center[None]
            + 3.0 * np.cos(angle).reshape(turn) * along[None]
            + 0.5 * np.sin(angle).reshape(turn) * across[None]
        )

    trajectory = jax.tree.map(stack, end, e, f)
    found = directions.principal_directions(trajectory)
    for direction, expected in zip(found.directions, (e, f), strict=True):
        cosine = flat(direction) @ flat(expected)
        np.testing.assert_allclose(abs(cosine), 1.0)
    np.testing.assert_allclose(found.share, np.array([9.0, 0.25]) / 9.25)
    np.testing.assert_allclose(found.coordinates[-1], 0.0)
    # Coordinates in the plane through the last point give the trajectory back.
    last = jax.tree.map(lambda leaf: leaf[-1], trajectory)
    through = landscape.plane(last, *found.directions)
    for k in (0, 7, 23):
        point = jax.tree.map(lambda leaf, k=k: leaf[k], trajectory)
        np.testing.assert_allclose(flat(through(*found.coordinates[k])), flat(point))


def test_as_many_principal_directions_as_asked_for_come():
    trajectory = jax.random.normal(jax.random.key(0), (9, 5))
    found = directions.principal_directions(trajectory, count=3)
    assert len(found.directions) == found.coordinates.shape[1] == len(found.share) == 3
    assert np.all(np.diff(found.share) <= 0)


def test_trees_that_do_not_match_are_refused():
    for other in (jnp.zeros(3), {"w": START["w"]}, {**START, "b": jnp.zeros(3)}):
        with pytest.raises(ValueError, match="end of a line must be a tree like"):
            landscape.line(START, other)
        with pytest.raises(ValueError, match="first direction must be a tree like"):
            landscape.plane(START, other, END)
        with pytest.raises(ValueError, match="second direction must be a tree like"):
            landscape.plane(START, END, other)
        with pytest.raises(ValueError, match="corner must be a tree like"):
            landscape.polygon(START, END, other)
        with pytest.raises(ValueError, match="direction must be a tree like"):
            directions.orthonormal(START, other)
    with pytest.raises(ValueError, match=r"\[\(2,\)\], not \[\(3,\)\]"):
        landscape.line({"b": jnp.zeros(2)}, {"b": jnp.zeros(3)})


def test_losses_that_are_no_numbers_are_refused():
    line, through = landscape.line(START, END), landscape.plane(START, END, START)
    at = np.linspace(-1, 1, 5)
    with pytest.raises(ValueError, match=r"one number, got shape \(2,\)"):
        landscape.loss_on_path(lambda weights: weights["b"], line, at)

    def broken(weights):
        return jnp.log(weights["b"][0])

    with pytest.raises(ValueError, match=r"2 of 5 losses .* first at index \[0\]"):
        landscape.loss_on_path(broken, line, at)
    with pytest.raises(ValueError, match=r"5 of 25 losses .* first at index \[0, 0\]"):
        landscape.loss_on_plane(lambda w: jnp.log(w["b"][1] + 0.75), through, at, at)


def test_too_few_points_and_corners_and_bad_options_are_refused():
    line, through = landscape.line(START, END), landscape.plane(START, END, START)
    for at in ([0.5], 0.5, np.zeros((2, 2))):
        with pytest.raises(ValueError, match="at must be two points or more"):
            landscape.loss_on_path(square, line, at)
        with pytest.raises(ValueError, match="xs must be two points or more"):
            landscape.loss_on_plane(square, through, at, [0.0, 1.0])
        with pytest.raises(ValueError, match="ys must be two points or more"):
            landscape.loss_on_plane(square, through, [0.0, 1.0], at)
    with pytest.raises(ValueError, match="three corners or more, got 2"):
        landscape.polygon(START, END)
    with pytest.raises(ValueError, match="radius must be finite and positive"):
        landscape.circle(through, 0.0)
    with pytest.raises(ValueError, match="normalize must be"):
        directions.random_direction(jax.random.key(0), START, normalize="neuron")


def test_directions_that_span_no_plane_are_refused():
    zero = jax.tree.map(jnp.zeros_like, START)
    twice = jax.tree.map(lambda leaf: -2.0 * leaf, START)
    for other in (zero, twice):
        with pytest.raises(ValueError, match=r"2 directions .* span fewer"):
            directions.orthonormal(START, other)
    with pytest.raises(ValueError, match="span fewer"):
        directions.orthonormal(zero)
    with pytest.raises(ValueError, match=r"3 directions .* span fewer"):
        directions.orthonormal(jnp.ones(2), jnp.arange(2.0), jnp.array([1.0, -1.0]))


def test_trajectories_that_are_too_short_or_stand_still_are_refused():
    for trajectory in (
        jnp.zeros((2, 4)),
        jnp.zeros(()),
        [jnp.ones((5, 2)), jnp.ones(4)],
    ):
        with pytest.raises(ValueError, match="trajectory of 3 points or more"):
            directions.principal_directions(trajectory)
    with pytest.raises(ValueError, match=r"5 points .* all the same"):
        directions.principal_directions(jnp.ones((5, 4)))
    with pytest.raises(ValueError, match="count must be at least 1"):
        directions.principal_directions(jnp.ones((5, 4)), count=0)


@pytest.fixture
def ax():
    return plot.figure()[1][0, 0]


def test_a_line_shows_the_loss_and_what_the_surrogate_pretends(ax):
    at, losses, other = np.linspace(0, 1, 4), np.arange(4.0), -np.arange(4.0)
    plot.loss_line(ax, at, losses, other, title="a line")
    ax.figure.canvas.draw()
    beside = ax.figure.axes[1]
    for axes, expected in ((ax, losses), (beside, other)):
        np.testing.assert_array_equal(axes.lines[0].get_xdata(), at)
        np.testing.assert_array_equal(axes.lines[0].get_ydata(), expected)
    assert ax.get_title() == "a line"
    plain = plot.figure()
    plot.loss_line(plain[1][0, 0], at, losses)
    assert len(plain[0].axes) == 1


def test_a_plane_shows_losses_and_the_way_through_it(ax):
    xs, ys = np.linspace(-1, 1, 5), np.linspace(-2, 2, 7)
    way = np.array([[1.0, 1.0], [0.5, 0.0], [0.0, 0.0]])
    plot.loss_plane(ax, xs, ys, ys[:, None] ** 2 + xs**2, way, title="a plane")
    ax.figure.canvas.draw()
    np.testing.assert_array_equal(ax.lines[0].get_xydata(), way)
    np.testing.assert_array_equal(ax.lines[1].get_xydata(), way[-1:])
    assert (ax.get_xlim(), ax.get_ylim()) == ((-1, 1), (-2, 2))
    assert ax.figure.axes[1].get_ylabel() == "loss (nats)"
    assert ax.get_title() == "a plane"
