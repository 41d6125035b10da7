"""Rates under constant inputs are those of closed forms, and so is where they begin."""

import jax.numpy as jnp
import numpy as np
import pytest

import snnjax as snn
from snnjax.analysis import rheobase, steady_rates
from snnjax.neurons import EIFParams, eif

TAU, WAIT = 20e-3, 5e-3


def test_a_leaky_neuron_fires_at_the_textbook_rate_and_is_silent_below():
    neuron = snn.lif(2, snn.LIFParams(TAU, None, 1.0, WAIT), backend="xla")
    inputs = np.array([[0.5, 1.0], [1.2, 4.0]])
    found = steady_rates(
        neuron, jnp.asarray(inputs), dt=1e-5, seconds=0.4, settling=0.1
    )
    law = WAIT + TAU * np.log(inputs[1] / (inputs[1] - 1.0))
    assert not found[0].any()
    np.testing.assert_allclose(found[1], 1.0 / law, rtol=1e-3)


def test_one_spike_has_no_rate():
    neuron = snn.lif(1, snn.LIFParams(TAU, None), backend="xla")
    once = steady_rates(neuron, jnp.array([1.1]), dt=1e-3, seconds=0.09, settling=0.0)
    assert once == 0.0


def test_the_rheobase_is_that_of_the_equation():
    p = EIFParams()
    expected = p.conductance * (p.v_threshold - p.v_rest - p.sharpness) / p.unit
    found = rheobase(eif(1), low=0.1, high=1.0, dt=1e-3, error=1e-3, seconds=3.0)
    assert expected < found < expected * 1.002


def test_a_bracket_that_holds_no_rheobase_is_refused():
    neuron = snn.lif(1, snn.LIFParams(TAU, None), backend="xla")
    for low, high, words in ((2.0, 3.0, "fires at low"), (0.1, 0.9, "silent at high")):
        with pytest.raises(ValueError, match=words):
            rheobase(neuron, low=low, high=high, dt=1e-3)
    with pytest.raises(ValueError, match="low must be below high"):
        rheobase(neuron, low=2.0, high=1.0, dt=1e-3)


def test_what_does_not_fire_or_breaks_has_no_rate():
    run = {"dt": 1e-3, "seconds": 0.02, "settling": 0.0}
    broken = snn.Cell(
        init=lambda key: (),
        rest=jnp.zeros_like,
        step=lambda weights, v, x, dt: (v + jnp.nan, jnp.zeros_like(x)),
    )
    with pytest.raises(ValueError, match="must put out spikes"):
        steady_rates(snn.li(1), jnp.ones((1, 1)), **run)
    with pytest.raises(ValueError, match="The state in which neuron ends"):
        steady_rates(broken, jnp.ones((1, 1)), **run)
