"""What a file holds beside numbers: fields left out, groups, orders of bytes."""

import h5py
import jax
import numpy as np
import pytest
from nir_made import DT, dense, leaky, lif, row

import snnjax as snn
from snnjax.interop import nir as our


def test_a_reset_to_zero_is_left_out_as_older_readers_refuse_the_field(tmp_path):
    def fields(v_reset):
        net = snn.chain(dense(3, 2), lif(2, v_reset=v_reset))
        path = tmp_path / "a.nir"
        our.save(path, net, net.init(jax.random.key(0)), dt=DT)
        with h5py.File(path) as tree:
            there = {*tree["node/nodes/1"]}
        again = our.load(path).network.about.parts["1"]
        return there, again.about.options.arguments["params"].v_reset

    assert "v_reset" in fields(-0.25)[0]
    there, again = fields(0.0)
    assert "v_reset" not in there
    assert again == 0.0


def test_grouped_and_flat_convolutions_are_written(tmp_path):
    options = {"stride": (1, 1), "pads": ((1, 1), (1, 1)), "dilation": (1, 1)}
    cell = our.padded_convolution(4, 6, kernel=(3, 3), groups=2, **options)
    net = snn.chain(c=cell, l=lif(6))
    weights = net.init(jax.random.key(0))
    our.save(tmp_path / "g.nir", net, weights, dt=DT, shape=(7, 6, 4))
    found = our.load(tmp_path / "g.nir")
    xs = 2.0 * jax.random.normal(jax.random.key(1), (5, 2, 7, 6, 4))
    _, wanted = snn.unroll(net, weights, xs, dt=DT)
    _, came = snn.unroll(found.network, found.weights, xs, dt=DT)
    assert wanted.any()
    np.testing.assert_array_equal(came, wanted)


def test_numbers_of_another_byte_order_are_the_same(tmp_path):
    net = snn.chain(dense(3, 2), lif(2))
    weights = net.init(jax.random.key(0))
    path = tmp_path / "a.nir"
    our.save(path, net, weights, dt=DT)
    with h5py.File(path, "r+") as tree:
        nodes = tree["node/nodes/0"]
        turned = nodes["weight"][()].astype(">f4")
        del nodes["weight"]
        nodes["weight"] = turned
    np.testing.assert_array_equal(our.load(path).weights["0"].w, weights[0].w)


def test_a_time_constant_below_a_step_is_warned_of():
    graph = row(leaky("LIF", tau=1e-5))
    with pytest.warns(UserWarning, match="tau 1e-05 s is shorter than a step, 0.001 s"):
        our.from_nir(graph, dt=1e-3)
