import jax
import jax.numpy as jnp
import numpy as np
import pytest

import snnjax as snn
from snnjax.learning import fan_out, synaptic_operations, voltage_band, weight_penalty

DT = 2e-3


def counts_to_spikes(counts, steps=50):
    """``[B, n]`` counts -> spikes ``[T, B, n]``, the earliest steps first."""
    steps = np.arange(steps)[:, None, None]
    return jnp.asarray((steps < np.asarray(counts)).astype(float))


def test_a_rate_is_spikes_in_a_second():
    rates = snn.firing_rate(counts_to_spikes([[5, 0], [50, 1]]), dt=DT)
    np.testing.assert_allclose(rates, [[50.0, 0.0], [500.0, 10.0]], rtol=1e-6)


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int32", "bool", "bfloat16"])
def test_a_rate_of_a_raster_in_few_bits_is_that_of_floats(dtype):
    spikes = counts_to_spikes([[5, 0], [50, 1]])
    rates = snn.firing_rate(spikes.astype(dtype), dt=DT)
    np.testing.assert_allclose(rates, snn.firing_rate(spikes, dt=DT), rtol=1e-6)


@pytest.mark.parametrize("dt", [None, DT])
@pytest.mark.parametrize("dtype", ["uint8", "int8", "int32", "bool", "bfloat16"])
def test_operations_of_a_raster_in_few_bits_are_those_of_floats(dtype, dt):
    spikes, each = counts_to_spikes([[5, 0], [50, 1]] * 9), jnp.array([1.5, 700.25])
    found = synaptic_operations(spikes.astype(dtype), each, dt=dt)
    exact = synaptic_operations(spikes, each, dt=dt)
    np.testing.assert_allclose(found, exact, rtol=1e-6)


def test_steps_that_are_not_valid_do_not_count():
    spikes = counts_to_spikes([[5, 20]])
    mask = jnp.arange(50)[:, None] < 10
    rates = snn.firing_rate(
        jnp.where(mask[..., None], spikes, jnp.nan), dt=DT, mask=mask
    )
    np.testing.assert_allclose(rates, [[250.0, 500.0]], rtol=1e-6)


@pytest.mark.parametrize("bound", [snn.lower_rate_bound, snn.upper_rate_bound])
def test_a_penalty_does_not_change_with_batch_duration_or_step(bound):
    counts = np.array([[5, 0, 11]])
    rate = {snn.lower_rate_bound: 90.0, snn.upper_rate_bound: 30.0}[bound]
    expected = bound(counts_to_spikes(counts), rate=rate, dt=DT)
    assert expected > 0
    for same in (
        bound(counts_to_spikes(np.repeat(counts, 4, axis=0)), rate=rate, dt=DT),
        bound(counts_to_spikes(2 * counts, 100), rate=rate, dt=DT),
        bound(counts_to_spikes(counts, 100), rate=rate, dt=DT / 2),
    ):
        np.testing.assert_allclose(same, expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("bound", "rate", "power", "over", "expected"),
    [  # rates are 50, 0, 110 Hz, their mean 160 / 3
        (snn.lower_rate_bound, 60.0, 1, "neuron", (10 + 60) / 3),
        (snn.lower_rate_bound, 60.0, 2, "neuron", (100 + 3600) / 3),
        (snn.upper_rate_bound, 40.0, 1, "neuron", (10 + 70) / 3),
        (snn.upper_rate_bound, 40.0, 2, "neuron", (100 + 4900) / 3),
        (snn.lower_rate_bound, 60.0, 1, "population", 60 - 160 / 3),
        (snn.lower_rate_bound, 60.0, 2, "population", (60 - 160 / 3) ** 2),
        (snn.upper_rate_bound, 40.0, 2, "population", (160 / 3 - 40) ** 2),
        (snn.upper_rate_bound, np.array([50.0, 1, 100]), 1, "neuron", 10 / 3),
    ],
)
def test_penalties_are_worth_what_the_formula_says(
    bound, rate, power, over, expected, x64
):
    spikes = counts_to_spikes([[5, 0, 11]])
    found = bound(spikes, rate=rate, dt=DT, power=power, over=over)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize("power", [1, 2])
