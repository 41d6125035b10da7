"""Silent layers and weights that nothing moves are named, with a cure."""

import warnings

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import snnjax as snn
from snnjax.networks import normal
from snnjax.training import fit, init_train_state, make_step, silent

XS = (np.random.default_rng(0).random((20, 4, 6)) < 0.1).astype(np.float32)
LABELS = np.arange(4) % 2


def run(scale, *, named, surrogate=snn.SuperSpike(), epochs=2, folder=None):
    net = snn.chain(
        input=snn.dense(6, 8),
        hidden=snn.lif(8, surrogate=surrogate),
        readout=snn.dense(8, 2, init=normal),
        out=snn.li(2),
        outputs=("hidden", "out"),
    )

    def loss(weights, xs, labels):
        ys = snn.unroll(net, weights, xs, dt=1e-3)[1]
        aux = {"silent": silent({"hidden": ys["hidden"]})} if named else {}
        return snn.cross_entropy(ys["out"].mean(0), labels), aux

    optimizer = optax.sgd(0.1)
    weights = net.init(jax.random.key(0))
    weights["input"] = jax.tree.map(lambda w: scale * w, weights["input"])
    return fit(
        jax.jit(make_step(loss, optimizer, has_aux=True)),
        init_train_state(weights, optimizer),
        lambda epoch: [(XS, LABELS)] * 2,
        epochs=epochs,
        validate=lambda w: {"accuracy": 0.5},
        progress=False,
        folder=folder,
    )


def told(*args, **options):
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        run(*args, **options)
    return [str(each.message) for each in found]


def test_a_silent_layer_is_named_once_with_a_cure():
    silence, unmoved = told(0.01, named=True)
    assert silence.startswith("Epoch 1: hidden never fired.")
    assert unmoved.startswith("Epoch 1: no gradient reached weights['readout'].w.")
    for message in (silence, unmoved):
        assert "scale_to_rates" in message
        assert "fluctuation_driven" in message


def test_weights_without_gradient_are_named_where_no_layer_is():
    (message,) = told(0.0, named=False, surrogate=snn.Triangle())
    assert "weights['input'].w, weights['readout'].w" in message


def test_a_network_that_fires_is_told_nothing():
    assert told(3.0, named=True) == []


def test_a_layer_that_fires_in_one_batch_is_not_silent():
    def step(state, quiet):
        metrics = {"loss": 0.0, "silent": {"hidden": jnp.array(quiet)}}
        return state, metrics

    state = init_train_state(jnp.zeros(()), optax.sgd(0.1))
    batches = {0: [(True,), (False,)], 1: [(True,), (True,)], 2: [(True,)]}
    with pytest.warns(UserWarning, match="Epoch 2: hidden never fired") as found:
        fit(
            step,
            state,
            batches.get,
            epochs=3,
            validate=lambda w: {"accuracy": 0.0},
            progress=False,
        )
    assert len(found) == 1


def test_silence_is_told_of_every_leaf_of_a_tree():
    spikes = {"a": jnp.zeros((3, 2)), "b": (jnp.ones(2), jnp.zeros((0, 2)))}
    found = {name: bool(each) for name, each in silent(spikes).items()}
    assert found == {"a": True, "b.0": False, "b.1": True}
