"""Spikes and synaptic operations by layer, counted again by Jacobians and by hand."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import snnjax as snn
from snnjax.analysis import layer_activity
from snnjax.analysis.activity import count_spikes, of_counts, targets_of
from snnjax.networks import (
    convolution,
    delay,
    delayed,
    dropout,
    flatten,
    from_events,
    graph,
    layer_norm,
    low_rank,
    pool,
    sparse,
)
from snnjax.parts import flat

T, B, N, DT = 20, 3, 6, 2e-3
FAST = snn.LIFParams(5e-3, 2e-3, 0.3)
SOME = np.arange(6 * 5).reshape(6, 5) % 3 > 0
TARGETS = np.array([[0, 1, 5], [2, 5, 5], [5, 5, 5], [4, 0, 1], [3, 4, 2], [1, 5, 5]])
WEIGHTS = 0.5 + np.arange(18.0).reshape(6, 3)

CONNECTIONS = {
    "dense": (snn.dense(6, 5), (6,)),
    "dense bias": (snn.dense(6, 5, bias=True), (6,)),
    "dense mask": (snn.dense(6, 5, bias=True, mask=SOME), (6,)),
    "low rank": (low_rank(6, 5, 2), (6,)),
    "sparse": (sparse(TARGETS, WEIGHTS, 5), (6,)),
    "sparse fixed": (sparse(TARGETS, WEIGHTS, 5, learned=False), (6,)),
    "sparse one weight": (sparse(TARGETS, WEIGHTS[:, 0], 5), (6,)),
    "delayed": (delayed(6, 5, 4, width=None), (6,)),
    "delayed wide": (delayed(6, 5, 4, width=1.5), (6,)),
    "convolution": (convolution(2, 3, kernel=(3, 3)), (4, 5, 2)),
    "convolution stride": (
        convolution(2, 3, kernel=(3, 2), stride=2, padding="valid", bias=True),
        (6, 7, 2),
    ),
    "line": (convolution(2, 3, kernel=(4,), stride=(2,)), (7, 2)),
}


def drawn(cell):
    """Weights of which the very first one is cut away."""
    weights = jax.jit(cell.init)(jax.random.key(3))
    if not hasattr(weights, "w"):
        return weights
    w = np.array(weights.w)
    w.flat[0] = 0.0
    return weights._replace(w=w)


@pytest.mark.parametrize("name", CONNECTIONS)
def test_targets_are_the_entries_of_the_jacobian_that_are_not_zero(name):
    cell, shape = CONNECTIONS[name]
    weights = drawn(cell)
    (leaf,) = flat(cell, weights).leaves.values()

    def within_five_steps(x):
        xs = jnp.concatenate([x[None], np.zeros((4, *shape), "float32")])
        ys = snn.unroll(cell, weights, xs, dt=DT)[1]
        return jnp.sum(ys, axis=0)  # a synapse with delays is one

    jacobian = jax.jit(jax.jacobian(within_five_steps))(np.zeros(shape, "float32"))
    jacobian = np.asarray(jacobian)
    counted = np.count_nonzero(np.abs(jacobian.reshape(-1, *shape)) > 1e-6, axis=0)
    found = targets_of(name, leaf, np.zeros(shape))
    np.testing.assert_array_equal(found, counted)
    assert found.sum() > 0


def spikes(*shape, rate=0.3):
    drawn = jax.random.uniform(jax.random.key(1), (T, B, *shape))
    return (np.asarray(drawn) < rate).astype("float32")


def strong(cell):
    weights = jax.jit(cell.init)(jax.random.key(0))
    return jax.tree.map(lambda w: 3.0 * np.asarray(w), weights)


def test_what_a_recurrent_network_does_is_counted_spike_by_spike():
    net = snn.chain(
        hidden=snn.recurrent(N, 5, snn.lif(5, FAST), mask=SOME),
        out=snn.chain(
            dropout(5, 0.0, key=jax.random.key(0)), snn.dense(5, 2), snn.li(2)
        ),
        outputs=("hidden", "out"),
    )
    weights, xs = strong(net), spikes(N)
    run = jax.jit(lambda: snn.unroll(net, weights, xs, dt=DT)[1]["hidden"])
    fired = np.asarray(run())
    found = layer_activity(net, weights, xs, dt=DT)

    assert [*found] == ["input", "hidden", "out"]
    arrived = 0
    for t, b, j in np.ndindex(T, B, N):
        arrived += int(xs[t, b, j]) * int(SOME[j].sum())
    assert fired.sum() > 10
    arrived += 5 * fired.sum()  # to each neuron of the layer
    hidden = found["hidden"]
    assert hidden.neurons == 5
    assert hidden.operations == pytest.approx(arrived / B)
    assert hidden.spikes == pytest.approx(fired.sum() / B)
    assert hidden.rate == pytest.approx(fired.mean() / DT)
    assert hidden.silent == np.mean(~fired.any((0, 1)))
    assert found["input"].spikes == pytest.approx(float(xs.sum()) / B)
    assert found["input"].operations == 0.0
    assert found["out"][1:4] == (None, None, None)
    assert found["out"].operations == pytest.approx(2 * fired.sum() / B)


def test_maps_have_fewer_synapses_at_the_border():
    net = snn.chain(
        convolution(1, 2, kernel=(3, 3)),
        layer_norm(2),
        snn.lif(2, FAST),
        pool("sum", (2, 2)),
        flatten(),
        snn.dense(8, 3),
        snn.lif(3, FAST),
    )
    xs, weights = spikes(4, 4, 1), jax.jit(net.init)(jax.random.key(0))
    look = snn.probes.watched(net, ("2",))
    _, (_, seen) = jax.jit(lambda: look.run(weights, net.rest(xs[0]), xs, DT))()
    fired = np.asarray(seen["2"])
    found = layer_activity(net, weights, xs, dt=DT)
    assert [*found] == ["input", "2", "6"]
    assert found["2"].neurons == 4 * 4 * 2
    assert found["2"].silent == np.mean(~fired.any((0, 1)))
    arrived = 0
    for _, _, i, j in np.argwhere(np.asarray(xs[..., 0])):
        places = [
            (i + di, j + dj)
            for di in (-1, 0, 1)
            for dj in (-1, 0, 1)
            if 0 <= i + di < 4 and 0 <= j + dj < 4
        ]
        arrived += 2 * len(places)
    assert found["2"].operations == pytest.approx(arrived / B)
    assert found["6"].operations == pytest.approx(3 * fired.sum() / B)


def test_populations_are_told_by_name_with_all_that_leads_to_them():
    net = graph(
        {"e": snn.lif(4, FAST), "i": snn.learn(lambda tau: snn.lif(2), tau=1.0)},
        {
            "a->e": snn.dense(3, 4),
            "b->e": sparse(np.array([[0, 3], [1, 4]]), np.ones((2, 2)), 4),
            "e->i": snn.chain(delay(4, DT, 2), snn.dense(4, 2)),
            "i->e": snn.dense(2, 4),
        },
        inputs=("a", "b"),
        outputs="i",
    )
    xs = {"a": spikes(3), "b": 2.0 * spikes(2)}
    found = layer_activity(net, strong(net), xs, dt=DT)
    assert [*found] == ["a", "b", "e", "i"]
    assert found["b"].spikes == pytest.approx(float(xs["b"].sum()) / B)  # of counts
    assert found["b"].rate == pytest.approx(float(xs["b"].mean()) / DT)
    a, b = (np.asarray(x).sum((0, 1)) for x in xs.values())
    inhibited = 4 * found["i"].spikes
    assert found["e"].spikes > 1
    outer = (4 * a.sum() + b @ [2, 1]) / B
    assert found["e"].operations == pytest.approx(outer + inhibited)
    assert found["i"].operations <= 2 * found["e"].spikes  # the last are under way


def test_batches_add_up_and_a_single_layer_has_a_name():
    cell = snn.lif(4, FAST)
    xs = 2.0 * spikes(4)
    whole = layer_activity(cell, (), xs, dt=DT)
    assert [*whole] == ["input", "lif"]
    parts = [count_spikes(cell, (), xs[:, k : k + 1], DT) for k in range(B)]
    assert of_counts(cell, (), parts, B, T * DT) == whole


def test_what_cannot_be_counted_is_refused():
    cell = snn.chain(snn.dense(4, 3), snn.lif(3))
    weights = cell.init(jax.random.key(0))
    for odd in (np.zeros((T, 4)), np.zeros((T, 0, 4)), np.zeros((0, B, 4))):
        with pytest.raises(ValueError, match=r"xs must be \[T, B, \*n_in\]"):
            layer_activity(cell, weights, odd, dt=DT)
    cell = snn.chain(from_events(4, 3), snn.lif(3))
    with pytest.raises(ValueError, match="0 reads which inputs fire"):
        layer_activity(cell, weights, np.zeros((T, B, 2), np.int32), dt=DT)
