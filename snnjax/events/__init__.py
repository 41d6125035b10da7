"""Events: who fired when, of many samples at once or of one recording, on the host.

A data set stays events until somebody asks for a raster with a time step of their own.
Nothing is dropped unless asked for, and what is dropped is counted.

A recording, of a camera (``Recorded``) or of neurons (``RecordedSpikes``), is cut
(``window``, ``slices``, ``crop``), filtered (``without_pixels``, ``refractory``,
``denoise``) and becomes samples (``as_events``) or pictures (``frames``,
``voxel_grid``, ``time_surface``).
"""

from snnjax.events.as_samples import as_events
from snnjax.events.columns import Events, Outside
from snnjax.events.event_frames import frames
from snnjax.events.hot import hot_pixels, without_pixels
from snnjax.events.neighbours import denoise
from snnjax.events.neurons_numbered import Numbering, numbering
from snnjax.events.packing import clean, from_flat, from_rows
from snnjax.events.pixels import crop, downsample, turned
from snnjax.events.recorded import Origin, Recorded, RecordedSpikes
from snnjax.events.refractoriness import refractory
from snnjax.events.samples import (
    augment,
    late_events,
    rasterize,
    select,
    time_bins,
)
from snnjax.events.slicing import slices
from snnjax.events.surfaces import time_surface
from snnjax.events.voxels import voxel_grid
from snnjax.events.windows import window

__all__ = [
    "Events",
    "Numbering",
    "Origin",
    "Outside",
    "Recorded",
    "RecordedSpikes",
    "as_events",
    "augment",
    "clean",
    "crop",
    "denoise",
    "downsample",
    "frames",
    "from_flat",
    "from_rows",
    "hot_pixels",
    "late_events",
    "numbering",
    "rasterize",
    "refractory",
    "select",
    "slices",
    "time_bins",
    "time_surface",
    "turned",
    "voxel_grid",
    "window",
    "without_pixels",
]
