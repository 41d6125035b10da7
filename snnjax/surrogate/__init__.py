"""Spikes, their pseudo-derivatives, and what other libraries call these."""

from snnjax.surrogate.aliases import from_library, supported, unsupported
from snnjax.surrogate.combinators import (
    Floor,
    OneSided,
    Scaled,
    Shifted,
    Sparse,
    normalized,
)
from snnjax.surrogate.derivative import ForwardMode, Learnable, Shape, as_pytree, spike
from snnjax.surrogate.event_prop import EventProp
from snnjax.surrogate.shapes import (
    Arctan,
    Boxcar,
    Exponential,
    Gaussian,
    InverseRoot,
    PowerLaw,
    Sigmoid,
    SuperSpike,
    Triangle,
)
from snnjax.surrogate.signed import MultiGaussian, SquareWave
from snnjax.surrogate.unbounded import (
    S2NN,
    EscapeRate,
    Hyperbola,
    LeakyBoxcar,
    LogTail,
    Periodic,
    Ramp,
    Step,
    StraightThrough,
)
from snnjax.surrogate.validate import check_density, check_shape

__all__ = [
    "S2NN",
    "Arctan",
    "Boxcar",
    "EscapeRate",
    "EventProp",
    "Exponential",
    "Floor",
    "ForwardMode",
    "Gaussian",
    "Hyperbola",
    "InverseRoot",
    "LeakyBoxcar",
    "Learnable",
    "LogTail",
    "MultiGaussian",
    "OneSided",
    "Periodic",
    "PowerLaw",
    "Ramp",
    "Scaled",
    "Shape",
    "Shifted",
    "Sigmoid",
    "Sparse",
    "SquareWave",
    "Step",
    "StraightThrough",
    "SuperSpike",
    "Triangle",
    "as_pytree",
    "check_density",
    "check_shape",
    "from_library",
    "normalized",
    "spike",
    "supported",
    "unsupported",
]
