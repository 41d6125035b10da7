from functools import partial
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import snnjax as snn
from snnjax import parts
from snnjax.learning import Pretrained, homeostatic_pretraining
from snnjax.learning.pretraining import descend
from snnjax.networks import convolution, graph
from snnjax.probes import watched
from snnjax.surrogate import Triangle

DT = 1e-3
WIDTHS = 6, 12, 12


def given(weights):
    """Rates that are the weights themselves, one layer for each; no neuron in sight."""
    return list(weights)


def by_hand(layers, lower, upper, rate, steps):
    """The same by hand, with numpy: gradients of the penalty, step by step."""
    layers, done = [np.array(w) for w in layers], 0
    while done < steps:
        means = [w.mean() for w in layers]
        if all(a <= m <= b for m, a, b in zip(means, lower, upper, strict=True)):
            break
        for w, a, b in zip(layers, lower, upper, strict=True):
            nu, margin = w.mean(axis=0), (b - a) / 10
            above, below = nu - (b - margin), a + margin - nu
            slope = 2 * (np.maximum(above, 0) - np.maximum(below, 0)) / len(nu)
            w -= rate * slope / len(w)
        done += 1
    return layers, done


LAYERS = [np.array([[0.0, 3.0], [1.0, 5.0]]), np.array([[90.0, 20.0, 40.0]])]


@pytest.mark.parametrize("steps", [1, 3, 1000])
def test_it_descends_as_by_hand_and_stops_once_all_layers_are_inside(steps, x64):
    lower, upper = np.array([4.0, 10.0]), np.array([20.0, 45.0])
    options = {"lower": lower, "upper": upper, "steps": steps}
    found = descend(
        given, [jnp.asarray(w) for w in LAYERS], optimizer=optax.sgd(0.3), **options
    )
    expected, done = by_hand(LAYERS, lower, upper, 0.3, steps)
    assert found.steps == done
    assert (done < steps) == (steps == 1000) == bool(found.inside.all())
    for ours, theirs, rate in zip(found.values, expected, found.rates, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)
        np.testing.assert_allclose(rate, theirs.mean(), rtol=1e-12)


def test_weights_of_a_network_in_its_band_stay_bit_for_bit():
    weights = [jnp.asarray(w) for w in LAYERS]
    found = descend(
        given,
        weights,
        lower=np.array([2.0, 40.0]),
        upper=np.array([3.0, 60.0]),
        optimizer=optax.adam(0.1),
        steps=50,
    )
    assert found.steps == 0
    assert found.inside.all()
    jax.tree.map(np.testing.assert_array_equal, found.values, weights)


CONSTANTS = snn.LIFParams(10e-3, 5e-3)
LAYERS_OF_NET = "low", "high"


def network(*, silent=False, bias=False):
    """Layers with a tenth of the weights that would make them fire."""
    init = {"rate": 50.0, "xi": 10.0, "params": CONSTANTS, "dt": DT}
    draw = partial(snn.fluctuation_driven, **init)
    cells = {}
    for name, (below, n) in zip(LAYERS_OF_NET, pairwise(WIDTHS), strict=True):
        shape = Triangle(20.0) if silent and name == "high" else snn.SuperSpike(10.0)
        connection = snn.dense(below, n, init=draw, bias=bias, backend="xla")
        neuron = snn.lif(n, CONSTANTS, surrogate=shape, backend="xla")
        cells |= {f"to_{name}": connection, name: neuron}
    readout = snn.dense(WIDTHS[-1], 2, bias=True)
    net = snn.chain(**cells, readout=readout, out=snn.li(2))
    weights = net.init(jax.random.key(0))
    xs = jax.random.bernoulli(jax.random.key(1), 0.05, (100, 40, WIDTHS[0]))
    return net, weights, xs.astype(float)


def rates(net, weights, xs, names=LAYERS_OF_NET):
    _, (_, ys) = snn.unroll(watched(net, names), weights, xs, dt=DT)
    return [float(snn.firing_rate(ys[name], dt=DT).mean()) for name in names]


OPTIONS = {
    "lower": 10.0,
    "upper": 40.0,
    "optimizer": optax.adam(5e-2),
    "steps": 150,
}


def pretrained(net, weights, xs, layers=LAYERS_OF_NET, **options):
    def run(weights, xs):
        given = {**OPTIONS, "dt": DT, "layers": layers, **options}
        return homeostatic_pretraining(net, weights, xs, **given)

    return jax.jit(run)(weights, xs)


@pytest.mark.parametrize(
    "options",
    [{"of": "weights"}, {"of": "thresholds", "optimizer": optax.adam(0.1)}],
    ids=lambda options: options["of"],
)
def test_silent_layers_begin_to_fire_and_the_readout_stays_as_it_was(options):
    net, weights, xs = network()
    assert rates(net, weights, xs) == [0, 0]

    found = pretrained(net, weights, xs, **options)

    assert isinstance(found, Pretrained)
    assert found.inside.all()
    assert 0 < found.steps < OPTIONS["steps"]
    again = rates(net, found.weights, xs)  # of the very same network
    np.testing.assert_allclose(found.rates, again, rtol=1e-3)
    assert np.all((found.rates >= 10) & (found.rates <= 40))
    for name in LAYERS_OF_NET:
        assert np.any(found.weights[f"to_{name}"].w != weights[f"to_{name}"].w)
    for name in ("readout", "out"):
        jax.tree.map(np.testing.assert_array_equal, found.weights[name], weights[name])


def spikes_of(net, weights, xs, names=LAYERS_OF_NET):
    return snn.unroll(watched(net, names), weights, xs, dt=DT)[1][1]


