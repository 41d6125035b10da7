"""How neurons are wired, and where their weights start."""

from snnjax.networks.connect import (
    DenseWeights,
    RecurrentState,
    RecurrentWeights,
    dense,
    from_events,
    recurrent,
)
from snnjax.networks.convolution import (
    ConvolutionWeights,
    convolution,
    flatten,
    pool,
)
from snnjax.networks.dale import (
    Exponential,
    LogNormal,
    balance,
    balanced,
    dale_signs,
    keep_signs,
    sized,
)
from snnjax.networks.fluctuations import (
    Drive,
    Membrane,
    drive,
    predict,
    together,
    weight_moments,
)
from snnjax.networks.initialize import fluctuation_driven, normal
from snnjax.networks.refine import Refined, refine

__all__ = [
    "ConvolutionWeights",
    "DenseWeights",
    "Drive",
    "Exponential",
    "LogNormal",
    "Membrane",
    "RecurrentState",
    "RecurrentWeights",
    "Refined",
    "balance",
    "balanced",
    "convolution",
    "dale_signs",
    "dense",
    "drive",
    "flatten",
    "fluctuation_driven",
    "from_events",
    "keep_signs",
    "normal",
    "pool",
    "predict",
    "recurrent",
    "refine",
    "sized",
    "together",
    "weight_moments",
]