@pytest.mark.parametrize("over", ["neuron", "population"])
def test_inside_the_bounds_there_is_neither_penalty_nor_gradient(power, over):
    spikes = counts_to_spikes([[5, 5], [5, 5]])
    options = {"dt": DT, "power": power, "over": over}
    for bound, rate in (
        *((snn.lower_rate_bound, r) for r in (0.0, 20.0, 49.9)),
        *((snn.upper_rate_bound, r) for r in (50.1, 80.0)),
    ):
        value, grads = jax.value_and_grad(lambda s: bound(s, rate=rate, **options))(  # noqa: B023
            spikes
        )
        assert value == 0
        assert not np.any(grads)


@pytest.mark.parametrize("power", [1, 2])
def test_outside_the_bounds_the_gradient_leads_back(power, x64):
    spikes = counts_to_spikes([[5, 0, 11]])
    options = {"dt": DT, "power": power}
    low = jax.grad(lambda s: snn.lower_rate_bound(s, rate=60.0, **options))(spikes)
    high = jax.grad(lambda s: snn.upper_rate_bound(s, rate=40.0, **options))(spikes)
    each = 1 / (50 * DT * 3)  # what one spike adds to the mean over three neurons
    steep = {1: np.ones(3), 2: 2 * np.array([10.0, 60.0, 70.0])}[power]
    np.testing.assert_allclose(low[0, 0], each * steep * [-1, -1, 0], rtol=1e-12)
    steep = {1: np.ones(3), 2: 2 * np.array([10.0, 0.0, 70.0])}[power]
    np.testing.assert_allclose(high[0, 0], each * steep * [1, 0, 1], rtol=1e-12)


@pytest.mark.parametrize(
    ("spikes", "options", "words"),
    [
        (np.zeros(5), {}, r"\[T, \*batch, n\]"),
        (np.zeros((0, 2, 3)), {}, "T > 0"),
        (np.zeros((5, 2, 3)), {"dt": -1e-3}, "dt"),
        (np.zeros((5, 2, 3)), {"rate": -1.0}, "rate"),
        (np.zeros((5, 2, 3)), {"rate": np.ones(2)}, "one per neuron"),
        (np.zeros((5, 2, 3)), {"power": 3}, "1 .L1. or 2 .L2., got 3"),
        (np.zeros((5, 2, 3)), {"over": "layer"}, "got 'layer'"),
        (np.zeros((5, 2, 3)), {"mask": np.ones((2, 5))}, r"\(5, 2\), got \(2, 5\)"),
        (np.zeros((5, 2, 3)), {"mask": np.zeros((5, 2))}, "without a single valid"),
    ],
)
def test_what_makes_no_sense_is_refused(spikes, options, words):
    options = {"rate": 1.0, "dt": DT, **options}
    with pytest.raises(ValueError, match=words):
        snn.upper_rate_bound(jnp.asarray(spikes), **options)


def test_operations_are_the_weights_that_spikes_meet_counted_by_hand(rng):
    spikes = (rng.random((30, 2, 4)) < 0.3).astype(float)
    w = rng.normal(size=(4, 5)) * (rng.random((4, 5)) < 0.5)
    count = 0
    for t in range(30):
        for sample in range(2):
            for source in range(4):
                for target in range(5):
                    met = spikes[t, sample, source] == 1 and w[source, target] != 0
                    count += int(met)
    reached = fan_out(jnp.asarray(w))
    assert synaptic_operations(jnp.asarray(spikes), reached) == count / 2  # samples
    per_second = synaptic_operations(jnp.asarray(spikes), reached, dt=DT)
    np.testing.assert_allclose(per_second, count / 2 / (30 * DT), rtol=1e-6)
    one_each = synaptic_operations(jnp.asarray(spikes), 1.0)
    assert one_each == spikes.sum() / 2


