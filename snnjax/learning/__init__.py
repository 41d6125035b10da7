"""How networks change: losses over time, penalties, and priming before it begins."""

from snnjax.learning.losses import (
    accuracy,
    cross_entropy,
    first_spike,
    last,
    max_over_time,
    mean_over_time,
    sum_over_time,
)
from snnjax.learning.priming import Primed, prime
from snnjax.learning.readout import running_max
from snnjax.learning.regularize import (
    fan_out,
    firing_rate,
    lower_rate_bound,
    synaptic_operations,
    upper_rate_bound,
    voltage_band,
    weight_penalty,
)

__all__ = [
    "Primed",
    "accuracy",
    "cross_entropy",
    "fan_out",
    "firing_rate",
    "first_spike",
    "last",
    "lower_rate_bound",
    "max_over_time",
    "mean_over_time",
    "prime",
    "running_max",
    "sum_over_time",
    "synaptic_operations",
    "upper_rate_bound",
    "voltage_band",
    "weight_penalty",
]
