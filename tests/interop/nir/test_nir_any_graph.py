"""Populations wired at random come back as they were: who acts when, and how late."""

import jax
import jax.numpy as jnp
import nir
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nir_made import DT, dense, lif

import snnjax as snn
from snnjax.interop import nir as our
from snnjax.networks import delay, graph

N, STEPS = 2, 9
KINDS = {
    "lif": lambda n: lif(n, threshold=0.3),
    "bare": lambda n: lif(n, tau_syn=None, threshold=0.1, v_reset=0.0),
    "if": lambda n: our.circuit(
        n, our.CircuitParams(None, r=300.0, v_threshold=0.4, v_reset=-0.1)
    ),
    "odd": lambda n: our.circuit(
        n, our.CircuitParams(5e-3, 4e-3, 3.0, -0.1, 9.0, 0.4, -0.2)
    ),
}


def edge(kind):
    if kind == "late":
        return snn.chain(delay(N, 2.0 * DT, 2), dense(N, N))
    return dense(N, N, bias=kind == "bias")


@st.composite
def networks(draw):
    """Cells in a row, each with an edge to the next, and any others on top."""
    names = [f"p{k}" for k in range(draw(st.integers(1, 4)))]
    kinds = st.sampled_from(sorted(KINDS))
    cells = {name: KINDS[draw(kinds)](N) for name in names}
    pairs = list(zip(("input", *names[:-1]), names, strict=True))
    others = [(a, b) for a in ("input", *names) for b in names if (a, b) not in pairs]
    if others:
        pairs += draw(st.lists(st.sampled_from(others), unique=True, max_size=5))
    kinds = st.sampled_from(["plain", "bias", "late"])
    edges = {f"{a}->{b}": edge(draw(kinds)) for a, b in pairs}
    heads = draw(st.lists(st.sampled_from(names), unique=True, max_size=2))
    outputs = tuple(dict.fromkeys((names[-1], *heads)))
    return graph(cells, edges, outputs=outputs, at_once=draw(st.booleans()))


def stepped(cell, weights):
    """Step after step, so that nothing is compiled for one network alone."""
    fired = jax.random.bernoulli(jax.random.key(1), 0.4, (STEPS, N))
    xs = np.asarray(fired, np.float32)
    state, seen = cell.rest(jnp.asarray(xs[0])), []
    for x in xs:
        state, y = cell.step(weights, state, jnp.asarray(x), DT)
        named = y if isinstance(y, dict) else {"": y}
        seen.append(np.concatenate([np.asarray(named[k]) for k in sorted(named)]))
    return np.stack(seen)


@given(networks())
@settings(deadline=None, max_examples=15)
def test_whatever_is_wired_comes_back_as_it_was(net):
    weights = net.init(jax.random.key(2))
    found = our.from_nir(our.to_nir(net, weights, dt=DT))
    np.testing.assert_array_equal(
        stepped(found.network, found.weights), stepped(net, weights)
    )


def weights_of(net):
    """Drawn, and positive, so that all fire."""
    return jax.tree.map(jnp.abs, net.init(jax.random.key(2)))


def compare(net, found):
    weights = weights_of(net)
    np.testing.assert_array_equal(
        stepped(found.network, found.weights), stepped(net, weights)
    )


DELAYS = {  # cells, edges, outputs: a delay that is a cell, on a loop
    "of two": ("a de b", "input->a a->de! de->b de->a", "b"),
    "first": ("de a b", "input->a a->de! de->b de->a", "b"),
    "put out": ("a de", "input->a a->de! de->a", "de"),
    "of many": ("a de b", "input->a a->de! b->de! de->b de->a", "de b"),
}


@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize("name", DELAYS)
def test_a_delay_that_is_a_cell_comes_back(name, at_once):
    cells, edges, outputs = (words.split() for words in DELAYS[name])
    made = {k: delay(N, 2.0 * DT, 2) if k == "de" else KINDS["bare"](N) for k in cells}
    wires = {e.rstrip("!"): None if e[-1] == "!" else dense(N, N) for e in edges}
    net = graph(made, wires, outputs=tuple(outputs), at_once=at_once)
    told = our.to_nir(net, weights_of(net), dt=DT)
    compare(net, our.from_nir(told))
    if name in ("of two", "put out"):  # what anybody else would make of it
        del told.metadata["order"]
        compare(net, our.from_nir(told))


def within(inner, **metadata):
    """A graph that is nothing but a subgraph."""
    ports = {
        "input": nir.Input(np.array([N])),
        "sub": inner,
        "output": nir.Output(np.array([N])),
    }
    edges = [("input", "sub"), ("sub", "output")]
    return nir.NIRGraph(ports, edges, type_check=False, metadata=metadata)


def test_the_order_within_a_subgraph_is_heeded():
    cells = {k: KINDS["bare"](N) for k in "cba"}
    edges = {"input->a": dense(N, N), "a->b": dense(N, N), "b->c": dense(N, N)}
    edges |= {"c->a": dense(N, N)}
    net = graph(cells, edges, outputs="c")
    inner = our.to_nir(net, weights_of(net), dt=DT)
    compare(net, our.from_nir(within(inner)))
    del inner.metadata["order"]
    with pytest.raises(AssertionError):  # the other order is another network
        compare(net, our.from_nir(within(inner)))
