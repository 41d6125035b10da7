import jax
import jax.numpy as jnp
import numpy as np
import pytest

from snnjax.tasks.network import run, scores
from snnjax.tasks.spoken_networks import (
    COINCIDENT,
    DROPPED,
    Size,
    adlif_reader,
    delays_network,
    delays_reader,
    lif_reader,
)

SIZE = Size(channels=6, classes=3, rate=40.0, dt=10e-3, hidden=20)
HALF = jnp.float32(0.5)


@pytest.fixture(scope="module")
def spikes():
    rng = np.random.default_rng(5)
    return jnp.asarray(rng.poisson(0.8, (30, 4, SIZE.channels)), jnp.float32)


def seen(reader, spikes, done=HALF):
    """What a network does with the same weights as tested, and while it learns."""
    weights = reader.network.cell.init(jax.random.key(0))
    learning = reader.learning(jax.random.key(1), done)
    return run(reader.network, weights, spikes), run(learning, weights, spikes)


@pytest.mark.parametrize("make", [adlif_reader, lambda s: lif_reader(s, dropped=0.3)])
def test_neurons_drop_out_on_their_way_to_the_readout_and_only_while_learning(
    make, spikes
):
    tested, learning = seen(make(SIZE), spikes)
    np.testing.assert_array_equal(tested.spikes, learning.spikes)
    assert np.any(tested.v != learning.v)
    assert float(tested.spikes.mean()) > 0.005


def test_a_plain_layer_is_the_same_while_it_learns():
    assert lif_reader(SIZE).learning is None


def test_delays_are_whole_steps_when_tested_and_only_then(spikes):
    reader = delays_reader(SIZE, longest=8, widths=(4.0, 0.25))
    weights = reader.network.cell.init(jax.random.key(0))
    d = 8 * jax.nn.sigmoid(weights["hidden"][0].logit)
    near = jnp.round(d) + 0.8 * (d - jnp.round(d))  # rounds to the same
    near = jnp.clip(near, 0.01, 7.99)
    moved = weights["hidden"][0]._replace(logit=jnp.log(near / (8 - near)))
    moved = {**weights, "hidden": (moved, *weights["hidden"][1:])}
    same = [scores(reader.network, w, spikes) for w in (weights, moved)]
    np.testing.assert_array_equal(*same)
    learning = reader.learning(jax.random.key(1), HALF)
    assert np.any(scores(learning, weights, spikes) != scores(learning, moved, spikes))


def test_synapses_become_narrow_as_learning_goes_on(spikes):
    reader = delays_reader(SIZE, longest=8, widths=(4.0, 0.25))
    for done, width in ((0.0, 4.0), (0.5, 1.0), (1.0, 0.25)):
        _, learning = seen(reader, spikes, jnp.float32(done))
        weights = reader.network.cell.init(jax.random.key(0))
        key = jax.random.key(1)
        fixed = delays_network(SIZE, COINCIDENT, 8, width, dropped=DROPPED, key=key)
        expected = run(fixed, weights, spikes)
        np.testing.assert_allclose(learning.v, expected.v, rtol=1e-3, atol=1e-4)


def test_adaptive_neurons_learn_each_constant_of_theirs(spikes):
    reader = adlif_reader(SIZE)
    weights = reader.network.cell.init(jax.random.key(0))
    labels = jnp.array([0, 1, 2, 0])

    def loss(weights):
        found = scores(reader.network, weights, spikes)
        return -jnp.mean(jax.nn.log_softmax(found)[jnp.arange(4), labels])

    logs = jax.grad(loss)(weights)["hidden"].neuron.logs
    assert set(logs) == {"tau_mem", "tau_adapt", "a", "b"}
    for name, gradient in logs.items():
        assert gradient.shape == (SIZE.hidden,), name
        assert np.any(np.asarray(gradient) != 0), name
