"""Numbers and events become rasters: encoders, patterns made to order, batches.

- ``encode`` turns numbers into spikes; ``patterns`` draws inputs of known difficulty,
  ``temporal`` sequences with a target for every step, ``delayed`` trials in which what
  was seen must be held.
- ``batches`` makes rasters of events inside ``jit``; ``stream`` (in ``streaming``)
  reads more data than memory holds, ``prefetch`` (in ``prefetching``) brings the next
  batches to the device. No module is called like a function of the package.

Sound, images and contact become spikes in ``snnjax.senses``, recorded data come from
``snnjax.datasets``.
"""

from snnjax.inputs.batches import EventBatch, Raster
from snnjax.inputs.delayed import Trials, evidence, evidence_error, store_recall
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
from snnjax.inputs.patterns import (
    frozen_poisson,
    one_spike_raster,
    random_manifold,
    yin_yang,
    yin_yang_class,
)
from snnjax.inputs.prefetching import prefetch
from snnjax.inputs.streaming import stream
from snnjax.inputs.temporal import (
    Sequence,
    add,
    add_floor,
    mimic,
    pattern_generation,
    spike_mapping,
)

__all__ = [
    "EventBatch",
    "Raster",
    "Sequence",
    "Trials",
    "add",
    "add_floor",
    "evidence",
    "evidence_error",
    "frozen_poisson",
    "latency",
    "latency_intensity",
    "latency_times",
    "level_crossing",
    "level_reconstruction",
    "mimic",
    "one_spike_raster",
    "pattern_generation",
    "poisson",
    "population",
    "prefetch",
    "random_manifold",
    "spike_mapping",
    "store_recall",
    "stream",
    "to_events",
    "to_raster",
    "yin_yang",
    "yin_yang_class",
]
