"""Events: who fired when, of many samples at once, on the host.

A data set stays events until somebody asks for a raster with a time step of their own.
Nothing is dropped unless asked for, and what is dropped is counted.
"""

from snnjax.events.columns import Events, Outside
from snnjax.events.packing import clean, from_flat, from_rows
from snnjax.events.recorded import Origin, Recorded, RecordedSpikes
from snnjax.events.samples import (
    augment,
    late_events,
    rasterize,
    select,
    time_bins,
)

__all__ = [
    "Events",
    "Origin",
    "Outside",
    "Recorded",
    "RecordedSpikes",
    "augment",
    "clean",
    "from_flat",
    "from_rows",
    "late_events",
    "rasterize",
    "select",
    "time_bins",
]
