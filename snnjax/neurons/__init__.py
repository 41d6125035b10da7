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
from snnjax.neurons.exponential import (
    AdExParams,
    AdExState,
    EIFParams,
    EIFState,
    adex,
    eif,
)
from snnjax.neurons.homeostasis import (
    HomeostasisParams,
    HomeostasisState,
    homeostatic_lif,
    synaptic_scaling,
)
from snnjax.neurons.leaky import LIFParams, LIFState, LIParams, LIState, li, lif
from snnjax.neurons.potentials import kernel_integrals, psp, psp_peak, spike_response
from snnjax.neurons.quadratic import (
    IzhikevichParams,
    IzhikevichState,
    QIFParams,
    QIFState,
    izhikevich,
    qif,
)
from snnjax.neurons.response import SRMState, srm
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
    "EIFParams",
    "EIFState",
    "HomeostasisParams",
    "HomeostasisState",
    "IzhikevichParams",
    "IzhikevichState",
    "LIFParams",
    "LIFState",
    "LIParams",
    "LIState",
    "QIFParams",
    "QIFState",
    "SRMState",
    "StochasticState",
    "adex",
    "adlif",
    "alif",
    "eif",
    "escape_noise",
    "homeostatic_lif",
    "izhikevich",
    "kernel_integrals",
    "li",
    "lif",
    "psp",
    "psp_peak",
    "qif",
    "smooth_lif",
    "spike_response",
    "srm",
    "stochastic_lif",
    "synaptic_scaling",
]
