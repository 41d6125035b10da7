from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import snnjax as snn
from snnjax import plot
from snnjax.analysis import (
    compare_gradients,
    directional_derivatives,
    finite_differences,
)
from snnjax.networks import normal
from snnjax.neurons import smooth_lif

TREE = (
    {"w": jnp.array([[1.0, -2.0], [3.0, 0.5]]), "b": jnp.array([0.5, 4.0])},
    (),
    X := jnp.array([1.0, -1.0, 2.0]),
)


@pytest.mark.parametrize(
    ("factor", "expected"),
    [(1.0, (1, 0, 1)), (-1.0, (-1, 2, 0)), (3.0, (1, 2, 1)), (0.5, (1, 0.5, 1))],
)
def test_a_multiple_agrees_as_a_multiple_does(factor, expected):
    found = compare_gradients(jax.tree.map(lambda x: factor * x, TREE), TREE)
    assert list(found) == ["0", "2"]  # the layer without weights has no gradient
    for layer in found.values():
        np.testing.assert_allclose(layer, expected, atol=1e-6)


def test_a_comparison_is_that_of_vectors_worked_out_by_hand():
    g, r = (
        [jnp.array([[3.0, 0.0], [1.0, -1.0]])],
        [jnp.array([[4.0, 3.0], [0.0, -5.0]])],
    )
    found = compare_gradients(g, r)["0"]
    cosine = (12 + 5) / (np.sqrt(11) * np.sqrt(50))
    error = np.sqrt(1 + 9 + 1 + 16) / np.sqrt(50)
    np.testing.assert_allclose(found, (cosine, error, 2 / 3), rtol=1e-6)


def test_each_layer_is_compared_by_itself_and_all_of_them_in_a_list():
    class Net(NamedTuple):
        first: dict
        second: jax.Array

    reference = Net({"w": jnp.ones((2, 2)), "b": jnp.ones(2)}, jnp.ones(3))
    gradient = reference._replace(second=-jnp.ones(3))
    found = compare_gradients(gradient, reference)
    assert list(found) == ["first", "second"]
    np.testing.assert_allclose(found["first"].cosine, 1.0, rtol=1e-6)
    np.testing.assert_allclose(found["second"].cosine, -1.0, rtol=1e-6)
    whole = compare_gradients([gradient], [reference])
    np.testing.assert_allclose(whole["0"].cosine, 3 / 9, rtol=1e-6)
    np.testing.assert_allclose(whole["0"].same_sign, 6 / 9, rtol=1e-6)


def smooth(weights):
    return jnp.sum(jnp.sin(weights["a"])) * weights["b"][0, 1] + weights["b"][1, 0] ** 3


AT = {"a": jnp.array([0.3, -1.0]), "b": jnp.array([[0.7, 2.0], [-0.4, 0.1]])}


@pytest.mark.parametrize("batch_size", [None, 4])
def test_finite_differences_are_the_gradient_of_a_known_function(batch_size, x64):
    weights = jax.tree.map(lambda x: jnp.asarray(x, float), AT)
    found = finite_differences(smooth, weights, step=1e-5, batch_size=batch_size)
    np.testing.assert_allclose(found["a"], 2.0 * np.cos(weights["a"]), rtol=1e-8)
    sines = np.sum(np.sin(weights["a"]))
    expected = [[0.0, sines], [3 * 0.4**2, 0.0]]
    np.testing.assert_allclose(found["b"], expected, rtol=1e-6, atol=1e-9)


def test_the_step_of_finite_differences_counts(x64):
    # ((w + h)³ - (w - h)³) / 2h = 3 w² + h²
    found = finite_differences(lambda w: w[0] ** 3, jnp.ones(1), step=0.1)
    np.testing.assert_allclose(found, [3.01])


@pytest.mark.parametrize("batch_size", [None, 2])
def test_directional_derivatives_are_the_gradient_seen_from_each_direction(
    batch_size, x64
):
    weights = jax.tree.map(lambda x: jnp.asarray(x, float), AT)
    rng = np.random.default_rng(0)
    ahead = jax.tree.map(lambda x: jnp.asarray(rng.normal(size=(5, *x.shape))), weights)
    gradient = jax.grad(smooth)(weights)
    expected = jax.vmap(lambda d: optax.tree.vdot(gradient, d))(ahead)
    found = directional_derivatives(
        smooth, weights, ahead, step=1e-4, batch_size=batch_size
    )
    assert found.shape == (5,)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def network(neuron):
    first, last = (
        snn.dense(*shape, init=normal, backend="xla") for shape in ((4, 3), (3, 1))
    )
    return snn.chain(first, neuron, last)


