import jax
import jax.numpy as jnp
import numpy as np
import pytest

import snnjax as snn

DT = 2e-3


def counts_to_spikes(counts, steps=50):
    """``[B, n]`` counts -> spikes ``[T, B, n]``, the earliest steps first."""
    steps = np.arange(steps)[:, None, None]
    return jnp.asarray((steps < np.asarray(counts)).astype(float))


def test_a_rate_is_spikes_in_a_second():
    rates = snn.firing_rate(counts_to_spikes([[5, 0], [50, 1]]), dt=DT)
    np.testing.assert_allclose(rates, [[50.0, 0.0], [500.0, 10.0]], rtol=1e-6)


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
