"""No leak is known of spike times alone; whatever else takes constants says so."""

from functools import partial

import calls_cells  # noqa: F401  fills the table
import pytest
from calls import CALLS, made

import snnjax as snn
from snnjax import neurons

KNOWN = {
    *(neurons.first_spike_time, neurons.spike_times, neurons.spike_events),
    *(neurons.voltage_at, neurons.exp_weighted_voltage, neurons.peak_voltage),
}
BY_TIME = neurons.psp, neurons.psp_peak, neurons.spike_response
LEAKY = [
    given
    for given in CALLS.values()
    if isinstance(given.arguments().get("params"), snn.LIFParams | snn.LIParams)
    and "params tau_mem" not in given.free  # where another one takes its place
]


def refused(given, arguments):
    with pytest.raises(ValueError, match="tau_mem"):
        made(given, arguments)


def test_who_takes_constants_of_a_leaky_neuron_is_found():
    assert {given.function for given in LEAKY} >= KNOWN
    assert {snn.li, snn.lif, snn.srm} <= {given.function for given in LEAKY}
    assert len(LEAKY) > len(KNOWN) + 6


@pytest.mark.parametrize("given", LEAKY, ids=lambda given: given.function.__name__)
def test_no_leak_is_computed_or_refused(given):
    arguments = given.arguments()
    arguments["params"] = arguments["params"]._replace(tau_mem=None)
    if given.function in KNOWN:
        made(given, arguments)
    else:
        refused(given, arguments)


def test_who_learns_another_constant_refuses_no_leak_as_well():
    params = snn.LIParams(tau_mem=None)
    with pytest.raises(ValueError, match="tau_mem"):
        snn.learn(partial(snn.li, 3), params, tau_syn=5e-3)


@pytest.mark.parametrize("function", BY_TIME, ids=lambda function: function.__name__)
def test_kernels_of_a_membrane_have_a_time_constant(function):
    given = CALLS[function]
    refused(given, {**given.arguments(), "tau_mem": None})
