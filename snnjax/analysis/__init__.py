"""What a trained or recorded network does: losses, gradients, membranes, spikes."""

from snnjax.analysis import directions, fields, landscape
from snnjax.analysis.classification import confusion
from snnjax.analysis.correlations import correlation_index, tiling, tilings
from snnjax.analysis.distance import ByDistance, by_distance
from snnjax.analysis.gradients import (
    Agreement,
    agreement,
    finite_differences,
    slopes,
)
from snnjax.analysis.jacobian import (
    gradient_growth,
    spectral_norms,
    step_jacobians,
)
from snnjax.analysis.membranes import MembraneStatistics, membrane_statistics
from snnjax.analysis.trains import interspike_intervals, spike_trains
from snnjax.analysis.waves import Waves, waves

__all__ = [
    "Agreement",
    "ByDistance",
    "MembraneStatistics",
    "Waves",
    "agreement",
    "by_distance",
    "confusion",
    "correlation_index",
    "directions",
    "fields",
    "finite_differences",
    "gradient_growth",
    "interspike_intervals",
    "landscape",
    "membrane_statistics",
    "slopes",
    "spectral_norms",
    "spike_trains",
    "step_jacobians",
    "tiling",
    "tilings",
    "waves",
]
