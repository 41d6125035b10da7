"""Whole networks on a chip: the same wiring, constants of their own."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import snnjax as snn
from snnjax import parts
from snnjax.hardware import LogNormal, Shift, amplified, distorted, faulty, vary
from snnjax.hardware.mismatch import by_name
from snnjax.interop.presets import from_library
from snnjax.networks import graph, normal

T, B, DT = 20, 3, 1e-3
FAST = snn.LIFParams(5e-3, 2e-3, 0.3)
KEY = jax.random.key(0)


def network():
    return snn.chain(
        input=snn.dense(6, 5, init=normal),
        hidden=snn.recurrent(5, 5, snn.lif(5, FAST), init=normal),
        pair=graph(
            {"e": snn.lif(5, FAST), "i": snn.alif(5)},
            {"input->e": None, "e->i": snn.dense(5, 5), "i->e": snn.dense(5, 5)},
            outputs="e",
        ),
        out=snn.li(5),
        outputs=("out", "hidden", "hidden.v"),
    )


def spikes():
    return (jax.random.uniform(jax.random.key(1), (T, B, 6)) < 0.3).astype(float)


def run(net, weights):
    return snn.unroll(net, weights, spikes(), dt=DT)


def test_without_mismatch_a_chip_computes_the_same_bits():
    net = network()
    weights = net.init(KEY)
    chip = distorted(KEY, net, 0.0)
    jax.tree.map(np.testing.assert_array_equal, run(net, weights), run(chip, weights))
    there = distorted(KEY, net, 0.3)
    assert np.any(
        run(net, weights)[1]["hidden.v"] != run(there, weights)[1]["hidden.v"]
    )


def test_parts_of_a_chip_stay_open():
    chip = distorted(KEY, network(), 0.3)
    names = ["input", "hidden.input", "hidden.neuron.neuron", "hidden.feedback"]
    assert list(parts.flat(chip).leaves)[:4] == names
    seen = run(chip, chip.init(KEY))[1]
    assert seen["hidden.v"].shape == (T, B, 5)
    options = parts.options_of("", parts.flat(chip).leaves[names[2]].cell)
    assert np.ptp(options["params"].threshold) > 0


def test_a_chip_is_the_network_made_by_hand_with_its_constants_and_columns():
    net = snn.chain(input=snn.dense(6, 5, init=normal), hidden=snn.lif(5, FAST))
    weights = net.init(KEY)
    mine, how = by_name(KEY, "hidden"), LogNormal(0.3)
    names = "tau_mem", "tau_syn", "threshold"
    params = vary(mine, FAST, 5, **dict.fromkeys(names, how))
    gain = how.draw(by_name(mine, "gain"), jnp.ones(5))
    by_hand = snn.chain(input=net.about.parts["input"], hidden=snn.lif(5, params))
    w = weights["input"].w * jnp.broadcast_to(gain, (6, 5))
    columns = {**weights, "input": weights["input"]._replace(w=w)}
    _, expected = snn.unroll(by_hand, columns, spikes(), dt=DT)
    chip = distorted(KEY, net, 0.3)
    np.testing.assert_array_equal(run(chip, weights)[1], expected)
    assert np.any(expected)


def test_spreads_may_be_given_by_name_and_parts_that_lack_one_are_left():
    net = network()
    only = distorted(KEY, net, {"tau_adapt": LogNormal(0.3), "v_reset": Shift(0.1)})
    leaves = parts.flat(only).leaves
    adaptive = parts.options_of("", leaves["pair.i"].cell)["params"]
    assert np.ptp(adaptive.tau_adapt) > 0
    assert np.ndim(adaptive.tau_mem) == 0
    gained = distorted(KEY, net, {"gain": LogNormal(0.3)})
    weights = net.init(KEY)
    assert np.any(run(net, weights)[1]["out"] != run(gained, weights)[1]["out"])


def test_a_part_is_drawn_by_its_name_whatever_else_there_is():
    def constants(net, name):
        leaf = parts.flat(distorted(KEY, net, 0.3)).leaves[f"{name}.neuron"].cell
        return parts.options_of("", leaf)["params"]

    more = snn.chain(first=snn.lif(6), hidden=snn.dense(6, 5), out=snn.li(5))
    found = [constants(net, "out") for net in (more, network())]
    jax.tree.map(np.testing.assert_array_equal, *found)
    one, other = constants(network(), "pair.e"), constants(network(), "hidden.neuron")
    assert np.all(one.tau_mem != other.tau_mem)


def test_distorting_again_is_drift():
    net = snn.chain(snn.dense(6, 5, init=normal), snn.lif(5, FAST))
    weights = net.init(KEY)
    chip = distorted(KEY, net, 0.3)
    later = distorted(jax.random.key(1), chip, 0.0)
    np.testing.assert_array_equal(run(chip, weights)[1], run(later, weights)[1])
    drifted = distorted(jax.random.key(1), chip, 0.3)
    inner = parts.flat(drifted).leaves["1.neuron.neuron"].cell
    start = parts.flat(chip).leaves["1.neuron"].cell
    found, before = (parts.options_of("", each)["params"] for each in (inner, start))
    assert np.all(found.tau_mem != before.tau_mem)


@pytest.mark.parametrize("over", ["vmap", "map"])
def test_a_hundred_chips_of_any_mismatch_are_one_program(over):
    net = snn.chain(
        input=snn.dense(6, 5, init=normal),
        hidden=snn.recurrent(snn.lif(5, FAST), snn.dense(5, 5)),
        out=snn.li(5),
    )
    weights, traces = net.init(KEY), []

    def chip(mismatch, key):
        traces.append(1)
        ys = snn.unroll(distorted(key, net, mismatch), weights, spikes(), dt=DT)[1]
        return jnp.max(ys, axis=0)

    @jax.jit
    def chips(keys, mismatch):
        each = partial(chip, mismatch)
        return jax.vmap(each)(keys) if over == "vmap" else jax.lax.map(each, keys)

    keys = jax.random.split(KEY, 100)
    found = [chips(keys, np.float32(mismatch)) for mismatch in (0.0, 0.1, 0.3)]
    assert len(traces) == 1
    expected = jnp.max(snn.unroll(net, weights, spikes(), dt=DT)[1], axis=0)
    for k in (0, 99):
        np.testing.assert_allclose(found[0][k], expected, 1e-5, 1e-6)
    spread = [np.std(each, axis=0).mean() for each in found]
    assert spread[0] < 1e-6 < spread[1] < spread[2]
    alone = distorted(keys[7], net, 0.3)
    ys = jnp.max(snn.unroll(alone, weights, spikes(), dt=DT)[1], axis=0)
    np.testing.assert_allclose(found[2][7], ys, 1e-4, 1e-5)


def test_gradients_pass_a_gain_and_reach_the_weights_of_the_loop(x64):
    gain = np.array([0.5, 1.0, 1.5, 2.0, 0.7])
    neuron = snn.lif(5, FAST)
    net, twin = (
        snn.chain(snn.dense(6, 5), snn.recurrent(n, snn.dense(5, 5)))
        for n in (amplified(neuron, gain), neuron)
    )
    weights = net.init(KEY)

    def columns(weights):
        return jax.tree.map(lambda w: w * jnp.broadcast_to(gain, w.shape), weights)

    def loss(net, change, weights):
        return jnp.sum(jnp.sin(run(net, change(weights))[0][1].neuron.v))

    found = jax.grad(partial(loss, net, lambda w: w))(weights)
    expected = jax.grad(partial(loss, twin, columns))(weights)
    assert all(np.any(leaf) for leaf in jax.tree.leaves(found))
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, 1e-9, 1e-12), found, expected
    )


def test_dead_channels_put_out_what_they_are_stuck_at():
    alive = np.array([1.0, 0.0, 1.0, 0.0])
    x = jax.random.normal(KEY, (T, B, 4))
    _, ys = snn.unroll(faulty(4, alive, np.array([9.0, 0.0, 9.0, 1.0])), (), x, dt=DT)
    np.testing.assert_array_equal(ys[..., [0, 2]], x[..., [0, 2]])
    assert np.all(ys[..., 1] == 0.0)
    assert np.all(ys[..., 3] == 1.0)
    net = snn.chain(hidden=snn.lif(4), dead=faulty(4, alive))
    slope = jax.grad(lambda x: snn.unroll(net, net.init(KEY), x, dt=DT)[1].sum())(9 * x)
    assert np.any(slope[..., 0])
    assert not np.any(slope[..., 1])


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: distorted(KEY, snn.dense(3, 3)), "cell has no part with constants"),
        (
            lambda: distorted(KEY, snn.lif(3), {"tau": LogNormal(0.1)}),
            "mismatch names tau, which no part has; there are gain, tau_mem",
        ),
        (lambda: distorted(KEY, snn.lif(3), -0.1), "The spread of mismatch must be"),
        (lambda: amplified(snn.lif(3), np.ones((3, 3))), r"gain must be \[\] or \[n\]"),
        (lambda: faulty(3, np.array([0.0, 2.0, 1.0])), "alive must be finite"),
        (lambda: faulty(3, np.ones(2)), "alive must be one number or one per neuron"),
    ],
)
def test_what_no_chip_has_is_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_gains_of_another_population_are_refused_when_it_runs():
    cell = amplified(snn.lif(3), np.ones(4))
    with pytest.raises(ValueError, match="gain must be one number or fit the shape"):
        snn.unroll(cell, (), jnp.ones((T, 3)), dt=DT)


def test_neurons_of_other_libraries_stay_and_are_warned_of():
    net = snn.chain(
        theirs=from_library("snntorch.Leaky", 3, beta=0.9),
        ours=snn.lif(3),
    )
    with pytest.warns(UserWarning, match="theirs fires and has no constants"):
        found = distorted(jax.random.key(0), net)
    assert found.about.parts["theirs"] is net.about.parts["theirs"]
    assert found.about.parts["ours"] is not net.about.parts["ours"]