def test_the_count_stays_exact_where_products_of_matrices_would_round():
    spikes = jnp.ones((100, 1, 3))
    assert synaptic_operations(spikes, np.array([4097, 4099, 1])) == 100 * 8197


def test_operations_in_a_second_do_not_change_with_batch_duration_or_step():
    counts, reached = np.array([[5, 0, 11]]), np.array([3.0, 1.0, 2.0])
    expected = (5 * 3 + 11 * 2) / (50 * DT)
    for spikes, dt in (
        (counts_to_spikes(counts), DT),
        (counts_to_spikes(np.repeat(counts, 4, axis=0)), DT),
        (counts_to_spikes(2 * counts, 100), DT),
        (counts_to_spikes(counts, 100), DT / 2),
    ):
        found = synaptic_operations(spikes, reached, dt=dt)
        np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_operations_outside_the_mask_do_not_count():
    spikes = counts_to_spikes([[5, 20], [10, 10]])
    mask = jnp.stack([jnp.arange(50) < 10, jnp.arange(50) < 20], axis=1)
    spikes = jnp.where(mask[..., None], spikes, jnp.nan)
    reached = np.array([3.0, 1.0])
    in_a_sample = synaptic_operations(spikes, reached, mask=mask)
    np.testing.assert_allclose(in_a_sample, (5 * 3 + 10 + 10 * 3 + 10) / 2, rtol=1e-6)
    in_a_second = synaptic_operations(spikes, reached, dt=DT, mask=mask)
    expected = ((5 * 3 + 10) / (10 * DT) + (10 * 3 + 10) / (20 * DT)) / 2
    np.testing.assert_allclose(in_a_second, expected, rtol=1e-6)


def test_a_spike_costs_as_many_operations_as_it_has_targets(x64):
    spikes, reached = counts_to_spikes([[5, 0, 11], [1, 1, 1]]), np.array([3.0, 1, 2])
    slope = jax.grad(lambda s: synaptic_operations(s, reached))(spikes)
    np.testing.assert_allclose(slope, np.broadcast_to(reached / 2, slope.shape))

    def through_weights(w):
        return synaptic_operations(spikes, jnp.sum(w, axis=1))

    assert not np.any(jax.grad(through_weights)(jnp.ones((3, 4))))


def voltages():
    v = jnp.array([[-2.0, 0.5], [0.0, 1.5], [-1.0, 3.0]])
    return v[:, None]  # [T, 1, n]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"lower": -1.0, "upper": 1.0, "power": 1}, (1.0 + 0.5 + 2.0) / 6),
        ({"lower": -1.0, "upper": 1.0}, (1.0 + 0.25 + 4.0) / 6),
        ({"lower": -1.0, "upper": np.inf}, 1.0 / 6),
        ({"lower": -np.inf, "upper": 1.0}, 4.25 / 6),
        ({"lower": -1.0, "upper": 1.0, "threshold": 2.0}, 0.25 / 6),
        ({"lower": np.array([-2.0, 1.0]), "upper": 9.0}, 0.25 / 6),
        ({"lower": -9.0, "upper": 1.0, "threshold": np.array([1.0, 1.5])}, 1 / 6),
    ],
)
def test_a_voltage_costs_what_lies_outside_its_band(options, expected, x64):
    found = voltage_band(voltages(), **options)
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    twice = jnp.concatenate([voltages(), voltages()])  # longer, and more samples
    for same in (twice, jnp.concatenate([twice, twice], axis=1)):
        np.testing.assert_allclose(voltage_band(same, **options), expected, rtol=1e-12)


