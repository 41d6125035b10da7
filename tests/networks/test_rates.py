import jax
import jax.numpy as jnp
import numpy as np
import pytest

import snnjax as snn
from snnjax import parts
from snnjax.analysis import membrane_statistics
from snnjax.compose import stateless
from snnjax.inputs import poisson
from snnjax.networks import graph, normal, scale_to_rates

DT, N_IN, N = 1e-3, 20, 30
CELLS = {
    "input": snn.dense(N_IN, N, init=normal),
    "low": snn.lif(N),
    "high": snn.recurrent(
        *(N, N, snn.learn(lambda tau: snn.lif(N, snn.LIFParams(tau)), tau=9e-3)),
        **{"init": normal, "init_recurrent": normal},
    ),
    "readout": snn.dense(N, 2, bias=True, init=normal),
    "out": snn.li(2),
}
NET = snn.chain(**CELLS)
TARGETS = {"low": 12.0, "high": 25.0}


def inputs():
    return poisson(jax.random.key(1), jnp.full((8, N_IN), 30.0), steps=200, dt=DT)


def start():
    return NET.init(jax.random.key(0))


@pytest.fixture(scope="module")
def found():
    return scale_to_rates(NET, start(), inputs(), dt=DT, targets=TARGETS)


def rates(weights):
    net = snn.chain(**CELLS, outputs=("low", "high"))
    _, ys = snn.unroll(net, weights, inputs(), dt=DT)
    return [float(ys[name].mean()) / DT for name in TARGETS]


def test_every_layer_fires_at_its_target_and_says_so(found):
    assert max(rates(start())) < 5.0
    np.testing.assert_allclose(rates(found.weights), [12.0, 25.0], rtol=0.05)
    assert list(found.reached) == list(found.factors) == list(TARGETS)
    reached = list(found.reached.values())
    np.testing.assert_allclose(reached, rates(found.weights), rtol=1e-5)


def test_weights_are_scaled_by_one_factor_and_all_else_stays(found):
    def scaled(name, w):
        layer = {"input": "low", "high.input": "high", "high.feedback": "high"}
        return w * found.factors[layer[name]] if name in layer else w

    expected = jax.tree.map(scaled, parts.labels(NET, start()), start())
    jax.tree.map(
        lambda ours, theirs: np.testing.assert_allclose(ours, theirs, rtol=1e-6),
        found.weights,
        expected,
    )
    assert np.all(found.weights["high"].neuron.logs["tau"] == np.log(np.float32(9e-3)))
    for name in ("readout", "out"):
        jax.tree.map(np.testing.assert_array_equal, found.weights[name], start()[name])


def test_it_does_not_matter_where_the_weights_were(found):
    louder = jax.tree.map(lambda w: 7.0 * w if w.ndim > 1 else w, start())
    again = scale_to_rates(NET, louder, inputs(), dt=DT, targets=TARGETS)
    for name, factor in again.factors.items():
        np.testing.assert_allclose(factor, found.factors[name] / 7.0, rtol=1e-3)


def test_it_may_be_compiled_and_then_tells_what_it_reached(found):
    compiled = jax.jit(lambda w, x: scale_to_rates(NET, w, x, dt=DT, targets=TARGETS))
    for name, factor in compiled(start(), inputs()).factors.items():
        np.testing.assert_allclose(factor, found.factors[name], 1e-3)
    silent = compiled(start(), jnp.zeros_like(inputs()))
    assert silent.reached == {"low": 0.0, "high": 0.0}


def test_cells_by_position_and_layers_one_by_one_find_the_same(found):
    cells = list(CELLS.values())
    net = snn.chain(*cells)
    weights = tuple(start().values())
    targets = {"2": 25.0, "1": 12.0}  # in any order
    scaled = scale_to_rates(net, weights, inputs(), dt=DT, targets=targets)
    assert list(scaled.factors) == ["1", "2"]
    both = zip(scaled.factors.values(), found.factors.values(), strict=True)
    for ours, theirs in both:
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)

    low, high = snn.chain(*cells[:2]), snn.chain(*cells[2:3])
    first = scale_to_rates(low, weights[:2], inputs(), dt=DT, targets={"1": 12.0})
    _, between = snn.unroll(low, first.weights, inputs(), dt=DT)
    second = scale_to_rates(high, weights[2:3], between, dt=DT, targets={"0": 25.0})
    np.testing.assert_allclose(first.factors["1"], found.factors["low"], rtol=1e-6)
    np.testing.assert_allclose(second.factors["0"], found.factors["high"], rtol=1e-6)


