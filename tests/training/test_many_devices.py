"""On the four devices that this process has; of several: ``test_distributed.py``."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import snnjax as snn
from snnjax.training import parallel

NET = snn.chain(snn.dense(12, 16), snn.lif(16), snn.dense(16, 3), snn.li(3))
RNG = np.random.default_rng(4)


def voltages(weights, xs):
    return snn.unroll(NET, weights, xs, dt=1e-3)[1]


def loss_of(run):
    def loss(weights, xs, labels):
        v = run(weights, xs, len(labels))
        return snn.cross_entropy(snn.learning.mean_over_time(v), labels)

    return loss


@pytest.mark.parametrize(
    ("model", "explicit", "samples"),
    [(1, False, 8), (1, False, 6), (2, False, 6), (1, True, 8)],
)
def test_a_divided_batch_has_the_loss_and_the_gradient_of_one_device(
    model, explicit, samples, x64
):
    mesh = parallel.make_mesh(model=model, explicit=explicit)
    weights = jax.tree.map(lambda w: 9 * w, NET.init(jax.random.key(0)))
    xs = (RNG.random((40, samples, 12)) < 0.3).astype(np.float64)
    labels = np.arange(samples) % 3
    alone = loss_of(lambda weights, xs, samples: voltages(weights, xs))
    expected = jax.jit(jax.value_and_grad(alone))(weights, xs, labels)
    assert max(jnp.abs(g).max() for g in jax.tree.leaves(expected[1])) > 1e-4

    divided = jax.jit(jax.value_and_grad(loss_of(parallel.spread(voltages, mesh, 1))))
    placed = parallel.place(weights, mesh, wide=16)
    batch = parallel.scatter((xs, labels), mesh, (1, 0 if explicit else None))
    found = divided(placed, *batch)
    for a, b in zip(*map(jax.tree.leaves, (expected, found)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-14)
    spec = placed[0].w.sharding.spec
    assert spec == jax.P(None, "model")
    each = {shard.data.shape for shard in placed[0].w.addressable_shards}
    assert each == {(12, 16 // model)}


def test_in_float32_a_divided_batch_has_the_spikes_and_the_gradient_of_one_device():
    """Sums over the batch are made in another order; float64 is 7e-6 away from both."""
    layers = {"input": snn.dense(12, 16), "hidden": snn.lif(16)}
    net = snn.chain(
        **layers, readout=snn.dense(16, 3), out=snn.li(3), outputs=("hidden", "out")
    )
    weights = jax.tree.map(lambda w: 9 * w, net.init(jax.random.key(0)))
    xs = (RNG.random((40, 32, 12)) < 0.3).astype(np.float32)
    labels = np.arange(32) % 3

    def run(weights, xs):
        return snn.unroll(net, weights, xs, dt=1e-3)[1]

    def loss(run, weights, xs):
        ys = run(weights, xs, 32)
        v = snn.learning.mean_over_time(ys["out"])
        return snn.cross_entropy(v, labels), ys["hidden"]

    alone = partial(loss, lambda weights, xs, samples: run(weights, xs))
    expected, spikes = jax.jit(jax.grad(alone, has_aux=True))(weights, xs)
    mesh = parallel.make_mesh()
    divided = jax.jit(jax.grad(partial(loss, parallel.spread(run, mesh, 1)), has_aux=1))
    placed = parallel.place(weights, mesh), parallel.scatter(xs, mesh, 1)
    found, same = divided(*placed)
    np.testing.assert_array_equal(same, spikes)
    assert 0.02 < jnp.mean(spikes) < 0.5
    for a, b in zip(*map(jax.tree.leaves, (expected, found)), strict=True):
        assert a.dtype == b.dtype == np.float32
        assert np.linalg.norm(a - b) <= 2e-6 * np.linalg.norm(a)


def test_a_batch_is_filled_up_with_zeros_and_taken_back_whole():
    mesh = parallel.make_mesh()
    xs = RNG.random((2, 6, 5)).astype(np.float32)
    divided, everywhere = parallel.scatter((xs, xs), mesh, (1, None))
    assert divided.shape == (2, 8, 5)
    assert {shard.data.shape for shard in divided.addressable_shards} == {(2, 2, 5)}
    found = parallel.whole((divided, everywhere))
    np.testing.assert_array_equal(found[0][:, :6], xs)
    assert not found[0][:, 6:].any()
    np.testing.assert_array_equal(found[1], xs)
    own = parallel.assemble({"xs": xs[:, :4]}, mesh, 1)
    np.testing.assert_array_equal(parallel.whole(own)["xs"], xs[:, :4])


def test_keys_are_placed_as_keys():
    key = jax.random.key(3)
    placed = parallel.place({"key": key}, parallel.make_mesh())["key"]
    assert len(placed.sharding.device_set) == 4
    assert jnp.all(jax.random.key_data(placed) == jax.random.key_data(key))


def test_alone_the_first_process_is_this_one():
    assert parallel.first(lambda: (1, "two")) == (1, "two")
    with pytest.raises(KeyError, match="whatever"):
        parallel.first(lambda: {}["whatever"])


def test_what_is_no_mesh_is_refused():
    with pytest.raises(ValueError, match="model=3 does not divide the 4 devices"):
        parallel.make_mesh(model=3)
    other = jax.make_mesh((4,), ("data",))
    for call in (parallel.place, parallel.scatter, parallel.assemble):
        more = () if call is parallel.place else (0,)
        with pytest.raises(ValueError, match="mesh must be one of make_mesh"):
            call(np.ones(4), other, *more)
    with pytest.raises(ValueError, match="mesh must be one of make_mesh"):
        parallel.spread(voltages, other, 1)