def test_voltages_inside_the_band_or_outside_the_mask_have_no_gradient():
    options = {"lower": -1.0, "upper": 2.0}
    slope = jax.grad(lambda v: voltage_band(v, **options))(voltages())
    np.testing.assert_allclose(slope[:, 0], [[-2 / 6, 0], [0, 0], [0, 2 / 6]])

    padded = jnp.concatenate([voltages(), jnp.full((2, 1, 2), jnp.nan)])
    mask = jnp.arange(5)[:, None] < 3
    value, masked = jax.value_and_grad(
        lambda v: voltage_band(v, mask=mask, lower=-1.0, upper=2.0)
    )(padded)
    assert value == voltage_band(voltages(), **options)
    np.testing.assert_allclose(masked[:3], slope)
    assert not np.any(masked[3:])


@pytest.mark.parametrize(("power", "expected"), [(1, 1.5 + 4.0), (2, 3.5 + 16.0)])
def test_weights_cost_the_mean_of_each_connection(power, expected, x64):
    net = snn.chain(
        snn.learn(
            lambda tau_mem: snn.li(2, snn.LIParams(tau_mem)), tau_mem=np.full(2, 0.02)
        ),
        snn.recurrent(2, 2, snn.lif(2), bias=True),
    )
    weights = net.init(jax.random.key(0))
    layer = weights[1]._replace(
        input=weights[1].input._replace(w=jnp.array([[0.0, 1.0], [-2.0, -3.0]])),
        recurrent=jnp.full((2, 2), -4.0),
    )
    layer = layer._replace(input=layer.input._replace(b=jnp.full(2, 100.0)))
    found = weight_penalty((weights[0], layer), power=power)
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    wide = jnp.tile(layer.input.w, (3, 5))
    np.testing.assert_allclose(
        weight_penalty(wide, power=power),
        weight_penalty(layer.input.w, power=power),
        rtol=1e-12,
    )


def test_a_weight_of_zero_costs_nothing_and_stays():
    w = jnp.array([[0.0, 1.0], [-2.0, 4.0]])
    for power, slope in ((1, [[0, 1], [-1, 1]]), (2, [[0, 2], [-4, 8]])):
        grads = jax.grad(lambda w, p=power: weight_penalty(w, power=p))(w)
        np.testing.assert_allclose(grads, np.array(slope) / 4)


def band(v, **options):
    return voltage_band(v, **{"lower": -1.0, "upper": 1.0, **options})


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda x: synaptic_operations(x[0, 0], 1.0), r"\[T, \*batch, n\]"),
        (lambda x: synaptic_operations(x, np.ones(2)), "one per neuron"),
        (lambda x: synaptic_operations(x, -1.0), "zero or positive"),
        (lambda x: synaptic_operations(x, 1.0, dt=0.0), "dt"),
        (lambda x: synaptic_operations(x, 1.0, mask=x[0] > 0), r"got \(2, 3\)"),
        (lambda x: fan_out(x), r"\[n_in, n_out\], got shape \(5, 2, 3\)"),
        (lambda x: band(x[:0]), "v must be .* T > 0"),
        (lambda x: band(x, lower=2.0), "lower must not be above upper, got 2.0 and"),
        (lambda x: band(x, upper=np.ones(2)), r"upper must be one number.*\(2,\)"),
        (lambda x: band(x, threshold=0.0), "threshold must be finite and positive"),
        (lambda x: band(x, power=3), "power must be 1 .L1. or 2 .L2., got 3"),
        (lambda x: band(x, mask=np.zeros((5, 2))), "without a single valid"),
        (lambda x: weight_penalty(x, power=0), "got 0"),
        (lambda x: weight_penalty({"b": x[0, 0]}), r"no connection .* \[\(3,\)\]"),
    ],
)
def test_penalties_refuse_what_makes_no_sense(call, words):
    with pytest.raises(ValueError, match=words):
        call(jnp.zeros((5, 2, 3)))
