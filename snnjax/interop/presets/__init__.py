"""The exact steps of other libraries' neurons, forward and gradient, by their names."""

from snnjax.interop.presets.decays import Numbers
from snnjax.interop.presets.itself import ItselfWeights, to_itself
from snnjax.interop.presets.library import described, from_library, supported
from snnjax.interop.presets.neuron import stepped
from snnjax.interop.presets.registry import Described
from snnjax.interop.presets.relative import RelativeExponential
from snnjax.interop.presets.rule import PresetState, Rule

__all__ = [
    "Described",
    "ItselfWeights",
    "Numbers",
    "PresetState",
    "RelativeExponential",
    "Rule",
    "described",
    "from_library",
    "stepped",
    "supported",
    "to_itself",
]