def test_weights_divided_by_thresholds_give_the_spikes_of_lower_thresholds(x64):
    net, weights, xs = network(bias=True)
    weights = jax.tree.map(lambda w: w.astype(float), weights)
    for name in LAYERS_OF_NET:
        own = weights[f"to_{name}"]
        weights[f"to_{name}"] = own._replace(b=own.b + 0.01)
    given = {"optimizer": optax.adam(0.1)}
    found = pretrained(net, weights, xs.astype(float), **given)
    assert found.inside.all()
    factors = {}
    for name in LAYERS_OF_NET:
        before, after = weights[f"to_{name}"], found.weights[f"to_{name}"]
        factors[name] = before.b / after.b
        assert np.all(factors[name] < 1)
        np.testing.assert_allclose(
            before.w / after.w, np.tile(factors[name], (len(before.w), 1))
        )

    def lower(name, cell):
        if name not in factors:
            return cell
        params = CONSTANTS._replace(threshold=factors[name])
        return snn.lif(12, params, backend="xla")

    lowered = spikes_of(parts.rebuild(net, lower), weights, xs.astype(float))
    for name, ours in spikes_of(net, found.weights, xs.astype(float)).items():
        assert np.mean(ours != lowered[name]) < 1e-4  # but for ties
        assert ours.any()


def test_thresholds_of_recurrent_learned_and_convolved_layers_are_divided_out():
    hidden = snn.learn(
        lambda tau: snn.lif(12, CONSTANTS._replace(tau_mem=tau)), tau=10e-3
    )
    net = snn.chain(
        eye=snn.chain(convolution(1, 4, kernel=(2,)), snn.lif(4, CONSTANTS)),
        flat=snn.stateless(lambda x: x.reshape(*x.shape[:-2], -1)),
        hidden=snn.recurrent(24, 12, hidden),
        out=snn.li(12),
    )
    weights = jax.tree.map(
        lambda w: w / 10 if w.ndim > 1 else w, net.init(jax.random.key(0))
    )
    xs = network()[2][..., None]
    layers = "eye", "hidden"
    found = pretrained(net, weights, xs, layers, optimizer=optax.adam(0.1))
    assert found.inside.all()
    np.testing.assert_allclose(rates(net, found.weights, xs, layers), found.rates, 1e-3)
    kernel = found.weights["eye"][0].w / weights["eye"][0].w
    by_channel = kernel.reshape(-1, 4)
    np.testing.assert_allclose(by_channel, np.tile(by_channel[0], (2, 1)), rtol=1e-5)
    before, after = weights["hidden"], found.weights["hidden"]
    column = (after.input.w / before.input.w)[0]
    ratio = after.recurrent / before.recurrent
    np.testing.assert_allclose(ratio, np.tile(column, (12, 1)), rtol=1e-5)
    assert after.neuron.logs == before.neuron.logs


def test_it_says_which_layer_did_not_reach_its_band():
    # A triangle of slope 20 is zero below 0.95 θ: nothing gets through to this layer.
    found = pretrained(*network(silent=True), of="weights")
    np.testing.assert_array_equal(found.inside, [True, False])
    assert found.rates[1] < OPTIONS["lower"] <= found.rates[0]
    assert found.steps == OPTIONS["steps"]


def shared():
    """One connection that two populations hear."""
    cells = {"all": snn.stateless(lambda x: x), "e": snn.lif(12), "i": snn.lif(12)}
    wires = {"input->all": snn.dense(6, 12), "all->e": None, "all->i": None}
    pair = graph(cells, wires, outputs=("e", "i"))
    return pair, pair.init(jax.random.key(0)), network()[2]


def by_hand_neuron():
    net, weights, xs = network()
    plain = snn.Cell(*snn.lif(12)[:3])
    swap = lambda name, cell: plain if name == "low" else cell  # noqa: E731
    return parts.rebuild(net, swap), weights, xs


@pytest.mark.parametrize(
    ("made", "layers", "words"),
    [
        (network, "middle", "'middle' has none; leaves are to_low, low, to_high"),
        (network, "to_low", "'to_low' has none"),
        (by_hand_neuron, "low", "low is hand-written"),
        (shared, "e", "Thresholds of e cannot be divided out of 'all'"),
    ],
)
def test_thresholds_that_cannot_be_pretrained_are_refused(made, layers, words):
    with pytest.raises(ValueError, match=words):
        pretrained(*made(), layers)


def test_weights_need_no_thresholds():
    net, weights, xs = by_hand_neuron()
    assert pretrained(net, weights, xs, "low", of="weights").inside.all()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"steps": 0}, "steps must be at least 1, got 0"),
        ({"lower": -1.0}, r"lower \[Hz\] must be finite and zero or positive"),
        ({"upper": -1.0}, r"upper \[Hz\] must be finite and zero or positive"),
        ({"upper": 10.0}, "lower must be below upper, got 10.0 and 10.0 Hz"),
        ({"lower": np.ones(3)}, r"lower must be one rate .* of 1 layers.*\(3,\)"),
        ({"upper": np.full(2, 99.0)}, r"upper must be one rate .*\(2,\)"),
    ],
)
def test_bands_that_make_no_sense_are_refused(options, words):
    with pytest.raises(ValueError, match=words):
        descend(given, [jnp.ones((1, 2))], **{**OPTIONS, **options})


def test_a_network_without_layers_is_refused():
    with pytest.raises(ValueError, match="at least one layer"):
        descend(lambda weights: [], jnp.ones(3), **OPTIONS)
    for of in ("weights", "thresholds"):
        with pytest.raises(ValueError, match="at least one layer"):
            pretrained(*network(), layers=(), of=of)
    with pytest.raises(ValueError, match="of must be"):
        pretrained(*network(), of="rates")
