"""Outputs by name equal what stepping records, with gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import snnjax as snn
from snnjax.networks import graph

T, B, N = 14, 3, 5
DT = 1e-3
FAST = snn.LIFParams(5e-3, 2e-3, 0.3)


def layers(**options):
    return {
        "input": snn.dense(4, N),
        "h": snn.recurrent(N, N, snn.lif(N, FAST, **options)),
        "r": snn.recurrent(snn.lif(N, FAST, **options), snn.dense(N, N)),
        "m": snn.learn(lambda tau: snn.lif(N, FAST._replace(tau_mem=tau)), tau=5e-3),
        "back": snn.dense(N, 2),
        "out": snn.li(2),
    }


def inputs(dtype=None):
    return 2.0 * jax.random.normal(jax.random.key(1), (T, B, 4), dtype)


def tilted(tree):
    leaves = jax.tree.leaves(tree)
    return sum(
        jnp.sum(jnp.cos(jnp.arange(x.size)).reshape(x.shape) * x) for x in leaves
    )


def graded(run, weights, xs):
    def loss(weights, xs):
        ys = run(weights, xs)
        return tilted(ys), ys

    return jax.jit(jax.value_and_grad(loss, (0, 1), has_aux=True))(weights, xs)


def close(a, b, rtol=1e-10, atol=1e-12):
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol, atol), a, b)


RECORDED = {  # name -> where it lies in the state, or None for what a part puts out
    "out": None,
    "h.v": lambda s: s["h"].neuron.v,
    "h.neuron.i": lambda s: s["h"].neuron.i,
    "r.neuron.v": lambda s: s["r"].neuron.v,
    "r.spikes": lambda s: s["r"].spikes,
    "m.v": lambda s: s["m"].v,
    "out.i": lambda s: s["out"].i,
}


@pytest.mark.parametrize("reset", ["zero", "subtract"])
@pytest.mark.parametrize("attached", [False, True])
def test_what_is_asked_for_by_name_is_what_stepping_records(reset, attached, x64):
    parts = layers(reset=reset, reset_gradient=attached)
    names = tuple(name for name in RECORDED if name != "r.spikes")
    look, plain = snn.chain(outputs=names, **parts), snn.chain(**parts)
    weights = plain.init(jax.random.key(0))

    def record(state, y):
        seen = {k: at(state) for k, at in RECORDED.items() if at and k in names}
        return {"out": y, **seen}

    by_name = graded(lambda w, x: snn.unroll(look, w, x, dt=DT)[1], weights, inputs())
    recorded = graded(
        lambda w, x: snn.unroll(plain, w, x, dt=DT, record=record)[1], weights, inputs()
    )
    assert np.any(by_name[0][1]["h.v"])
    close(by_name, recorded)


def test_parts_put_out_what_they_would_alone(x64):
    parts = layers()
    net = snn.chain(outputs=("input", "h", "h.feedback", "out"), **parts)
    weights = net.init(jax.random.key(0))
    _, ys = snn.unroll(net, weights, inputs(), dt=DT)
    _, current = snn.unroll(parts["input"], weights["input"], inputs(), dt=DT)
    _, spikes = snn.unroll(parts["h"], weights["h"], current, dt=DT)
    close(ys["input"], current)
    close(ys["h"], spikes)
    assert spikes.any()
    late = jnp.concatenate([jnp.zeros((1, B, N)), spikes[:-1]])
    close(ys["h.feedback"], late @ weights["h"].recurrent)


def test_one_name_gives_an_array_and_several_a_dict():
    parts, weights = layers(), snn.chain(**layers()).init(jax.random.key(0))
    run = lambda **o: snn.unroll(snn.chain(**o, **parts), weights, inputs(), dt=DT)[1]  # noqa: E731
    assert run().shape == run(outputs="out").shape == run(outputs=("out",)).shape
    assert list(run(outputs=("h", "out"))) == ["h", "out"]


@pytest.mark.parametrize(
    ("outputs", "words"),
    [
        ("hidden", "no part 'hidden' to put out; there are input, h, r, m, back, out"),
        ((), "at least one name"),
        (("h", "h"), "named once"),
        ("h.w", "'w'"),
        ("out.silence", "no 'silence' to look at; .* v, i"),
    ],
)
def test_a_name_that_there_is_not_is_refused_with_those_there_are(outputs, words):
    def run():
        net = snn.chain(outputs=outputs, **layers())
        return snn.unroll(net, net.init(jax.random.key(0)), inputs(), dt=DT)

    with pytest.raises(ValueError, match=words):
        run()


def test_a_name_in_a_chain_without_names_is_told_how_they_are_given():
    with pytest.raises(
        ValueError, match=r"there are 0, 1\. Cells may have names: chain"
    ):
        snn.chain(snn.dense(N, N), snn.lif(N), outputs="hidden.v")


def test_a_watched_network_continues_where_it_stopped():
    net = snn.chain(outputs=("out", "h.v"), **layers())
    weights = net.init(jax.random.key(0))
    _, whole = snn.unroll(net, weights, inputs(), dt=DT)
    state, first = snn.unroll(net, weights, inputs()[:6], dt=DT)
    _, second = snn.unroll(net, weights, inputs()[6:], dt=DT, state=state)
    joined = jax.tree.map(lambda a, b: np.concatenate([a, b]), first, second)
    close(whole, joined, 1e-5, 1e-6)


def test_names_lead_through_a_graph_inside_a_chain(x64):
    inner = graph(
        {"e": snn.lif(N, FAST), "i": snn.lif(2, FAST)},
        {
            "input->e": snn.dense(4, N),
            "e->i": snn.dense(N, 2),
            "i->e": snn.dense(2, N),
        },
        outputs=("e",),
    )
    net = snn.chain(net=inner, out=snn.li(N), outputs=("out", "net.i", "net.e.v"))
    weights = net.init(jax.random.key(0))
    _, ys = snn.unroll(net, weights, inputs(), dt=DT)
    plain = snn.chain(net=inner, out=snn.li(N))
    record = lambda s, y: (y, s["net"].before["i"], s["net"].cells["e"].v)  # noqa: E731
    _, (out, i, v) = snn.unroll(plain, weights, inputs(), dt=DT, record=record)
    close((ys["out"], ys["net.i"], ys["net.e.v"]), (out, i, v))
