"""Where spikes come from: encoders, patterns made to order, and recorded data."""

from snnjax.inputs.datasets import digits, load, names, spoken_digits
from snnjax.inputs.encode import (
    latency,
    latency_intensity,
    latency_times,
    level_crossing,
    level_reconstruction,
    poisson,
    population,
    to_events,
    to_raster,
)
from snnjax.inputs.events import Events, augment, late_events, rasterize, select
from snnjax.inputs.heidelberg import DataError, read_shd, write_shd
from snnjax.inputs.patterns import (
    frozen_poisson,
    one_spike_raster,
    random_manifold,
    yin_yang,
    yin_yang_class,
)

__all__ = [
    "DataError",
    "Events",
    "augment",
    "digits",
    "frozen_poisson",
    "late_events",
    "latency",
    "latency_intensity",
    "latency_times",
    "level_crossing",
    "level_reconstruction",
    "load",
    "names",
    "one_spike_raster",
    "poisson",
    "population",
    "random_manifold",
    "rasterize",
    "read_shd",
    "select",
    "spoken_digits",
    "to_events",
    "to_raster",
    "write_shd",
    "yin_yang",
    "yin_yang_class",
]
