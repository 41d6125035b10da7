"""How neurons are wired, and where their weights start."""

from snnjax.networks.connect import (
    DenseWeights,
    RecurrentState,
    RecurrentWeights,
    dense,
    recurrent,
)
from snnjax.networks.initialize import fluctuation_driven, normal

__all__ = [
    "DenseWeights",
    "RecurrentState",
    "RecurrentWeights",
    "dense",
    "fluctuation_driven",
    "normal",
    "recurrent",
]
