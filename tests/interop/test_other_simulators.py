"""The network of the guides, as BrainPy, Brian2 and NEST ran it.

``tests/interop/libraries/record_{brainpy,brian2,network_nest}.py`` recorded them.
"""

from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

import snnjax as snn
from snnjax.interop.presets import Numbers, Rule, stepped
from snnjax.networks import DenseWeights
from tests.interop.libraries.simulated_network import inputs

FOLDER = Path(__file__).parent / "recorded" / "simulators"


def recorded(name, key):
    return np.unpackbits(np.load(FOLDER / f"{name}.npz")[key], axis=0)[:5000] > 0


def ran(neurons):
    """Spikes ``[5000, 10]`` of the network here."""
    xs, weights = inputs()
    net = snn.chain(synapses=snn.dense(40, 10), neurons=neurons)
    given = {"synapses": DenseWeights(jnp.asarray(weights), None), "neurons": ()}
    return np.asarray(snn.unroll(net, given, jnp.asarray(xs, float), dt=1e-4)[1]) > 0


def leaky(refractory):
    params = snn.LIFParams(20e-3, 5e-3, refractory=refractory)
    return snn.lif(10, params, backend="xla")


def test_our_neurons_are_those_of_nest_spike_for_spike(x64):
    spikes = ran(leaky(2e-3))
    assert spikes.sum() == 630
    np.testing.assert_array_equal(spikes, recorded("nest", "spikes"))


def test_our_neurons_are_those_of_brian2_a_step_later_and_silent_a_step_longer(x64):
    theirs = recorded("brian2", "exact")
    np.testing.assert_array_equal(ran(leaky(1.9e-3))[:-1], theirs[1:])
    assert theirs.sum() == 638
    assert np.count_nonzero(ran(leaky(2e-3))[:-1] != theirs[1:]) > 600
    euler = recorded("brian2", "euler")
    assert euler.sum() == 639
    assert np.count_nonzero(ran(leaky(1.9e-3))[:-1] != euler[1:]) > 600


@pytest.mark.parametrize(
    ("key", "spikes", "odd"), [("spikes", 633, 0), ("rounded", 622, 34)]
)
def test_the_step_of_brainpy_is_one_of_the_rule(key, spikes, odd, x64):
    rule = Rule(
        **{"decay": "exponential", "current": "jump decay read", "gain": "rest"},
        **{"compare": ">=", "reset": "value", "refractory": "frozen"},
    )
    silence = 1.9e-3 if key == "spikes" else 2e-3
    numbers = Numbers(mem=20e-3, syn=5e-3, refractory=silence, dt=None)
    theirs = recorded("brainpy", key)
    assert theirs.sum() == spikes
    assert np.count_nonzero(ran(stepped(10, rule, numbers)) != theirs) == odd


def test_our_exact_neurons_fire_a_little_earlier_than_those_of_brainpy(x64):
    spikes, theirs = ran(leaky(1.9e-3)), recorded("brainpy", "spikes")
    assert spikes.sum() == 640
    assert np.count_nonzero(spikes != theirs) > 600
    first = [np.flatnonzero(each)[0] for each in spikes.T]
    later = [np.flatnonzero(each)[0] for each in theirs.T]
    assert all(0 <= b - a <= 5 for a, b in zip(first, later, strict=True))
