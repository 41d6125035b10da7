"""How neurons are wired, and where their weights start."""

from snnjax.networks.connect import (
    DenseWeights,
    RecurrentState,
    RecurrentWeights,
    dense,
    from_events,
    recurrent,
)
from snnjax.networks.initialize import fluctuation_driven, normal

__all__ = [
    "DenseWeights",
    "RecurrentState",
    "RecurrentWeights",
    "dense",
    "fluctuation_driven",
    "from_events",
    "normal",
    "recurrent",
]
