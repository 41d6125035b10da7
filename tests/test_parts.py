"""Networks taken apart, rebuilt and summed up."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import snnjax as snn
from snnjax import parts
from snnjax.about import INPUT, OUTPUT, Edge
from snnjax.networks import convolution, flatten, graph, normal

T, B, DT = 30, 4, 1e-3
FAST = snn.LIFParams(5e-3, 2e-3, 0.3)


def network():
    return snn.chain(
        input=snn.dense(6, 5),
        hidden=snn.recurrent(5, 5, snn.lif(5, FAST)),
        pair=graph(
            {"e": snn.lif(5, FAST), "i": snn.lif(5, FAST)},
            {"input->e": None, "e->i": snn.dense(5, 5), "i->e": snn.dense(5, 5)},
            outputs="e",
        ),
        slow=snn.learn(lambda tau: snn.lif(5, snn.LIFParams(tau)), tau=20e-3),
        readout=snn.dense(5, 2),
        out=snn.li(2),
    )


def spikes():
    return (jax.random.uniform(jax.random.key(1), (T, B, 6)) < 0.3).astype(float)


NAMES = [
    *("input", "hidden.input", "hidden.neuron", "hidden.feedback"),
    *("pair.e", "pair.i", "pair.e->i", "pair.i->e", "slow.cell", "readout", "out"),
]


def test_leaves_have_dotted_names_and_their_own_weights_and_states():
    net = network()
    weights = net.init(jax.random.key(0))
    leaves = parts.flat(net, weights, net.rest(spikes()[0])).leaves
    assert list(leaves) == NAMES
    assert leaves["hidden.feedback"].weights.w is weights["hidden"].recurrent
    assert leaves["pair.e->i"].weights is weights["pair"]["e->i"]
    assert leaves["slow.cell"].state.v.shape == (B, 5)
    for leaf in leaves.values():
        drawn = leaf.cell.init(jax.random.key(0))
        assert jax.tree.structure(drawn) == jax.tree.structure(leaf.weights)


def test_every_array_is_labelled_by_its_leaf():
    net = network()
    weights = net.init(jax.random.key(0))
    labels = parts.labels(net, weights)
    assert jax.tree.structure(labels) == jax.tree.structure(weights)
    assert labels["hidden"].recurrent == "hidden.feedback"
    assert labels["slow"].logs == {"tau": "slow"}
    for name, leaf in parts.flat(net, weights).leaves.items():
        own = [id(w) for w in jax.tree.leaves(leaf.weights)]
        named = [
            id(w)
            for w, label in zip(
                jax.tree.leaves(weights), jax.tree.leaves(labels), strict=True
            )
            if label == name
        ]
        assert own == named


def test_edges_lead_from_leaf_to_leaf():
    edges = set(parts.flat(network()).edges)
    expected = {
        Edge(INPUT, "input"),
        Edge("input", "hidden.input"),
        Edge("hidden.input", "hidden.neuron"),
        Edge("hidden.neuron", "hidden.feedback", True),
        Edge("hidden.feedback", "hidden.neuron"),
        Edge("hidden.neuron", "pair.e"),
        Edge("pair.e", "pair.e->i"),
        Edge("pair.e->i", "pair.i"),
        Edge("pair.i", "pair.i->e", True),
        Edge("pair.i->e", "pair.e"),
        Edge("pair.e", "slow.cell"),
        Edge("slow.cell", "readout"),
        Edge("readout", "out"),
        Edge("out", OUTPUT),
    }
    assert edges == expected


def test_a_network_rebuilt_of_the_same_leaves_is_the_same(x64):
    net = network()
    weights = net.init(jax.random.key(0))
    same = parts.rebuild(net, lambda name, leaf: leaf)
    one, other = (snn.unroll(n, weights, spikes(), dt=DT) for n in (net, same))
    jax.tree.map(np.testing.assert_array_equal, one, other)
    assert list(parts.flat(same).leaves) == NAMES


def test_another_surrogate_changes_gradients_and_nothing_else(x64):
    net = network()
    weights = jax.tree.map(lambda w: 3.0 * w, net.init(jax.random.key(0)))

    def other(name, leaf):
        if leaf.about.make is not snn.lif:
            return leaf
        options = parts.options_of(name, leaf)
        return snn.lif(**{**options, "surrogate": snn.Triangle(1.0)})

    twin = parts.rebuild(net, other)
    ys = [snn.unroll(n, weights, spikes(), dt=DT)[1] for n in (net, twin)]
    assert np.any(ys[0])
    np.testing.assert_array_equal(*ys)
    xs = spikes()
    total = lambda w, n: jnp.sum(snn.unroll(n, w, xs, dt=DT)[1])  # noqa: E731
    grads = [jax.jit(jax.grad(partial(total, n=n)))(weights) for n in (net, twin)]
    assert np.any(grads[0]["hidden"].recurrent != grads[1]["hidden"].recurrent)
    np.testing.assert_allclose(*(g["readout"].w for g in grads))


def test_a_hand_written_cell_is_a_leaf_refused_by_name_where_more_is_asked():
    step = lambda w, s, x, dt: (s, 2.0 * x)  # noqa: E731
    own = snn.Cell(lambda key: (), lambda x: (), step)
    net = snn.chain(first=snn.dense(6, 5), mine=own, out=snn.li(5))
    assert list(parts.flat(net).leaves) == ["first", "mine", "out"]
    rows = parts.summary(net, net.init(jax.random.key(0)), spikes()[0]).rows
    assert [row.kind for row in rows] == ["dense", "cell", "li"]
    with pytest.raises(ValueError, match="mine is hand-written"):
        parts.rebuild(net, lambda name, leaf: snn.li(len(parts.options_of(name, leaf))))


def test_a_summary_counts_what_there_is():
    net = network()
    weights = net.init(jax.random.key(0))
    rows = {row.name: row for row in parts.summary(net, weights, spikes()[0]).rows}
    assert rows["input"][1:] == ("dense", "[4, 5]", 30, 120, 0, None, None, None)
    assert rows["hidden.neuron"].state == 2 * B * 5
    assert sum(row.weights for row in rows.values()) == 30 + 25 * 4 + 10
    text = str(parts.summary(net, weights, spikes()[0]))
    assert text.splitlines()[-1].split() == [
        "total",
        "140",
        "560",
        str(sum(r.state for r in rows.values())),
    ]


def test_activity_in_a_summary_is_counted_by_hand():
    net = snn.chain(
        input=snn.dense(6, 5, mask=np.arange(30).reshape(6, 5) % 3 > 0),
        hidden=snn.recurrent(snn.lif(5, FAST), snn.dense(5, 5)),
        out=snn.dense(5, 2, bias=True),
        outputs=("out", "hidden"),
    )
    weights = jax.tree.map(lambda w: 3.0 * w, net.init(jax.random.key(0)))
    found = parts.summary(net, weights, spikes(), dt=DT)
    rows = {row.name: row for row in found.rows}
    fired = np.asarray(snn.unroll(net, weights, spikes(), dt=DT)[1]["hidden"])
    assert rows["hidden.neuron"].rate == pytest.approx(fired.mean() / DT)
    assert rows["hidden.neuron"].silent == np.mean(~fired.any((0, 1)))
    seconds = T * DT * B
    counts = np.asarray(spikes()).sum((0, 1)) @ np.sum(
        np.asarray(weights["input"].w) != 0, 1
    )
    assert rows["input"].operations == pytest.approx(counts / seconds)
    back = 5 * fired[:-1].sum() / seconds
    assert rows["hidden.feedback"].operations == pytest.approx(back)
    assert rows["out"].operations == pytest.approx(2 * fired.sum() / seconds)
    assert "operations/s" in str(found)


def test_maps_are_summed_up_too():
    net = snn.chain(convolution(2, 3, kernel=(3, 3)), snn.lif(3), flatten())
    weights = net.init(jax.random.key(0))
    rows = parts.summary(net, weights, jnp.ones((T, B, 5, 5, 2)), dt=DT).rows
    assert [row.output for row in rows] == ["[4, 5, 5, 3]", "[4, 5, 5, 3]", "[4, 75]"]
    taps = (13 * 13) * 2 * 3  # of a 5x5 map, kernel 3x3 with zeros around
    assert rows[0].operations == pytest.approx(taps / DT)


def test_a_cell_says_what_it_is():
    net = snn.chain(
        h=snn.lif(3, snn.LIFParams(tau_mem=5e-3), reset="none"), o=snn.li(3)
    )
    expected = "chain(h=lif(3, LIFParams(tau_mem=0.005), reset='none'), o=li(3))"
    assert repr(net).replace("params=", "") == expected
    assert (
        repr(snn.dense(3, 4, mask=np.ones((3, 4), bool)))
        == "dense(3, 4, mask=bool[3, 4])"
    )
    assert "function <" not in repr(network())
    assert hash(net) == hash(net._replace())


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: snn.chain([snn.li(3)]), "unpack it"),
        (lambda: snn.chain(snn.li(3), out=snn.li(3)), "with names or without"),
        (lambda: snn.chain(**{"a.b": snn.li(3)}), "named by a word"),
        (lambda: snn.chain(snn.li), "must be a cell"),
        (lambda: parts.flat([snn.li(3)]), "unpack it"),
        (lambda: parts.rebuild(snn.li(3), lambda name, leaf: None), "is changed into"),
    ],
)
def test_what_is_no_cell_is_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()


BAD_WEIGHTS = {
    "transposed": lambda w: {**w, "readout": w["readout"]._replace(w=w["readout"].w.T)},
    "a list": lambda w: list(w.values()),
    "too few": lambda w: {k: v for k, v in w.items() if k != "out"},
    "another cell's": lambda w: {**w, "readout": w["hidden"]},
    "a dict in place of a layer": lambda w: {**w, "hidden": w["hidden"]._asdict()},
    "a column for a bias": lambda w: {
        **w,
        "readout": w["readout"]._replace(b=jnp.ones((2, 1))),
    },
    "integers": lambda w: {
        **w,
        "readout": w["readout"]._replace(w=w["readout"].w.astype(int)),
    },
    "half of one dtype": lambda w: {
        **w,
        "hidden": w["hidden"]._replace(recurrent=w["hidden"].recurrent[:, :1]),
    },
}


@pytest.mark.parametrize("name", BAD_WEIGHTS)
def test_weights_of_something_else_are_refused_by_the_part(name):
    net = network()
    weights = BAD_WEIGHTS[name](net.init(jax.random.key(0)))
    for record in (None, lambda state, y: y):
        with pytest.raises(
            ValueError, match=r"weights of (chain|recurrent)|In \w+: .*weights"
        ):
            snn.unroll(net, weights, spikes(), dt=DT, record=record)


def test_a_function_with_options_is_told_without_its_address():
    net = snn.dense(2, 3, init=partial(normal, gain=2.0))
    assert repr(net) == "dense(2, 3, init=partial(normal, gain=2.0))"
