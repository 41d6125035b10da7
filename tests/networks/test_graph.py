"""A graph equals what it describes, and its run equals its steps."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import snnjax as snn
from snnjax.networks import RecurrentWeights, graph, residual

T, B, DT = 20, 3, 1e-3
FAST = snn.LIFParams(5e-3, 2e-3, 0.3)


def neurons(n):
    return snn.lif(n, FAST)


def drive(key, n):
    return 2.0 * jax.random.normal(jax.random.key(key), (T, B, n))


def graded(cell, weights, xs, **options):
    def loss(weights, xs):
        state, ys = snn.unroll(cell, weights, xs, dt=DT, **options)
        leaves = jax.tree.leaves(ys)
        tilts = [jnp.cos(jnp.arange(y.size)).reshape(y.shape) for y in leaves]
        ends = [jnp.sum(leaf) for leaf in jax.tree.leaves(state)]
        total = sum(jnp.sum(a * b) for a, b in zip(tilts, leaves, strict=True))
        return total + sum(ends), ys

    return jax.jit(jax.value_and_grad(loss, (0, 1), has_aux=True))(weights, xs)


def close(a, b, rtol=1e-12, atol=1e-12):
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol, atol), a, b)


def everything(**options):
    """Two inputs, excitation and inhibition, feedback from layer 3 to 1, a skip."""
    cells = {"e": neurons(8), "i": neurons(3), "h": neurons(4), "top": neurons(4)}
    edges = {
        "sound->e": snn.dense(5, 8),
        "touch->i": snn.dense(4, 3),
        "e->e": snn.dense(8, 8),
        "e->i": snn.dense(8, 3),
        "i->e": snn.dense(3, 8),
        "e->h": snn.dense(8, 4),
        "h->top": None,
        "top->e": snn.dense(4, 8, bias=True),
        "sound->out": snn.dense(5, 2),
        "top->out": snn.dense(4, 2),
        "e->rate": snn.dense(8, 1),
        "rate->late": None,
        "late->rate": None,
    }
    cells |= {"out": snn.li(2), "rate": snn.li(1), "late": snn.li(1)}
    return graph(
        cells,
        edges,
        inputs=("sound", "touch"),
        outputs=("out", "late", "e.v"),
        **options,
    )


BOTH = {"sound": 5, "touch": 4}


@pytest.mark.parametrize("at_once", [True, False])
def test_running_everything_at_once_equals_stepping(at_once, x64):
    net = everything(at_once=at_once)
    weights = net.init(jax.random.key(0))
    xs = {name: drive(k, n) for k, (name, n) in enumerate(BOTH.items())}
    fast = graded(net, weights, xs)
    slow = graded(net, weights, xs, record=lambda state, y: y)
    assert all(np.any(leaf) for leaf in jax.tree.leaves(fast[1][0]))
    close(fast, slow, 1e-10, 1e-11)

    @jax.jit
    def whole_and_in_two(weights, xs):
        whole = snn.unroll(net, weights, xs, dt=DT)
        early = jax.tree.map(lambda x: x[:7], xs)
        later = jax.tree.map(lambda x: x[7:], xs)
        state, first = snn.unroll(net, weights, early, dt=DT)
        end, second = snn.unroll(net, weights, later, dt=DT, state=state, checkpoint=4)
        both = jax.tree.map(lambda a, b: jnp.concatenate([a, b]), first, second)
        return whole, (end, both)

    close(*whole_and_in_two(weights, xs))


def test_a_graph_of_a_chain_is_that_chain(x64):
    chain = snn.chain(snn.dense(5, 8), neurons(8), snn.dense(8, 2), snn.li(2))
    net = graph(
        {"h": neurons(8), "out": snn.li(2)},
        {"input->h": snn.dense(5, 8), "h->out": snn.dense(8, 2)},
        outputs="out",
    )
    w = chain.init(jax.random.key(0))
    weights = {"h": (), "out": (), "input->h": w[0], "h->out": w[2]}
    (a, ys), (ga, gx) = graded(net, weights, drive(0, 5))
    (b, zs), (gb, hx) = graded(chain, w, drive(0, 5))
    close((a, ys, gx), (b, zs, hx))
    close((ga["input->h"], ga["h->out"]), (gb[0], gb[2]))


def test_a_graph_of_a_recurrent_layer_is_that_layer(x64):
    layer = snn.recurrent(5, 8, neurons(8))
    net = graph(
        {"h": neurons(8)},
        {"input->h": snn.dense(5, 8), "h->h": snn.dense(8, 8)},
        outputs="h",
    )
    w = layer.init(jax.random.key(0))
    dense = snn.networks.DenseWeights
    weights = {"h": (), "input->h": w.input, "h->h": dense(w.recurrent, None)}

    def spikes(cell, weights):
        tilt = jnp.cos(jnp.arange(T * B * 8)).reshape(T, B, 8)
        return jnp.sum(tilt * snn.unroll(cell, weights, drive(0, 5), dt=DT)[1])

    a, ga = jax.value_and_grad(lambda w: spikes(net, w))(weights)
    b, gb = jax.value_and_grad(lambda w: spikes(layer, w))(w)
    assert abs(a) > 0
    close((a, ga["input->h"], ga["h->h"].w), (b, gb.input, gb.recurrent))
    assert isinstance(gb, RecurrentWeights)


def test_where_every_edge_is_late_the_order_does_not_matter(x64):
    cells = {"a": neurons(4), "b": neurons(3), "c": snn.li(2)}
    edges = {
        "input->a": snn.dense(5, 4),
        "a->b": snn.dense(4, 3),
        "b->a": snn.dense(3, 4),
        "b->c": snn.dense(3, 2),
    }
    one = graph(cells, edges, outputs="c", at_once=False)
    turned = {name: cells[name] for name in ("c", "b", "a")}
    other = graph(turned, edges, outputs="c", at_once=False)
    weights = one.init(jax.random.key(0))
    run = lambda net: snn.unroll(net, weights, drive(0, 5), dt=DT)[1]  # noqa: E731
    assert np.any(run(one))
    np.testing.assert_array_equal(run(one), run(other))


def test_an_edge_up_that_closes_no_loop_is_one_step_late(x64):
    cells = {"late": snn.li(3), "a": neurons(3)}
    net = graph(cells, {"input->a": None, "a->late": None}, outputs=("late", "a"))
    weights = net.init(jax.random.key(0))
    _, ys = snn.unroll(net, weights, drive(0, 3), dt=DT)
    spikes = jnp.concatenate([jnp.zeros((1, B, 3)), ys["a"][:-1]])
    _, expected = snn.unroll(snn.li(3), (), spikes, dt=DT)
    assert np.any(expected)
    close(ys["late"], expected)


def test_a_residual_block_adds_its_input(x64):
    block = snn.chain(snn.dense(4, 4), snn.li(4))
    net = residual(block)
    weights = net.init(jax.random.key(0))
    xs = drive(0, 4)
    _, ys = snn.unroll(net, weights, xs, dt=DT)
    _, inner = snn.unroll(block, weights["block"], xs, dt=DT)
    close(ys, inner + xs)


@pytest.mark.parametrize(
    ("edges", "outputs", "words"),
    [
        ({"inputs->h": None}, "h", "'inputs', which is no cell and no input"),
        ({"input->x": None}, "h", "'x', which is no cell"),
        ({"input-h": None}, "h", "named 'a->b'"),
        ({"input->h->o": None}, "h", "named 'a->b'"),
        ({"input->h": None}, "h", "No input reaches o"),
        ({"input->h": None, "input->o": None}, "h", "o leads to no output"),
        ({"input->h": None, "h->o": None}, "q", "no part 'q'"),
        ({"input->h": 3, "h->o": None}, "o", "must be a cell such as"),
    ],
)
def test_what_makes_no_sense_is_refused(edges, outputs, words):
    with pytest.raises(ValueError, match=words):
        graph({"h": neurons(3), "o": snn.li(3)}, edges, outputs=outputs)


@pytest.mark.parametrize("name", ["a.b", "a->b", "", 3])
def test_names_that_look_like_paths_are_refused(name):
    with pytest.raises(ValueError, match="named by a word"):
        graph({name: neurons(3)}, {"input->h": None}, outputs="h")


def test_several_inputs_come_by_name():
    net = everything()
    weights = net.init(jax.random.key(0))
    with pytest.raises(ValueError, match=r"dict of sound, touch, got \['sound'\]"):
        snn.unroll(net, weights, {"sound": drive(0, 5)}, dt=DT)
    xs = {"sound": drive(0, 5), "touch": drive(1, 4)[:5]}
    with pytest.raises(ValueError, match="inputs of one length"):
        snn.unroll(net, weights, xs, dt=DT)


def test_currents_that_do_not_add_up_are_refused():
    net = graph(
        {"h": snn.li(3)},
        {"input->h": snn.dense(3, 3), "h->h": snn.dense(3, 1)},
        outputs="h",
    )
    with pytest.raises(ValueError, match="arrives at h differs in shape"):
        snn.unroll(net, net.init(jax.random.key(0)), drive(0, 3), dt=DT)


def test_an_edge_with_wrong_weights_is_named():
    net = everything()
    weights = net.init(jax.random.key(0))
    turned = jax.tree.map(jnp.transpose, weights["i->e"])
    xs = {name: drive(k, n) for k, (name, n) in enumerate(BOTH.items())}
    with pytest.raises(ValueError, match=r"In i->e: dense expects weights"):
        snn.unroll(net, {**weights, "i->e": turned}, xs, dt=DT)
