"""How networks learn: losses over time, penalties, homeostatic pretraining."""

from snnjax.learning.losses import (
    accuracy,
    cross_entropy,
    mse,
    mse_count,
    van_rossum,
)
from snnjax.learning.over_time import (
    exp_weighted_over_time,
    first_spike,
    last,
    max_over_time,
    mean_over_time,
    sum_over_time,
)
from snnjax.learning.pretraining import Pretrained, homeostatic_pretraining
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
from snnjax.learning.timing import spike_time_cross_entropy
from snnjax.learning.waking import Forced, force, raise_silent

__all__ = [
    "Forced",
    "Pretrained",
    "accuracy",
    "cross_entropy",
    "exp_weighted_over_time",
    "fan_out",
    "firing_rate",
    "first_spike",
    "force",
    "homeostatic_pretraining",
    "last",
    "lower_rate_bound",
    "max_over_time",
    "mean_over_time",
    "mse",
    "mse_count",
    "raise_silent",
    "running_max",
    "spike_time_cross_entropy",
    "sum_over_time",
    "synaptic_operations",
    "upper_rate_bound",
    "van_rossum",
    "voltage_band",
    "weight_penalty",
]
