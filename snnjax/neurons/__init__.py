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
from snnjax.neurons.homeostasis import (
    HomeostasisParams,
    HomeostasisState,
    homeostatic_lif,
    synaptic_scaling,
)
from snnjax.neurons.leaky import LIFParams, LIFState, LIParams, LIState, li, lif
from snnjax.neurons.potentials import kernel_integrals, psp, psp_peak, spike_response
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
    "AdLIFParams",
    "AdLIFState",
    "HomeostasisParams",
    "HomeostasisState",
    "LIFParams",
    "LIFState",
    "LIParams",
    "LIState",
    "SRMState",
    "StochasticState",
    "adlif",
    "alif",
    "escape_noise",
    "homeostatic_lif",
    "kernel_integrals",
    "li",
    "lif",
    "psp",
    "psp_peak",
    "smooth_lif",
    "spike_response",
    "srm",
    "stochastic_lif",
    "synaptic_scaling",
]
