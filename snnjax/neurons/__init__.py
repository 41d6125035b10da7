"""What receives spikes: neurons without weights, and what a spike does to them.

A neuron is a cell that turns ``n`` currents into ``n`` spikes or voltages. It has
constants, not weights; connections (``snnjax.networks``) have weights.
"""

from snnjax.neurons.adaptive import (
    AdLIFParams,
    AdLIFState,
    ALIFParams,
    ALIFState,
    adlif,
    alif,
)
from snnjax.neurons.calcium_potassium import (
    MorrisLecarParams,
    MorrisLecarState,
    morris_lecar,
)
from snnjax.neurons.conductance import (
    ConductanceLIFParams,
    ConductanceLIFState,
    conductance_lif,
    onto,
)
from snnjax.neurons.event_queue import SpikeEvents, spike_events
from snnjax.neurons.exponential import (
    AdExParams,
    AdExState,
    EIFParams,
    EIFState,
    adex,
    eif,
)
from snnjax.neurons.firing_times import first_spike_time, spike_times
from snnjax.neurons.homeostasis import (
    HomeostasisParams,
    HomeostasisState,
    homeostatic_lif,
    synaptic_scaling,
)
from snnjax.neurons.ion_channels import (
    HodgkinHuxleyParams,
    HodgkinHuxleyState,
    hodgkin_huxley,
)
from snnjax.neurons.leaky import LIFParams, LIFState, LIParams, LIState, li, lif
from snnjax.neurons.parallel import reset_free
from snnjax.neurons.potentials import kernel_integrals, psp, psp_peak, spike_response
from snnjax.neurons.quadratic import (
    IzhikevichParams,
    IzhikevichState,
    QIFParams,
    QIFState,
    izhikevich,
    qif,
)
from snnjax.neurons.resonators import ResonateParams, ResonateState, resonate
from snnjax.neurons.response import SRMState, srm
from snnjax.neurons.spike_readouts import (
    exp_weighted_voltage,
    peak_voltage,
    voltage_at,
)
from snnjax.neurons.stochastic import (
    StochasticState,
    escape_noise,
    smooth_lif,
    stochastic_lif,
)

__all__ = [
    "ALIFParams",
    "ALIFState",
    "AdExParams",
    "AdExState",
    "AdLIFParams",
    "AdLIFState",
    "ConductanceLIFParams",
    "ConductanceLIFState",
    "EIFParams",
    "EIFState",
    "HodgkinHuxleyParams",
    "HodgkinHuxleyState",
    "HomeostasisParams",
    "HomeostasisState",
    "IzhikevichParams",
    "IzhikevichState",
    "LIFParams",
    "LIFState",
    "LIParams",
    "LIState",
    "MorrisLecarParams",
    "MorrisLecarState",
    "QIFParams",
    "QIFState",
    "ResonateParams",
    "ResonateState",
    "SRMState",
    "SpikeEvents",
    "StochasticState",
    "adex",
    "adlif",
    "alif",
    "conductance_lif",
    "eif",
    "escape_noise",
    "exp_weighted_voltage",
    "first_spike_time",
    "hodgkin_huxley",
    "homeostatic_lif",
    "izhikevich",
    "kernel_integrals",
    "li",
    "lif",
    "morris_lecar",
    "onto",
    "peak_voltage",
    "psp",
    "psp_peak",
    "qif",
    "reset_free",
    "resonate",
    "smooth_lif",
    "spike_events",
    "spike_response",
    "spike_times",
    "srm",
    "stochastic_lif",
    "synaptic_scaling",
    "voltage_at",
]
