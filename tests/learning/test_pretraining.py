from functools import partial
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import snnjax as snn
from snnjax.learning import Pretrained, homeostatic_pretraining
from snnjax.surrogate import Triangle

DT = 1e-3
WIDTHS = 6, 12, 12


def given(weights, scale=1.0):
    """Rates that are the weights themselves, one layer for each; no neuron in sight."""
    return [scale * w for w in weights]


def descend(layers, lower, upper, rate, steps):
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
    found = homeostatic_pretraining(
        given, [jnp.asarray(w) for w in LAYERS], optimizer=optax.sgd(0.3), **options
    )
    expected, done = descend(LAYERS, lower, upper, 0.3, steps)
    assert found.steps == done
    assert (done < steps) == (steps == 1000) == bool(found.inside.all())
    for ours, theirs, rate in zip(found.values, expected, found.rates, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)
        np.testing.assert_allclose(rate, theirs.mean(), rtol=1e-12)


def test_weights_of_a_network_in_its_band_stay_bit_for_bit():
    weights = [jnp.asarray(w) for w in LAYERS]
    found = homeostatic_pretraining(
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


def test_a_batch_is_handed_on():
    for scale, inside in ((1.0, False), (30.0, True)):
        found = homeostatic_pretraining(
            given,
            [jnp.ones((4, 2))],
            scale,
            lower=20.0,
            upper=40.0,
            optimizer=optax.sgd(0.0),
            steps=2,
        )
        assert found.inside.all() == inside
        np.testing.assert_allclose(found.rates, scale)


def network(*, silent=False):
    """Layers with a tenth of the weights that would make them fire."""
    cells = []
    for k, (below, n) in enumerate(pairwise(WIDTHS)):
        shape = Triangle(20.0) if silent and k == 1 else snn.SuperSpike(10.0)
        init = {
            "rate": 50.0,
            "xi": 10.0,
            "params": snn.LIFParams(10e-3, 5e-3),
            "dt": DT,
        }
        draw = partial(snn.fluctuation_driven, **init)
        neuron = snn.lif(n, snn.LIFParams(10e-3, 5e-3), surrogate=shape, backend="xla")
        cells += [snn.dense(below, n, init=draw, backend="xla"), neuron]
    readout = snn.dense(WIDTHS[-1], 2, bias=True), snn.li(2)
    net = snn.chain(*cells, *readout, outputs=("1", "3"))
    weights = net.init(jax.random.key(0))
    xs = jax.random.bernoulli(jax.random.key(1), 0.05, (100, 40, WIDTHS[0]))

    def rates(weights, xs):
        _, ys = snn.unroll(net, weights, xs, dt=DT)
        return [snn.firing_rate(spikes, dt=DT) for spikes in ys.values()]

    return rates, weights, xs.astype(float)


OPTIONS = {
    "lower": 10.0,
    "upper": 40.0,
    "optimizer": optax.adam(5e-2),
    "steps": 150,
}


def pretrained(rates, weights, xs, **options):
    return jax.jit(
        lambda w, xs: homeostatic_pretraining(rates, w, xs, **OPTIONS, **options)
    )(weights, xs)


def test_silent_layers_begin_to_fire_and_the_readout_stays_as_it_was():
    rates, weights, xs = network()
    assert [r.sum() for r in rates(weights, xs)] == [0, 0]

    found = pretrained(rates, weights, xs)

    assert isinstance(found, Pretrained)
    assert found.inside.all()
    assert 0 < found.steps < OPTIONS["steps"]
    again = [r.mean() for r in rates(found.values, xs)]
    np.testing.assert_allclose(found.rates, again, rtol=1e-5)
    assert np.all((found.rates >= 10) & (found.rates <= 40))
    for k in (0, 2):
        assert np.any(found.values[k].w != weights[k].w)
    jax.tree.map(np.testing.assert_array_equal, found.values[4], weights[4])


def test_thresholds_can_be_pretrained_and_folded_into_the_weights(x64):
    params = snn.LIFParams(10e-3, 5e-3)
    _, weights, xs = network()
    weights = jax.tree.map(lambda w: w.astype(float), weights)

    def spikes(logs, weights, xs):
        neurons = [
            snn.lif(12, params._replace(threshold=jnp.exp(log)), backend="xla")
            for log in logs
        ]
        net = snn.chain(
            *(snn.dense(6, 12, backend="xla"), neurons[0]),
            *(snn.dense(12, 12, backend="xla"), neurons[1]),
            outputs=("1", "3"),
        )
        ys = snn.unroll(net, weights[:4], xs.astype(float), dt=DT)[1]
        return list(ys.values())

    def rates(*given):
        return [snn.firing_rate(s, dt=DT) for s in spikes(*given)]

    start = [jnp.zeros(12), jnp.zeros(12)]
    options = {**OPTIONS, "optimizer": optax.adam(0.1)}
    found = jax.jit(lambda *given: homeostatic_pretraining(rates, *given, **options))(
        start, weights, xs
    )
    assert found.inside.all()
    folded = list(weights)
    for k, log in enumerate(found.values):
        assert np.all(log < 0)
        folded[2 * k] = weights[2 * k]._replace(w=weights[2 * k].w / jnp.exp(log))
    for ours, theirs in zip(
        spikes(start, tuple(folded), xs), spikes(found.values, weights, xs), strict=True
    ):
        assert np.mean(ours != theirs) < 1e-4  # but for ties


def test_it_says_which_layer_did_not_reach_its_band():
    # A triangle of slope 20 is zero below 0.95 θ: nothing gets through to this layer.
    rates, weights, xs = network(silent=True)
    found = pretrained(rates, weights, xs)
    np.testing.assert_array_equal(found.inside, [True, False])
    assert found.rates[1] < OPTIONS["lower"] <= found.rates[0]
    assert found.steps == OPTIONS["steps"]


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
        homeostatic_pretraining(given, [jnp.ones((1, 2))], **{**OPTIONS, **options})


def test_a_network_without_layers_is_refused():
    with pytest.raises(ValueError, match="at least one layer"):
        homeostatic_pretraining(lambda weights: [], jnp.ones(3), **OPTIONS)
