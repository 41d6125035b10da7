"""How networks change: losses over time and firing-rate homeostasis."""

from snnjax.learning.losses import (
    accuracy,
    cross_entropy,
    first_spike,
    last,
    max_over_time,
    mean_over_time,
    sum_over_time,
)
from snnjax.learning.readout import running_max
from snnjax.learning.regularize import (
    firing_rate,
    lower_rate_bound,
    upper_rate_bound,
)

__all__ = [
    "accuracy",
    "cross_entropy",
    "firing_rate",
    "first_spike",
    "last",
    "lower_rate_bound",
    "max_over_time",
    "mean_over_time",
    "running_max",
    "sum_over_time",
    "upper_rate_bound",
]