@pytest.fixture
def twins(x64):
    """Losses of a spiking network and of its smooth twin, and weights of both."""
    params = snn.LIFParams(5e-3, 2e-3, 0.3)
    shape = snn.surrogate.normalized(snn.Sigmoid(5.0), "area")
    spikes = jax.random.bernoulli(jax.random.key(1), 0.2, (20, 4)).astype(float)

    def loss(neuron):
        net = network(neuron)

        @jax.jit
        def of(weights):
            return jnp.mean(snn.unroll(net, weights, spikes, dt=1e-3)[1] ** 2)

        return of

    spiking = snn.lif(3, params, surrogate=shape, reset_gradient=True, backend="xla")
    weights = network(spiking).init(jax.random.key(0))
    weights = jax.tree.map(lambda w: 2.0 * w, weights)
    return loss(spiking), loss(smooth_lif(3, params, noise=shape)), weights


def test_a_smooth_network_has_the_gradient_of_finite_differences(twins):
    _, smooth, weights = twins
    reference = finite_differences(smooth, weights, step=1e-5, batch_size=15)
    for layer in compare_gradients(jax.grad(smooth)(weights), reference).values():
        np.testing.assert_allclose(layer, (1.0, 0.0, 1.0), atol=1e-6)


def test_a_surrogate_points_where_the_smooth_network_falls(twins):
    # In the readout both are nearly true; in the hidden layer they agree roughly.
    spiking, smooth, weights = twins
    gradient = jax.grad(spiking)(weights)
    found = compare_gradients(gradient, jax.grad(smooth)(weights))
    assert 0.2 < found["0"].cosine < 0.999
    assert found["2"].cosine > 0.8
    flat = finite_differences(spiking, weights, step=1e-7)
    assert not np.any(flat[0].w)  # a reference of no use: the true derivative is zero
    with pytest.raises(ValueError, match="reference of layer '0' has no direction"):
        compare_gradients(gradient, flat)


def test_many_agreements_are_one_program():
    found = jax.jit(jax.vmap(lambda k: compare_gradients([k * X], [X])["0"]))(
        jnp.array([1.0, 2.0, 0.0])
    )
    np.testing.assert_allclose(found.relative_error, [0.0, 1.0, 1.0], atol=1e-6)
    assert np.isnan(found.cosine[2])  # no direction, and no way to say so in a program


def test_gradients_without_direction_and_trees_that_differ_are_refused():
    zero = jax.tree.map(jnp.zeros_like, TREE)
    with pytest.raises(ValueError, match="gradient of layer '0' has no direction"):
        compare_gradients(zero, TREE)
    nan = jax.tree.map(lambda x: jnp.nan * x, TREE)
    with pytest.raises(ValueError, match=r"reference of layer '0' .* norm is nan"):
        compare_gradients(TREE, nan)
    with pytest.raises(ValueError, match="gradient must be a tree like"):
        compare_gradients(TREE[:1], TREE)
    with pytest.raises(ValueError, match="direction must be a tree like"):
        directional_derivatives(
            smooth, AT, jax.tree.map(lambda x: x[None], TREE), step=1e-3
        )
    uneven = {"a": jnp.zeros((2, 2)), "b": jnp.zeros((3, 2, 2))}
    with pytest.raises(ValueError, match=r"first axes \[2, 3\]"):
        directional_derivatives(smooth, AT, uneven, step=1e-3)
    for call in (
        lambda: finite_differences(smooth, AT, step=0.0),
        lambda: directional_derivatives(
            smooth, AT, jax.tree.map(lambda x: x[None], AT), step=-1.0
        ),
    ):
        with pytest.raises(ValueError, match="step must be finite and positive"):
            call()


def test_a_comparison_is_drawn_layer_by_layer():
    found = compare_gradients(jax.tree.map(lambda x: -x, TREE), TREE)
    ax = plot.figure()[1][0, 0]
    plot.gradient_comparison(ax, found, title="layers")
    ax.figure.canvas.draw()
    heights = np.reshape([bar.get_height() for bar in ax.patches], (3, 2))
    np.testing.assert_allclose(heights, np.array([[-1, -1], [2, 2], [0, 0]]), atol=1e-6)
    assert [t.get_text() for t in ax.get_xticklabels()] == ["0", "2"]
    assert ax.get_title() == "layers"
