"""Neurons of different libraries that are the same, and some that look like it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import snnjax as snn
from snnjax.interop.presets import from_library
from tests.interop.libraries import pairs
from tests.interop.libraries.pairs import PAIRS

T, B, N = 400, 2, 16
ALPHA = float(np.exp(-0.1))


def spikes(name, xs, **options):
    cell = from_library(name, N, **options)
    weights = cell.init(jax.random.key(0))
    return np.asarray(snn.unroll(cell, weights, xs, dt=1e-3)[1])


def drive(scale, offset=0.0):
    x = jax.random.normal(jax.random.key(3), (T, B, N), jnp.float64)
    return scale * (x + offset)


LEAKY = "snntorch.Leaky", {"beta": 0.9}
HARD = "spikingjelly.LIF", {"tau": 10.0, "decay_input": False, "v_reset": 0.0}
SOFT = "spikingjelly.LIF", {"tau": 10.0, "decay_input": False, "v_reset": None}
BOX = "norse.LIFBox", {}
SINABS = {"spike_fn": "SingleSpike", "reset_fn": "MembraneReset"}
SAME = {
    "zero": ((LEAKY[0], {**LEAKY[1], "reset_mechanism": "zero"}), HARD, 0.4),
    "at once": ((LEAKY[0], {**LEAKY[1], "reset_delay": False}), SOFT, 0.3),
    "box": (BOX, ("spikingjelly.LIF", {"tau": 10.0}), 4.0),
    "exact": (
        ("sinabs.LIF", {"tau_mem": 10.0, **SINABS}),
        ("spikingjelly.LIF", {"tau": 1.0 / (1.0 - ALPHA)}),
        4.0,
    ),
    "no leak": (
        ("spikingjelly.IF", {"v_reset": None}),
        ("sinabs.IAF", {"spike_fn": "SingleSpike"}),
        0.3,
    ),
    "current": (
        ("snntorch.Synaptic", {"alpha": 0.8, "beta": 0.9, "reset_mechanism": "none"}),
        ("sparx.Synaptic", {"synapse_decay": 0.8, "decay": 0.9, "reset": "none"}),
        0.2,
    ),
}


@pytest.mark.parametrize("pair", SAME)
def test_these_fire_the_same_spikes(pair, x64):
    first, second, scale = SAME[pair]
    ones, others = (spikes(k, drive(scale, 0.3), **v) for k, v in (first, second))
    assert ones.sum() > 800
    np.testing.assert_array_equal(ones, others)


def test_a_reset_that_waits_is_another_neuron(x64):
    ones = spikes(LEAKY[0], drive(0.3, 0.3), **LEAKY[1])
    others = spikes(SOFT[0], drive(0.3, 0.3), **SOFT[1])
    assert np.sum(ones != others) > 0.1 * others.sum()


def test_a_residue_above_threshold_parts_the_two_that_were_the_same(x64):
    """Driven hard, a voltage stays above threshold after the subtraction."""
    ones = spikes(LEAKY[0], drive(3.0), **LEAKY[1], reset_delay=False)
    others = spikes(SOFT[0], drive(3.0), **SOFT[1])
    assert np.any(ones != others)


def test_spyx_is_snntorch_a_step_later(x64):
    ones = spikes("spyx.LIF", drive(0.4), beta=0.9)
    others = spikes(LEAKY[0], drive(0.4), **LEAKY[1])
    assert others.sum() > 300
    np.testing.assert_array_equal(ones[1:], others[:-1])


def test_the_two_orders_of_norse_differ_by_a_step(x64):
    """An LSNN whose threshold stays is a LIF whose current is read before it jumps."""
    still = {"beta": 0.0, "tau_adapt_inv": 1e-9}
    ones = spikes("norse.LIF", drive(0.8, 0.3))
    others = spikes("norse.LSNN", drive(0.8, 0.3), **still)
    assert np.any(ones != others)
    first = jnp.zeros((6, 1, N), jnp.float64).at[0].set(30.0)
    latency = [
        np.argmax(spikes(k, first)[:, 0, 0]) for k in ("norse.LIF", "norse.LSNN")
    ]
    assert latency == [0, 1]


LATENCY = {  # steps from a strong input to a spike
    **dict.fromkeys(("snntorch.Leaky", "norse.LIF", "spikingjelly.LIF"), 0),
    **dict.fromkeys(("sinabs.LIF", "sparx.LIF", "jaxpike.LIF"), 0),
    **{"norse.LSNN": 1, "hxtorch.cuba_lif_integration": 1, "spyx.LIF": 1},
    **{"spytorch.LIF": 2, "stork.LIFGroup": 2, "mlgenn.LeakyIntegrateFire": 0},
}
GIVEN = {
    "snntorch.Leaky": {"beta": 0.9},
    "sinabs.LIF": {"tau_mem": 10.0},
    "hxtorch.cuba_lif_integration": {"tau_mem": 10e-3, "tau_syn": 5e-3},
}


@pytest.mark.parametrize("name", LATENCY)
def test_a_strong_input_fires_after_so_many_steps(name):
    """In stork one more, which its wiring adds."""
    xs = jnp.zeros((6, 1, N)).at[0].set(100.0)
    s = spikes(name, xs, **GIVEN.get(name, {}))
    assert np.argmax(s[:, 0, 0] > 0) == LATENCY[name]


def test_stork_is_spytorch_with_another_gain(x64):
    beta = np.exp(-1e-3 / 10e-3)
    ones = spikes("stork.LIFGroup", drive(2.0))
    others = spikes("spytorch.LIF", (1.0 - beta) * drive(2.0))
    assert ones.sum() > 500
    assert np.mean(ones != others) < 1e-3


@pytest.mark.parametrize("letter", "ab")
@pytest.mark.parametrize("name", PAIRS)
def test_presets_fire_as_both_sides_of_recorded_pairs_did(name, letter, x64):
    """Of whole networks of eight neurons, those that are one and those that are not."""
    about, fired = pairs.read(f"{name}-{letter}")
    x, w = pairs.driven(name)
    options = {k: v for k, v in about["options"].items() if k != "dt"}
    cell = from_library(about["preset"], pairs.NEURONS, **options)
    weights = cell.init(jax.random.key(0))
    found = snn.unroll(cell, weights, jnp.asarray(x @ w), dt=1e-3)[1]
    np.testing.assert_array_equal(found, fired)
