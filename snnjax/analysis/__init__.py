"""What a network or neuron does: losses, gradients, membranes, spikes, their fits."""

from snnjax.analysis import directions, fields, landscape
from snnjax.analysis.activity import LayerActivity, layer_activity
from snnjax.analysis.classification import confusion
from snnjax.analysis.coincidence import coincidence_factor
from snnjax.analysis.correlations import correlation_index, sttc, sttc_pair
from snnjax.analysis.distance import ByDistance, by_distance
from snnjax.analysis.excitability import rheobase, steady_rates
from snnjax.analysis.exponential_fits import ExponentialFit, fit_exponential
from snnjax.analysis.gradients import (
    GradientComparison,
    compare_gradients,
    directional_derivatives,
    finite_differences,
)
from snnjax.analysis.jacobian import (
    gradient_growth,
    spectral_norms,
    step_jacobians,
)
from snnjax.analysis.membranes import MembraneStatistics, membrane_statistics
from snnjax.analysis.trains import interspike_intervals, spike_trains
from snnjax.analysis.waves import DetectedWaves, detect_waves

__all__ = [
    "ByDistance",
    "DetectedWaves",
    "ExponentialFit",
    "GradientComparison",
    "LayerActivity",
    "MembraneStatistics",
    "by_distance",
    "coincidence_factor",
    "compare_gradients",
    "confusion",
    "correlation_index",
    "detect_waves",
    "directional_derivatives",
    "directions",
    "fields",
    "finite_differences",
    "fit_exponential",
    "gradient_growth",
    "interspike_intervals",
    "landscape",
    "layer_activity",
    "membrane_statistics",
    "rheobase",
    "spectral_norms",
    "spike_trains",
    "steady_rates",
    "step_jacobians",
    "sttc",
    "sttc_pair",
]
