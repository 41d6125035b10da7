"""Figures: rasters, voltages, learning curves, confusion, landscapes, and a report.

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

__all__ = [
    "confusion_matrix",
    "figure",
    "gradient_comparison",
    "learning_curves",
    "loop_integrals",
    "loss_line",
    "loss_plane",
    "raster",
    "report",
    "show",
    "voltages",
]