def balanced_network():
    """Excitation and inhibition, inside a chain, below a layer that hears both."""
    pair = graph(
        {"e": snn.lif(N), "i": snn.lif(N), "both": stateless(lambda x: x)},
        {
            **{"input->e": snn.dense(N_IN, N), "input->i": snn.dense(N_IN, N)},
            **{"e->i": snn.dense(N, N), "i->e": snn.dense(N, N)},
            **{"e->both": snn.dense(N, N), "i->both": snn.dense(N, N)},
        },
        outputs="both",
    )
    net = snn.chain(pair=pair, top=snn.lif(N))
    weights = net.init(jax.random.key(2))
    inhibits = jax.tree.map(lambda w: -abs(w), weights["pair"]["i->e"])
    return net, {**weights, "pair": {**weights["pair"], "i->e": inhibits}}


def test_populations_of_a_graph_meet_targets_by_dotted_name_over_some_sweeps():
    net, weights = balanced_network()
    targets = {"pair.e": 8.0, "pair.i": 15.0, "top": 20.0}
    given = net, weights, inputs()
    with pytest.raises(ValueError, match=r"pair.e reaches .* more sweeps"):
        scale_to_rates(*given, dt=DT, targets=targets)

    found = scale_to_rates(*given, dt=DT, targets=targets, sweeps=4)

    for name, factor in found.factors.items():
        edges = {
            "pair.e": ("input->e", "i->e"),
            "pair.i": ("input->i", "e->i"),
            "top": ("e->both", "i->both"),
        }[name]
        np.testing.assert_allclose(found.reached[name], targets[name], rtol=0.05)
        for edge in edges:
            before, after = weights["pair"][edge].w, found.weights["pair"][edge].w
            np.testing.assert_allclose(after, factor * before, rtol=1e-5)


def test_a_connection_that_leads_to_two_targets_belongs_to_the_first():
    cells = {"all": stateless(lambda x: x), "e": snn.lif(N), "i": snn.lif(N)}
    wires = {"input->all": snn.dense(N_IN, N), "all->e": None, "all->i": None}
    net = graph(cells, wires, outputs=("e", "i"))
    weights = net.init(jax.random.key(0))
    with pytest.raises(ValueError, match="Nothing onto i can be scaled"):
        scale_to_rates(net, weights, inputs(), dt=DT, targets={"i": 9.0, "e": 9.0})
    scale_to_rates(net, weights, inputs(), dt=DT, targets={"i": 9.0})


def test_another_measure_takes_the_place_of_the_rate():
    net = snn.chain(CELLS["input"], snn.li(N))
    weights = start()["input"], ()
    deviation = lambda v: membrane_statistics(v).population.deviation  # noqa: E731
    found = scale_to_rates(
        net, weights, inputs(), dt=DT, targets={"1": 0.8}, measure=deviation
    )
    _, v = snn.unroll(net, found.weights, inputs(), dt=DT)
    axes = (0, 1)  # time and samples
    assert np.sqrt(np.var(v, axis=axes).mean()) == pytest.approx(0.8, rel=1e-3)


def test_a_tolerance_decides_what_passes_as_reached():
    few = inputs()[:40, :1]  # one spike more or less is 0.8 Hz
    options = {"dt": DT, "targets": {"low": 3.0}}
    given = NET, start(), few
    with pytest.raises(ValueError, match="one spike more or less matters"):
        scale_to_rates(*given, tolerance=0.01, **options)
    scale_to_rates(*given, tolerance=0.5, **options)


@pytest.mark.parametrize(
    ("targets", "words"),
    [
        ({}, "at least one target by name"),
        ((None, 12.0), r"at least one target by name.*got \(None, 12.0\)"),
        ({"middle": 1.0}, "'middle' is no part; leaves are input, low, high.input"),
        ({"high": 1.0, "high.neuron": 1.0}, "'high.neuron' lies inside high"),
        ({"low": -3.0}, "The target of low must be finite and positive"),
        ({**TARGETS, "out": 1e5}, "out reaches .* not 1e"),
        ({**TARGETS, "readout": 1.0, "out": 1.0}, "Nothing onto out can be scaled"),
    ],
)
def test_what_cannot_be_scaled_is_refused(targets, words):
    with pytest.raises(ValueError, match=words):
        scale_to_rates(NET, start(), inputs(), dt=DT, targets=targets)


def test_silent_input_is_named_as_a_cause():
    with pytest.raises(ValueError, match=r"low reaches 0 at factor 1024.*input silent"):
        scale_to_rates(NET, start(), 0 * inputs(), dt=DT, targets=TARGETS)
