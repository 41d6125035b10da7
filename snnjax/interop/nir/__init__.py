"""The neuromorphic intermediate representation (NIR): networks to and from files.

    from snnjax.interop import nir

    nir.save("net.nir", net, weights, dt=1e-3)
    net, weights, dt, metadata = nir.load("net.nir")

NIR (Pedersen et al. 2024, doi:10.1038/s41467-024-52259-9) tells a network as nodes with
equations in continuous time, and edges. What cannot be told, or cannot be the same
here, is refused with the reason (``docs/reference/nir.md``).
"""

from snnjax.interop.nir.cells import (
    ScaleWeights,
    channels_first,
    heaviside,
    padded_convolution,
    padded_sum,
    relay,
    scale,
)
from snnjax.interop.nir.circuits import CircuitParams, CircuitState, circuit
from snnjax.interop.nir.loading import Loaded, from_nir, load
from snnjax.interop.nir.writing import save, to_nir

__all__ = [
    "CircuitParams",
    "CircuitState",
    "Loaded",
    "ScaleWeights",
    "channels_first",
    "circuit",
    "from_nir",
    "heaviside",
    "load",
    "padded_convolution",
    "padded_sum",
    "relay",
    "save",
    "scale",
    "to_nir",
]
