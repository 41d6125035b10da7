"""Figures: rasters, voltages, learning, landscapes, recordings, and a report.

    page, axes = figure(1, 2)
    raster(axes[0, 0], spikes, dt=1e-3)
    show(page, "spikes")

Every function draws on the axes it is given; matplotlib is imported on use and no
global state of it is touched.
"""

from snnjax.plot.activity import raster, voltages
from snnjax.plot.landscapes import (
    gradient_comparison,
    loop_integrals,
    loss_line,
    loss_plane,
)
from snnjax.plot.learning import confusion_matrix, learning_curves
from snnjax.plot.one_page import report
from snnjax.plot.page import figure, show
from snnjax.plot.recordings import (
    event_rates,
    frame,
    sound_wave,
    spectrogram,
    spike_times,
)

__all__ = [
    "confusion_matrix",
    "event_rates",
    "figure",
    "frame",
    "gradient_comparison",
    "learning_curves",
    "loop_integrals",
    "loss_line",
    "loss_plane",
    "raster",
    "report",
    "show",
    "sound_wave",
    "spectrogram",
    "spike_times",
    "voltages",
]
